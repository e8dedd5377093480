"""A whole performance: lips, head, gaze, blinks, brows and an emotion, from timed phones or from predicted lips."""

import numpy as np

from faces.performances.clip import MotionClip, lips_to_actions
from faces.performances.emotions import emotion_offsets
from faces.performances.life import Life, look_actions
from faces.performances.lips import lip_frames
from faces.performances.phones import Phones
from faces.performances.prosody import Prosody, frame_rms
from media.units import FPS, SAMPLES_PER_FRAME

AHEAD = 2  # frames by which head and brows hear the voice early, as speakers start a nod before its stressed vowel
RAMP = 0.5  # seconds over which an emotion grows from the portrait's own expression


class Actor:
    """Puts lips and life together frame by frame; a stream and a whole recording get the same."""

    def __init__(
        self,
        seed: int,
        *,
        gaze: tuple[float, float] = (0.0, 0.0),
        distance: float = 1.0,
        emotion: tuple[str, float] | None = None,
        intensity: float = 1.0,
    ) -> None:
        self._offsets = emotion_offsets(emotion)
        self._life = Life(seed, gaze=gaze, distance=distance, emotion=emotion, intensity=intensity)
        self._prosody = Prosody()
        self._frames = 0

    def act(self, channels: np.ndarray, closure: np.ndarray, rms: np.ndarray) -> MotionClip:
        """The next T frames. channels (T, C), closure (T,), rms (T,): loudness of the sound `AHEAD` frames later."""
        count = len(channels)
        if not count:
            empty = np.zeros((0, 3), np.float32)
            return MotionClip(np.zeros((0, len(self._offsets)), np.float32), empty, empty, empty[:, :2])
        heard = [self._prosody.step(float(value)) for value in rms]
        steps = [self._life.step(*values) for values in heard]
        actions, rotation, translation, gaze = (np.stack(part).astype(np.float32) for part in zip(*steps, strict=True))
        time = (self._frames + np.arange(1, count + 1)) / FPS / RAMP
        ramp = np.clip(time, 0, 1).astype(np.float32)[:, None]
        self._frames += count
        extra = actions + look_actions(gaze, rotation) + self._offsets * ramp
        return MotionClip(lips_to_actions(channels, closure, extra), rotation, translation, gaze)


def perform(
    phones: Phones,
    speech: np.ndarray,
    *,
    seed: int = 0,
    gaze: tuple[float, float] = (0.0, 0.0),
    distance: float = 1.0,
    emotion: tuple[str, float] | None = None,
    intensity: float = 1.0,
) -> MotionClip:
    """The performance of a recording whose phones are known.

    Args:
        phones: what is said and when.
        speech: (N,) float32 mono 16 kHz in [-1, 1].
        seed, gaze, distance, emotion, intensity: as in `Life`.

    Returns: a clip of ceil(N / 640) frames.
    """
    frames = -(-len(speech) // SAMPLES_PER_FRAME)
    channels, closure = lip_frames(phones, frames, speech)
    padded = np.zeros((frames + AHEAD) * SAMPLES_PER_FRAME, np.float32)
    padded[: len(speech)] = speech
    actor = Actor(seed, gaze=gaze, distance=distance, emotion=emotion, intensity=intensity)
    return actor.act(channels, closure, frame_rms(padded)[AHEAD:])
