"""Log-mel features of speech, causal: feature frame j has heard the sound up to (j + 1) * 10 ms and nothing later."""

from functools import cache

import numpy as np
import torch

from media.units import SAMPLE_RATE

HOP = 160  # samples: 10 ms
WINDOW = 400  # samples: 25 ms
FFT = 512
BINS = 80  # mel bands
LOW, HIGH = 40.0, 7600.0  # hertz
HISTORY = WINDOW - HOP  # samples before a block that its first feature frame needs
FLOOR = 1e-9  # power; about -70 dBFS of white noise


def _mel(hertz: torch.Tensor) -> torch.Tensor:
    """O'Shaughnessy (1987): mel = 2595 log10(1 + f / 700)."""
    return 2595 * torch.log10(1 + hertz / 700)


@cache
@torch.inference_mode(False)  # whoever asks first may not learn, others may
def filterbank(warp: float = 1.0) -> torch.Tensor:
    """Triangular mel filters (BINS, FFT // 2 + 1). `warp` > 1: as of a longer vocal tract (Jaitly and Hinton 2013)."""
    edges = torch.linspace(_mel(torch.tensor(LOW)).item(), _mel(torch.tensor(HIGH)).item(), BINS + 2)
    hertz = (700 * (10 ** (edges / 2595) - 1)) / warp
    bins = torch.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    rise = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    fall = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    filters = torch.minimum(rise, fall).clamp(min=0)
    return filters / filters.sum(1, keepdim=True).clamp(min=1e-6)


def log_mel(sound: torch.Tensor, warp: float = 1.0) -> torch.Tensor:
    """Features of a block of sound that is preceded by its history.

    Args:
        sound: (..., HISTORY + n * HOP) float32 in [-1, 1].

    Returns: (..., BINS, n) float32, about zero mean and unit deviation on speech.
    """
    frames = sound.unfold(-1, WINDOW, HOP) * torch.hann_window(WINDOW, device=sound.device)
    power = torch.fft.rfft(frames, FFT).abs().square() / WINDOW
    mel = power @ filterbank(warp).T.to(sound.device)
    return ((mel.clamp(min=FLOOR).log10() + 5.0) / 1.6).transpose(-1, -2)


class MelSteps:
    """`log_mel` of one sound, 40 ms after 40 ms, in numpy."""

    def __init__(self) -> None:
        self._past = np.zeros(HISTORY, np.float32)  # replaced, never written into
        self._window = torch.hann_window(WINDOW).numpy()
        self._filters = filterbank().numpy().T

    def step(self, sound: np.ndarray) -> np.ndarray:
        """Sound (n * HOP,) float32 -> (n, BINS) float32."""
        rows = np.concatenate([self._past, sound])
        self._past = rows[len(rows) - HISTORY :]
        frames = np.lib.stride_tricks.sliding_window_view(rows, WINDOW)[::HOP] * self._window
        spectrum = np.fft.rfft(frames, FFT)
        power = (spectrum.real**2 + spectrum.imag**2) / WINDOW
        mel = power.astype(np.float32) @ self._filters
        return ((np.log10(np.maximum(mel, FLOOR)) + 5.0) / 1.6).astype(np.float32)
