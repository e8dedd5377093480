"""Three portraits of people who do not exist, drawn by an earlier version; tracked once for all tests of faces."""

from functools import cache
from pathlib import Path

import numpy as np

from faces import FaceParameters, Track, Tracker, load_head, mesh
from faces.fit import project
from generate.latent import FaceLatent
from media import read_picture

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PORTRAITS = tuple(sorted((Path(__file__).resolve().parent / "portraits").glob("*.png")))
"""Known by their bytes, as the examples are; coarse enough for marks in clips of a few frames."""


@cache
def tracker() -> Tracker:
    return Tracker()


@cache
def portrait(index: int = 0) -> np.ndarray:
    """uint8 RGB; shared, so do not write into it."""
    picture = read_picture(PORTRAITS[index])
    picture.setflags(write=False)
    return picture


@cache
def tracked(index: int = 0) -> Track:
    return tracker().portrait(portrait(index))[0]


@cache
def latent(size: int = 512, index: int = 0) -> FaceLatent:
    return FaceLatent.encode(portrait(index), tracked(index), size=size)


def mesh_points(parameters: FaceParameters) -> np.ndarray:
    """Landmarks (478, 2) as an ideal reader would give them for a head."""
    head = load_head()
    centres = head.eye_centres(parameters.identity)
    face = head.pose_face(head.neutral(parameters.identity), parameters.actions)
    vertices = head.turn_eyes(face, centres, parameters.gaze)
    return project(mesh.mesh_points(head, vertices, centres, parameters.gaze), parameters)[0]
