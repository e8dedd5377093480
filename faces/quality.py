"""How good a look a picture gives of a face, and why it is poor where it is.

Seven things are judged, each from 0 (useless) to 1 (nothing to wish for); their product is the quality. The limits
were set by eye on photographs that were shrunk, blurred, darkened and turned by known amounts.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from faces.fit import Fit
from faces.head import rotation_matrix
from faces.landmarks import Reading, crop_matrix, warp_crop

SIDE = 96  # pixels a side of the crop that sharpness and exposure are read from
POOR = 0.5  # quality below which a reason is given
TURNED_AWAY = 85.0  # degrees from which a face is not looked at any more


@dataclass(frozen=True)
class Quality:
    """0 (useless) to 1, and in a few words what is wrong with it; "" where nothing is."""

    value: float
    reason: str


def judge(picture: np.ndarray, reading: Reading, fit: Fit) -> Quality:
    """Quality of the look that a uint8 RGB picture gives of the face that was read and fitted."""
    points = reading.points
    size = float(np.ptp(points[:468], axis=0).max())
    crop = cv2.cvtColor(warp_crop(picture, crop_matrix(points, SIDE, 1.1), SIDE), cv2.COLOR_RGB2GRAY)
    face = crop[SIDE // 8 : -SIDE // 8, SIDE // 5 : -SIDE // 5].astype(np.float32)
    level, contrast = float(face.mean()), float(face.std())
    detail = sharpness(face)
    turn = turned_degrees(fit.parameters.rotation)
    doubt = 100 * float(np.median(reading.sigma[:468])) / max(fit.parameters.scale, 1e-6)
    missing = 100 * outside(points, picture.shape)
    aspects = {
        f"not a face (score {reading.score:.2f})": _ramp(reading.score, 0.3, 0.9),
        f"too small: {size:.0f} pixels": _ramp(np.log2(max(size, 1.0)), np.log2(12), np.log2(96)),
        f"too dark: level {level:.0f} of 255": _ramp(level, 3, 22),
        f"too bright: level {level:.0f} of 255": _ramp(-level, -250, -225),
        f"too flat: contrast {contrast:.0f} of 255": _ramp(contrast / max(level, 8.0), 0.02, 0.08),
        f"too blurred: detail {detail:.2f}, 0.2 is sharp": _ramp(detail, 0.02, 0.13),
        f"turned {turn:.0f} degrees away": _ramp(-turn, -TURNED_AWAY, -40),
        f"landmarks uncertain: {doubt:.0f}% of the eyes' distance": _ramp(-doubt, -14, -5),
        f"no head fits: {100 * fit.error:.0f}% of the eyes' distance": _ramp(-fit.error, -0.18, -0.06),
        f"cut off: {missing:.0f}% lies outside the picture": _ramp(-missing, -60, -8),
    }
    value = float(np.prod(list(aspects.values())))
    worst = min(aspects, key=aspects.__getitem__)
    return Quality(value, worst if value < POOR else "")


def sharpness(face: np.ndarray) -> float:
    """Share of a grey face's contrast that lies in its finest details: (H, W) float32 -> 0 to about 0.4."""
    fine = face - cv2.GaussianBlur(face, (0, 0), 1.2)
    coarse = cv2.GaussianBlur(face, (0, 0), 0.8)
    fine = cv2.GaussianBlur(fine, (0, 0), 0.6)  # noise of single pixels is no detail
    return float(fine.std() / max(float(coarse.std()), 1.0))


def turned_degrees(rotation: np.ndarray) -> float:
    """Angle between where a head with `rotation` (yaw, pitch, roll) faces and the camera, degrees."""
    return float(np.degrees(np.arccos(np.clip(rotation_matrix(*rotation)[2, 2], -1, 1))))


def outside(points: np.ndarray, shape: tuple[int, ...]) -> float:
    """Share of the mesh points (478, 2) that lie outside a picture of `shape`."""
    height, width = shape[:2]
    inside = (points >= -0.5).all(1) & (points[:, 0] < width) & (points[:, 1] < height)
    return float(1 - inside.mean())


def _ramp(value: float, zero: float, one: float) -> float:
    return float(np.clip((value - zero) / (one - zero), 0, 1))
