"""What stands where a picture ends: its own reflection, soon blurred and darker, so that nothing there is looked at.

A repeated border makes streaks; a sharp reflection makes second ears. Both catch the eye, a dim blur does not.
"""

import cv2
import numpy as np

BLUR = (0.012, 0.05)  # near the border and far from it: deviation as a share of the side
SOFT = (0.02, 0.14)  # distance from the border, in sides, at which either blur is whole
DARKER = 0.45  # share of the light that is taken away
DARK = 0.3  # distance, in sides, at which it is
COARSE = 4  # blurs are worked out at a quarter of the size


def filled(
    mirrored: np.ndarray, known: tuple[float, float, float, float], side: float, held: float | None = None
) -> np.ndarray:
    """A picture whose reflection beyond its own border is blurred and darkened; changed in place where it is not whole.

    Args:
        mirrored: uint8 RGB (H, W, 3), the border's reflection beyond `known` (`cv2.BORDER_REFLECT_101`).
        known: left, top, right, bottom: the first and last columns and rows, pixels, that are the picture's own; they
            may lie outside.
        side: pixels that distances and blurs are shares of.
        held: pixels at each edge of `mirrored` before which it is to have become blurred all the same, because what
            lies beyond is read from the edge.
    """
    height, width = mirrored.shape[:2]
    if held is not None:
        inner = (held, held, width - 1 - held, height - 1 - held)
        known = (*np.maximum(known[:2], inner[:2]).tolist(), *np.minimum(known[2:], inner[2:]).tolist())
    first = np.clip(np.ceil(known[:2]), 0, (width, height)).astype(int)
    last = np.clip(np.floor(known[2:]) + 1, first, (width, height)).astype(int)
    bands = (
        np.s_[: first[1], :],
        np.s_[last[1] :, :],
        np.s_[first[1] : last[1], : first[0]],
        np.s_[first[1] : last[1], last[0] :],
    )
    if not any(mirrored[band].size for band in bands):
        return mirrored
    size = (max(1, width // COARSE), max(1, height // COARSE))
    small = cv2.resize(mirrored, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    near, far = (cv2.GaussianBlur(small, (0, 0), b * side / COARSE, borderType=cv2.BORDER_REFLECT_101) for b in BLUR)
    away = _away(known, (width, height), side)
    across, down = (cv2.resize(a, (n, 1), interpolation=cv2.INTER_AREA) for a, n in zip(away, size, strict=True))
    coarse = np.hypot(across, down.T)[..., None]
    dim = (near + _rise(coarse / SOFT[1]) * (far - near)) * (1 - DARKER * _rise(coarse / DARK))
    dim = cv2.resize(dim, (width, height), interpolation=cv2.INTER_LINEAR)
    for band in bands:
        share = _rise(np.hypot(away[0][:, band[1]], away[1][:, band[0]].T) / SOFT[0])[..., None]
        own = mirrored[band]
        own[:] = own + share * (dim[band] - own) + np.float32(0.5)
    return mirrored


def _away(
    known: tuple[float, float, float, float], size: tuple[int, int], side: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far each column (1, W) and row (1, H) lies outside of `known`, in sides."""
    x, y = (np.arange(n, dtype=np.float32)[None] for n in size)
    across = np.maximum(np.maximum(known[0] - x, x - known[2]), 0) / side
    down = np.maximum(np.maximum(known[1] - y, y - known[3]), 0) / side
    return across.astype(np.float32), down.astype(np.float32)


def _rise(share: np.ndarray) -> np.ndarray:
    """0 to 1, flat at both ends."""
    share = np.minimum(share, 1)
    risen: np.ndarray = share * share * (3 - 2 * share)
    return risen
