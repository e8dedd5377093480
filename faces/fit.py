"""Fit the head to dense landmarks: identity, facial actions, pose and scale by damped least squares.

The camera is a pinhole at a fixed distance from the head, `CAMERA_DISTANCE` units of the head: a point (x, y, z) of
the turned head lands at centre + scale * (x, y) / (1 + z / CAMERA_DISTANCE).
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.head import Head, Part, load_head, rotation_angles, rotation_matrix
from faces.landmarks import PUPILS

CAMERA_DISTANCE = 14.0  # units of the head, about 0.9 m
ITERATIONS = 14
ITERATIONS_KNOWN = 5  # from frame to frame little changes
IDENTITY_PRIOR = 0.0022  # weight of a unit of identity against landmark errors in units of the head
ACTION_PRIOR = 0.009  # weight of an action at full strength
UNDER_NOSE = (2, 94, 97, 326)  # mesh points that sit on the upper jaw: teeth follow bone, not lips
ON_CHIN = (18, 199, 200, 83, 313)
CORRESPONDENCES = Path(__file__).parent / "data" / "mesh478.npz"


@dataclass(frozen=True)
class FaceParameters:
    """A head in a picture."""

    identity: np.ndarray  # (K,) float32, unit variance
    actions: np.ndarray  # (52,) float32 in [0, 1], lids that follow the gaze not included
    rotation: np.ndarray  # (3,) yaw, pitch, roll in radians (see `rotation_matrix`)
    centre: np.ndarray  # (2,) where the midpoint between the eyes lands, pixels
    scale: float  # pixels a unit of the head at the depth of the eyes
    gaze: np.ndarray  # (2, 2) yaw, pitch of the right and the left eye relative to the head, radians
    detail: np.ndarray  # (V, 3) float32 displacement of the resting head that identity leaves unexplained, head units

    def neutral(self, head: Head) -> np.ndarray:
        """Vertices (V, 3) of this person's resting head."""
        return head.neutral(self.identity) + self.detail

    def scaled(self, factor: float, offset: tuple[float, float] = (0.0, 0.0)) -> "FaceParameters":
        """The same head in a picture resized by `factor` and then moved by `offset` pixels."""
        return replace(self, centre=self.centre * factor + np.asarray(offset), scale=self.scale * factor)


class Placed(Protocol):
    """Anything that says where a head is: `FaceParameters` here, a pose elsewhere."""

    rotation: np.ndarray
    centre: np.ndarray
    scale: float


def project(vertices: np.ndarray, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) of the head, before its turn -> pixels (V, 2), depth (V,) in units of the head."""
    turned = vertices @ rotation_matrix(*placed.rotation).T
    shrink = placed.scale / (1 + turned[:, 2:] / CAMERA_DISTANCE)
    return (placed.centre + turned[:, :2] * shrink).astype(np.float32), turned[:, 2].astype(np.float32)


@dataclass(frozen=True)
class _Bases:
    """The head at the 468 mesh points alone, in float64."""

    mean: np.ndarray  # (468, 3)
    identity: np.ndarray  # (K, 468, 3)
    actions: np.ndarray  # (52, 468, 3)
    weights: np.ndarray  # (468,) trust in each correspondence


@cache
def _correspondences() -> tuple[np.ndarray, np.ndarray]:
    """Corner vertices (468, 3) and barycentric weights (468, 3) of the mesh points on the head."""
    with np.load(CORRESPONDENCES) as file:
        return load_head().triangles[file["triangle"]], file["bary"].astype(np.float64)


def at_mesh(values: np.ndarray) -> np.ndarray:
    """Per-vertex values (..., V, 3) of the head at the mesh points: (..., 468, 3)."""
    corners, bary = _correspondences()
    return np.einsum("pc,...pcd->...pd", bary, values[..., corners, :].astype(np.float64))


@cache
def mesh_actions() -> np.ndarray:
    """How the 468 mesh points move under each action at full strength: (52, 468, 3), units of the head."""
    return _bases().actions


@cache
def _bases() -> _Bases:
    head = load_head()
    with np.load(CORRESPONDENCES) as file:
        spread = file["spread"]
    weights = 1 / np.clip(spread / np.median(spread), 0.7, 6.0)

    return _Bases(at_mesh(head.mean), at_mesh(head.identity), at_mesh(head.actions), weights)


_FREE = np.array([not name.startswith(("eyeLook", "tongue")) for name in FACIAL_ACTIONS])


def fit(landmarks: np.ndarray, *, known: FaceParameters | None = None) -> FaceParameters:
    """Fit the head to mesh landmarks (478, >=2) in pixels (Gauss-Newton with Gaussian priors).

    With `known` given (the same person a moment ago), identity and detail are kept, and expression and pose are sought
    from where they were.
    """
    bases, points = _bases(), landmarks[:468, :2].astype(np.float64)
    size, actions = len(bases.identity), np.zeros(52)
    shape = np.zeros(size) if known is None else known.identity.astype(np.float64)
    rotation, scale, centre = _initial_pose(bases.mean, points)
    person = (
        bases.mean if known is None else bases.mean + np.tensordot(shape, bases.identity, 1) + at_mesh(known.detail)
    )
    if known is not None:
        actions = known.actions.astype(np.float64)
        rotation = rotation_matrix(*known.rotation).astype(np.float64)
    free_actions = np.flatnonzero(_FREE)
    for step in range(ITERATIONS if known is None else ITERATIONS_KNOWN):
        face = person + np.tensordot(actions, bases.actions, 1)
        if known is None:
            face = face + np.tensordot(shape, bases.identity, 1)
        turned = face @ rotation.T
        shrink = 1 / (1 + turned[:, 2] / CAMERA_DISTANCE)
        predicted = centre + scale * turned[:, :2] * shrink[:, None]
        residual = (points - predicted) / scale
        jacobian = _jacobian(bases, free_actions, turned, shrink, rotation, known is None)
        robust = bases.weights / np.sqrt(1 + (np.linalg.norm(residual, axis=1) / 0.12) ** 2)
        prior = np.concatenate(
            [
                np.zeros(6),
                np.full(len(free_actions), ACTION_PRIOR),
                np.full(size if known is None else 0, IDENTITY_PRIOR),
            ]
        )
        state = np.concatenate([np.zeros(6), actions[free_actions], shape if known is None else []])
        weighted = jacobian * np.repeat(robust, 2)[:, None]
        normal = weighted.T @ jacobian / len(points) + np.diag(prior**2 + 1e-9)
        gradient = weighted.T @ residual.ravel() / len(points) - prior**2 * state
        change = np.linalg.solve(normal, gradient) * (0.7 if step < 3 else 1.0)
        rotation = _expmap(change[:3]) @ rotation
        centre, scale = centre + scale * change[3:5], scale * np.exp(np.clip(change[5], -0.3, 0.3))
        actions[free_actions] = np.clip(actions[free_actions] + change[6 : 6 + len(free_actions)], 0, 1)
        if known is None:
            shape = np.clip(shape + change[6 + len(free_actions) :], -3, 3)
    head = load_head()
    found = FaceParameters(
        identity=shape.astype(np.float32),
        actions=actions.astype(np.float32),
        rotation=np.array(rotation_angles(rotation), np.float32),
        centre=centre.astype(np.float32),
        scale=float(scale),
        gaze=np.zeros((2, 2), np.float32),
        detail=np.zeros_like(head.mean) if known is None else known.detail,
    )
    found = replace(found, gaze=read_gaze(head, found, landmarks))
    return replace(found, detail=_detail(residual, rotation)) if known is None else found


@cache
def _spreading() -> np.ndarray:
    """(V, 468) weights that carry an offset at the mesh points to the vertices around them, fading with distance.

    Distance is measured in space and in how a point moves with the jaw and the lids, so that what belongs to the
    upper lip does not pull the lower one.
    """
    head, bases = load_head(), _bases()
    moving = [ACTION_INDEX[n] for n in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight")]

    def features(mean: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return np.concatenate([mean, actions[moving].transpose(1, 0, 2)[..., 1] * (0.35, 1.0, 1.0)], -1)

    a, b = features(head.mean, head.actions), features(bases.mean, bases.actions)
    distance = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    near = np.exp(-0.5 * (distance / np.clip(1.2 * np.sort(distance, 1)[:, 2:3], 0.06, 0.3)) ** 2) * bases.weights
    fade = np.exp(-0.5 * (distance.min(1, keepdims=True) / 0.2) ** 2)
    weights = fade * near / np.maximum(near.sum(1, keepdims=True), 1e-12)
    own = head.part_vertices(Part.SKIN, Part.CAVITY)
    keep = np.zeros(len(weights), bool)
    keep[own] = True
    weights *= keep[:, None]
    for part, points in ((Part.TEETH_UPPER, UNDER_NOSE), (Part.TEETH_LOWER, ON_CHIN)):
        weights[head.part_vertices(part)] = np.isin(np.arange(468), points) / len(points)
    return weights.astype(np.float32)


def _detail(residual: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Landmark errors (468, 2) that the bases leave, in units of the head -> displacement (V, 3) of the head."""
    flat = np.clip(residual, -0.12, 0.12)
    offsets = np.concatenate([flat, np.zeros((len(flat), 1))], 1) @ rotation
    return (_spreading() @ offsets).astype(np.float32)


def _jacobian(bases, free_actions, turned, shrink, rotation, with_identity) -> np.ndarray:
    """d(prediction / scale) by turn (3), shift (2), log scale (1), free actions, identity. -> (936, n)"""
    count = len(turned)

    def through_camera(change: np.ndarray) -> np.ndarray:
        """Derivative of the projection for changes (..., 468, 3) of the turned points -> (..., 468, 2)."""
        depth = change[..., 2:] / CAMERA_DISTANCE * shrink[:, None]
        return (change[..., :2] - turned[:, :2] * depth) * shrink[:, None]

    columns = []
    for axis in np.eye(3):
        columns.append(through_camera(np.cross(axis, turned)))
    columns.append(np.broadcast_to(np.array([1.0, 0]), (count, 2)))
    columns.append(np.broadcast_to(np.array([0, 1.0]), (count, 2)))
    columns.append(turned[:, :2] * shrink[:, None])
    parts = [np.stack(columns), through_camera(bases.actions[free_actions] @ rotation.T)]
    if with_identity:
        parts.append(through_camera(bases.identity @ rotation.T))
    return np.concatenate(parts).reshape(-1, count * 2).T


def _expmap(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of a rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.eye(3)
    x, y, z = vector / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


def _initial_pose(mean: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Scaled orthographic pose of the mean face (linear least squares, then the nearest rotation)."""
    middle, target = mean.mean(0), points.mean(0)
    linear = np.linalg.lstsq(mean - middle, points - target, rcond=None)[0].T
    scale = float(np.linalg.norm(linear, axis=1).mean())
    a, b = linear / np.linalg.norm(linear, axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(np.stack([a, b, np.cross(a, b)]))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation, scale, target - scale * (rotation @ middle)[:2]


def read_gaze(head: Head, parameters: FaceParameters, landmarks: np.ndarray) -> np.ndarray:
    """Yaw and pitch (2, 2) of the person's right and left eye relative to the head, from where the pupils lie."""
    rotation = rotation_matrix(*parameters.rotation)
    centres = head.eye_centres(parameters.identity)
    neutral = head.neutral(parameters.identity)
    gaze = np.zeros((2, 2), np.float32)
    for eye, part in enumerate((Part.EYE_RIGHT, Part.EYE_LEFT)):
        ball = neutral[head.part_vertices_cached(part)]
        radius = float(np.linalg.norm(ball - centres[eye], axis=1).mean())
        turned = rotation @ centres[eye]
        depth = 1 + (turned[2] - radius) / CAMERA_DISTANCE
        offset = (landmarks[PUPILS[eye], :2] - parameters.centre) / parameters.scale * depth - turned[:2]
        x, y = np.clip(offset / radius, -0.8, 0.8)
        direction = rotation.T @ np.array([x, y, -np.sqrt(max(0.05, 1 - x * x - y * y))])
        gaze[eye] = np.arctan2(direction[0], -direction[2]), np.arcsin(np.clip(direction[1], -1, 1))
    mean = gaze.mean(0)
    return np.clip(0.35 * gaze + 0.65 * mean, -0.7, 0.7).astype(np.float32)
