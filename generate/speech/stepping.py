"""The speech encoder a frame at a time: the arithmetic of `generate.speech.network.LipNet`, without torch."""

import numpy as np

from generate.speech.network import LipNet
from lab.weights import weights_of
from media.mel import MelSteps
from media.stepping import Dense, Norm, PastConv, gelu


class SteppingLips:
    """What `LipNet` answers to 40 ms of sound after 40 ms of sound. Holds the state of one sound."""

    def __init__(self, network: LipNet, weights: dict[str, np.ndarray] | None = None) -> None:
        w = weights_of(network) if weights is None else weights
        self._mel = MelSteps()
        self._stem, self._down = PastConv(w, "stem"), PastConv(w, "down", stride=2)
        self._blocks = [
            (Norm(w, f"blocks.{i}.norm"), PastConv(w, f"blocks.{i}.conv", dilation=d), Dense(w, f"blocks.{i}.mix"))
            for i, d in enumerate(network.config["dilations"])
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
