"""The face latent: appearance, identity, pose and dynamics of a face, each exchangeable between people on its own.

The four parts are those of VASA-1 (Xu et al. 2024, arXiv 2404.10667, section 3.1). Here they are explicit: the head is
parametric, so a change of one part leaves the others exactly as they were.
"""

import io
import zipfile
import zlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from faces.actions import FACIAL_ACTIONS
from faces.crop import UNIT_512, Box, crop_around, face_box, margin_of, with_margin
from faces.fit import FaceParameters, project
from faces.head import PIVOT, Head, load_head, rotation_angles, rotation_matrix
from faces.solve import CAMERA_DISTANCE
from faces.texture import EYE_TEXTURE, borrow_hidden, unwrap_eyes, white_point
from faces.tracker import Track
from generate.dynamics import Dynamics, action_index
from media.errors import UnreadableError

VERSION = 1  # of the file that a latent can be kept in
TIGHT = 1.05  # times the usual scale from which a head is kept in its frame
HAIR = 0.4  # units of the head above the skull that are kept in it
LEAST_ROOM = 0.12  # units of the head by which it may move all the same
FREE = 0.6  # share of the room in which it moves as it is told
Piece = TypeVar("Piece")


@dataclass(frozen=True)
class Identity:
    """Shape of the head."""

    code: np.ndarray  # (K,) float32
    detail: np.ndarray  # (V, 3) float32, what the code leaves unexplained

    def neutral(self, head: Head) -> np.ndarray:
        """Vertices (V, 3) of the resting head; not to be written into."""
        return self._shipped if head is load_head() else self._of(head)

    @cached_property
    def _shipped(self) -> np.ndarray:
        return self._of(load_head())

    def _of(self, head: Head) -> np.ndarray:
        vertices: np.ndarray = head.neutral(self.code) + self.detail
        return vertices


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
    around: np.ndarray | None = None  # uint8 RGB (S + 2 M, S + 2 M, 3): what lies around the picture, where it is known

    def with_margin(self) -> np.ndarray:
        """The picture and what lies around it, of its own reflection where that is not known: uint8 RGB
        (S + 2 M, S + 2 M, 3), M = `faces.crop.margin_of(S)`."""
        return with_margin(self.picture, self.around)

    @cached_property
    def room(self) -> np.ndarray | None:
        """How far a head that fills its frame may move: (2, 2) pixels, to the left and up, to the right and down. None
        in a frame of the usual scale, where heads move as they are told."""
        size = self.picture.shape[0]
        if self.unit <= TIGHT * UNIT_512 * size / 512:
            return None
        points = self.points[load_head().neck > 0.999]
        first, last = points.min(0) - (0, HAIR * self.unit), points.max(0)
        room: np.ndarray = np.maximum([first, size - last], LEAST_ROOM * self.unit)
        return room


@dataclass(frozen=True)
class FaceLatent:
    """A face, taken apart."""

    appearance: Appearance
    identity: Identity
    pose: Pose
    actions: np.ndarray  # (52,) float32 facial actions in [0, 1]: the dynamics, read out

    @classmethod
    def encode(cls, picture: np.ndarray, track: Track, *, size: int = 512, box: Box | None = None) -> "FaceLatent":
        """Cut a square, `faces.crop.face_box` by default, out of a uint8 RGB picture (H, W, 3), resize it to `size`
        pixels a side and take the face in it apart."""
        box = face_box(picture.shape, track.parameters) if box is None else box
        factor = size / box.side
        crop, around = crop_around(picture, box, size)
        latent = cls.from_parameters(crop, track.parameters.scaled(factor, (-box.left * factor, -box.top * factor)))
        return replace(latent, appearance=replace(latent.appearance, around=around))

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

    def to_bytes(self) -> bytes:
        """This face as the contents of one file (NumPy's .npz), for `from_bytes`. It holds the portrait's pixels."""
        parts: dict[str, Any] = {
            "version": np.int32(VERSION),
            **_fields("appearance", self.appearance),
            **_fields("rest", self.appearance.rest),
            **_fields("identity", self.identity),
            **_fields("pose", self.pose),
            "actions": self.actions,
        }
        out = io.BytesIO()
        np.savez_compressed(out, **parts)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "FaceLatent":
        """The face that `to_bytes` wrote.

        Raises:
            UnreadableError: it is not a face latent, or of another version, or damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                parts = {name: file[name] for name in file.files}
            if int(parts["version"]) != VERSION:
                raise UnreadableError(f"a face latent of version {int(parts['version'])}; this vasari reads {VERSION}")
            head = load_head()
            rest, pose = (_read(parts, name, Pose, _POSE) for name in ("rest", "pose"))
            identity = _read(parts, "identity", Identity, {"code": (head.identity_size,), "detail": head.mean.shape})
            side = parts["appearance.picture"].shape[0]
            shapes = {"picture": (side, side, 3), "points": (len(head.mean), 2), "unit": (), "tint": (3,)}
            shapes["eyes"] = (2, EYE_TEXTURE, EYE_TEXTURE, 3)
            if "appearance.around" in parts:
                shapes["around"] = (side + 2 * margin_of(side), side + 2 * margin_of(side), 3)
            appearance = _read(parts, "appearance", Appearance, shapes, rest=rest)
            actions = _checked(parts, "actions", (len(FACIAL_ACTIONS),))
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error, IndexError) as error:
            raise UnreadableError(f"not a face latent, or damaged ({error})") from error
        return cls(appearance, identity, pose, actions)

    def moved(self, rotation: np.ndarray, translation: np.ndarray, look: np.ndarray) -> "FaceLatent":
        """The same face after a movement, arguments as of `Pose.moved`. A head that fills its frame (`Appearance.room`)
        stays in it, as if the camera followed."""
        pose, room = self.pose.moved(rotation, translation, look), self.appearance.room
        if room is not None:
            shift = pose.centre - self.pose.centre
            pose = replace(pose, centre=self.pose.centre + _kept(shift, np.where(shift < 0, room[0], room[1])))
        return self.with_pose(pose)

    def with_pose(self, pose: Pose) -> "FaceLatent":
        """The same face in another pose."""
        return replace(self, pose=pose)

    @property
    def dynamics(self) -> np.ndarray:
        """Everything that moves besides pose, as one code (32,): see `generate.dynamics`."""
        return Dynamics.load().encode(self.actions)

    def with_dynamics(self, code: np.ndarray) -> "FaceLatent":
        """The same face with the dynamics of a code (32,)."""
        return self.with_actions(Dynamics.load().decode(code))

    def with_actions(self, actions: np.ndarray) -> "FaceLatent":
        """The same face with facial actions (52,), clipped to [0, 1]."""
        return replace(self, actions=np.clip(actions, 0, 1).astype(np.float32))

    def with_appearance(self, other: "FaceLatent") -> "FaceLatent":
        """Another's appearance, on this face's head and in its motion."""
        return replace(self, appearance=other.appearance)

    def with_identity(self, identity: Identity) -> "FaceLatent":
        """The same appearance and motion on a head of another shape."""
        return replace(self, identity=identity)

    def edit(self, **actions: float) -> "FaceLatent":
        """Set single facial actions, for example `edit(jawOpen=0.3)`.

        Raises:
            UsageError: a name is not a facial action.
        """
        changed = self.actions.copy()
        for name, value in actions.items():
            changed[action_index(name)] = value
        return self.with_actions(changed)


def _kept(shift: np.ndarray, room: np.ndarray) -> np.ndarray:
    """A shift (2,), as it is where there is plenty of `room` (2,) and never more than that."""
    free = FREE * room
    beyond = np.maximum(np.abs(shift) - free, 0)
    kept = np.minimum(np.abs(shift), free) + (room - free) * np.tanh(beyond / (room - free))
    signed: np.ndarray = (np.sign(shift) * kept).astype(np.float32)
    return signed


_POSE = {"rotation": (3,), "centre": (2,), "scale": (), "gaze": (2, 2)}


def _fields(name: str, part: "Appearance | Identity | Pose") -> dict[str, np.ndarray]:
    """The arrays and numbers of a part of a latent, by "part.field"."""
    values = {f.name: getattr(part, f.name) for f in fields(part)}
    return {f"{name}.{key}": np.asarray(v) for key, v in values.items() if isinstance(v, np.ndarray | float)}


def _checked(parts: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    value = parts[name]
    if value.shape != shape or (value.dtype.kind == "f" and not np.isfinite(value).all()):
        raise ValueError(f"{name} has shape {value.shape} or is not finite; {shape} was expected")
    return value


def _read(
    parts: dict[str, np.ndarray], name: str, kind: type[Piece], shapes: dict[str, tuple[int, ...]], **more: object
) -> Piece:
    read = {key: _checked(parts, f"{name}.{key}", shape) for key, shape in shapes.items()}
    return kind(**{k: v if v.shape else float(v) for k, v in read.items()}, **more)


def posed_vertices(head: Head, identity: Identity, actions: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) with facial actions and turned eyes, before the head's own turn."""
    vertices = head.pose_face(identity.neutral(head), actions)
    return head.turn_eyes(vertices, head.eye_centres(identity.code), gaze)
