"""Irises, found in the picture itself: the dark disc in the opening between the lids.

A landmark network sees an eye in some twenty pixels of its crop. Here each eye is looked at in the pixels of the
picture: sought is the disc of an iris's size that is darkest against the rest of the opening (after Daugman 1993, who
seeks circles), with what the network read as prior. Where an eye is shut or hidden the prior stays.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from faces.landmarks import Reading

PUPILS = (468, 473)  # mesh points at the centres of the irises, each followed by four around it
OPENINGS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)  # mesh points around the opening of the person's right eye, of the left
RADIUS = 0.098  # of an iris, units of the head (a visible diameter of 12 mm)
TALL = 2.56  # longer side of the mean face's mesh, units of the head
RESOLUTION = 96.0  # pixels a unit of the head at which eyes are looked at
REACH = 0.9  # side of the part that is looked at, units of the head
WEIGHT = 6.0  # log likelihood of one standard deviation of the opening's brightness between disc and rest
SUREST = 0.01  # of the distance of the eyes: expected error that is not gone below


def find_irises(picture: np.ndarray, reading: "Reading") -> "Reading":
    """A reading of a uint8 RGB picture with its ten iris points laid on the irises, their expected error along."""
    points, sigma = reading.points.copy(), reading.sigma.copy()
    unit = float(np.ptp(points[:468], axis=0).max()) / TALL
    if not np.isfinite(unit) or unit < 4.0:  # pixels; the irises of smaller faces are specks
        return reading
    for first, opening in zip(PUPILS, OPENINGS, strict=True):
        iris = slice(first, first + 5)
        middle, doubt = points[iris].mean(0), float(sigma[iris].mean())
        found = _darkest_disc(picture, points[list(opening)], middle, doubt, unit)
        if found is not None:
            points[iris] += found[0] - middle
            sigma[iris] = np.minimum(sigma[iris], max(found[1], SUREST * unit))
    return replace(reading, points=points.astype(np.float32), sigma=sigma.astype(np.float32))


def _darkest_disc(
    picture: np.ndarray, opening: np.ndarray, prior: np.ndarray, doubt: float, unit: float
) -> tuple[np.ndarray, float] | None:
    """Middle (2,) of the iris in an opening (N, 2), pixels, and its expected error; None where too little is open."""
    zoom = min(RESOLUTION / unit, 4.0)
    side = int(REACH * zoom * unit) | 1
    shift = side / 2 - zoom * opening.mean(0)
    matrix = np.hstack([np.eye(2) * zoom, shift[:, None]])
    part = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mask = np.zeros((side, side), np.float32)
    outline = np.round(np.clip(opening * zoom + shift, -side, 2 * side) * 8).astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(outline), 1.0, cv2.LINE_8, 3)
    area = float(mask.sum())
    radius = RADIUS * zoom * unit
    if area < 0.35 * np.pi * radius**2:
        return None
    half = int(np.ceil(radius))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    disc = (x * x + y * y <= radius * radius).astype(np.float32)
    inside = np.maximum(cv2.filter2D(mask, -1, disc, borderType=cv2.BORDER_CONSTANT), 0)
    light = cv2.filter2D(grey * mask, -1, disc, borderType=cv2.BORDER_CONSTANT)
    rest = area - inside
    contrast = (float((grey * mask).sum()) - light) / np.maximum(rest, 1) - light / np.maximum(inside, 1)
    spread = float(grey[mask > 0].std()) + 3.0
    seen = np.sqrt(np.minimum(inside / disc.sum(), 0.6) / 0.6) * (rest > 0.1 * area)
    at = prior * zoom + shift
    wide = max(doubt, SUREST * unit) * zoom
    y, x = np.mgrid[:side, :side]
    log = WEIGHT * contrast / spread * seen - ((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * wide * wide)
    weight = np.exp(log - log.max())
    weight[weight < 1e-3] = 0
    weight /= weight.sum()
    middle = np.array([(weight * x).sum(), (weight * y).sum()])
    error = np.sqrt((weight * ((x - middle[0]) ** 2 + (y - middle[1]) ** 2)).sum() / 2)
    return (middle - shift) / zoom, float(error) / zoom
