"""Composites on disk: laid out as the London Set, so that what learns from volunteers learns from them as well.

A folder holds `NNNNN_neutral.png`, `NNNNN_smile.png`, `mesh478.npz` (picture name -> float32 (478, 3), pixels, exact),
`neutral_landmarks189.npz` (id -> float32 (189, 2), pixels, exact) and `people.csv` (how each was mixed). All of them
are mixed of training volunteers, so everybody in it is for training.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.pictures.london import Person
from media.atomic import replacing
from media.errors import UnreadableError

COLUMNS = ("id", "parents", "weights", "beyond", "detail", "frame", "nearest")


@dataclass(frozen=True)
class Points:
    """What a folder tells of one person."""

    id: str
    row: dict[str, str]  # how they were mixed
    meshes: dict[str, np.ndarray]  # expression -> (478, 3)
    template: np.ndarray  # (189, 2), of the neutral picture


def write_set(folder: Path, people: Sequence[Points]) -> None:
    """The files that lie beside the pictures."""
    meshes = {f"{person.id}_{expression}": mesh for person in people for expression, mesh in person.meshes.items()}
    for name, arrays in (
        ("mesh478.npz", meshes),
        ("neutral_landmarks189.npz", {person.id: person.template for person in people}),
    ):
        with replacing(folder / name) as path, path.open("wb") as file:
            np.savez(file, **arrays)
    with replacing(folder / "people.csv") as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({"id": person.id, **person.row} for person in people)


class CompositeSet:
    """The set in `folder`.

    Attributes:
        training: everybody. mesh, template: as of `London`.

    Raises:
        UnreadableError: it is none.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        try:
            with (self.folder / "people.csv").open() as file:
                rows = {row["id"]: row for row in csv.DictReader(file) if row["frame"]}
            self.mesh = dict(np.load(self.folder / "mesh478.npz"))
            self.template = dict(np.load(self.folder / "neutral_landmarks189.npz"))
        except (OSError, KeyError, ValueError) as error:
            raise UnreadableError(
                f"{folder}: no folder of composites ({error}); make it with `vasari data composites -o {folder}`"
            ) from error
        self.training = [Person(i, self.folder, row, ".png") for i, row in sorted(rows.items())]
        if not self.training:
            raise UnreadableError(
                f"{folder}: no composite is in it; make some with `vasari data composites -o {folder}`"
            )
