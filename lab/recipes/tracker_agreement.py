"""What the landmark recipe learns from pictures of real people without labels: where the network agrees with itself.

    agreed = Agreed.of([OFFICIALS, GRID], folder)     looked at many times by the weights that ship, once
    picture, points, trust = agreed(rng)              one of them, as `tracker.keep` cuts it

Every face is read in many crops: mirrored, turned, moved, nearer and further. The mean of what is read is where points
are taken to be, and what they differ by is how far that is believed; a face on which the crops disagree teaches
nothing (a mean teacher that stands still: Tarvainen and Valpola 2017, arXiv 1703.01780; Berg et al. 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faces.landmarks import OUTER_EYES, LandmarkReader, crop_matrix
from lab.labelled.crops import Shelf
from lab.labelled.manifest import Split
from lab.recipes.detector_pairs import gathered_faces

SCALES = (1.3, 1.4, 1.5, 1.62)  # sides of the crops over the longer side of the box of the points
TURNS = (-0.16, 0.0, 0.16)  # radians
SHIFT = 0.03  # of a crop's side, alternately to each side
ALIKE = 2.0  # % of the distance of the outer eye corners by which crops may differ, median over a face's points
BELIEVED = 0.5  # trust of points on which crops agree exactly; it falls to none where they differ by three times ALIKE


@dataclass(frozen=True)
class Face:
    """One crop and where its points are."""

    picture: np.ndarray  # uint8 RGB (S, S, 3)
    points: np.ndarray  # (478, 2) float32, pixels: the mean over crops
    spread: np.ndarray  # (478,) float32: by what crops differ, % of the distance of the outer eye corners


class Agreed:
    """Faces on which crops agree; called with a generator, it gives one of them with its points and their trust."""

    def __init__(self, faces: Sequence[Face]) -> None:
        self.faces = [face for face in faces if float(np.median(face.spread)) < ALIKE]
        self.refused = len(faces) - len(self.faces)

    @classmethod
    def of(
        cls, folders: Sequence[Path], kept: Path, split: Split = "train", *, reader: LandmarkReader | None = None,
        workers: int = 0,
    ) -> "Agreed":  # fmt: skip
        """Of everybody on one side in `folders`; crops are kept in `kept`.

        Raises:
            UsageError: they show nobody.
        """
        reader = reader or LandmarkReader(threads=1)
        people = gathered_faces(folders, kept, split, workers=workers)
        return cls([face for folder in people.folders for shelf in folder for face in _faces(shelf, reader)])

    def __len__(self) -> int:
        return len(self.faces)

    def __call__(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """uint8 RGB (S, S, 3), points (478, 2) in its pixels, trust (478,) in [0, `BELIEVED`]."""
        face = self.faces[int(rng.integers(len(self.faces)))]
        trust = BELIEVED * np.clip(1 - face.spread / (3 * ALIKE), 0, 1)
        return face.picture, face.points, trust.astype(np.float32)


def _faces(shelf: Shelf, reader: LandmarkReader) -> list[Face]:
    crops = shelf.crops()
    return [read_often(picture, mesh, reader) for picture, mesh in zip(crops.pictures, crops.meshes, strict=True)]


def read_often(picture: np.ndarray, mesh: np.ndarray, reader: LandmarkReader) -> Face:
    """A face whose points are known roughly (478, 2), read in many crops."""
    matrices = []
    for number, (scale, turn) in enumerate((scale, turn) for scale in SCALES for turn in TURNS):
        middle, cosine, sine = reader.side / 2, np.cos(turn), np.sin(turn)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        matrix = crop_matrix(mesh[:468], reader.side, scale)
        matrix = np.column_stack([linear @ matrix[:, :2], linear @ (matrix[:, 2] - middle) + middle])
        matrix[:, 2] += SHIFT * reader.side * np.array([1 - 2 * (number % 2), 1 - 2 * (number // 2 % 2)])
        matrices.append(matrix)
    read = np.stack([reading.points for reading in reader.read_many(picture, matrices)])
    points = read.mean(0)
    unit = float(np.linalg.norm(points[OUTER_EYES[0]] - points[OUTER_EYES[1]]))
    spread = 100 * np.linalg.norm(read - points, axis=-1).mean(0) / max(unit, 1.0)
    return Face(picture, points.astype(np.float32), spread.astype(np.float32))
