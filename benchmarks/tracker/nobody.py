"""Pictures without a face: drawn patterns, textures, noise, cats, writing, and what surrounds faces in photographs."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = (360, 480)  # height, width


def nobody(count: int, seed: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """`count` pictures of each kind: its name and the picture, uint8 RGB; the same for a seed."""
    for number, (name, draw) in enumerate(KINDS.items()):
        for k in range(count):
            picture = draw(np.random.default_rng((seed, number, k)))
            yield name, np.ascontiguousarray(picture, np.uint8)


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (*SIZE, 3))


def _clouds(rng: np.random.Generator) -> np.ndarray:
    """Blots at all sizes, as marble, bark and clouds have them."""
    total = np.zeros((*SIZE, 3), np.float32)
    for cells in (3, 6, 12, 24, 48):
        grid = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        total += cv2.resize(grid, SIZE[::-1], interpolation=cv2.INTER_CUBIC) / cells**0.6
    return np.clip(rng.uniform(70, 180, 3) + 45 * total, 0, 255)


def _tiles(rng: np.random.Generator) -> np.ndarray:
    """Bricks, checks and stripes, seen at an angle."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(8, 60)
    u, v = (x * np.cos(angle) + y * np.sin(angle)) / pitch, (y * np.cos(angle) - x * np.sin(angle)) / pitch
    kind = rng.integers(3)
    mark = (np.floor(u) + np.floor(v)) % 2 if kind == 0 else np.floor(u) % 2
    if kind == 2:
        mark = ((u + 0.5 * (np.floor(v * 2) % 2)) % 1 < 0.06) | ((v * 2) % 1 < 0.12)
    a, b = rng.uniform(0, 255, (2, 3))
    return np.where(mark[..., None] > 0, a, b) + rng.normal(0, 6, (*SIZE, 3))


def _balls(rng: np.random.Generator) -> np.ndarray:
    """Shaded balls, fruit and buttons, many of them in the colours of skin."""
    picture = Image.fromarray(_clouds(rng).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(3, 30))):
        x, y = rng.uniform((0, 0), SIZE[::-1])
        radius, colour = rng.uniform(6, 90), rng.uniform((120, 70, 50), (250, 210, 190))
        for ring in np.linspace(1, 0.05, 12):
            lit = tuple(int(c) for c in np.clip(colour * (0.5 + 0.6 * (1 - ring)), 0, 255))
            r, dx = radius * ring, 0.3 * radius * (1 - ring)
            draw.ellipse((x - r - dx, y - r - dx, x + r - dx, y + r - dx), fill=lit)
    return np.asarray(picture)


def _writing(rng: np.random.Generator) -> np.ndarray:
    picture = Image.new("RGB", SIZE[::-1], tuple(int(c) for c in rng.uniform(180, 255, 3)))
    draw = ImageDraw.Draw(picture)
    for y in range(8, SIZE[0], int(rng.integers(12, 40))):
        letters = "".join(chr(int(c)) for c in rng.integers(97, 123, 60))
        draw.text((8, y), " ".join(letters[i : i + 6] for i in range(0, 60, 6)), fill=(30, 30, 40), font_size=14)
    return np.asarray(picture)


def _windows(rng: np.random.Generator) -> np.ndarray:
    """House fronts: two windows above a door, which is what a coarse eye takes for a face."""
    picture = Image.new("RGB", SIZE[::-1], tuple(int(c) for c in rng.uniform(100, 230, 3)))
    draw = ImageDraw.Draw(picture)
    for x in range(20, SIZE[1], int(rng.integers(110, 200))):
        width, dark = int(rng.integers(20, 34)), tuple(int(c) for c in rng.uniform(0, 70, 3))
        top = int(rng.integers(30, 120))
        for left in (x, x + 2 * width):
            draw.rectangle((left, top, left + width, top + width), fill=dark)
        draw.rectangle((x + width // 2, top + 3 * width, x + 2.5 * width, top + 4 * width), fill=dark)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 2)))))


def cat(rng: np.random.Generator) -> np.ndarray:
    """A drawn cat: fur of a random colour, in strands, before a garden."""
    picture = Image.fromarray(_clouds(rng).astype(np.uint8)).resize((400, 400))
    draw = ImageDraw.Draw(picture)
    fur = rng.uniform((60, 50, 40), (240, 220, 200))
    colour = tuple(int(c) for c in fur)
    for mirror in (lambda x: x, lambda x: 400 - x):
        draw.polygon([(mirror(x), y) for x, y in ((90, 170), (105, 40), (190, 110))], fill=colour)
        draw.polygon([(mirror(x), y) for x, y in ((108, 140), (116, 72), (165, 110))], fill=(215, 150, 150))
    draw.ellipse((75, 90, 325, 335), fill=colour)
    for _ in range(700):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0, 118)
        x, y = 200 + reach * np.cos(angle), 212 + reach * np.sin(angle)
        shade = tuple(int(c) for c in np.clip(fur * rng.uniform(0.75, 1.2), 0, 255))
        draw.line((x, y, x + 14 * np.cos(angle), y + 14 * np.sin(angle)), fill=shade, width=2)
    iris = tuple(int(c) for c in rng.uniform((120, 150, 40), (230, 240, 140)))
    for x in (145, 255):
        draw.ellipse((x - 28, 168, x + 28, 220), fill=iris)
        draw.ellipse((x - 7, 170, x + 7, 218), fill=(8, 8, 8))
        draw.ellipse((x + 3, 176, x + 11, 184), fill=(255, 255, 255))
    draw.ellipse((155, 235, 245, 300), fill=tuple(int(c) for c in np.clip(fur * 1.25, 0, 255)))
    draw.polygon([(184, 238), (216, 238), (200, 258)], fill=(205, 115, 120))
    draw.arc((162, 245, 200, 287), 0, 150, fill=(50, 25, 20), width=4)
    draw.arc((200, 245, 238, 287), 30, 180, fill=(50, 25, 20), width=4)
    for k in (-1, 0, 1):
        draw.line((172, 258 + 6 * k, 55, 246 + 22 * k), fill=(250, 250, 250), width=2)
        draw.line((228, 258 + 6 * k, 345, 246 + 22 * k), fill=(250, 250, 250), width=2)
    size = int(rng.integers(120, 500))
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "noise": _noise,
    "clouds": _clouds,
    "tiles": _tiles,
    "balls": _balls,
    "writing": _writing,
    "windows": _windows,
    "cat": cat,
}


def around(picture: np.ndarray, mesh: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Parts of a photograph (H, W, 3) beside its one face, whose mesh points (478, 2) are known: clothes, hair,
    backdrop; and the face upside down is not among them, for it is one."""
    low, high = mesh[:468, :2].min(0), mesh[:468, :2].max(0)
    size = float((high - low).max())
    parts = {
        "clothes": picture[int(high[1] + 0.12 * size) :],
        "hair": picture[: max(1, int(low[1] - 0.02 * size))],
        "one side": picture[:, : max(1, int(low[0] - 0.05 * size))],
    }
    for name, part in parts.items():
        if min(part.shape[:2]) >= 32:
            yield name, np.ascontiguousarray(part)
