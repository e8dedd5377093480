"""A map of the face: where on the mean head lips, lids, brows, beard and creases lie.

The map is a cylinder around the head, unrolled: across runs the angle about the vertical axis through (0, y, 1), from
-pi to pi with the nose in the middle; down runs y, from TOP to BOTTOM. Outlines are given by points of the face mesh.
"""

from functools import cache

import cv2
import numpy as np

from faces.fit import at_mesh
from faces.head import load_head
from lab.people.kernels import sample

TOP, BOTTOM = -1.7, 2.7  # units of the head
SIDE = (1024, 1280)  # pixels: height, width of the masks

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
SLIT = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
UPPER_LID = (246, 161, 160, 159, 158, 157, 173)
LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
UNDER_BROW = (46, 53, 52, 65, 55)
UNDER_EYE = (110, 24, 23, 22, 26)
BAG = (228, 229, 230, 231, 232)
FOLD = (129, 203, 206, 216, 212)  # from the nose round the corner of the mouth

REGIONS = (
    "lips",
    "slit",
    "shadow",
    "liner",
    "blush",
    "socket",
    "beard",
    "moustache",
    "goatee",
    "scalp",
    "brow",
    "tzone",
)
CREASES = ("forehead", "frown", "crow", "bags", "fold", "mouth", "neck")


def chart_uv(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places on the mean head (N, 3) -> u, v (N,) in [0, 1] on the map."""
    angle = np.arctan2(mean[:, 0], 1.0 - mean[:, 2])
    return (angle / (2 * np.pi) + 0.5).astype(np.float32), ((mean[:, 1] - TOP) / (BOTTOM - TOP)).astype(np.float32)


@cache
def _mesh_places() -> np.ndarray:
    """Angle and y (468, 2) of the mesh points."""
    mean = at_mesh(load_head().mean)
    return np.stack([np.arctan2(mean[:, 0], 1.0 - mean[:, 2]), mean[:, 1]], -1)


def _pixels(places: np.ndarray) -> np.ndarray:
    """Angle and y (..., 2) -> pixels of the map, in 1/16."""
    height, width = SIDE
    x = (places[..., 0] / (2 * np.pi) + 0.5) * width - 0.5
    y = (places[..., 1] - TOP) / (BOTTOM - TOP) * height - 0.5
    return np.round(np.stack([x, y], -1) * 16).astype(np.int32)


def _area(outlines: list[np.ndarray], blur: float) -> np.ndarray:
    """Filled outlines of (angle, y), and their mirror images, softened by `blur` units of the head."""
    mask = np.zeros(SIDE, np.float32)
    for outline in outlines:
        for flip in (1, -1):
            cv2.fillPoly(mask, [_pixels(outline * (flip, 1))], 1.0, cv2.LINE_AA, 4)
    pixels = blur * SIDE[0] / (BOTTOM - TOP)
    return cv2.GaussianBlur(mask, (0, 0), sigmaX=max(0.3, pixels * 0.83), sigmaY=max(0.3, pixels))


def _strokes(lines: list[np.ndarray], width: float, *, mirror: bool = True) -> np.ndarray:
    """Lines of (angle, y) as soft ridges of height 1 and `width` units of the head."""
    mask = np.zeros(SIDE, np.float32)
    for line in lines:
        for flip in (1, -1) if mirror else (1,):
            cv2.polylines(mask, [_pixels(line * (flip, 1))], False, 1.0, 1, cv2.LINE_AA, 4)
    pixels = width * SIDE[0] / (BOTTOM - TOP)
    soft = cv2.GaussianBlur(mask, (0, 0), pixels)
    return np.clip(soft * pixels * 2.2, 0, 1)


def _at(*points: int) -> np.ndarray:
    return _mesh_places()[list(points)]


def _smooth_step(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


@cache
def region_map() -> np.ndarray:
    """(1024, 1280, 12) uint8: how much each of REGIONS holds, 255 for all."""
    height, width = SIDE
    angle = np.abs(((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi)[None]
    y = (TOP + (np.arange(height) + 0.5) / height * (BOTTOM - TOP))[:, None]
    lips, slit = _area([_at(*LIPS)], 0.012), _area([_at(*SLIT)], 0.012)
    shadow = _area([np.vstack([_at(33, *UPPER_LID, 133), _at(*UNDER_BROW[::-1]) + np.array((0, 0.07))])], 0.04)
    liner = _strokes([_at(33, *UPPER_LID, 133), np.vstack([_at(33), _at(33) - np.array((0.05, 0.03))])], 0.016)
    blush = _area([_at(50, 205, 187, 147, 123)], 0.12)
    socket = _area([_at(*LOWER_LID, *BAG[::-1])], 0.05)
    around_mouth = _area([_at(*LIPS) * 1.0], 0.03)
    line = 0.32 + 0.56 * _smooth_step((1.12 - angle) * 9)  # upper edge on the cheeks
    beard = _smooth_step((y - line) * 13) * _smooth_step((1.28 - angle) * 14) * _smooth_step((2.05 - y) * 12)
    beard = beard * np.clip(_smooth_step((y - 1.1) * 20) + _smooth_step((angle - 0.28) * 22), 0, 1)
    moustache = _area([_at(57, 186, 92, 165, 167, 164, 0, 37, 39, 40, 185, 61)], 0.02)
    goatee = _area(
        [_at(57, 212, 214, 135, 136, 150, 149, 176, 148, 152, 175, 199, 200, 18, 17, 84, 181, 91, 146)], 0.05
    )
    bare = 1 - np.clip(around_mouth * 1.6 - 0.2, 0, 1)
    hairline = -1.02 + 0.16 * angle**2
    scalp = np.maximum(_smooth_step((hairline - y) * 16), _smooth_step((angle - 1.75) * 10) * (y < 0.9))
    brow = _area([_at(*BROW)], 0.03)
    tzone = np.clip(
        _area([_at(54, 10, 9, 55)], 0.12) + _area([_at(8, 129, 2)], 0.06) + _area([_at(200, 175, 176)], 0.1), 0, 1
    )
    layers = [
        lips,
        slit,
        shadow,
        liner,
        blush,
        socket,
        beard * bare,
        moustache * bare,
        goatee * bare,
        scalp,
        brow,
        tzone,
    ]
    full = [np.broadcast_to(layer, SIDE) for layer in layers]
    return (np.clip(np.stack(full, -1), 0, 1) * 255 + 0.5).astype(np.uint8)


@cache
def crease_map() -> np.ndarray:
    """(1024, 1280, 14) int8: depth of each of CREASES, then the slope of each along y; 127 for 1."""
    rng = np.random.default_rng(3)
    forehead, frown, crow, fold, mouth, neck = [], [], [], [], [], []
    t = np.linspace(-1, 1, 30)
    for k in range(4):
        wave = 0.02 * np.sin(t * 5 + rng.uniform(0, 6)) + 0.05 * t**2
        forehead.append(np.stack([t * rng.uniform(0.45, 0.6), -0.56 - 0.13 * k + wave], -1))
    for x in (0.07, 0.13):
        frown.append(np.stack([np.full(12, x) + 0.01 * np.sin(np.arange(12)), np.linspace(-0.5, -0.24, 12)], -1))
    outer = _at(130)[0]
    for tilt in (-0.45, -0.12, 0.2, 0.5):
        s = np.linspace(0.12, 0.42, 12)
        crow.append(np.stack([outer[0] - s * 0.9, outer[1] + s * tilt + 0.05 * np.sin(s * 9)], -1))
    bags = [_at(*BAG[::-1]), _at(*UNDER_EYE) + np.array((0, 0.02))]
    fold.append(_smooth_line(_at(*FOLD)))
    mouth.append(_smooth_line(_at(61, 57, 212) + np.array([(0, 0), (-0.02, 0.09), (0.02, 0.2)])))
    for x in np.linspace(-0.16, 0.16, 9):
        mouth.append(np.stack([[x * 1.25, x], [0.72, 0.82]], -1))
    mouth.append(np.stack([t * 0.2, 1.38 - 0.05 * np.cos(t * 1.5)], -1))
    for y in (1.98, 2.16, 2.32):
        neck.append(np.stack([t * 1.2, y - 0.12 * t**2], -1))
    widths = (0.022, 0.018, 0.014, 0.028, 0.034, 0.016, 0.03)
    lines = (forehead, frown, crow, bags, fold, mouth, neck)
    depth = np.stack([_strokes(line, w) for line, w in zip(lines, widths, strict=True)], -1)
    unit = SIDE[0] / (BOTTOM - TOP)
    slope = np.gradient(depth, axis=0) * unit * np.array(widths)
    return np.round(127 * np.clip(np.concatenate([depth, slope], -1), -1, 1)).astype(np.int8)


def _smooth_line(places: np.ndarray) -> np.ndarray:
    """A polyline (N, 2) with rounded corners."""
    fine = np.stack([np.interp(np.linspace(0, 1, 40), np.linspace(0, 1, len(places)), c) for c in places.T], -1)
    for _ in range(12):
        fine[1:-1] = (fine[:-2] + fine[1:-1] * 2 + fine[2:]) / 4
    return fine


def read_regions(u: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """Each of REGIONS at places u, v (P,) of the map: (P,) in [0, 1]."""
    values = sample(region_map(), u, v, False) / 255
    return {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(REGIONS)}


@cache
def noise(kind: int, side: int = 1024) -> np.ndarray:
    """Repeating noise (side, side, 1) float32 of unit variance; finest for kind 0, coarser by half an octave each."""
    rng = np.random.default_rng((kind, 77))
    field = rng.standard_normal((side, side)).astype(np.float32)
    sigma = 0.7 * 2 ** (kind / 2)
    soft = cv2.GaussianBlur(np.pad(field, 64, mode="wrap"), (0, 0), sigma)[64:-64, 64:-64]
    return (soft / soft.std())[..., None]


def noise_window(rng: np.random.Generator, kind: int, height: int, width: int) -> np.ndarray:
    """A random window (height, width) of `noise`."""
    field = noise(kind)[..., 0]
    y, x = (int(rng.integers(0, max(1, len(field) - side + 1))) for side in (height, width))
    part = field[y : y + height, x : x + width]
    return (
        part
        if part.shape == (height, width)
        else np.pad(part, ((0, height - len(part)), (0, width - part.shape[1])), "wrap")
    )
