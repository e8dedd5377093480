"""Landmark error on people never trained on: hand-set points read from the tracker's mesh.

109 inner points of the London templates (pupils, irises, lids, brows, nose, lips) are each read from the mesh by an
affine map of its 12 nearest mesh points, fitted by ridge regression on training people; the strength of the ridge is
chosen on validation people. The error is the mean distance to the hand-set points, % of the distance of the pupils.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faces.london import INNER_POINTS, London, Person

NEIGHBOURS = 12
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)

Read = Callable[[Person], np.ndarray | None]
"""A person's neutral photograph -> mesh points (478, 2) in its pixels, or None where no face was found."""


@dataclass(frozen=True)
class Errors:
    """Errors of people, % of the pupils' distance. A person whose face was not found is not in `by_person`."""

    by_person: dict[str, float]  # id -> error, of validation and test people
    test: list[float]  # of test people
    mean_face: list[float]  # of the mean face laid on the true pupils, of test people
    missed: int  # test people who were not found


def landmark_errors(london: London, read: Read, *, quick: bool = False) -> Errors:
    """Fit the readers on training people (every other one if `quick`), choose on validation, measure on test."""
    groups = {"training": london.training, "validation": london.validation, "test": london.test}
    if quick:
        groups["training"] = groups["training"][::2]
    rows = {group: {p.id: _normal(london, p, read(p)) for p in people} for group, people in groups.items()}
    missed = sum(r is None for r in rows["test"].values())
    kept = {group: {i: r for i, r in people.items() if r is not None} for group, people in rows.items()}
    data = {group: tuple(np.stack(c) for c in zip(*people.values(), strict=True)) for group, people in kept.items()}
    fitted = {ridge: Reader(*data["training"], ridge) for ridge in RIDGES}
    best = fitted[min(fitted, key=lambda ridge: fitted[ridge].error(*data["validation"]).mean())]
    by_person = {
        i: float(error)
        for group in ("validation", "test")
        for i, error in zip(kept[group], best.error(*data[group]), strict=True)
    }
    mean_face = 100 * np.linalg.norm(data["test"][1] - data["training"][1].mean(0), axis=-1).mean(1)
    return Errors(by_person, [by_person[i] for i in kept["test"]], mean_face.tolist(), missed)


def _normal(london: London, person: Person, mesh: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Mesh (478, 2) and template points (109, 2) in the frame of the true pupils: their middle 0, their distance 1."""
    if mesh is None:
        return None
    template = london.template[person.id][:INNER_POINTS]
    # Template points 0 and 1 are the pupils, from left to right in the picture.
    left, right = sorted(template[:2], key=lambda p: p[0])
    return _into_frame(mesh[:, :2], left, right), _into_frame(template, left, right)


def _into_frame(points: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    axis = (right - left) / np.linalg.norm(right - left)
    turn = np.array([axis, [-axis[1], axis[0]]])
    return (points - (left + right) / 2) @ turn.T / np.linalg.norm(right - left)


class Reader:
    """Reads template points from meshes, both in the frame of the pupils."""

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

    def error(self, meshes: np.ndarray, templates: np.ndarray) -> np.ndarray:
        """Mean error of each person, % of the pupils' distance. (n,)"""
        read = np.empty_like(templates)
        for point, (near, weights) in enumerate(zip(self.near, self.maps, strict=True)):
            moved = meshes[:, near] - self.mesh[near]
            read[:, point] = self.template[point] + moved.mean(1) + moved.reshape(len(meshes), -1) @ weights
        return 100 * np.linalg.norm(read - templates, axis=-1).mean(1)
