"""The speech encoder a frame at a time: the arithmetic of `lab.networks.speech.LipNet`, in numpy."""

from collections.abc import Sequence

import numpy as np

from media.mel import MelSteps
from media.stepping import Dense, Norm, PastConv, Weights, gelu

DELAY = 2  # frames: the network answers frame k when it has heard frame k + DELAY
DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)  # of its blocks


class SteppingLips:
    """What the network answers to 40 ms of sound after 40 ms of sound. Holds the state of one sound.

    Args:
        weights: tensors of the network by name, float32.
    """

    def __init__(self, weights: Weights, dilations: Sequence[int] = DILATIONS) -> None:
        w = weights
        self._mel = MelSteps()
        self._stem, self._down = PastConv(w, "stem"), PastConv(w, "down", stride=2)
        self._blocks = [
            (Norm(w, f"blocks.{i}.norm"), PastConv(w, f"blocks.{i}.conv", dilation=d), Dense(w, f"blocks.{i}.mix"))
            for i, d in enumerate(dilations)
        ]
        self._norm = Norm(w, "norm")
        self._quarter, self._last = PastConv(w, "quarter", stride=2), PastConv(w, "last")
        self._lips = Dense(w, "lips")

    def step(self, sound: np.ndarray) -> tuple[np.ndarray, float]:
        """Sound (640,) -> channels (C,) and the logit of closure, both `DELAY` frames late."""
        x = self._down(gelu(self._stem(self._mel.step(sound))))
        for norm, conv, mix in self._blocks:
            x = x + mix(gelu(conv(norm(x))))
        x = gelu(self._quarter(self._norm(x)))
        x = x + gelu(self._last(x))
        lips = self._lips(x)[0]
        return lips[:-1], float(lips[-1])

    @property
    def held(self) -> int:
        """Numbers remembered."""
        convs = (self._stem, self._down, *(block[1] for block in self._blocks), self._quarter, self._last)
        return sum(conv.held for conv in convs)
