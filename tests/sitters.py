"""The shipped portraits, tracked once for all tests that need a face."""

from functools import cache
from pathlib import Path

import numpy as np

from faces import FaceParameters, Track, Tracker, load_head
from faces.fit import project
from faces.landmarks import PUPILS
from generate.latent import FaceLatent
from media import read_picture

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PORTRAITS = tuple(EXAMPLES / name for name in ("portrait.png", "portrait2.png", "portrait3.png"))


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
    """Landmarks (478, 2) as an ideal reader would give them for a head, irises included (their middles only)."""
    from faces.fit import _bases

    bases, head = _bases(), load_head()
    face = bases.mean + np.tensordot(parameters.identity.astype(float), bases.identity, 1)
    face = face + np.tensordot(parameters.actions.astype(float), bases.actions, 1)
    points = np.zeros((478, 2), np.float32)
    points[:468] = project(face, parameters)[0]
    centres = head.eye_centres(parameters.identity)
    vertices = head.turn_eyes(parameters.neutral(head), centres, parameters.gaze)
    for first, eye, part in zip(PUPILS, (0, 1), (5, 6), strict=True):
        ball = vertices[head.part_vertices(part)]
        pupil = ball[[0]]  # an eyeball's first vertex is its pupil
        points[first] = project(pupil, parameters)[0][0]
        radius = 0.3 * np.linalg.norm(ball - centres[eye], axis=1).mean() * parameters.scale
        points[first + 1 : first + 5] = points[first] + radius * np.array([[1, 0], [0, -1], [-1, 0], [0, 1]])
    return points
