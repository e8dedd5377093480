"""The face latent: appearance, identity, pose and dynamics of a face, each exchangeable between people on its own.

The four parts are those of VASA-1 (Xu et al. 2024, arXiv 2404.10667, section 3.1). Here they are explicit: the head is
parametric, so a change of one part leaves the others exactly as they were.
"""

from dataclasses import dataclass, replace

import numpy as np

from faces.actions import ACTION_INDEX
from faces.crop import face_crop
from faces.fit import CAMERA_DISTANCE, FaceParameters, project
from faces.head import PIVOT, Head, load_head, rotation_angles, rotation_matrix
from faces.texture import borrow_hidden, unwrap_eyes, white_point
from faces.tracker import Track
from media.errors import UsageError


@dataclass(frozen=True)
class Identity:
    """Shape of the head."""

    code: np.ndarray  # (K,) float32
    detail: np.ndarray  # (V, 3) float32, what the code leaves unexplained

    def neutral(self, head: Head) -> np.ndarray:
        """Vertices (V, 3) of the resting head."""
        return head.neutral(self.code) + self.detail


@dataclass(frozen=True)
class Pose:
    """Where the head is and where the eyes look."""

    rotation: np.ndarray  # (3,) yaw, pitch, roll, radians
    centre: np.ndarray  # (2,) pixels
    scale: float  # pixels a unit of the head
    gaze: np.ndarray  # (2, 2) yaw, pitch of the right and left eye relative to the head, radians

    def moved(self, rotation: np.ndarray, translation: np.ndarray, look: np.ndarray) -> "Pose":
        """This pose after a movement: rotation (3,) radians about the neck, translation (3,) in units of the head
        (right, down, towards the camera), `look` (2,) yaw and pitch added to both eyes, radians."""
        before, turn = rotation_matrix(*self.rotation), rotation_matrix(*rotation)
        after = turn @ before
        old, new = before @ PIVOT, after @ PIVOT  # the neck stays where it is while the head turns about it
        away = CAMERA_DISTANCE + float(old[2] - new[2]) - float(translation[2])
        scale = self.scale * CAMERA_DISTANCE / max(0.3 * CAMERA_DISTANCE, away)
        neck = self.centre + self.scale * (old[:2] / (1 + old[2] / CAMERA_DISTANCE) + translation[:2])
        return Pose(
            rotation=np.array(rotation_angles(after), np.float32),
            centre=(neck - scale * new[:2] / (1 + new[2] / CAMERA_DISTANCE)).astype(np.float32),
            scale=scale,
            gaze=np.clip(self.gaze + look, -0.7, 0.7).astype(np.float32),
        )


@dataclass(frozen=True)
class Appearance:
    """What the source photograph shows, kept so that it can be seen from elsewhere."""

    picture: np.ndarray  # uint8 RGB (S, S, 3)
    points: np.ndarray  # (V, 2) float32: where each vertex lies in the picture
    unit: float  # pixels a unit of the head
    rest: Pose  # pose in the picture; the shoulders stay with it
    eyes: np.ndarray  # (2, 96, 96, 3) float32 RGB in [0, 1]: unwrapped right and left eyeball
    tint: np.ndarray  # (3,) RGB in [0, 1] of something white between the lips


@dataclass(frozen=True)
class FaceLatent:
    """A face, taken apart."""

    appearance: Appearance
    identity: Identity
    pose: Pose
    dynamics: np.ndarray  # (52,) facial actions in [0, 1]

    @classmethod
    def encode(cls, picture: np.ndarray, track: Track, *, size: int = 512) -> "FaceLatent":
        """Cut a face crop of `size` pixels a side out of a uint8 RGB picture and take the face in it apart."""
        crop, parameters = face_crop(picture, track.parameters, size)
        return cls.from_parameters(crop, parameters)

    @classmethod
    def from_parameters(cls, picture: np.ndarray, parameters: FaceParameters) -> "FaceLatent":
        """Take apart the face in a picture (H, W, 3) uint8 RGB whose head is already fitted."""
        head = load_head()
        identity = Identity(parameters.identity, parameters.detail)
        pose = Pose(parameters.rotation, parameters.centre, parameters.scale, parameters.gaze)
        vertices = posed_vertices(head, identity, parameters.actions, pose.gaze)
        points, depth = project(vertices, pose)
        eyes = unwrap_eyes(picture, head, points, depth)
        points = borrow_hidden(head, vertices, pose.rotation, points)
        appearance = Appearance(picture, points, parameters.scale, pose, eyes, white_point(eyes))
        return cls(appearance, identity, pose, parameters.actions)

    def with_pose(self, pose: Pose) -> "FaceLatent":
        """The same face in another pose."""
        return replace(self, pose=pose)

    def with_dynamics(self, dynamics: np.ndarray) -> "FaceLatent":
        """The same face with another expression."""
        return replace(self, dynamics=np.clip(dynamics, 0, 1).astype(np.float32))

    def with_identity(self, identity: Identity) -> "FaceLatent":
        """The same appearance and motion on a head of another shape."""
        return replace(self, identity=identity)

    def edit(self, **actions: float) -> "FaceLatent":
        """Set single facial actions, for example `edit(jawOpen=0.3)`."""
        dynamics = self.dynamics.copy()
        for name, value in actions.items():
            if name not in ACTION_INDEX:
                raise UsageError(f"'{name}' is not a facial action; see faces.actions.FACIAL_ACTIONS")
            dynamics[ACTION_INDEX[name]] = value
        return self.with_dynamics(dynamics)


def posed_vertices(head: Head, identity: Identity, actions: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) with facial actions and turned eyes, before the head's own turn."""
    vertices = head.pose_face(identity.neutral(head), actions)
    return head.turn_eyes(vertices, head.eye_centres(identity.code), gaze)
