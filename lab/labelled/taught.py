"""Pictures of real people with the meshes that a public face mesh gave them (`public_mesh.py`): a folder of pictures
and its mesh478.npz.

    faces = taught_faces([OFFICIALS, FRAMES], "train")
    picture, points, trust = faces[0].cut(side)

Every picture was read in several views. Their median is where points are taken to be, and what views differ by says how
far that is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faces.landmarks import MIRROR, OUTER_EYES, POINTS
from lab.labelled.manifest import Split, person_of
from lab.recipes.detector_pairs import side_of
from media import read_picture
from media.errors import UnreadableError, UsageError

LEAST = 3  # views that have to show the face
ALIKE = 2.5  # % of the distance of the outer eye corners by which views may differ, median over a face's points
ROOM = 2.6  # side of what is cut of a picture over the longer side of the box of the points


@dataclass(frozen=True)
class Face:
    """A picture of somebody, and where the points of their face are."""

    path: Path
    points: np.ndarray  # (478, 2) float32, pixels of the picture: the median over views
    trust: np.ndarray  # (478,) float32 in [0, 1]: 1 where all views agree

    @property
    def person(self) -> str:
        """Whose face it is; frames of a clip are named CLIP.NUMBER.png."""
        return person_of(Path(self.path.name.partition(".")[0]))

    def cut(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """The square around head and shoulders, uint8 RGB (side, side, 3), and the points (478, 2) in its pixels."""
        low, high = self.points.min(0), self.points.max(0)
        zoom = side / (ROOM * float((high - low).max()))
        matrix = np.array([[zoom, 0, 0], [0, zoom, 0]])
        matrix[:, 2] = side / 2 - zoom * (low + high) / 2
        how = {"flags": cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA, "borderMode": cv2.BORDER_REPLICATE}
        picture = cv2.warpAffine(read_picture(self.path), matrix, (side, side), **how)
        return picture, (self.points * zoom + matrix[:, 2]).astype(np.float32)


def taught_faces(folders: Sequence[Path], split: Split) -> list[Face]:
    """Everybody on one side in `folders`, told by the files' names, as everywhere (`detector_pairs.side_of`).

    Raises:
        UnreadableError: a folder has no meshes.
        UsageError: nobody is on that side.
    """
    faces = [face for folder in folders for face in _faces_of(folder) if side_of(face.person) == split]
    if not faces:
        raise UsageError(f"{', '.join(map(str, folders))}: shows nobody to learn from; give more folders with --taught")
    return faces


def _faces_of(folder: Path) -> list[Face]:
    try:
        with np.load(folder / "mesh478.npz") as file:
            views = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{folder}: no mesh478.npz ({error}); lab/labelled/public_mesh.py makes one") from error
    found = (_face(folder / name, read) for name, read in sorted(views.items()) if (folder / name).is_file())
    return [face for face in found if face is not None]


def _face(path: Path, views: np.ndarray) -> Face | None:
    """Of what each view (K, 478, 3) showed; nothing where too few of them show a face, or not the same one."""
    if views.ndim != 3 or views.shape[1:] != (POINTS, 3):
        raise UnreadableError(f"{path.parent / 'mesh478.npz'}: not views of {POINTS} points: {views.shape}")
    half = len(views) // 2
    read = np.concatenate([views[:half, MIRROR], views[half:]])[..., :2]
    read = read[np.isfinite(read).all((1, 2))]
    if len(read) < LEAST:
        return None
    points = np.median(read, 0)
    unit = float(np.linalg.norm(points[OUTER_EYES[0]] - points[OUTER_EYES[1]]))
    spread = 100 * np.linalg.norm(read - points, axis=-1).mean(0) / max(unit, 1.0)
    if float(np.median(spread)) > ALIKE:
        return None
    return Face(path, points.astype(np.float32), np.clip(1 - spread / (3 * ALIKE), 0, 1).astype(np.float32))
