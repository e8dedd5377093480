"""Contact sheets of a benchmark, saved as everything is: under permits of all who are shown, marked and signed."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from lab.fakes.licences import LICENCE_NAMES, licence_of, licensed
from lab.people import Person, Wardrobe
from lab.pictures.london import London
from media.errors import ConsentError
from provenance import Composite, Keys, Permit, save_picture

log = logging.getLogger(__name__)


def save_sheet(folder: Path, name: str, sheet: np.ndarray, permits: Sequence[Permit]) -> Path | None:
    """Save a uint8 RGB sheet as `folder`/`name`.jpg, under permits of everybody on it.

    Returns: None, and says why, where there is no permit or a face on it is nobody's of them: figures do not wait for
    pictures.
    """
    path = folder / f"{name}.jpg"
    if not permits:
        log.warning("%s: not saved: nothing permits to show who is on it", path)
        return None
    try:
        shown = Permit.together(permits).perform(Composite, sheet, command="bench", title=f"contact sheet {name}")
        return save_picture(path, shown).path
    except ConsentError as error:
        log.warning("%s: not saved: %s", path, error)
        return None


def keys_of(folder: Path) -> Keys:
    """The keys that the sheets of a benchmark's folder are signed with."""
    return Keys.open(folder / "keys")


def portraits(folder: Path, *paths: Path, keys: Keys | None = None) -> list[Permit]:
    """Permits to show people who do not exist, by their portraits; others are left out."""
    found = []
    for path in paths:
        try:
            found.append(Permit.of(path, keys=keys or keys_of(folder)))
        except ConsentError as error:
            log.warning("%s", error)
    return found


def volunteers(folder: Path, london: Path) -> list[Permit]:
    """Permits to show the volunteers of the London Set that benchmarks measure on, under its licence; none where no
    file beside their pictures states it."""
    stated = licence_of(london)
    if stated is None:
        log.warning("%s: no file states the licence of its pictures (%s)", london, ", ".join(LICENCE_NAMES))
        return []
    people = London(london)
    return [licensed(keys_of(folder), p.path("neutral"), stated) for p in (*people.validation, *people.test)]


def rendered(folder: Path, people: Iterable[Person], wardrobe: Wardrobe, size: int = 256) -> list[Permit]:
    """Permits to show people who do not exist, photographed for them."""
    keys = keys_of(folder)
    return [Permit.rendered(person, wardrobe, size, keys=keys, supersample=1.0) for person in people]


def tile(
    picture: np.ndarray, points: np.ndarray | None, label: str, *, side: int = 240, around: np.ndarray | None = None
) -> np.ndarray:
    """A square tile (side, side, 3) of the part of a uint8 RGB picture around `around` (N, 2), or all of it, with
    mesh points (N, 2) drawn in and a label."""
    height, width = picture.shape[:2]
    low, high = (np.zeros(2), np.array([width, height])) if around is None else (around.min(0), around.max(0))
    zoom = side / max(float((high - low).max()) * (1.0 if around is None else 1.5), 1e-6)
    shift = side / 2 - zoom * (low + high) / 2
    flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, None, fx=min(1.0, zoom), fy=min(1.0, zoom), interpolation=cv2.INTER_AREA)
    more = zoom / min(1.0, zoom)
    matrix = np.array([[more, 0, shift[0]], [0, more, shift[1]]])
    out = cv2.warpAffine(small, matrix, (side, side), flags=flags, borderValue=(70, 70, 70))
    if points is not None:
        for x, y in (points * zoom + shift) * 8:
            if abs(x) < 1e5 and abs(y) < 1e5:
                cv2.circle(out, (round(float(x)), round(float(y))), 8, (60, 255, 90), -1, cv2.LINE_AA, 3)
    image = Image.fromarray(out)
    draw = ImageDraw.Draw(image)
    for dx, dy, colour in ((1, 1, (0, 0, 0)), (0, 0, (255, 240, 120))):
        draw.text((5 + dx, 3 + dy), label, fill=colour, font_size=13)
    return np.asarray(image)


def tiled(tiles: Sequence[np.ndarray], columns: int = 6) -> np.ndarray:
    """Tiles of one size, row by row."""
    blank = np.full_like(tiles[0], 30)
    rows = [[*tiles[i : i + columns]] for i in range(0, len(tiles), columns)]
    return np.vstack([np.hstack([*row, *[blank] * (columns - len(row))]) for row in rows])
