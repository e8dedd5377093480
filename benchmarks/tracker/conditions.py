"""The same photograph under every condition that faces are met in: small, turned, covered, grey, dark, blurred."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

SCENE = (480, 640)  # height, width of the scenes that small faces stand in, pixels
BIG = (3000, 4000)
SIZES = (24, 32, 48, 96, 200)  # pixels of the longer side of a face in a scene
TURNS = (-80, -45, -20, 20, 45, 80)  # degrees in the plane of the picture


@dataclass(frozen=True)
class Sight:
    """A picture with one known face in it."""

    condition: str
    picture: np.ndarray  # uint8 RGB
    mesh: np.ndarray  # (478, 2) where the face's mesh points are, pixels


def sights(picture: np.ndarray, mesh: np.ndarray, seed: int) -> Iterator[Sight]:
    """All conditions of one photograph, uint8 RGB, whose mesh points (478, 2) are known; the same for a seed."""
    rng, mesh = np.random.default_rng((seed, 61)), mesh[:, :2].astype(np.float64)
    size = float(np.ptp(mesh[:468], axis=0).max())
    yield Sight("as it is", picture, mesh)
    for pixels in SIZES:
        yield _scene(f"{pixels} pixels", picture, mesh, pixels / size, SCENE, rng)
    yield _scene("100 pixels in 12 megapixels", picture, mesh, 100 / size, BIG, rng)
    yield _close(picture, mesh)
    for angle in TURNS:
        yield _turned(picture, mesh, angle)
    half = 512 / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=half, fy=half, interpolation=cv2.INTER_AREA)
    there = (mesh + 0.5) * half - 0.5
    for name, change in CHANGES.items():
        yield Sight(name, change(small.copy(), there, rng), there)


def _scene(name: str, picture: np.ndarray, mesh: np.ndarray, zoom: float, scene: tuple[int, int], rng) -> Sight:
    """Shrink the photograph and hang it into a larger, softly textured scene."""
    small = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    canvas = cv2.resize(rng.integers(60, 200, (9, 12, 3)).astype(np.uint8), scene[::-1], interpolation=cv2.INTER_CUBIC)
    y, x = (int(rng.integers(0, max(1, all_ - own))) for all_, own in zip(scene, (height, width), strict=True))
    height, width = min(height, scene[0] - y), min(width, scene[1] - x)
    canvas[y : y + height, x : x + width] = small[:height, :width]
    return Sight(name, canvas, (mesh + 0.5) * zoom - 0.5 + (x, y))


def _close(picture: np.ndarray, mesh: np.ndarray) -> Sight:
    """Cut tightly around the mesh: forehead, ears and neck are gone."""
    low, high = mesh[:468].min(0), mesh[:468].max(0)
    margin = 0.04 * (high - low).max()
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = (high + margin).astype(int)
    return Sight("fills the frame", np.ascontiguousarray(picture[y0:y1, x0:x1]), mesh - (x0, y0))


def _turned(picture: np.ndarray, mesh: np.ndarray, angle: float) -> Sight:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 0.5)
    matrix[:, 2] += np.array([360 - width / 2, 360 - height / 2])
    turned = cv2.warpAffine(picture, matrix, (720, 720), flags=cv2.INTER_AREA, borderValue=(128, 128, 128))
    return Sight(f"turned {abs(angle)} degrees", turned, mesh @ matrix[:, :2].T + matrix[:, 2])


def _hull(picture: np.ndarray, points: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return cv2.fillConvexPoly(picture, cv2.convexHull(np.round(points).astype(np.int32)), colour, cv2.LINE_AA)


def _medical_mask(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    colour = ((150, 190, 215), (230, 230, 235), (40, 40, 45))[int(rng.integers(3))]
    return _hull(picture, mesh[[6, 93, 323, 58, 288, 172, 397, 150, 379, 152, 117, 346]], colour)


def _sunglasses(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    del rng
    span = np.linalg.norm(mesh[33] - mesh[263])
    for corner in ((33, 133), (263, 362)):
        middle = mesh[list(corner)].mean(0)
        axes = (round(0.24 * span), round(0.19 * span))
        picture = cv2.ellipse(picture, middle.round().astype(int).tolist(), axes, 0, 0, 360, (18, 18, 22), -1)
    ends = [mesh[i].round().astype(int).tolist() for i in (127, 356)]
    return cv2.line(picture, *ends, (18, 18, 22), max(1, round(0.04 * span)))


def _half_hidden(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A board before one half of the face."""
    side = rng.random() < 0.5
    x = round(float(mesh[4, 0]))
    (picture[:, :x] if side else picture[:, x:])[:] = rng.integers(40, 220, 3)
    return picture


def _hand(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blobs of skin over the cheek and the corner of the mouth."""
    span = float(np.linalg.norm(mesh[33] - mesh[263]))
    skin = np.median(picture[tuple(mesh[[50, 280, 101]].round().astype(int).T[::-1])], axis=0) * 0.9
    start = mesh[50 if rng.random() < 0.5 else 280]
    for k in range(4):
        across = 0.16 * span * (k - 1.5)
        ends = [(start + np.array([across, down])).round().astype(int).tolist() for down in (0.0, 0.9 * span)]
        picture = cv2.line(picture, *ends, skin.tolist(), round(0.17 * span), cv2.LINE_AA)
    return picture


def _night(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    del mesh
    dark = 255 * (picture / 255.0) ** 1.4 * 0.10
    return np.clip(dark + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)


def _jpeg(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    del mesh, rng
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], cv2.IMREAD_COLOR)


def _blur(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    del rng
    return cv2.GaussianBlur(picture, (0, 0), 0.035 * float(np.ptp(mesh[:468], axis=0).max()))


def _grey(picture: np.ndarray, mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    del mesh, rng
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


CHANGES: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "medical mask": _medical_mask,
    "sunglasses": _sunglasses,
    "half hidden": _half_hidden,
    "hand before the mouth": _hand,
    "grey": _grey,
    "night": _night,
    "blurred": _blur,
    "JPEG 8": _jpeg,
}
"""Name -> change of a photograph of 512 pixels with known mesh points."""
