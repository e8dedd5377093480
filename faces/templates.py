"""Read the hand-set template points of the London Set from meshes, and meshes that agree with hand-set points.

Each template point is an affine map of its 12 nearest mesh points, fitted by ridge regression on training people.
"""

import numpy as np

NEIGHBOURS = 12
FURTHEST = 0.05  # move of a mesh point by a correction, in distances of the pupils: more is a slip of somebody's hand


def into_pupil_frame(points: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Points (N, 2) in the frame in which the template's pupils (its points 0 and 1) have distance 1 and middle 0."""
    linear, middle = _pupil_frame(template)
    inside: np.ndarray = (points - middle) @ linear.T
    return inside


def out_of_pupil_frame(points: np.ndarray, template: np.ndarray) -> np.ndarray:
    """The inverse of `into_pupil_frame`."""
    linear, middle = _pupil_frame(template)
    outside: np.ndarray = points @ np.linalg.inv(linear).T + middle
    return outside


def _pupil_frame(template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    left, right = sorted(template[:2], key=lambda p: p[0])
    span = float(np.linalg.norm(right - left))
    axis = (right - left) / span
    return np.array([axis, [-axis[1], axis[0]]]) / span, (left + right) / 2


class TemplateReader:
    """Reads template points from meshes, both in the frame of the pupils.

    Args:
        meshes: (n, M, 2) of training people; templates: (n, T, 2) of the same.
        ridge: weight of the regression's penalty.
    """

    def __init__(self, meshes: np.ndarray, templates: np.ndarray, ridge: float) -> None:
        self.mesh, self.template = meshes.mean(0), templates.mean(0)
        distance = np.linalg.norm(self.template[:, None] - self.mesh[None], axis=-1)
        self.near = np.argsort(distance, axis=1)[:, :NEIGHBOURS]
        self.maps = []
        for point, near in enumerate(self.near):
            x = (meshes[:, near] - self.mesh[near]).reshape(len(meshes), -1)
            y = templates[:, point] - self.template[point]
            offset = y - (meshes[:, near] - self.mesh[near]).mean(1)
            gram = x.T @ x + ridge * np.eye(x.shape[1])
            self.maps.append(np.linalg.solve(gram, x.T @ offset))

    def read(self, meshes: np.ndarray) -> np.ndarray:
        """Meshes (n, M, 2) -> template points (n, T, 2)."""
        points = np.empty((len(meshes), *self.template.shape))
        for point, (near, weights) in enumerate(zip(self.near, self.maps, strict=True)):
            moved = meshes[:, near] - self.mesh[near]
            points[:, point] = self.template[point] + moved.mean(1) + moved.reshape(len(meshes), -1) @ weights
        return points

    def error(self, meshes: np.ndarray, templates: np.ndarray) -> np.ndarray:
        """Mean error of each person (n,), % of the pupils' distance."""
        errors: np.ndarray = 100 * np.linalg.norm(self.read(meshes) - templates, axis=-1).mean(1)
        return errors

    def correct(self, mesh: np.ndarray, template: np.ndarray, reach: float = 0.06, rounds: int = 3) -> np.ndarray:
        """A mesh (M, 2) moved smoothly, so that its template points come to lie near `template` (T, 2).

        What a template point is off by moves the mesh points around it, within about `reach` (pupils' distances).
        """
        start = mesh
        for _ in range(rounds):
            read = self.read(mesh[None])[0]
            off = np.clip(template - read, -0.06, 0.06)
            near = np.exp(-0.5 * (np.linalg.norm(mesh[:, None] - read[None], axis=-1) / reach) ** 2)
            moved = mesh + near @ off / (near.sum(1, keepdims=True) + 0.5) - start
            mesh = start + np.clip(moved, -FURTHEST, FURTHEST)
        return mesh
