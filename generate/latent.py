"""The face latent: appearance, identity, pose and dynamics of a face, each exchangeable between people on its own.

The four parts are those of VASA-1 (Xu et al. 2024, arXiv 2404.10667, section 3.1). Here they are explicit: the head is
parametric, so a change of one part leaves the others exactly as they were.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial import cKDTree

from faces.actions import ACTION_INDEX
from faces.fit import CAMERA_DISTANCE, FaceParameters, project
from faces.head import PIVOT, Head, Part, load_head, rotation_angles, rotation_matrix
from faces.raster import Raster, vertex_normals
from faces.tracker import Track
from media.errors import UsageError

UNIT_512 = 80.0  # pixels between the eyes in a 512 pixel face crop
EYES_AT = 0.43  # height of the eyes in a face crop, as a share of its side
EYE_TEXTURE = 96  # pixels a side of an eyeball's texture
GRAZING = 0.2  # cosine between a skin's normal and the view below which its pixels are not to be trusted
IRIS = 0.27  # radius of the iris in that texture, as a share of half its side


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
        pivot = before @ PIVOT  # the neck stays where it is while the head turns about it
        shift = pivot - turn @ pivot
        scale = self.scale * CAMERA_DISTANCE / max(0.3 * CAMERA_DISTANCE, CAMERA_DISTANCE - float(translation[2]))
        return Pose(
            rotation=np.array(rotation_angles(after), np.float32),
            centre=(self.centre + self.scale * (shift[:2] + translation[:2])).astype(np.float32),
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
        points = borrow_hidden(head, vertices, pose, points)
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


def face_crop(picture: np.ndarray, parameters: FaceParameters, size: int) -> tuple[np.ndarray, FaceParameters]:
    """The square around a head, resized to `size`, and the head's parameters in it. Beyond the picture's edge the
    edge is repeated."""
    side = parameters.scale * 512 / UNIT_512
    left, top = parameters.centre[0] - side / 2, parameters.centre[1] - side * EYES_AT
    height, width = picture.shape[:2]
    left = float(np.clip(left, 0, width - side)) if width >= side else float((width - side) / 2)
    top = float(np.clip(top, 0, height - side)) if height >= side else float((height - side) / 2)
    factor = size / side
    matrix = np.array([[factor, 0, -left * factor], [0, factor, -top * factor]])
    source = picture
    if factor < 0.7:  # average before shrinking, so that hair and pores do not alias
        source = cv2.GaussianBlur(picture, (0, 0), 0.45 / factor)
    crop = cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return crop, parameters.scaled(factor, (-left * factor, -top * factor))


def posed_vertices(head: Head, identity: Identity, actions: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) with facial actions and turned eyes, before the head's own turn."""
    vertices = head.pose_face(identity.neutral(head), actions)
    return head.turn_eyes(vertices, head.eye_centres(identity.code), gaze)


def borrow_hidden(head: Head, vertices: np.ndarray, pose: Pose, points: np.ndarray) -> np.ndarray:
    """Skin that faces away in the source shows no pixels of its own: let it borrow the place of the nearest skin that
    is seen, so that a turned head shows skin there and not what was behind it. Points (V, 2) -> (V, 2)."""
    turned = (vertices @ rotation_matrix(*pose.rotation).T).astype(np.float32)
    facing = -vertex_normals(turned, head.triangles, head.weld)[:, 2]
    skin = head.part_vertices(Part.SKIN)
    seen, hidden = skin[facing[skin] >= GRAZING], skin[facing[skin] < GRAZING]
    borrowed = points.copy()
    borrowed[hidden] = points[seen[cKDTree(turned[seen]).query(turned[hidden])[1]]]
    return borrowed


def unwrap_eyes(picture: np.ndarray, head: Head, points: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Textures (2, 96, 96, 3) in [0, 1] of the eyeballs: seen parts from the picture, the rest filled in.

    Iris and pupil are round, so a hidden part takes the median colour of its ring; the white takes the white's.
    """
    raster = Raster(*picture.shape[:2]).draw(points, depth, head.triangles, cull=True)
    part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0)
    float_picture = picture.astype(np.float32) / 255
    axis = (np.arange(EYE_TEXTURE) + 0.5) / EYE_TEXTURE
    u, v = np.meshgrid(axis, axis)
    radius = np.hypot(u - 0.5, v - 0.5) * 2
    textures = []
    for eye in (Part.EYE_RIGHT, Part.EYE_LEFT):
        chosen = head.triangles[head.parts == eye]
        flat = Raster(EYE_TEXTURE, EYE_TEXTURE)
        uv = head.uv * EYE_TEXTURE
        flat.draw(uv, np.zeros(len(uv), np.float32), chosen)
        at = flat.interpolate(points, chosen)
        colour = cv2.remap(float_picture, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR)
        seen_map = cv2.erode((part == eye).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
        seen = cv2.remap(seen_map, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR) * (flat.triangle >= 0)
        textures.append(_fill_eye(colour, seen > 0.9, radius))
    return np.stack(textures)


def _fill_eye(colour: np.ndarray, seen: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Fill what the lids hide, ring by ring, and blend over a soft border."""
    rings = np.clip((radius * 48).astype(int), 0, 67)
    fallback = np.array([0.75, 0.72, 0.70], np.float32)
    white = seen & (radius > IRIS)
    if white.sum() > 12:
        bright = colour[white]
        fallback = np.median(bright[bright.sum(1) >= np.quantile(bright.sum(1), 0.4)], axis=0)
    profile = np.full((68, 3), np.nan, np.float32)
    last = round(IRIS * 48)
    for ring in range(last):
        here = seen & (rings == ring)
        if here.sum() >= 3:
            profile[ring] = np.median(colour[here], axis=0)
    known = np.flatnonzero(~np.isnan(profile[:, 0]))
    if len(known) == 0:
        profile[:] = fallback
    else:
        for channel in range(3):
            profile[:, channel] = np.interp(
                np.arange(68), [*known, last + 2], [*profile[known, channel], fallback[channel]]
            )
    filled = profile[rings]
    soft = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 1.5) * seen
    weight = np.clip(2 * soft - 0.6, 0, 1)[..., None]
    return (weight * colour + (1 - weight) * filled).astype(np.float32)


def white_point(eyes: np.ndarray) -> np.ndarray:
    """Colour (3,) that something white near the eyes has in this light: the bright end of the whites of the eyes."""
    axis = (np.arange(EYE_TEXTURE) + 0.5) / EYE_TEXTURE
    radius = np.hypot(*np.meshgrid(axis - 0.5, axis - 0.5)) * 2
    whites = eyes[:, (radius > IRIS) & (radius < 0.55)].reshape(-1, 3)
    return np.clip(np.quantile(whites, 0.7, axis=0) * 1.05, 0.15, 1.0).astype(np.float32)
