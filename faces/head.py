"""The compact head: identity and facial actions in, vertices out.

Space of the head: x to the right of the picture (the person's left), y down, z away from the camera; the midpoint
between the eyes is 0 and the distance between them is 1. Right-handed.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from faces.actions import ACTION_INDEX
from media.errors import WeightsError

HEAD_FILE = Path(__file__).parent / "data" / "head.safetensors"
MILLIMETRES = 62.0  # length of one unit of the head on a mean adult (mean distance between the pupils)
PIVOT = np.array([0.0, 1.15, 1.25], np.float32)  # where the head turns on the neck, in units of the head


class Part(IntEnum):
    """What a triangle belongs to."""

    SKIN = 1
    CAVITY = 2  # inside of the mouth
    TONGUE = 3
    SOCKET = 4  # behind the eyeballs
    EYE_RIGHT = 5  # the person's right
    EYE_LEFT = 6
    TEETH_UPPER = 7
    TEETH_LOWER = 8


@dataclass(frozen=True)
class Head:
    """Bases of the head. V vertices, T triangles, K identity components, 52 actions."""

    mean: np.ndarray  # (V, 3) float32
    identity: np.ndarray  # (K, V, 3) float32, for components of unit variance
    actions: np.ndarray  # (52, V, 3) float32, displacement at full strength
    eye_mean: np.ndarray  # (2, 3) centres of the eyeballs, the person's right first
    eye_identity: np.ndarray  # (K, 2, 3)
    neck: np.ndarray  # (V,) 1 where a vertex follows the head, 0 at the lower neck
    triangles: np.ndarray  # (T, 3) int32
    uv: np.ndarray  # (V, 2) in [0, 1], v down; each part has a texture of its own
    parts: np.ndarray  # (T,) uint8, values of `Part`
    weld: np.ndarray  # (V,) int32: equal where vertices coincide (texture seams)
    base: np.ndarray  # (V,) int32: index of the vertex in MakeHuman's base mesh, -1 where it is not from there

    @property
    def identity_size(self) -> int:
        return len(self.identity)

    def part_vertices(self, *parts: Part) -> np.ndarray:
        """Sorted indices of the vertices of the given parts."""
        return np.unique(self.triangles[np.isin(self.parts, parts)])

    def neutral(self, identity: np.ndarray) -> np.ndarray:
        """Vertices (V, 3) of a head with `identity` (K,) and a resting face."""
        return self.mean + np.tensordot(identity.astype(np.float32), self.identity, 1)

    def eye_centres(self, identity: np.ndarray) -> np.ndarray:
        """Centres (2, 3) of the eyeballs, the person's right first."""
        return self.eye_mean + np.tensordot(identity.astype(np.float32), self.eye_identity, 1)

    def pose_face(self, neutral: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Vertices (V, 3) of a face with facial `actions` (52,) in [0, 1]; eyeballs stay as they are."""
        moves = actions.astype(np.float32) @ self.actions.reshape(len(self.actions), -1)
        posed: np.ndarray = neutral + moves.reshape(neutral.shape)
        return posed

    def turn_eyes(self, vertices: np.ndarray, centres: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Rotate the eyeballs in place by `gaze` (2, 2): yaw and pitch in radians of the right and the left eye,
        relative to the head; yaw to the picture's right, pitch down. Returns `vertices`."""
        for eye, part in enumerate((Part.EYE_RIGHT, Part.EYE_LEFT)):
            index = self.part_vertices_cached(part)
            vertices[index] = (vertices[index] - centres[eye]) @ rotation_matrix(*gaze[eye]).T + centres[eye]
        return vertices

    def part_vertices_cached(self, part: Part) -> np.ndarray:
        return _part_vertices(part)


@cache
def _part_vertices(part: Part) -> np.ndarray:
    return load_head().part_vertices(part)


@cache
def load_head(path: Path = HEAD_FILE) -> Head:
    """Read the compact head; the result is shared, so do not write into its arrays."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: the head cannot be read ({error}); reinstall vasari") from error
    return Head(**{k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in tensors.items()})


def rotation_matrix(yaw: float, pitch: float, roll: float = 0.0) -> np.ndarray:
    """Rotation (3, 3) in head space, radians: yaw turns the face to the picture's right, pitch turns it down, roll
    tilts it clockwise in the picture. R = R_roll @ R_yaw @ R_pitch."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    # The face looks along -z: a positive yaw takes -z towards +x, a positive pitch takes -z towards +y.
    turn = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    rotation: np.ndarray = (tilt @ turn @ nod).astype(np.float32)
    return rotation


def rotation_angles(rotation: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll (radians) of `rotation_matrix`."""
    yaw = float(np.arcsin(np.clip(rotation[2, 0], -1, 1)))
    pitch = float(np.arctan2(rotation[2, 1], rotation[2, 2]))
    roll = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    return yaw, pitch, roll


def lid_actions(gaze: np.ndarray) -> np.ndarray:
    """Facial actions (52,) by which the lids follow the eyes. `gaze` (2, 2): yaw, pitch of right and left eye."""
    actions = np.zeros(len(ACTION_INDEX), np.float32)
    full = np.radians(30.0)  # deflection at which the lids have followed all the way
    for (yaw, pitch), side, outward in zip(gaze, ("Right", "Left"), (-1.0, 1.0), strict=True):
        actions[ACTION_INDEX[f"eyeLookDown{side}"]] = np.clip(pitch / full, 0, 1)
        actions[ACTION_INDEX[f"eyeLookUp{side}"]] = np.clip(-pitch / full, 0, 1)
        actions[ACTION_INDEX[f"eyeLookOut{side}"]] = np.clip(outward * yaw / full, 0, 1)
        actions[ACTION_INDEX[f"eyeLookIn{side}"]] = np.clip(-outward * yaw / full, 0, 1)
    return actions
