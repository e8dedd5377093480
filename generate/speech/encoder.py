"""Sound -> how the lips move, frame by frame and as it arrives: the speech encoder at work."""

import numpy as np
import torch

from faces.performances import AHEAD, CHANNELS, frame_rms
from generate.speech.features import HISTORY, log_mel
from generate.speech.network import DELAY, LipNet, State
from learning.threads import one_torch_thread

CLOSED, OPEN = 0.55, 0.20  # closure probability from which the lips are shut, and to which they are left alone
assert AHEAD <= DELAY


def decode(channels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Network outputs (T, C) and (T,) -> channels and closure in [0, 1]. Closures are made decisive."""
    probability = 1 / (1 + np.exp(-logits))
    ramp = np.clip((probability - OPEN) / (CLOSED - OPEN), 0, 1)
    return np.clip(channels, 0, 1).astype(np.float32), (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


class Ear:
    """Carries the network's state along the sound."""

    def __init__(self, network: LipNet) -> None:
        self._network = network
        self._history = np.zeros(HISTORY, np.float32)
        self._state: State | None = None
        self._skip = DELAY  # outputs still to drop: they are about frames before the first
        self._loudness = np.zeros(0)  # of the frames heard, from the next one to be answered on

    @torch.no_grad()
    def hear(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whole frames of sound -> channels (n, C), closure (n,), loudness `AHEAD` frames later (n,)."""
        if not len(sound):
            return np.zeros((0, len(CHANNELS)), np.float32), np.zeros(0, np.float32), np.zeros(0)
        joined = np.concatenate([self._history, sound])
        self._history = joined[len(joined) - HISTORY :]
        with one_torch_thread():
            mel = log_mel(torch.from_numpy(joined))[None]
            channels, logits, _, self._state = self._network(mel, self._state)
        lips, closure = decode(channels[0].numpy(), logits[0].numpy())
        drop = min(self._skip, len(lips))
        self._skip -= drop
        count = len(lips) - drop
        loudness = np.concatenate([self._loudness, frame_rms(sound)])
        self._loudness = loudness[count:]
        return lips[drop:], closure[drop:], loudness[AHEAD : AHEAD + count]
