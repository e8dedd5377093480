"""What `media.mel` computes, in torch: with gradients, and as voices of other lengths of the vocal tract have it."""

from functools import cache

import torch

from media.mel import FFT, FLOOR, HOP, WINDOW, filters


@cache
@torch.inference_mode(False)  # whoever asks first may not learn, others may
def filterbank(warp: float = 1.0) -> torch.Tensor:
    """`media.mel.filters` as a tensor (BINS, FFT // 2 + 1)."""
    return torch.from_numpy(filters(warp))


def log_mel(sound: torch.Tensor, warp: float = 1.0) -> torch.Tensor:
    """Features of a block of sound that is preceded by its history.

    Args:
        sound: (..., HISTORY + n * HOP) float32 in [-1, 1].
        warp: see `media.mel.filters`.

    Returns: (..., BINS, n) float32, about zero mean and unit deviation on speech.
    """
    frames = sound.unfold(-1, WINDOW, HOP) * torch.hann_window(WINDOW, device=sound.device)
    power = torch.fft.rfft(frames, FFT).abs().square() / WINDOW
    mel = power @ filterbank(warp).T.to(sound.device)
    return ((mel.clamp(min=FLOOR).log10() + 5.0) / 1.6).transpose(-1, -2)
