"""Contact sheets and plots of a benchmark, saved as everything is: under consent, marked and signed."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from provenance import Claim, Keys, grant_consent, is_nobody, save_picture


def save_sheet(folder: Path, name: str, sheet: np.ndarray, *, london: Path | None, portrait: Path) -> Path:
    """Save a uint8 RGB sheet as `folder`/`name`.jpg.

    Volunteers are shown under the consent that they gave to the London set, whose folder is `london`; without it, the
    sheet shows whom `portrait` shows.
    """
    keys = Keys.open(folder / "keys")
    path = folder / f"{name}.jpg"
    save_picture(path, sheet, claim=_claim(folder, name, keys, london, portrait), keys=keys)
    return path


def _claim(folder: Path, name: str, keys: Keys, london: Path | None, portrait: Path) -> Claim:
    title = f"contact sheet {name}"
    if london is None:
        return Claim(command="bench", portrait=portrait, nobody=is_nobody(portrait, keys), title=title)
    listed = london / "people.csv"  # the list of all who are shown stands for their pictures
    consent = grant_consent(
        folder / "consent.json",
        portrait=listed,
        subject="volunteers of the Face Research Lab London Set",
        purpose="studies in their original or altered forms",
        until=dt.date.today() + dt.timedelta(days=1),
        granted_by="signed consent of each, doi 10.6084/m9.figshare.5047666",
        keys=keys,
    )
    return Claim(command="bench", portrait=listed, consent=consent, title=title)


def save_nobody(folder: Path, name: str, sheet: np.ndarray) -> Path:
    """Save a uint8 RGB sheet of people who were rendered, or of nobody, as `folder`/`name`.jpg."""
    keys = Keys.open(folder / "keys")
    path = folder / f"{name}.jpg"
    claim = Claim(command="bench", portrait=None, nobody=True, title=f"contact sheet {name}")
    save_picture(path, sheet, claim=claim, keys=keys)
    return path


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


def bars(title: str, values: dict[str, tuple[float, int]], unit: str, size: tuple[int, int] = (720, 360)) -> np.ndarray:
    """A bar chart, uint8 RGB: name -> (value, how many it was measured on)."""
    width, height = size
    image = Image.new("RGB", size, (250, 250, 248))
    draw = ImageDraw.Draw(image)
    draw.text((20, 12), title, fill=(20, 20, 20), font_size=17)
    top = max([v for v, _ in values.values()] + [1e-9])
    step = (width - 60) / max(len(values), 1)
    for k, (name, (value, count)) in enumerate(values.items()):
        x, tall = 40 + k * step, (height - 130) * value / top
        draw.rectangle((x, height - 60 - tall, x + 0.7 * step, height - 60), fill=(72, 110, 160))
        draw.text((x, height - 80 - tall), f"{value:.3g} {unit}", fill=(20, 20, 20), font_size=13)
        draw.text((x, height - 54), name, fill=(20, 20, 20), font_size=13)
        draw.text((x, height - 34), f"n = {count}", fill=(110, 110, 110), font_size=12)
    return np.asarray(image)
