"""Fit the head to dense landmarks: identity, facial actions, pose and scale by damped least squares.

The camera is a pinhole at a fixed distance from the head, `CAMERA_DISTANCE` units of the head: a point (x, y, z) of
the turned head lands at centre + scale * (x, y) / (1 + z / CAMERA_DISTANCE).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from faces.actions import ACTION_INDEX
from faces.head import Head, Part, load_head, rotation_angles, rotation_matrix
from faces.landmarks import PUPILS, Closeup
from faces.solve import (
    CAMERA_DISTANCE,
    FREE,
    Bases,
    Sitting,
    acted,
    confidence_of,
    initial_pose,
    pose_of,
    step_known,
    step_unknown,
    trust_of,
)

ITERATIONS = 14
ITERATIONS_KNOWN = 5  # from frame to frame little changes
SETTLED = 2e-3  # largest change of an action, or of the pose, at which a fit has arrived
UNDER_NOSE = (2, 94, 97, 326)  # mesh points that sit on the upper jaw: teeth follow bone, not lips
MOST_ASIDE = 0.92  # of an eyeball's radius: how far from its middle an iris can be seen
OWN_WAY = 0.2  # share of an eye's own direction in what is read of it; the rest is the mean of both
GAZE_SPREAD = np.array([0.30, 0.17])  # radians (yaw, pitch): how far eyes look aside; unsure readings lean to 0
READ_ERROR = 0.3  # radians: expected error of gaze that is read of irises, beside gaze that was seen
IRIS_GAIN = (1.05, 1.1)  # the ring of an iris lies behind its pupil (yaw, pitch; measured on rendered heads)
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
        vertices: np.ndarray = head.neutral(self.identity) + self.detail
        return vertices

    def scaled(self, factor: float, offset: tuple[float, float] = (0.0, 0.0)) -> "FaceParameters":
        """The same head in a picture resized by `factor` and then moved by `offset` pixels."""
        return replace(self, centre=self.centre * factor + np.asarray(offset), scale=self.scale * factor)


class Placed(Protocol):
    """Anything that says where a head is: `FaceParameters` here, a pose elsewhere."""

    @property
    def rotation(self) -> np.ndarray: ...
    @property
    def centre(self) -> np.ndarray: ...
    @property
    def scale(self) -> float: ...


def project(vertices: np.ndarray, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) of the head, before its turn -> pixels (V, 2), depth (V,) in units of the head."""
    turned = vertices @ rotation_matrix(*placed.rotation).T
    shrink = placed.scale / (1 + turned[:, 2:] / CAMERA_DISTANCE)
    return (placed.centre + turned[:, :2] * shrink).astype(np.float32), turned[:, 2].astype(np.float32)


@cache
def _correspondences() -> tuple[np.ndarray, np.ndarray]:
    """Corner vertices (468, 3) and barycentric weights (468, 3) of the mesh points on the head."""
    with np.load(CORRESPONDENCES) as file:
        return load_head().triangles[file["triangle"]], file["bary"].astype(np.float64)


def at_mesh(values: np.ndarray) -> np.ndarray:
    """Per-vertex values (..., V, 3) of the head at the mesh points: (..., 468, 3)."""
    corners, bary = _correspondences()
    points: np.ndarray = np.einsum("pc,...pcd->...pd", bary, values[..., corners, :].astype(np.float64))
    return points


@cache
def mesh_actions() -> np.ndarray:
    """How the 468 mesh points move under each action at full strength: (52, 468, 3), units of the head."""
    return _bases().actions


@cache
def _bases() -> Bases:
    head = load_head()
    with np.load(CORRESPONDENCES) as file:
        spread = file["spread"]
    weights = 1 / np.clip(spread / np.median(spread), 0.7, 6.0)
    identity, actions = at_mesh(head.identity), at_mesh(head.actions)
    columns = np.concatenate([actions[FREE], identity]).astype(np.float32)
    planes = np.ascontiguousarray(columns.transpose(2, 1, 0))
    return Bases(at_mesh(head.mean), identity, actions, weights, planes)


@dataclass(frozen=True)
class Fit:
    """A head, and how well the landmarks tell it."""

    parameters: FaceParameters
    confidence: np.ndarray  # (52,) float32, 0 to 1: how much the landmarks narrow the prior of each action
    error: float  # root mean square distance of mesh points and model, units of the head (1 is the eyes' distance)


def fit(
    landmarks: np.ndarray, *, sigma: np.ndarray | None = None, known: FaceParameters | None = None
) -> FaceParameters:
    """Fit the head to mesh landmarks (478, >=2) in pixels; `fitted` also tells how well."""
    return fitted(landmarks, sigma=sigma, known=known).parameters


def fitted(
    landmarks: np.ndarray,
    *,
    sigma: np.ndarray | None = None,
    known: FaceParameters | None = None,
    closeup: Closeup | None = None,
    iterations: int = ITERATIONS_KNOWN,
) -> Fit:
    """Fit the head to mesh landmarks (478, >=2) in pixels (Gauss-Newton with Gaussian priors).

    Args:
        sigma: (478,) expected error of each point, pixels; points of large error count for less.
        known: the same person a moment ago. Identity and detail are kept, and expression and pose are sought from
            where they were, in at most `iterations` steps.
        closeup: what was seen of turn, gaze and actions beside the landmarks.
    """
    if known is None:
        return fit_person([landmarks], [sigma], closeups=[closeup])[0]
    bases = _bases()
    sitting = Sitting(
        points=landmarks[:468, :2].astype(np.float64),
        trust=trust_of(sigma, known.scale, bases.weights),
        rotation=pose_of(known.rotation),
        centre=known.centre.astype(np.float64),
        scale=float(known.scale),
        actions=known.actions.astype(np.float64),
        turn=_seen_turn(closeup),
        seen=_seen_actions(closeup),
    )
    person = at_rest(known.identity, known.detail)
    if known.actions[~FREE].any():
        person = person + np.tensordot(known.actions[~FREE], bases.actions[~FREE], 1)
    _settle(sitting, person)
    for _ in range(iterations):
        if step_known(bases, person, sitting, 1.0) < SETTLED:
            break
    return _described(sitting, known.identity, known.detail, landmarks, sigma, closeup)


def _seen_turn(closeup: Closeup | None) -> tuple[np.ndarray, float] | None:
    return None if closeup is None else (closeup.rotation, closeup.rotation_sigma)


def _seen_actions(closeup: Closeup | None) -> tuple[np.ndarray, np.ndarray] | None:
    return None if closeup is None else (closeup.actions, closeup.actions_sigma)


def at_rest(identity: np.ndarray, detail: np.ndarray | None = None) -> np.ndarray:
    """Mesh points (468, 3) of a person's resting head, from identity (K,) and detail (V, 3)."""
    bases = _bases()
    face = bases.mean + (bases.planes[:, :, int(FREE.sum()) :] @ identity.astype(np.float32)).T
    points: np.ndarray = face if detail is None else face + at_mesh(detail)
    return points


def _settle(sitting: Sitting, person: np.ndarray) -> None:
    """Lay scale and centre on points that may have moved far since: the similarity that matches their extent."""
    turned = person @ sitting.rotation.T
    flat = turned[:, :2] / (1 + turned[:, 2:] / CAMERA_DISTANCE)
    middle, target = flat.mean(0), sitting.points.mean(0)
    spread = np.sqrt(np.square(flat - middle).sum() / len(flat))
    sitting.scale = float(np.sqrt(np.square(sitting.points - target).sum() / len(flat)) / spread) or 1e-6
    sitting.centre = target - sitting.scale * middle


def fit_person(
    landmarks: Sequence[np.ndarray],
    sigmas: Sequence[np.ndarray | None],
    *,
    closeups: Sequence[Closeup | None] | None = None,
    start: Sequence[FaceParameters] | None = None,
    iterations: int = ITERATIONS,
) -> list[Fit]:
    """Fit one person to several pictures of them, (478, >=2) each: identity and detail are shared, the rest is each
    picture's own. `closeups`: what was seen of turn, gaze and actions beside the landmarks. `start`: what an earlier
    fit made of each picture, from which fewer `iterations` will do."""
    bases, sittings = _bases(), []
    closeups = [None] * len(landmarks) if closeups is None else closeups
    shape = np.zeros(len(bases.identity)) if start is None else start[0].identity.astype(np.float64)
    for number, (points, sigma) in enumerate(zip(landmarks, sigmas, strict=True)):
        points = points[:468, :2].astype(np.float64)
        rotation, scale, centre = initial_pose(bases.mean, points)
        trust = trust_of(sigma, max(scale, 1e-6), bases.weights)
        turn, seen = _seen_turn(closeups[number]), _seen_actions(closeups[number])
        sitting = Sitting(points, trust, rotation, centre, max(scale, 1e-6), np.zeros(52), turn, seen)
        if start is not None:
            sitting.rotation, sitting.actions = pose_of(start[number].rotation), start[number].actions.astype(float)
            _settle(sitting, at_rest(shape) + acted(bases, sitting.actions))
        sittings.append(sitting)
    for step in range(iterations):
        shape = step_unknown(bases, sittings, shape, 0.7 if step < 3 and start is None else 1.0)
    detail = _detail(np.mean([_offsets(s.residual, s.rotation) for s in sittings], axis=0))
    identity = shape.astype(np.float32)
    rows = zip(sittings, landmarks, sigmas, closeups, strict=True)
    return [_described(s, identity, detail, points, sigma, closeup) for s, points, sigma, closeup in rows]


def _described(
    sitting: Sitting,
    identity: np.ndarray,
    detail: np.ndarray,
    landmarks: np.ndarray,
    sigma: np.ndarray | None,
    closeup: Closeup | None,
) -> Fit:
    parameters = FaceParameters(
        identity=identity,
        actions=sitting.actions.astype(np.float32),
        rotation=np.array(rotation_angles(sitting.rotation), np.float32),
        centre=sitting.centre.astype(np.float32),
        scale=float(sitting.scale),
        gaze=np.zeros((2, 2), np.float32),
        detail=detail,
    )
    error = float(np.sqrt(np.square(sitting.residual).sum(1).mean()))
    gaze = read_gaze(parameters, landmarks, sigma)
    parameters = replace(parameters, gaze=gaze if closeup is None else seen_gaze(gaze, closeup))
    return Fit(parameters, confidence_of(sitting), error)


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
    weights: np.ndarray = fade * near / np.maximum(near.sum(1, keepdims=True), 1e-12)
    own = head.part_vertices(Part.SKIN, Part.CAVITY)
    keep = np.zeros(len(weights), bool)
    keep[own] = True
    weights *= keep[:, None]
    for part, points in ((Part.TEETH_UPPER, UNDER_NOSE), (Part.TEETH_LOWER, ON_CHIN)):
        weights[head.part_vertices(part)] = np.isin(np.arange(468), points) / len(points)
    return weights.astype(np.float32)


def _offsets(residual: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Landmark errors (468, 2) that the bases leave, in the picture -> the same in the space of the head (468, 3)."""
    flat = np.clip(residual, -0.12, 0.12)
    offsets: np.ndarray = np.concatenate([flat, np.zeros((len(flat), 1))], 1) @ rotation
    return offsets


def _detail(offsets: np.ndarray) -> np.ndarray:
    """Offsets (468, 3) at the mesh points, units of the head -> displacement (V, 3) of the head."""
    return (_spreading() @ offsets.astype(np.float32)).astype(np.float32)


@cache
def _eyeballs() -> tuple[np.ndarray, np.ndarray]:
    """Mean radius (2,) of the eyeballs, the person's right first, and how it grows with identity (K, 2)."""
    head = load_head()
    mean, by_identity = [], []
    for eye, part in enumerate((Part.EYE_RIGHT, Part.EYE_LEFT)):
        index = head.part_vertices(part)
        out = head.mean[index] - head.eye_mean[eye]
        radius = np.linalg.norm(out, axis=1)
        change = ((head.identity[:, index] - head.eye_identity[:, eye, None]) * (out / radius[:, None])).sum(-1)
        mean.append(radius.mean())
        by_identity.append(change.mean(1))
    return np.array(mean), np.stack(by_identity, -1)


def read_gaze(parameters: FaceParameters, landmarks: np.ndarray, sigma: np.ndarray | None = None) -> np.ndarray:
    """Yaw and pitch (2, 2) of the person's right and left eye relative to the head, from where the irises lie.

    Each eye is a ball at its place in the fitted head; the middle of the five points of its iris lies on it. The eyes
    move together, so both lean on their mean, in which an iris of large expected error (`sigma` (478,), pixels), or
    one that the nose may hide, counts for little. A reading that is unsure leans towards straight ahead, as much as
    its expected error asks for against the usual spread of gaze.
    """
    rotation = rotation_matrix(*parameters.rotation).astype(np.float64)
    centres = load_head().eye_centres(parameters.identity)
    mean, by_identity = _eyeballs()
    radii = np.maximum(mean + parameters.identity @ by_identity, 0.5 * mean)
    gaze, weights = np.zeros((2, 2)), np.zeros(2)
    for eye, radius in enumerate(radii):
        iris = slice(PUPILS[eye], PUPILS[eye] + 5)
        offset = (landmarks[iris, :2].mean(0) - parameters.centre) / max(parameters.scale, 1e-9)
        turned, near = rotation @ centres[eye], -1.0
        for _ in range(3):  # how near the camera the iris is depends on where it looks
            x, y = (offset * (1 + (turned[2] + radius * near) / CAMERA_DISTANCE) - turned[:2]) / radius
            length = max(float(np.hypot(x, y)) / MOST_ASIDE, 1.0)
            x, y = x / length, y / length
            near = -np.sqrt(1 - x * x - y * y)
        direction = rotation.T @ np.array([x, y, near])
        gaze[eye] = np.arctan2(direction[0], -direction[2]), np.arcsin(np.clip(direction[1], -1, 1))
        away = float(np.degrees(parameters.rotation[0])) * (-1 if eye == 0 else 1)  # of this eye from the camera
        error = 0.0 if sigma is None else float(sigma[iris].mean()) / max(parameters.scale, 1e-9)
        weights[eye] = np.clip((55 - max(away, 0.0)) / 25, 0.03, 1) / (error**2 + 0.01**2)
    both = weights @ gaze / weights.sum()
    gaze = (OWN_WAY * gaze + (1 - OWN_WAY) * both) * IRIS_GAIN
    if sigma is not None:
        # The eyes' errors go together, so the mean of both is hardly surer than the surer one.
        variance = np.square(sigma_of_gaze(parameters, sigma, radii).min())
        gaze = gaze * np.square(GAZE_SPREAD) / (np.square(GAZE_SPREAD) + variance)
    clipped: np.ndarray = np.clip(gaze, -1.0, 1.0).astype(np.float32)
    return clipped


def seen_gaze(read: np.ndarray, closeup: Closeup) -> np.ndarray:
    """Gaze (2, 2) of both eyes, radians: as `read_gaze` found it and as it was seen, each for what it is worth."""
    share = np.square(closeup.gaze_sigma) / (np.square(closeup.gaze_sigma) + READ_ERROR**2)
    gaze: np.ndarray = np.clip(closeup.gaze + share[:, None] * (read - closeup.gaze), -1.0, 1.0).astype(np.float32)
    return gaze


def sigma_of_gaze(parameters: FaceParameters, sigma: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Expected error (2,) of each eye's direction, radians, from that of the irises (478,), pixels."""
    errors = np.array([float(sigma[p : p + 5].mean()) for p in PUPILS])
    expected: np.ndarray = errors / max(parameters.scale, 1e-9) / radii
    return expected
