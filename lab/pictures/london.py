"""The Face Research Lab London Set as training and evaluation data, with its people split once and for all.

DeBruine, L. and Jones, B. (2017), doi 10.6084/m9.figshare.5047666, CC-BY 4.0. A folder holds `NNN_neutral.jpg`,
`NNN_smile.jpg`, `neutral_landmarks189.npz` (hand-set template points), `mesh478.npz` (a teacher's dense mesh) and
`people.csv`. Nothing of the set ships with vasari; recipes take the folder as an argument.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faces.templates import TemplateReader, into_pupil_frame, out_of_pupil_frame
from media import read_picture
from media.errors import UnreadableError

INNER_POINTS = 109  # template points 0..108 (pupils, irises, lids, brows, nose, lips) are set by the face, not by taste
RIDGE, REACH = 0.01, 0.05  # of the correction of meshes by hand-set points; the ridge is the best on validation people
KEPT_FROM = (0.60, 0.74)  # share of the height over which `put_before` leaves the backdrop where it is


@dataclass(frozen=True)
class Person:
    """One volunteer: both pictures and what is known of them. Never named, never profiled."""

    id: str
    folder: Path
    row: dict[str, str]  # self-reported age, gender, ethnicity
    suffix: str = ".jpg"  # of the pictures

    def told(self, word: str) -> str:
        """The value of the column whose name holds `word`, which differs between editions of the list; or ""."""
        return next((value for name, value in self.row.items() if word in name), "")

    def path(self, expression: str) -> Path:
        """Of the picture; `expression`: "neutral" or "smile"."""
        return self.folder / f"{self.id}_{expression}{self.suffix}"

    def picture(self, expression: str) -> np.ndarray:
        """`expression`: "neutral" or "smile" -> uint8 RGB (S, S, 3), of the set itself 1024 pixels a side."""
        return read_picture(self.path(expression))


class London:
    """The set in `folder`. People are split by rank of their id: every fifth is a test person, never trained on;
    of the others, every tenth is a validation person."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        try:
            with (self.folder / "people.csv").open() as file:
                rows = {row["id"]: row for row in csv.DictReader(file)}
            self.mesh = dict(np.load(self.folder / "mesh478.npz"))
            self.template = dict(np.load(self.folder / "neutral_landmarks189.npz"))
        except (OSError, KeyError, ValueError) as error:
            raise UnreadableError(
                f"{folder}: not a folder of the London set ({error}); needs people.csv, mesh478.npz, "
                "neutral_landmarks189.npz and the pictures"
            ) from error
        ids = sorted(path.name[:3] for path in self.folder.glob("*_neutral.jpg"))
        people = [Person(i, self.folder, rows[i]) for i in ids]
        self.test = [p for n, p in enumerate(people) if n % 5 == 2]
        self.validation = [p for n, p in enumerate(people) if n % 10 == 5]
        self.training = [p for n, p in enumerate(people) if n % 5 != 2 and n % 10 != 5]
        self.calibrating = self.training[1::5]  # whom detectors leave out of their training and are calibrated on


def corrected_meshes(london: London, people: Sequence[Person]) -> dict[str, np.ndarray]:
    """Meshes (478, 2) of the neutral pictures of `people`, pulled towards their hand-set points; the map between the
    two is fitted on the same people."""
    meshes, templates = [], []
    for person in people:
        template = london.template[person.id][:INNER_POINTS]
        meshes.append(into_pupil_frame(london.mesh[f"{person.id}_neutral"][:, :2], template))
        templates.append(into_pupil_frame(template, template))
    reader = TemplateReader(np.stack(meshes), np.stack(templates), RIDGE)
    corrected = {}
    for person, mesh, template in zip(people, meshes, templates, strict=True):
        moved = reader.correct(mesh, template, REACH)
        corrected[f"{person.id}_neutral"] = out_of_pupil_frame(moved, london.template[person.id])
    return corrected


def background_mask(picture: np.ndarray) -> np.ndarray:
    """Where the studio's plain backdrop is: uint8 (H, W, 3) RGB -> float32 (H, W), 1 on the person, 0 on the backdrop.

    The backdrop is a smooth bright grey; it is fitted from the top corners and grown from the borders.
    """
    small = cv2.GaussianBlur(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA), (0, 0), 1).astype(
        np.float32
    )
    yy, xx = np.mgrid[0:256, 0:256].astype(np.float32) / 255
    basis = np.stack([np.ones_like(xx), xx, yy, xx * xx, yy * yy, xx * yy], -1)
    border = np.zeros((256, 256), bool)
    border[:12] = True
    border[:170, :12] = border[:170, -12:] = True
    known = border
    for _ in range(3):
        coefficients = np.linalg.lstsq(basis[known], small[known], rcond=None)[0]
        distance = np.abs(small - basis @ coefficients).max(-1)
        reach = (distance < 26).astype(np.uint8)
        _, labels = cv2.connectedComponents(reach, connectivity=4)
        touching = np.unique(labels[border & (reach > 0)])
        known = np.isin(labels, touching[touching > 0])
    person = cv2.morphologyEx((~known).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    mask = cv2.resize(person.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip((cv2.GaussianBlur(mask, (0, 0), picture.shape[0] / 400) - 0.25) / 0.5, 0, 1)


def put_before(picture: np.ndarray, behind: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A volunteer before another background: the picture in another light, the backdrop exchanged above the shoulders.

    What shines through hair and at soft edges is taken out as the backdrop's own colour and put in as the new one's,
    so that no fringe of the studio is left, as a camera would not see one. Shirts are as white as the backdrop: below
    the chin the backdrop stays, behind a soft edge.

    Args:
        picture: uint8 RGB (H, W, 3). behind: float RGB (H, W, 3) in [0, 255]. light: gain of each channel (3,).

    Returns: uint8 RGB (H, W, 3).
    """
    mask = background_mask(picture)
    x, grain = picture.astype(np.float32), picture.shape[0] / 400
    person = (mask > 0.5).astype(np.uint8)
    inside = cv2.erode(person, _disc(3.5 * grain)) > 0
    outside = cv2.dilate(person, _disc(2.5 * grain)) == 0
    own, wall = _spread(x, inside, 1.5 * grain), _spread(x, outside, 3 * grain)
    contrast = own - wall
    share = ((x - wall) * contrast).sum(-1) / np.maximum(np.square(contrast).sum(-1), 1)
    trust = np.clip((np.sqrt(np.square(contrast).mean(-1)) - 12) / 25, 0, 1)  # white on white tells nothing
    alpha = np.clip((trust * share + (1 - trust) * mask - 0.06) / 0.86, 0, 1)
    alpha = np.where(inside, 1, np.where(outside, 0, alpha)).astype(np.float32)[..., None]
    down = np.linspace(0, 1, len(x), dtype=np.float32)[:, None, None]
    kept = np.clip((down - KEPT_FROM[0]) / (KEPT_FROM[1] - KEPT_FROM[0]), 0, 1)
    kept = kept * kept * (3 - 2 * kept)
    mixed = np.maximum(x - (1 - alpha) * wall, 0) * light + (1 - alpha) * ((1 - kept) * behind + kept * wall * light)
    return np.clip(np.where(kept >= 1, x * light, mixed), 0, 255).astype(np.uint8)


def _disc(radius: float) -> np.ndarray:
    side = 2 * round(radius) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _spread(picture: np.ndarray, where: np.ndarray, sigma: float, coarse: int = 4) -> np.ndarray:
    """The colours (H, W, 3) of the places `where` (H, W), carried on into all others."""
    height, width = where.shape
    size = (width // coarse, height // coarse)
    weight = cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(picture * where[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total, known = np.zeros_like(colour), np.zeros_like(weight)
    for wider, amount in ((1, 1.0), (3, 1e-2), (12, 1e-5)):  # the nearest that there is
        total += amount * cv2.GaussianBlur(colour, (0, 0), wider * sigma / coarse)
        known += amount * cv2.GaussianBlur(weight, (0, 0), wider * sigma / coarse)
    found = total / np.maximum(known, 1e-12)[..., None]
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
