"""Damped least squares behind `faces.fit`: where the head is, what it does and who it is, from its mesh points.

One person in one or several pictures. Of each picture the unknowns are a turn, a shift, a log scale and the actions;
identity is shared between the pictures and eliminated by Schur complement, so that five pictures cost five times one.

The objective, of a picture with residuals r (units of the head) at P mesh points:

    1/P sum_i trust_i robust(r_i) |r_i|^2
    + ACTION_PRIOR^2 sum_j (a_j^2 + 2 SPARSE |a_j|) + IDENTITY_PRIOR^2 |identity|^2
    + TURN_WEIGHT / sigma^2 |angle between the turn and one that was seen otherwise, with expected error sigma|^2
    + ACTION_WEIGHT sum_j (a_j - b_j)^2 / sigma_j^2, of actions b that were seen otherwise

`trust` is 1 for a point of usual accuracy; it falls with the variance that the reader expects, see `trust_of`.
"""

from dataclasses import dataclass, field

import numpy as np

from faces.actions import FACIAL_ACTIONS, TOLD
from faces.head import rotation_matrix

CAMERA_DISTANCE = 14.0  # units of the head, about 0.9 m
IDENTITY_PRIOR = 0.006  # weight of a unit of identity against landmark errors in units of the head
ACTION_PRIOR = 0.007  # weight of an action at full strength
SPARSE = 0.7  # faces use few actions at a time: a pull to rest that is the same however small an action is,
NEGLIGIBLE = 0.03  # down to about this; solved by reweighted squares
USUAL_ERROR = 0.0385  # units of the head: `USUAL_SIGMA` of a crop around a face 2.56 units high
MODEL_ERROR = 0.02  # units of the head that the bases miss, however well a point is read
WILD = 0.12  # residual, units of the head, from which a point begins to be doubted
TURN_WEIGHT = 1e-5  # of a turn that was seen otherwise: what a radian of its expected error weighs
ACTION_WEIGHT = 1e-5  # of an action that was seen otherwise
SUREST = 0.03  # least expected error of such an action that is believed
FREE = np.isin(FACIAL_ACTIONS, TOLD)  # actions that are fitted
POSE = 6  # turn (3), shift (2), log scale (1)
HELD = 1e3  # added to the diagonal for an action that rests against its bound


@dataclass(frozen=True)
class Bases:
    """The head at the 468 mesh points alone."""

    mean: np.ndarray  # (468, 3)
    identity: np.ndarray  # (K, 468, 3)
    actions: np.ndarray  # (52, 468, 3)
    weights: np.ndarray  # (468,) trust in each correspondence
    planes: np.ndarray  # (3, 468, 43 + K) float32: x, y, z of the free actions, then of identity


@dataclass
class Sitting:
    """One picture of a person while the fit works on it."""

    points: np.ndarray  # (468, 2) mesh points, pixels
    trust: np.ndarray  # (468,) weights, 1 is usual
    rotation: np.ndarray  # (3, 3)
    centre: np.ndarray  # (2,) pixels
    scale: float  # pixels a unit
    actions: np.ndarray  # (52,)
    turn: tuple[np.ndarray, float] | None = None  # rotation seen otherwise, its expected error, radians
    seen: tuple[np.ndarray, np.ndarray] | None = None  # free actions seen otherwise (43,), their expected errors (43,)
    residual: np.ndarray = field(init=False)  # (468, 2) units of the head, of the last step
    normal: np.ndarray = field(init=False)  # data part of the normal matrix of the last step


def trust_of(sigma: np.ndarray | None, scale: float, weights: np.ndarray) -> np.ndarray:
    """Weights (468,) of points with expected errors `sigma` (>=468,) pixels: usual variance over expected variance,
    to both of which the model's own error is added."""
    if sigma is None:
        return weights.astype(np.float32)
    variance = (np.maximum(sigma[:468], 1e-6) / scale) ** 2 + MODEL_ERROR**2
    trust: np.ndarray = (weights * (USUAL_ERROR**2 + MODEL_ERROR**2) / variance).astype(np.float32)
    return trust


def linearised(bases: Bases, face: np.ndarray, sitting: Sitting, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix (6 + columns, 6 + columns) and gradient of the data term, by pose and the first `columns` of the
    bases, where the head at rest and in action is `face` (468, 3). Leaves the residual in the sitting."""
    turned = (face @ sitting.rotation.T).astype(np.float32)
    shrink = 1 / (1 + turned[:, 2] / np.float32(CAMERA_DISTANCE))
    flat = turned[:, :2] * shrink[:, None]
    residual = ((sitting.points - sitting.centre) / sitting.scale).astype(np.float32) - flat
    robust = sitting.trust / np.sqrt(1 + np.square(residual).sum(1) / np.float32(WILD**2))
    # d flat / d point of the head, two rows of three for each point.
    rotation = sitting.rotation.astype(np.float32)
    toward = shrink / np.float32(CAMERA_DISTANCE)
    jacobian = np.empty((2, len(face), POSE + columns), np.float32)
    x, y, z = turned.T
    for row in (0, 1):
        rows = (rotation[row] - (turned[:, row] * toward)[:, None] * rotation[2]) * shrink[:, None]
        part = jacobian[row, :, POSE:]
        np.multiply(bases.planes[0, :, :columns], rows[:, :1], out=part)
        for axis in (1, 2):
            part += bases.planes[axis, :, :columns] * rows[:, axis, None]
        # A small turn w moves a point by w x point; the camera sees (dx, dy) - flat * dz / distance.
        spin = ((np.zeros_like(x), z, -y), (-z, np.zeros_like(x), x))[row]
        depth = (y, -x, np.zeros_like(x))
        for axis in range(3):
            jacobian[row, :, axis] = (spin[axis] - turned[:, row] * toward * depth[axis]) * shrink
        jacobian[row, :, 3 + row], jacobian[row, :, 4 - row] = 1, 0
        jacobian[row, :, 5] = flat[:, row]
    root = np.sqrt(robust / len(face))[:, None]
    weighted = (jacobian * root).reshape(2 * len(face), -1)
    sitting.residual = residual
    return weighted.T @ weighted, weighted.T @ (residual * root).T.ravel()


def acted(bases: Bases, actions: np.ndarray) -> np.ndarray:
    """How far the free ones of `actions` (52,) move the mesh points: (468, 3)."""
    count = int(FREE.sum())
    moves: np.ndarray = (bases.planes[:, :, :count] @ actions[FREE].astype(np.float32)).T
    return moves


def moved(sitting: Sitting, change: np.ndarray) -> None:
    """Take a step (6 + 43,) in pose and actions."""
    sitting.rotation = expmap(change[:3]) @ sitting.rotation
    sitting.centre = sitting.centre + sitting.scale * change[3:5]
    sitting.scale = float(sitting.scale * np.exp(np.clip(change[5], -0.3, 0.3)))
    sitting.actions[FREE] = np.clip(sitting.actions[FREE] + change[POSE:], 0, 1)


def beside(sitting: Sitting, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What stands beside the mesh points: diagonal (49,) that priors and what was seen otherwise add to the normal
    matrix, and what they add to the gradient; actions at a bound are held there."""
    diagonal, pull = np.full(POSE + int(FREE.sum()), 1e-9), np.zeros(POSE + int(FREE.sum()))
    state = sitting.actions[FREE]
    weight = ACTION_PRIOR**2 * (1 + SPARSE / (state + NEGLIGIBLE))
    pull[POSE:] = -weight * state
    if sitting.turn is not None:
        rotation, sigma = sitting.turn
        diagonal[:3] += TURN_WEIGHT / max(sigma, 1e-3) ** 2
        pull[:3] += TURN_WEIGHT / max(sigma, 1e-3) ** 2 * logmap(rotation @ sitting.rotation.T)
    if sitting.seen is not None:
        told = told_by(sitting.seen)
        diagonal[POSE:] += told
        pull[POSE:] += told * (sitting.seen[0] - state)
    downhill = gradient[POSE : POSE + len(state)] + pull[POSE:]
    held = ((state <= 0) & (downhill < 0)) | ((state >= 1) & (downhill > 0))
    diagonal[POSE:] += weight + HELD * held
    return diagonal, pull


def told_by(seen: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Weights (43,) of actions that were seen otherwise."""
    weights: np.ndarray = ACTION_WEIGHT / np.square(np.maximum(seen[1], SUREST))
    return weights


def step_known(bases: Bases, person: np.ndarray, sitting: Sitting, damping: float) -> float:
    """One Gauss-Newton step for a person (468, 3) whose shape is known. Returns the largest change of an action."""
    face = person + acted(bases, sitting.actions)
    normal, gradient = linearised(bases, face, sitting, int(FREE.sum()))
    diagonal, pull = beside(sitting, gradient)
    change = np.linalg.solve(normal + np.diag(diagonal), gradient + pull) * damping
    sitting.normal = normal
    before = sitting.actions.copy()
    moved(sitting, change)
    return float(max(np.abs(sitting.actions - before).max(), np.abs(change[:POSE]).max()))


def step_unknown(bases: Bases, sittings: list[Sitting], shape: np.ndarray, damping: float) -> np.ndarray:
    """One step for a person who is sought in several sittings together. Returns the new identity (K,)."""
    size, own = len(shape), POSE + int(FREE.sum())
    total, pull_shape = np.diag(np.full(size, IDENTITY_PRIOR**2)), -(IDENTITY_PRIOR**2) * shape
    person = bases.mean + np.tensordot(shape, bases.identity, 1)
    kept = []
    for sitting in sittings:
        face = person + acted(bases, sitting.actions)
        normal, gradient = linearised(bases, face, sitting, int(FREE.sum()) + size)
        diagonal, pull = beside(sitting, gradient)
        sitting.normal = normal
        inner = normal[:own, :own] + np.diag(diagonal)
        cross, right = normal[:own, own:], gradient[:own] + pull
        solved = np.linalg.solve(inner, np.column_stack([cross, right]))
        total = total + (normal[own:, own:] - cross.T @ solved[:, :-1]) / len(sittings)
        pull_shape = pull_shape + (gradient[own:] - cross.T @ solved[:, -1]) / len(sittings)
        kept.append((solved[:, -1], solved[:, :-1]))
    change = np.linalg.solve(total, pull_shape)
    for sitting, (alone, through) in zip(sittings, kept, strict=True):
        moved(sitting, (alone - through @ change) * damping)
    identity: np.ndarray = np.clip(shape + damping * change, -3, 3)
    return identity


def confidence_of(sitting: Sitting) -> np.ndarray:
    """How much the data, and what was seen otherwise, narrow the prior of each action (52,), 0 (not at all) to 1
    (wholly).

    1 - (posterior variance) / (prior variance), from the normal matrix of the data: of pose and actions (49, 49), or
    with identity, over which it is then marginalised. Actions that the mesh does not tell have 0.
    """
    normal = sitting.normal.astype(np.float64)
    if sitting.seen is not None:
        normal[np.arange(POSE, POSE + int(FREE.sum())), np.arange(POSE, POSE + int(FREE.sum()))] += told_by(
            sitting.seen
        )
    prior = np.full(len(normal), 1e-9)
    prior[POSE : POSE + int(FREE.sum())] = ACTION_PRIOR**2
    prior[POSE + int(FREE.sum()) :] = IDENTITY_PRIOR**2
    posterior = np.linalg.inv(normal + np.diag(prior)).diagonal()
    confidence = np.zeros(len(FREE), np.float32)
    confidence[FREE] = np.clip(1 - (posterior * prior)[POSE : POSE + int(FREE.sum())], 0, 1)
    return confidence


def expmap(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of a rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.eye(3)
    x, y, z = vector / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: np.ndarray = np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)
    return rotation


def logmap(rotation: np.ndarray) -> np.ndarray:
    """Rotation vector (3,) of a rotation matrix: the inverse of `expmap`, for turns of less than half a circle."""
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine, cosine = np.linalg.norm(axis) / 2, (np.trace(rotation) - 1) / 2
    vector: np.ndarray = axis * (0.5 * np.arctan2(sine, cosine) / max(sine, 1e-9))
    return vector


def initial_pose(mean: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Scaled orthographic pose of the mean face (linear least squares, then the nearest rotation)."""
    middle, target = mean.mean(0), points.mean(0)
    linear = np.linalg.lstsq(mean - middle, points - target, rcond=None)[0].T
    lengths = np.maximum(np.linalg.norm(linear, axis=1, keepdims=True), 1e-9)
    scale = float(lengths.mean())
    a, b = linear / lengths
    u, _, vt = np.linalg.svd(np.stack([a, b, np.cross(a, b)]))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation, scale, target - scale * (rotation @ middle)[:2]


def pose_of(rotation: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) float64 of yaw, pitch, roll (3,) radians."""
    return rotation_matrix(*rotation).astype(np.float64)
