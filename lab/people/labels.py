"""A photograph with everything that is known of it."""

import zipfile
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

from faces.fit import FaceParameters
from media.atomic import replacing

FINE = 16  # steps of a pixel in stored depth


class Region(IntEnum):
    """What a pixel shows."""

    BACKGROUND = 0
    SKIN = 1
    LIPS = 2
    EYE_RIGHT = 3  # the person's right
    EYE_LEFT = 4
    BROW = 5
    MOUTH = 6  # the inside of the mouth that is neither teeth nor tongue
    TEETH = 7
    TONGUE = 8
    HAIR = 9
    BEARD = 10
    GLASSES = 11
    HAT = 12
    CLOTHES = 13
    OCCLUDER = 14


@dataclass
class Canvas:
    """Buffers of a picture of S pixels a side; drawn into."""

    colour: np.ndarray  # (S, S, 3) float32, linear
    depth: np.ndarray  # (S, S) float32 units of the head, inf on the background
    normals: np.ndarray  # (S, S, 3) float32
    regions: np.ndarray  # (S, S) uint8, values of `Region`


@dataclass(frozen=True)
class Photograph:
    """A square picture of S pixels a side and its labels, all in that picture's pixels."""

    picture: np.ndarray  # (S, S, 3) uint8 RGB
    mesh: np.ndarray  # (478, 3) float32: x, y and depth (away from the camera, 0 at the eyes' midpoint), pixels
    visible: np.ndarray  # (478,) bool: in the picture and not behind the head or anything else
    parameters: FaceParameters  # rotation is relative to the camera, gaze to the head
    distance: float  # from the camera to the eyes' midpoint, units of the head
    depth: np.ndarray  # (S, S) float32 pixels, as the mesh's; inf on the background
    normals: np.ndarray  # (S, S, 3) float32: unit, x right, y down, z away from the camera; 0 on the background
    segmentation: np.ndarray  # (S, S) uint8, values of `Region`
    light: np.ndarray  # (9, 3) float32: harmonics of the light, see `Light.harmonics`

    def labels(self) -> dict[str, np.ndarray]:
        """All labels as arrays, angles in degrees."""
        head = head_labels(self.parameters, self.distance, self.mesh, self.visible, self.depth, self.normals)
        return head | {"segmentation": self.segmentation, "light": self.light}


def head_labels(
    found: FaceParameters,
    distance: float,
    mesh: np.ndarray,
    visible: np.ndarray,
    depth: np.ndarray,
    normals: np.ndarray,
) -> dict[str, np.ndarray]:
    """What is known of a head in a picture as arrays, angles in degrees; depth and normals as float16, rounded so that
    they pack well. Shapes and units as in `Photograph`."""
    return {
        "identity": found.identity,
        "actions": found.actions,
        "rotation": np.degrees(found.rotation),
        "gaze": np.degrees(found.gaze),
        "centre": found.centre,
        "scale": np.float64(found.scale),
        "distance": np.float64(distance),
        "mesh": mesh,
        "visible": visible,
        "depth": (np.round(depth * FINE) / FINE).astype(np.float16),
        "normals": (np.round(normals * 127) / 127).astype(np.float16),
    }


def write_labels(path: Path, labels: dict[str, np.ndarray]) -> None:
    """Write an .npz file, packed lightly: numpy's own packing takes as long as rendering."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, value in labels.items():
            with file.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.asarray(value))
