"""Dense flow from a source photograph to a target pose and expression, from two projections of the same head.

Inside the head the flow is exact (each pixel knows its point of the head and where that point lies in the source).
Outside, it is carried on smoothly and fades to nothing, so hair and ears go with the head and the background stays.
Which rows lie below the head, and belong to the body, is kept (`FlowField.below`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from faces.head import Head, Part
from faces.raster import Raster

COARSE = 4  # the outside flow is worked out at a quarter of the raster
HOLD = 0.25  # distance outside the head, in units of the head, up to which the flow is carried on in full
FADE = 1.35  # distance over which it then fades to nothing
FADE_SHOULDERS = 0.75  # below the chin it fades faster: shoulders and collar stay
SHOULDERS = 0.6  # distance above the end of the neck over which what is there comes to belong to the body

SOON = np.float32(3)  # times as soon as it comes into view, skin leaves what is beside the person
MOVING = (Part.SKIN,)  # parts whose pixels travel with the flow; mouth and eyes are coloured on their own


@dataclass(frozen=True)
class Rim:
    """Keeps what comes into view from showing what is beside the person in the source, where the fit is too wide."""

    inward: np.ndarray  # (S / 2, S / 2, 2) float32 pixels: from each place of the source to the nearest on the person
    amount: np.ndarray  # (V,) float32, how far each vertex follows it: 0 as in the source, 1 where that did not show it


class FlowField:
    """Works out backward maps for pictures of `size` pixels a side. Buffers are kept between frames."""

    def __init__(self, head: Head, size: int) -> None:
        self.head, self.size = head, size
        self.half = size // 2
        self.small = self.half // COARSE
        self.below = np.zeros(
            (self.small, 1), np.float32
        )  # rows of the last shift: 0 at the head, 1 where it has ended
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

    def shift(
        self, target: np.ndarray, depth: np.ndarray, source: np.ndarray, unit: float, rim: Rim | None = None
    ) -> np.ndarray:
        """What `backward` adds to each pixel's own position, at half size: (size / 2, size / 2, 2) float32 pixels."""
        raster = self.raster.draw(target / 2, depth, self.triangles, cull=True)
        shift = raster.interpolate(source - target, self.triangles)
        if rim is not None:
            _draw_in(raster.triangle, raster.bary, self.triangles, rim.amount, rim.inward, shift)
        inside = (raster.triangle >= 0).astype(np.float32)
        return self._carry_on(shift, inside, unit / 2)

    def _carry_on(self, shift: np.ndarray, inside: np.ndarray, unit: float) -> np.ndarray:
        """Fill the outside of a shift field (h, h, 2) known where `inside` (h, h) is 1, and 0 elsewhere, in place."""
        small = self.small
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
        self.below[:, 0] = np.clip((np.arange(small) - chin) * COARSE / (SHOULDERS * unit) + 1, 0, 1)
        carried = cv2.resize(filled * keep[..., None], (self.half, self.half), interpolation=cv2.INTER_LINEAR)
        soft = cv2.blur(cv2.erode(inside, np.ones((3, 3), np.uint8)), (5, 5))
        _mix(soft, carried, shift)
        return shift


def inward(person: np.ndarray, margin: int) -> np.ndarray:
    """For `Rim`: from each place to the nearest that lies on the person, `margin` half pixels away from their rim.

    person: (S, S) float32, its share of each pixel -> (S / 2, S / 2, 2) float32 pixels."""
    half = person.shape[0] // 2
    small = cv2.resize(person, (half, half), interpolation=cv2.INTER_AREA)
    outside = (cv2.erode(small, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) < 0.5).astype(np.uint8)
    field = np.zeros((half, half, 2), np.float32)
    if outside.all():
        return field
    _, label = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(outside == 0)
    places = np.zeros((int(label.max()) + 1, 2), np.float32)
    places[label[rows, columns]] = np.stack([columns, rows], -1)
    own = np.stack(np.meshgrid(np.arange(half), np.arange(half)), -1)
    return np.ascontiguousarray(2 * (places[label] - own), np.float32)


@njit(fastmath=True, cache=True, nogil=True)
def _draw_in(
    seen: np.ndarray,
    bary: np.ndarray,
    triangles: np.ndarray,
    amount: np.ndarray,
    towards: np.ndarray,
    shift: np.ndarray,
) -> None:
    """Add what `Rim` says to a shift, in place."""
    half = np.float32(0.5)
    last = np.float32(towards.shape[0] - 1)
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            t = seen[y, x]
            if t < 0:
                continue
            share = np.float32(0)
            for k in range(3):
                share += bary[y, x, k] * amount[triangles[t, k]]
            if share <= 0:
                continue
            share = min(np.float32(1), SOON * share)
            i = int(min(max(np.float32(x) + half * (shift[y, x, 0] + half), np.float32(0)), last))
            j = int(min(max(np.float32(y) + half * (shift[y, x, 1] + half), np.float32(0)), last))
            shift[y, x, 0] += share * towards[j, i, 0]
            shift[y, x, 1] += share * towards[j, i, 1]


@njit(fastmath=True, cache=True, nogil=True)
def _mix(share: np.ndarray, other: np.ndarray, field: np.ndarray) -> None:
    """Lay `field` (h, h, 2) over `other` by `share` (h, h), in place."""
    for y in range(share.shape[0]):
        for x in range(share.shape[1]):
            for k in range(2):
                field[y, x, k] = other[y, x, k] + share[y, x] * (field[y, x, k] - other[y, x, k])


def _push_pull(value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Smoothly fill in (h, w, 2) values that are known with `weight` (Gortler et al. 1996, push-pull)."""
    if min(weight.shape) <= 2 or weight.min() > 0.99:
        filled: np.ndarray = value / np.maximum(weight, 1e-6)[..., None]
        return filled
    size = (weight.shape[1] // 2, weight.shape[0] // 2)
    coarse_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    coarse_value = cv2.resize(value, size, interpolation=cv2.INTER_AREA)
    grow = np.minimum(1.0, 2 * coarse_weight) / np.maximum(coarse_weight, 1e-6)
    coarse = _push_pull(coarse_value * grow[..., None], coarse_weight * grow)
    below = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return value + (1 - weight)[..., None] * below
