"""The camera: where the head is before it and where it lands in the picture."""

from dataclasses import dataclass, replace

import numpy as np

from faces.head import PIVOT, Head, rotation_matrix

FULL_NECK = np.radians(70.0)  # turn of the head over the body beyond which the body must follow


@dataclass(frozen=True)
class Camera:
    """A pinhole that looks at the head from `distance`: a point (x, y, z) of the turned head lands at
    centre + scale * (x, y) / (1 + z / distance)."""

    rotation: np.ndarray  # (3,) yaw, pitch, roll of the head relative to the camera, radians
    body: np.ndarray  # (3,) the same of the shoulders
    distance: float  # units of the head
    centre: np.ndarray  # (2,) where the midpoint between the eyes lands, shares of the picture's side
    scale: float  # a unit of the head at the depth of the eyes, as a share of the picture's side

    def pixels(self, turned: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Turned points (N, 3) -> pixels (N, 2), depth (N,) in units of the head, for a picture of `size`."""
        shrink = size * self.scale / (1 + turned[:, 2:] / self.distance)
        return (size * self.centre + turned[:, :2] * shrink).astype(np.float32), turned[:, 2].astype(np.float32)

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) that sit on the head -> turned with it."""
        return (points @ rotation_matrix(*self.rotation).T).astype(np.float32)

    def turn_body(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) that sit on the shoulders -> turned with them about the pivot of the neck."""
        pivot = rotation_matrix(*self.rotation) @ PIVOT
        return ((points - PIVOT) @ rotation_matrix(*self.body).T + pivot).astype(np.float32)

    def turn_head(self, head: Head, vertices: np.ndarray) -> np.ndarray:
        """All vertices (V, 3) of the head: the neck twists from the shoulders' turn to the head's (Rodrigues)."""
        turned = self.turn(vertices)
        neck = np.flatnonzero(head.neck < 0.99)
        body, skull = rotation_matrix(*self.body), rotation_matrix(*self.rotation)
        between = body @ skull.T
        cosine = np.clip((np.trace(between) - 1) / 2, -1, 1)
        skew = between - between.T
        axis = np.array([skew[2, 1], skew[0, 2], skew[1, 0]])
        if np.linalg.norm(axis) < 1e-6:
            return turned
        axis /= np.linalg.norm(axis)
        pivot = skull @ PIVOT
        angle = (np.arccos(cosine) * (1 - head.neck[neck]))[:, None]
        arm = turned[neck] - pivot
        along = axis * (arm @ axis)[:, None]
        turned[neck] = pivot + along + (arm - along) * np.cos(angle) + np.cross(axis, arm) * np.sin(angle)
        return turned


def random_camera(rng: np.random.Generator, rotation: np.ndarray, *, calm: bool = False) -> Camera:
    """A camera for a head turned by `rotation` (3,); where the head lands is decided by `framed`."""
    yaw, pitch, roll = rotation
    if calm:
        body = rotation * (0.3, 0.3, 0.2)
        return Camera(rotation, body, float(rng.uniform(14, 24)), np.array((0.5, 0.43)), 80 / 512)
    tilt = roll * rng.uniform(0, 1)  # the share of the roll that is the camera's
    turn = np.clip(yaw * rng.uniform(0.1, 0.9) + rng.normal(0, 0.15), yaw - FULL_NECK, yaw + FULL_NECK)
    body = np.array([turn, pitch * rng.uniform(0.1, 0.5), tilt + rng.normal(0, 0.03)])
    distance = float(np.exp(rng.uniform(np.log(6), np.log(60))) if rng.random() < 0.5 else rng.uniform(9, 26))
    return Camera(rotation, body, distance, np.zeros(2), float(rng.uniform(0.10, 0.23)))


def framed(camera: Camera, turned: np.ndarray, rng: np.random.Generator) -> Camera:
    """The camera moved so that the face's turned mesh points (478, 3) lie in the picture; cut by its edge now and
    then."""
    points, _ = replace(camera, centre=np.zeros(2)).pixels(turned, 1)
    low, high = points.min(0), points.max(0)
    shrink = min(1.0, 0.85 / float((high - low).max()))
    low, high = low * shrink, high * shrink
    loose = 1 - (high - low)
    cut = 0.12 if rng.random() < 0.07 else 0.0
    place = np.clip(rng.normal((0.5, 0.55), (0.2, 0.17)), 0.06, 0.94) * (loose + 2 * cut) - cut
    return replace(camera, centre=place - low, scale=camera.scale * shrink)
