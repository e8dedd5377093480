"""Dense flow from a source photograph to a target pose and expression, from two projections of the same head.

Inside the head the flow is exact (each pixel knows its point of the head and where that point lies in the source).
Outside, it is carried on smoothly and fades to nothing, so hair and ears go with the head and the background stays.
"""

import cv2
import numpy as np
from numba import njit

from faces.head import Head, Part
from faces.raster import Raster

COARSE = 4  # the outside flow is worked out at a quarter of the raster
HOLD = 0.25  # distance outside the head, in units of the head, up to which the flow is carried on in full
FADE = 1.35  # distance over which it then fades to nothing
FADE_SHOULDERS = 0.75  # below the chin it fades faster: shoulders and collar stay

MOVING = (Part.SKIN,)  # parts whose pixels travel with the flow; mouth and eyes are coloured on their own


class FlowField:
    """Works out backward maps for pictures of `size` pixels a side. Buffers are kept between frames."""

    def __init__(self, head: Head, size: int) -> None:
        self.head, self.size = head, size
        self.half = size // 2
        self.raster = Raster(self.half, self.half)
        keep = np.isin(head.parts, MOVING)
        self.triangles = np.ascontiguousarray(head.triangles[keep])
        axis = np.arange(size, dtype=np.float32)
        self.pixels = np.stack(np.meshgrid(axis, axis), -1)

    def backward(self, target: np.ndarray, depth: np.ndarray, source: np.ndarray, unit: float) -> np.ndarray:
        """Map (size, size, 2) float32 of source pixel positions for `cv2.remap`.

        Args:
            target: (V, 2) where each vertex is to land, pixels; depth (V,) orders them.
            source: (V, 2) where each vertex lies in the source picture.
            unit: pixels a unit of the head.
        """
        shift = self.shift(target, depth, source, unit)
        return self.pixels + cv2.resize(shift, (self.size, self.size), interpolation=cv2.INTER_LINEAR)

    def shift(self, target: np.ndarray, depth: np.ndarray, source: np.ndarray, unit: float) -> np.ndarray:
        """What `backward` adds to each pixel's own position, at half size: (size / 2, size / 2, 2) float32 pixels."""
        raster = self.raster.draw(target / 2, depth, self.triangles, cull=True)
        shift = raster.interpolate(source - target, self.triangles)
        inside = (raster.triangle >= 0).astype(np.float32)
        return self._carry_on(shift, inside, unit / 2)

    def _carry_on(self, shift: np.ndarray, inside: np.ndarray, unit: float) -> np.ndarray:
        """Fill the outside of a shift field (h, h, 2) known where `inside` (h, h) is 1, and 0 elsewhere, in place."""
        small = self.half // COARSE
        weight = cv2.resize(inside, (small, small), interpolation=cv2.INTER_AREA)
        value = cv2.resize(shift, (small, small), interpolation=cv2.INTER_AREA)
        filled = _push_pull(value, weight)
        outside = (weight < 0.5).astype(np.uint8)
        distance = cv2.distanceTransform(outside, cv2.DIST_L2, 5)
        distance = np.minimum(distance, 2 * small) * COARSE / unit  # it is the largest float where no head is in sight
        rows = np.flatnonzero(weight.max(1) > 0.5)
        chin = rows[-1] if len(rows) else small
        fade = np.full((small, 1), FADE, np.float32)
        fade[max(0, chin - small // 12) :] = FADE_SHOULDERS
        keep = np.clip(1 - (distance - HOLD) / fade, 0, 1)
        keep = keep * keep * (3 - 2 * keep)
        carried = cv2.resize(filled * keep[..., None], (self.half, self.half), interpolation=cv2.INTER_LINEAR)
        soft = cv2.blur(cv2.erode(inside, np.ones((3, 3), np.uint8)), (5, 5))
        _mix(soft, carried, shift)
        return shift


@njit(fastmath=True, cache=True, nogil=True)
def _mix(share, other, field):
    """Lay `field` (h, h, 2) over `other` by `share` (h, h), in place."""
    for y in range(share.shape[0]):
        for x in range(share.shape[1]):
            for k in range(2):
                field[y, x, k] = other[y, x, k] + share[y, x] * (field[y, x, k] - other[y, x, k])


def _push_pull(value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Smoothly fill in (h, w, 2) values that are known with `weight` (Gortler et al. 1996, push-pull)."""
    if min(weight.shape) <= 2 or weight.min() > 0.99:
        return value / np.maximum(weight, 1e-6)[..., None]
    size = (weight.shape[1] // 2, weight.shape[0] // 2)
    coarse_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    coarse_value = cv2.resize(value, size, interpolation=cv2.INTER_AREA)
    grow = np.minimum(1.0, 2 * coarse_weight) / np.maximum(coarse_weight, 1e-6)
    coarse = _push_pull(coarse_value * grow[..., None], coarse_weight * grow)
    below = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return value + (1 - weight)[..., None] * below
