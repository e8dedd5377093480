"""What a stream gives out, counts, and waits with."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from generate.renderer import Carried
from media.units import SAMPLE_RATE, SAMPLES_PER_FRAME


class Clock:
    """Time that may run faster than it does.

    Args:
        rate: seconds that pass in a second.
    """

    def __init__(self, rate: float = 1.0) -> None:
        self._rate = rate

    def now(self) -> float:
        """Seconds."""
        return time.monotonic() * self._rate

    def wait(self, change: threading.Condition, seconds: float | None) -> None:
        """Until something changes, or so many seconds have passed. The condition is held."""
        change.wait(None if seconds is None else seconds / self._rate)

    def worker(self, name: str) -> Executor:
        """What does one thing after another beside the caller."""
        return ThreadPoolExecutor(1, thread_name_prefix=name)


@dataclass(frozen=True)
class Moment:
    """A frame and the sound that plays with it."""

    frame: np.ndarray  # uint8 RGB (S, S, 3)
    sound: np.ndarray  # (640,) float32 mono 16 kHz; the last may be shorter
    number: int  # frames given before
    idle: bool  # its sound is silence that was put in
    held: bool  # the frame is the one before: there was no time to draw


@dataclass
class Counts:
    """What a stream has done so far."""

    frames: int = 0  # given out
    idle: int = 0  # of them, with silence that was put in
    held: int = 0  # of them, the one before again
    foreseen: int = 0  # of them, drawn as if silence followed
    gaps: int = 0  # times that sound came too late
    skipped: int = 0  # samples of silence left out to make up for gaps
    dropped: int = 0  # samples that were cancelled


@dataclass
class Moved:
    """A frame whose motion is known."""

    row: tuple[np.ndarray, ...]  # of a MotionClip
    sound: np.ndarray
    number: int
    idle: bool


@dataclass
class Step:
    """A frame whose mouth and eyes are to be painted."""

    carried: Carried | None  # None: give the frame before again
    sound: np.ndarray
    number: int
    idle: bool


class SoundQueue:
    """Sound that waits: pieces of any length in, any number of samples out. Whoever shares it holds a lock."""

    def __init__(self) -> None:
        self._pieces: deque[np.ndarray] = deque()
        self._samples = 0

    def __len__(self) -> int:
        return self._samples

    def put(self, piece: np.ndarray) -> None:
        """(n,) float32, behind what waits."""
        self._pieces.append(piece)
        self._samples += len(piece)

    def peek(self, count: int) -> np.ndarray:
        """The first `count` samples, or all where there are fewer; they stay."""
        parts, left = [np.zeros(0, np.float32)], count
        for piece in self._pieces:
            parts.append(piece[:left])
            left -= len(parts[-1])
            if not left:
                break
        return np.concatenate(parts)

    def drop(self, count: int) -> None:
        """Forget the first `count` samples; there are as many."""
        self._samples -= count
        while count:
            piece = self._pieces.popleft()
            if len(piece) > count:
                self._pieces.appendleft(piece[count:])
            count -= min(count, len(piece))


class Overheard(SoundQueue):
    """What the other speaker said and has not been answered.

    Args:
        patience: seconds that it may wait; what is older is forgotten. None: all is kept.
    """

    def __init__(self, patience: float | None) -> None:
        super().__init__()
        self._most = None if patience is None else int(patience * SAMPLE_RATE)

    def put(self, piece: np.ndarray) -> None:
        """(n,) float32, behind what waits; what is too old by then is dropped, also while nobody pulls."""
        super().put(piece)
        if self._most is not None:
            self.drop(max(0, len(self) - self._most))

    def next(self) -> np.ndarray:
        """What one more frame hears: samples of a frame, or fewer."""
        part = self.peek(SAMPLES_PER_FRAME)
        self.drop(len(part))
        return part


def broken_off(sound: np.ndarray, part: int, before: float, soft: int) -> None:
    """Let sound (n,) that breaks off at sample `part` die away in `soft` samples, in place; `before`: the last sample
    of what came before it."""
    last = sound[part - 1] if part else before
    end = min(part + soft, len(sound))
    sound[part:end] += last * np.linspace(1, 0, soft, dtype=np.float32)[: end - part]


def hushed(sounds: Sequence[np.ndarray], fade: int) -> None:
    """Fade pieces of sound that follow each other within `fade` samples, in place."""
    at = 0
    for sound in sounds:
        sound *= np.clip(1 - (at + np.arange(len(sound), dtype=np.float32)) / (fade - 1), 0, 1)
        at += len(sound)
