"""Voice activity and emphasis from sound, frame by frame, causally: what head, brows and eyes listen to."""

import numpy as np

from media.units import SAMPLES_PER_FRAME

AHEAD = 2  # frames by which head and brows hear the voice early, as speakers start a nod before its stressed vowel
QUIET = 1e-4  # root mean square (-80 dBFS) under which nothing is speech


class Prosody:
    """Feed frames of sound, get (activity, emphasis) of each. State is three numbers; nothing is looked up ahead."""

    def __init__(self) -> None:
        self._floor = 1e-3  # follows the noise between words
        self._mean = 0.0  # mean level of recent speech, decibels above the floor
        self._activity = 0.0
        self._previous = 0.0

    def step(self, rms: float) -> tuple[float, float]:
        """Root mean square of 40 ms of sound -> voice activity in [0, 1] and emphasis in [0, 1]."""
        rms = max(rms, 1e-7)
        rate = 0.2 if rms < self._floor else 0.004
        self._floor = min(max(self._floor * (rms / self._floor) ** rate, QUIET), 0.03)
        level = 20 * np.log10(max(rms / self._floor, 1e-3))
        voiced = float(np.clip((level - 8) / 10, 0, 1))
        self._activity += (0.5 if voiced > self._activity else 0.12) * (voiced - self._activity)
        if voiced > 0.5:
            self._mean += 0.04 * (level - self._mean)
        rise = level - self._previous
        self._previous += 0.4 * (level - self._previous)
        emphasis = float(np.clip((level - self._mean) / 12, 0, 1) * np.clip(rise / 10, 0, 1)) * voiced
        return self._activity, emphasis


def frame_rms(speech: np.ndarray) -> np.ndarray:
    """Root mean square (T,) of each frame of sound (N,), N a multiple of 640."""
    frames = speech.reshape(-1, SAMPLES_PER_FRAME).astype(np.float64)
    rms: np.ndarray = np.sqrt((frames**2).mean(1))
    return rms
