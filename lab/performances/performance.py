"""A whole performance: lips, head, gaze, blinks, brows and an emotion, from timed phones or from predicted lips."""

from collections.abc import Sequence

import numpy as np

from faces.actions import FACIAL_ACTIONS
from generate.acting import (
    AHEAD,
    Controls,
    MotionClip,
    Placement,
    Prosody,
    Style,
    emotion_offsets,
    frame_rms,
    lips_to_actions,
    look_actions,
    mood_spring,
)
from lab.performances.lips import lip_frames
from lab.performances.nonverbal import Life
from lab.performances.phones import Phones
from lab.performances.vocal_expression import bearing
from media.units import SAMPLES_PER_FRAME


class Actor:
    """Puts lips and life together frame by frame; a stream and a whole recording get the same."""

    def __init__(self, seed: int, style: Style | None = None, start: Controls = Controls()) -> None:
        self._style = style or Style()
        self._life = Life(seed, self._style, start.gaze)
        self._prosody, self._theirs, self._placement = Prosody(), Prosody(), Placement()
        self._mood = mood_spring()

    def act(
        self,
        channels: np.ndarray,
        closure: np.ndarray,
        rms: np.ndarray,
        controls: Sequence[Controls],
        bears: tuple[np.ndarray, np.ndarray] | None = None,
        other: np.ndarray | None = None,
    ) -> MotionClip:
        """The next T frames. channels (T, C), closure (T,), rms (T,): loudness of the sound `AHEAD` frames later;
        bears: what else the voice does to the face, see `bearing`; other (T,): loudness of the other speaker, now."""
        if not len(channels):
            empty = np.zeros((0, 3), np.float32)
            return MotionClip(np.zeros((0, len(FACIAL_ACTIONS)), np.float32), empty, empty, empty[:, :2])
        heard = [self._prosody.step(float(value)) for value in rms]
        theirs = [self._theirs.step(float(value)) for value in (np.zeros(len(rms)) if other is None else other)]
        steps = [self._life.step(*mine, *rest) for mine, *rest in zip(heard, controls, theirs, strict=True)]
        actions, rotation, translation, gaze = (np.stack(part).astype(np.float32) for part in zip(*steps, strict=True))
        if bears is not None:
            actions = actions + bears[0].astype(np.float32)
            rotation = rotation + bears[1] * np.array([[min(m.intensity, 1.5)] for m in controls])
        turned, moved = (np.stack(p) for p in zip(*(self._placement.step(m) for m in controls), strict=True))
        rotation, translation = (rotation + turned).astype(np.float32), (translation + moved).astype(np.float32)
        moods = np.stack([self._mood.step(moment.amounts) for moment in controls])
        extra = actions + look_actions(gaze, rotation) + emotion_offsets(moods)
        lips = np.clip(channels * self._style.times("articulation"), 0, 1)
        return MotionClip(lips_to_actions(lips, closure, extra), rotation, translation, gaze)


def perform(
    phones: Phones,
    speech: np.ndarray,
    *,
    seed: int = 0,
    style: Style | None = None,
    controls: Controls | Sequence[Controls] = Controls(),
    other: np.ndarray | None = None,
) -> MotionClip:
    """The performance of a recording whose phones are known.

    Args:
        phones: what is said and when.
        speech: (N,) float32 mono 16 kHz in [-1, 1].
        seed, style: as in `Life`.
        controls: for all frames, or one for each.
        other: (N,) what the other speaker says meanwhile, like `speech`; None: nobody else speaks.

    Returns: a clip of T = ceil(N / 640) frames.
    """
    frames = -(-len(speech) // SAMPLES_PER_FRAME)
    moments = [controls] * frames if isinstance(controls, Controls) else controls
    channels, closure = lip_frames(phones, frames, speech)
    mine, theirs = (padded(sound, frames + AHEAD) for sound in (speech, np.zeros(0) if other is None else other))
    actor = Actor(seed, style, moments[0])
    bears = bearing(phones.vocals, frames, seed, style or Style()) if len(phones.vocals) else None
    return actor.act(channels, closure, frame_rms(mine)[AHEAD:], moments, bears, frame_rms(theirs)[:frames])


def padded(sound: np.ndarray, frames: int) -> np.ndarray:
    """Sound (N,) with silence behind it, or cut, to so many frames."""
    whole = np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
    whole[: len(sound)] = sound[: len(whole)]
    return whole
