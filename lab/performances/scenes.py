"""Performances to learn from: people in many moods and styles speak, fall silent, listen to another, look elsewhere.

A scene is clips of a speech set one after another with pauses between, performed (`lab.performances.perform`) under
controls that change now and then. What is heard is told as the lips that the phones ask for and the voice's prosody,
so no sound has to pass through a network: the speech encoder can change without this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generate.acting import AHEAD, CHANNELS, CLASS_INDEX, EMOTIONS, Controls, Prosody, Style, frame_rms
from generate.motion.space import heard, overheard, split_conditions, to_vectors
from lab.performances import Phones, lip_frames, perform
from lab.performances.speechset import Clip
from lab.performances.vocal_styles import SPEECH
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

SECONDS = 16  # of a scene
OTHERS = (0.0, 0.1, 0.3, 0.8)  # shares of what is said in a scene that are not plain speech
GAZE = np.radians([16.0, 9.0])  # standard deviation of where people are asked to look: yaw, pitch
WIDEST = np.radians(40)
TALKS = 0.5  # share of scenes in which somebody else speaks as well
TURN = (1, 4)  # clips that one says until the other's turn
BETWEEN = (0.15, 0.30)  # seconds from one turn to the next: mean, deviation (Stivers et al. 2009: 0 to 0.3)


@dataclass(frozen=True)
class Scene:
    """T frames to learn from."""

    motion: np.ndarray  # (T, M) float32, see `generate.motion.space`
    sound: np.ndarray  # (T, SOUND) float32
    gaze: np.ndarray  # (T, 2) float32, as in `Controls.vector`
    emotion: np.ndarray  # (T, 7)
    manner: np.ndarray  # (T, 1 + traits): intensity, style
    other: np.ndarray  # (T, OTHER): what is heard of the other speaker
    known: tuple[str, ...] = ("sound", "gaze", "emotion", "manner", "other")  # conditions that can be told

    def told(self) -> dict[str, np.ndarray]:
        """The conditions by name, as `generate.motion.stepping.GROUPS` has them."""
        return {name: getattr(self, name) for name in ("sound", "gaze", "emotion", "manner", "other")}


def joined(
    said: Sequence[tuple[Phones, np.ndarray]], rng: np.random.Generator, seconds: int
) -> tuple[Phones, np.ndarray]:
    """Clips (phones, speech (n,) float32) in any order, one after another with pauses between, now and then silence.

    Returns: phones and speech of `seconds` and a little more than the look-ahead.
    """
    mine, at, gain = _Track(seconds), rng.uniform(0, 1.5), 10 ** rng.uniform(-0.6, 0.1)
    while at < seconds and rng.random() > 0.06:
        pause = rng.exponential(0.5) if rng.random() < 0.75 else rng.uniform(1.5, 5)
        at += mine.say(said[rng.integers(len(said))], at, gain) + 0.1 + pause
    return mine.phones(), mine.sound


def conversed(
    said: Sequence[tuple[Phones, np.ndarray]], rng: np.random.Generator, seconds: int
) -> tuple[Phones, np.ndarray, np.ndarray]:
    """Two people taking turns; clips as in `joined`. Returns: phones and speech of one, speech of the other."""
    sides = _Track(seconds), _Track(seconds)
    gains = 10 ** rng.uniform(-0.6, 0.1, 2)
    turn, at = int(rng.integers(2)), rng.uniform(0, 1.5)
    while at < seconds:
        for _ in range(rng.integers(*TURN)):
            if at < seconds:
                clip = said[rng.integers(len(said))]
                at += sides[turn].say(clip, at, gains[turn]) + min(rng.exponential(0.3), 1.0)
        at = max(0.0, at + rng.normal(*BETWEEN))
        turn = 1 - turn
    return sides[0].phones(), sides[0].sound, sides[1].sound


class _Track:
    """What one of them says, clip by clip."""

    def __init__(self, seconds: int) -> None:
        self.sound = np.zeros((seconds + 1) * SAMPLE_RATE, np.float32)
        self._seconds, self._chosen, self._starts = seconds, list[Phones](), list[float]()

    def say(self, clip: tuple[Phones, np.ndarray], at: float, gain: float) -> float:
        """Put a clip at `at` seconds; how long it lasts, seconds."""
        phones, sound = clip
        first = int(at * SAMPLE_RATE)
        part = sound[: len(self.sound) - first]
        self.sound[first : first + len(part)] = part * gain
        self._chosen.append(phones)
        self._starts.append(first / SAMPLE_RATE)
        return len(part) / SAMPLE_RATE

    def phones(self) -> Phones:
        if not self._chosen:
            return Phones(np.array([CLASS_INDEX["sil"]]), np.zeros(1), np.full(1, float(self._seconds)))
        return Phones.joined(self._chosen, self._starts)


def _asked(rng: np.random.Generator, frames: int) -> list[Controls]:
    """What is asked for in each frame: some things stay, some change every few seconds."""
    steady = rng.random() < 0.5
    intensity = float(np.clip(rng.normal(1, 0.35), 0, 2))
    moments: list[Controls] = []
    gaze = (0.0, 0.0)
    emotion: dict[str, float] | None = None
    while len(moments) < frames:
        if not moments or rng.random() < 0.6:
            looked = np.clip(rng.normal(0, GAZE), -WIDEST, WIDEST) * (rng.random() < 0.65)
            gaze = (float(looked[0]), float(looked[1]))
        if not moments or rng.random() < 0.6:
            emotion = None
            if rng.random() < 0.75:
                one, other = rng.choice(EMOTIONS, 2, replace=False)
                share = 1.0 if rng.random() < 0.75 else rng.random()
                amount = rng.uniform(0.2, 1)
                emotion = {str(one): float(amount * share), str(other): float(amount * (1 - share))}
        length = frames if steady else int(rng.uniform(2, 7) * FPS)
        moments += [Controls(gaze=gaze, emotion=emotion, intensity=intensity)] * length
    return moments[:frames]


def _cast(clips: Sequence[Clip], rng: np.random.Generator, count: int = 24) -> list[Clip]:
    """`count` of `clips`; of those that are sung, laughed and so on as many in the mean whatever their share is."""
    pools = [[c for c in clips if c.manner == SPEECH], [c for c in clips if c.manner != SPEECH]]
    if not all(pools):
        return [clips[i] for i in rng.integers(0, len(clips), count)]
    others = rng.random(count) < rng.choice(OTHERS)
    return [pool[rng.integers(len(pool))] for pool in (pools[other] for other in others.astype(int))]


def make_scene(clips: Sequence[Clip], rng: np.random.Generator, seconds: int = SECONDS) -> Scene:
    """A scene of `seconds` in which any of `clips` may be said."""
    frames = seconds * FPS
    said = [(c.phones, c.sound) for c in _cast(clips, rng)]
    other = np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
    if rng.random() < TALKS:
        phones, speech, other = conversed(said, rng, seconds)
    else:
        phones, speech = joined(said, rng, seconds)
    mine, theirs = speech[: frames * SAMPLES_PER_FRAME], other[: frames * SAMPLES_PER_FRAME]
    moments, seed = _asked(rng, frames), int(rng.integers(2**31))
    style = Style.draw(seed)
    motion = perform(phones, mine, seed=seed, style=style, controls=moments, other=theirs)
    lips, closure = lip_frames(phones, frames, speech)
    rms = frame_rms(speech[: (frames + AHEAD) * SAMPLES_PER_FRAME])[AHEAD:]
    conditions = split_conditions(np.stack([m.vector() for m in moments]), style)
    theirs = overheard(frame_rms(theirs), Prosody())
    return Scene(to_vectors(motion), heard(lips, closure, rms, Prosody()), other=theirs, **conditions)


assert len(CHANNELS) == lip_frames(Phones(np.zeros(1, int), np.zeros(1), np.ones(1)), 1)[0].shape[1]
