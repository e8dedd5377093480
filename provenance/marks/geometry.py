"""Where the mark's grid lies in a picture: affine maps, and pictures laid back onto the grid.

The grid covers the unit square, (0, 0) at the top left of the picture that was marked and (1, 1) at its bottom right,
whatever the picture's shape. A `Map` is a float64 (3, 3) matrix that takes homogeneous points of that square to
pixels of a picture at hand; pixel (i, j) covers [j, j + 1) x [i, i + 1).
"""

import math

import cv2
import numpy as np

WORK = 128  # side of the square that the networks look at, pixels
Map = np.ndarray


def whole(height: int, width: int) -> Map:
    """The grid covers all of a picture, as when it was marked."""
    return np.diag([float(width), float(height), 1.0])


def scaled(x: float, y: float) -> Map:
    """Pixels of a picture -> of the same picture with its sides times (x, y)."""
    return np.diag([x, y, 1.0])


def moved(x: float, y: float) -> Map:
    """Pixels -> the same, moved by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def turned(degrees: float) -> Map:
    """A turn about the origin, clockwise as it is seen."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


MIRRORED = np.diag([-1.0, 1.0, 1.0])  # x -> -x


def warped(
    picture: np.ndarray, matrix: Map, width: int, height: int, *, border: int = cv2.BORDER_REPLICATE
) -> np.ndarray:
    """Show pixels of `picture` where `matrix` takes them, in a frame of `width` by `height`; linear interpolation."""
    centred = moved(-0.5, -0.5) @ matrix @ moved(0.5, 0.5)  # OpenCV counts from the centres of pixels
    return cv2.warpAffine(picture, centred[:2], (width, height), flags=cv2.INTER_LINEAR, borderMode=border)


def luma(frame: np.ndarray) -> np.ndarray:
    """Brightness of a frame uint8 RGB (H, W, 3), BT.601: uint8 (H, W)."""
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def square(plane: np.ndarray) -> np.ndarray:
    """Brightness (H, W) of a picture that the grid covers -> float32 (128, 128) in [0, 1]."""
    shrink = plane.shape[0] >= WORK and plane.shape[1] >= WORK
    small = cv2.resize(plane, (WORK, WORK), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
    return small.astype(np.float32) * np.float32(1 / 255)


def aligned(plane: np.ndarray, matrix: Map) -> tuple[np.ndarray, np.ndarray]:
    """Lay a picture back onto the grid.

    Args:
        plane: uint8 (H, W) or (H, W, 3).
        matrix: where the grid lies in it.

    Returns: uint8 (256, 256) or (256, 256, 3), twice the networks' size, with the edge drawn on where the picture has
    nothing; and uint8 (256, 256), 255 where it has something.
    """
    fine = 2 * WORK  # turned at twice the size, so that turning does not blur
    height, width = plane.shape[:2]
    sides = np.hypot(matrix[0, :2], matrix[1, :2])  # of the grid, in pixels
    shrink = fine / max(float(sides.min()), 1.0)
    if shrink < 1.0:
        small = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        plane = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
        matrix = scaled(small[0] / width, small[1] / height) @ matrix
    back = scaled(fine, fine) @ np.linalg.inv(matrix)
    shown = warped(plane, back, fine, fine)
    seen = warped(np.full(plane.shape[:2], 255, np.uint8), back, fine, fine, border=cv2.BORDER_CONSTANT)
    return shown, seen
