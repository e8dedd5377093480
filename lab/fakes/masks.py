"""Where something is put into a picture, and how it is laid in."""

import cv2
import numpy as np

LIPS = (61, 91, 17, 321, 291, 269, 0, 39, 200, 425, 205)  # mesh points around the mouth, chin and cheeks included


def hull_mask(shape: tuple[int, ...], points: np.ndarray, grow: float, sigma: float) -> np.ndarray:
    """(H, W) float32: 1 inside the hull of points (N, 2), grown about its middle, with an edge of `sigma` pixels; empty
    for fewer than three points."""
    mask = np.zeros(shape[:2], np.float32)
    if len(points) > 2:
        middle = points.mean(0)
        hull = cv2.convexHull(((points - middle) * grow + middle).astype(np.float32)).round().astype(np.int32)
        cv2.fillConvexPoly(mask, hull, 1.0)
    return softened(mask, sigma)


def softened(mask: np.ndarray, sigma: float) -> np.ndarray:
    """The same with an edge of `sigma` pixels, of 0.8 at least."""
    return cv2.GaussianBlur(mask, (0, 0), max(0.8, sigma))


def blended(real: np.ndarray, fake: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3): `fake` (any numbers of 0 to 255) where the mask is 1."""
    return rounded(mask[..., None] * fake + (1 - mask[..., None]) * real)


def rounded(values: np.ndarray) -> np.ndarray:
    """Levels of 0 to 255 -> uint8."""
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
