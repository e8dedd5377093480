"""Sound -> how the lips move, frame by frame and as it arrives: the speech encoder at work."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from generate.acting import AHEAD, CHANNELS, frame_rms
from generate.speech.stepping import DELAY, DILATIONS, SteppingLips
from media.stepping import Weights
from media.units import SAMPLES_PER_FRAME
from media.weights import read_weights

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "speech.onnx"
CLOSED, OPEN = 0.45, 0.15  # closure probability from which the lips are shut, and to which they are left alone
Heard = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of n frames: lip channels (n, C), closure (n,) in [0, 1], loudness `AHEAD` frames later (n,)."""
assert AHEAD <= DELAY


def decode(channels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Network outputs (T, C) and (T,) -> channels and closure in [0, 1]. Closures are made decisive."""
    probability = 1 / (1 + np.exp(-logits))
    ramp = np.clip((probability - OPEN) / (CLOSED - OPEN), 0, 1)
    return np.clip(channels, 0, 1).astype(np.float32), (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


class SpeechEncoder:
    """Hears how lips move. Load once; `Ear` listens with it.

    Args:
        weights: tensors of the network by name, float32.
        dilations: of its blocks.
    """

    def __init__(self, weights: Weights, dilations: Sequence[int] = DILATIONS) -> None:
        self.weights, self.dilations = weights, tuple(dilations)

    @classmethod
    def load(cls, path: Path | str | None = None) -> "SpeechEncoder":
        """Read the weights that ship with the package, or those at `path`.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        file = read_weights(path or WEIGHTS, "speech")
        return cls(file.tensors(), file.card.config["dilations"])

    def listen(self) -> "Ear":
        """Start listening to one sound."""
        return Ear(self)


class Listener(Protocol):
    """Listens to one sound. However it is cut into pieces, the answers are the same."""

    def hear(self, sound: np.ndarray) -> Heard:
        """Whole frames of sound (n * 640,) -> what is now known of the frames that follow those answered before."""

    def end(self, tail: np.ndarray, left: int) -> Heard:
        """The sound has ended with `tail` (fewer than 640 samples): the `left` frames that still wait."""

    @property
    def held(self) -> int:
        """Numbers remembered: bounded, however much was heard."""


class Encoder(Protocol):
    """What hears how lips move."""

    def listen(self) -> Listener:
        """Start listening to one sound."""


class Ear:
    """Listens to one sound, frame by frame, so that it does not matter in which pieces it comes."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._lips = SteppingLips(encoder.weights, encoder.dilations)
        self._skip = DELAY  # outputs still to drop: they are about frames before the first
        self._loudness = np.zeros(0)  # of the frames heard, from the next one to be answered on

    def hear(self, sound: np.ndarray) -> Heard:
        """Whole frames of sound -> channels, closure and loudness of n frames, `DELAY` frames late."""
        frames = sound.reshape(-1, SAMPLES_PER_FRAME).astype(np.float32)
        heard = [self._lips.step(frame) for frame in frames]
        drop = min(self._skip, len(heard))
        self._skip -= drop
        answers = heard[drop:]
        loudness = np.concatenate([self._loudness, frame_rms(sound)])
        self._loudness = loudness[len(answers) :]
        channels = np.array([lips for lips, _ in answers], np.float32).reshape(-1, len(CHANNELS))
        lips, closure = decode(channels, np.array([logit for _, logit in answers]))
        return lips, closure, loudness[AHEAD : AHEAD + len(answers)]

    def end(self, tail: np.ndarray, left: int) -> Heard:
        """The sound has ended with `tail`; silence follows."""
        padded = np.zeros((left + DELAY) * SAMPLES_PER_FRAME, np.float32)
        padded[: len(tail)] = tail
        channels, closure, loudness = self.hear(padded)
        return channels[:left], closure[:left], loudness[:left]

    @property
    def held(self) -> int:
        """Numbers remembered: the same however much was heard."""
        return self._lips.held + len(self._loudness)
