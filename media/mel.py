"""Log-mel features of speech, causal: feature frame j has heard the sound up to (j + 1) * 10 ms and nothing later."""

from functools import cache

import numpy as np

from media.units import SAMPLE_RATE

HOP = 160  # samples: 10 ms
WINDOW = 400  # samples: 25 ms
FFT = 512
BINS = 80  # mel bands
LOW, HIGH = 40.0, 7600.0  # hertz
HISTORY = WINDOW - HOP  # samples before a block that its first feature frame needs
FLOOR = 1e-9  # power; about -70 dBFS of white noise


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    """O'Shaughnessy (1987): mel = 2595 log10(1 + f / 700)."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


@cache
def filters(warp: float = 1.0) -> np.ndarray:
    """Triangular mel filters (BINS, FFT // 2 + 1) float32. `warp` > 1: as of a longer vocal tract (Jaitly and Hinton
    2013)."""
    hertz = 700 * (10 ** (np.linspace(_mel(LOW), _mel(HIGH), BINS + 2) / 2595) - 1) / warp
    bins = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    rise = (bins - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    fall = (hertz[2:, None] - bins) / np.diff(hertz)[1:, None]
    triangles = np.maximum(np.minimum(rise, fall), 0)
    filters: np.ndarray = (triangles / np.maximum(triangles.sum(1, keepdims=True), 1e-6)).astype(np.float32)
    return filters


@cache
def _window() -> np.ndarray:
    """Periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def log_mel(sound: np.ndarray) -> np.ndarray:
    """Features of a block of sound that is preceded by its history.

    Args:
        sound: (HISTORY + n * HOP,) float32 in [-1, 1].

    Returns: (n, BINS) float32, about zero mean and unit deviation on speech.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * _window()
    spectrum = np.fft.rfft(frames, FFT)
    power = (spectrum.real**2 + spectrum.imag**2) / WINDOW
    mel = power.astype(np.float32) @ filters().T
    features: np.ndarray = ((np.log10(np.maximum(mel, FLOOR)) + 5.0) / 1.6).astype(np.float32)
    return features


class MelSteps:
    """`log_mel` of one sound, 40 ms after 40 ms."""

    def __init__(self) -> None:
        self._past = np.zeros(HISTORY, np.float32)  # replaced, never written into

    def step(self, sound: np.ndarray) -> np.ndarray:
        """Sound (n * HOP,) float32 -> (n, BINS) float32."""
        rows = np.concatenate([self._past, sound])
        self._past = rows[len(rows) - HISTORY :]
        return log_mel(rows)
