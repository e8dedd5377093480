"""Volunteers, lifted: one photograph and its fitted head become a textured head in front of its background.

It can be photographed again: turned, with another expression, shape, gaze, light and background, with exact labels.
All share their buffers, so one thread shoots at a time.

lifted = Lifted(picture, parameters, landmarks)      # expensive once
shot = lifted.shoot(moved_parameters)                # cheap often
"""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from faces.fit import CAMERA_DISTANCE, FaceParameters, project
from faces.flow import FlowField
from faces.head import Part, load_head, rotation_matrix
from faces.landmarks import POINTS
from faces.mesh import mesh_points
from faces.mouth import colour_interior
from faces.raster import Raster, vertex_normals
from faces.texture import EYE_TEXTURE, borrow_hidden, unwrap_eyes, white_point
from lab.people.behaviour import random_actions
from lab.people.labels import head_labels

INNER = (Part.CAVITY, Part.TONGUE, Part.TEETH_UPPER, Part.TEETH_LOWER)
BEHIND = 0.06  # units of the head by which a mesh point may lie behind the surface and still be called seen


@dataclass(frozen=True)
class Shot:
    """A photograph of a lifted volunteer."""

    picture: np.ndarray  # uint8 RGB (S, S, 3)
    mesh: np.ndarray  # (478, 3) float32: x, y pixels; z pixels, away from the camera, 0 at the depth of the eyes
    visible: np.ndarray  # (478,) bool: not behind the head
    parameters: FaceParameters
    person: np.ndarray  # (S, S) float32, 1 where the person is, 0 on the background; 1 everywhere without a mask
    depth: np.ndarray  # (S, S) float32 pixels, away from the camera, 0 at the depth of the eyes; inf off the head
    normals: np.ndarray  # (S, S, 3) float32: unit, x right, y down, z away from the camera; 0 off the head

    def labels(self) -> dict[str, np.ndarray]:
        """All labels as arrays, angles in degrees; named as those of people who do not exist."""
        return head_labels(self.parameters, CAMERA_DISTANCE, self.mesh, self.visible, self.depth, self.normals)


@dataclass(frozen=True)
class Shade:
    """Light to add to a photograph taken in even light: colour = ambient + directional * cosine, clipped."""

    ambient: np.ndarray  # (3,) RGB, around 1
    directional: np.ndarray  # (3, 3): for each colour, a vector towards the light as long as the light is strong

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Shade":
        """From hardly any change to a hard lamp from one side."""
        strength = float(rng.choice([0.0, 0.3, 0.8], p=[0.25, 0.45, 0.3])) * rng.random()
        azimuth, height = rng.uniform(-2.0, 2.0), rng.normal(0.3, 0.5)
        towards = np.array([np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)])
        tint = 1 + rng.normal(0, 0.06, 3)
        return cls(1 - 0.55 * strength + rng.normal(0, 0.03, 3), strength * tint[:, None] * towards)

    def on(self, normals: np.ndarray) -> np.ndarray:
        """Factor (..., 3) for unit normals (..., 3)."""
        return np.clip(self.ambient + normals @ self.directional.T, 0.12, 1.9).astype(np.float32)


def elsewhere(
    own: FaceParameters,
    rng: np.random.Generator,
    *,
    furthest: tuple[float, float] = (np.radians(30), np.radians(20)),
    reshape: float = 0.0,
) -> FaceParameters:
    """The same head, doing something else.

    Args:
        furthest: largest yaw and pitch away from where the head is, radians.
        reshape: how far the shape of the head is changed, in standard deviations of identity.
    """
    yaw, pitch = (float(np.clip(rng.normal(0, 0.5 * most), -most, most)) for most in furthest)
    look = np.clip(own.gaze + rng.normal(0, (0.25, 0.15)) * (rng.random() < 0.7), -0.6, 0.6)
    return replace(
        own,
        rotation=(own.rotation + np.array([yaw, pitch, rng.normal(0, 0.08)])).astype(np.float32),
        actions=random_actions(rng) if rng.random() < 0.75 else own.actions,
        identity=(own.identity + reshape * rng.standard_normal(own.identity.shape)).astype(np.float32),
        gaze=look.astype(np.float32),
    )


@cache
def _canvas(size: int) -> tuple[FlowField, Raster]:
    """Buffers that all heads lifted at one size share."""
    return FlowField(load_head(), size), Raster(size, size)


class Lifted:
    """A textured head and its background layer.

    Args:
        picture: uint8 RGB (S, S, 3).
        parameters: the head fitted to it.
        landmarks: (478, >=2) the picture's own mesh points; what the fit leaves unexplained stays in the labels.
        person: (S, S) float32 mask; without it the background is carried along near the head and still elsewhere.
        size: side of the shots, pixels; that of the picture by default.
    """

    def __init__(
        self,
        picture: np.ndarray,
        parameters: FaceParameters,
        landmarks: np.ndarray | None = None,
        person: np.ndarray | None = None,
        size: int | None = None,
    ) -> None:
        self.head = load_head()
        vertices = self._vertices(parameters)
        self.eyes = unwrap_eyes(picture, self.head, *project(vertices, parameters))  # at full size: irises are small
        self.tint = white_point(self.eyes)
        factor = 1.0 if size is None else size / picture.shape[0]
        if size is not None:
            picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
            person = None if person is None else cv2.resize(person, (size, size), interpolation=cv2.INTER_AREA)
            parameters = parameters.scaled(factor)
        self.picture, self.parameters, self.person = picture, parameters, person
        points, _ = project(vertices, parameters)
        self.flow, self.raster = _canvas(picture.shape[0])
        self.points = borrow_hidden(self.head, vertices, parameters.rotation, points)
        self.rest = points
        self.offset = np.zeros((POINTS, 3), np.float32)
        if landmarks is not None:
            own, _ = project(self._mesh(vertices, parameters), parameters)
            error = np.clip((landmarks[:, :2] * factor - own) / parameters.scale, -0.1, 0.1)
            flat = np.concatenate([error, np.zeros((POINTS, 1))], 1)
            self.offset = (flat @ rotation_matrix(*parameters.rotation)).astype(np.float32)

    def _vertices(self, parameters: FaceParameters) -> np.ndarray:
        vertices = self.head.pose_face(parameters.neutral(self.head), parameters.actions)
        return self.head.turn_eyes(vertices, self.head.eye_centres(parameters.identity), parameters.gaze)

    def _mesh(self, vertices: np.ndarray, parameters: FaceParameters) -> np.ndarray:
        return mesh_points(self.head, vertices, self.head.eye_centres(parameters.identity), parameters.gaze)

    def shoot(
        self, parameters: FaceParameters, *, background: np.ndarray | None = None, shade: Shade | None = None
    ) -> Shot:
        """Photograph the head as `parameters` (pixels of the picture it was lifted from) say.

        Args:
            background: float32 RGB (S, S, 3) in [0, 255], put behind the person; needs the person's mask.
            shade: light to add; the photograph's own alone by default.
        """
        head, unit = self.head, self.parameters.scale
        vertices = self._vertices(parameters)
        points, depth = project(vertices, parameters)
        mesh = self._mesh(vertices, parameters) + self.offset
        flat, behind = project(mesh, parameters)
        still = head.neck < 0.999
        follow = head.neck[still, None]
        points[still] = follow * points[still] + (1 - follow) * self.rest[still]
        field = self.flow.backward(points, depth, self.points, unit)
        frame = cv2.remap(self.picture, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        frame = frame.astype(np.float32)
        self.raster.draw(points, depth, head.triangles, cull=True)
        inside = self._on_head(frame, points, depth)
        turned = (vertices @ rotation_matrix(*parameters.rotation).T).astype(np.float32)
        normals = vertex_normals(turned, head.triangles, head.weld)
        if shade is not None:
            self._relight(frame, normals, inside, shade)
        person = np.ones(frame.shape[:2], np.float32)
        if self.person is not None:
            person = cv2.remap(self.person, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            person = np.maximum(person, cv2.erode(inside, np.ones((3, 3), np.uint8)))
            if background is not None:
                frame = person[..., None] * frame + (1 - person[..., None]) * background
        at = np.clip(flat.round().astype(int), 0, np.array(frame.shape[1::-1]) - 1)
        visible = behind < self.raster.depth[at[:, 1], at[:, 0]] + BEHIND
        labels = np.column_stack([flat, parameters.scale * behind]).astype(np.float32)
        picture = np.clip(frame + 0.5, 0, 255).astype(np.uint8)
        facing = self.raster.interpolate(normals, head.triangles)
        facing /= np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-6)
        return Shot(picture, labels, visible, parameters, person, parameters.scale * self.raster.depth, facing)

    def _on_head(self, frame: np.ndarray, points: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Draw what lies on the head exactly: skin to its edges, eyeballs, the inside of the mouth; in place.

        Returns where the head is, float32 (S, S).
        """
        head, raster = self.head, self.raster
        part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0).astype(np.uint8)
        values = raster.interpolate(np.hstack([self.points, head.uv]).astype(np.float32), head.triangles)
        skin = (part == Part.SKIN) | (part == Part.SOCKET)
        exact = cv2.remap(
            self.picture, values[..., 0] - 0.5, values[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        inside = (part > 0).astype(np.float32)
        edge = cv2.blur(cv2.erode(inside, np.ones((3, 3), np.uint8)), (3, 3))[..., None]
        frame[skin] = (edge * exact + (1 - edge) * frame)[skin]
        lips = head.part_vertices_cached(Part.CAVITY)
        lip_depth = float(np.quantile(depth[lips], 0.1)) + 0.1
        unit = self.parameters.scale
        colour = colour_interior(part, values[..., 2:], raster.depth, lip_depth, self.tint, unit)
        inner = np.isin(part, INNER)
        frame[inner] = 255 * colour[inner]
        for eye, texture in zip((Part.EYE_RIGHT, Part.EYE_LEFT), self.eyes, strict=True):
            where = part == eye
            if where.any():
                at = values[where][None, :, 2:] * EYE_TEXTURE - 0.5
                frame[where] = (
                    255
                    * cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
                )
        return inside

    def _relight(self, frame: np.ndarray, normals: np.ndarray, inside: np.ndarray, shade: Shade) -> None:
        """Multiply the light of `shade` in, in place; off the head it fades to the mean. normals (V, 3), turned."""
        factor = self.raster.interpolate(shade.on(normals), self.head.triangles)
        small = (frame.shape[1] // 8, frame.shape[0] // 8)
        weight = cv2.resize(inside, small, interpolation=cv2.INTER_AREA)[..., None]
        value = cv2.resize(factor, small, interpolation=cv2.INTER_AREA)
        blur = (0, 0), 0.05 * small[0]
        near = cv2.GaussianBlur(value, *blur) + 0.02 * shade.ambient
        around = (near / (cv2.GaussianBlur(weight, *blur)[..., None] + 0.02)).astype(np.float32)
        outside = cv2.resize(around, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur(inside, (0, 0), 1.0)[..., None] * inside[..., None]
        frame *= soft * factor + (1 - soft) * outside
