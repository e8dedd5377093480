"""Landmark error on people never trained on."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, mean_figure
from faces import Tracker
from faces.london import INNER_POINTS, London, Person

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting

NEIGHBOURS = 12
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def measure(setting: "Setting") -> list[Figure]:
    """landmark_nme_pct: mean distance of 109 template points to their hand-set places, % of the pupils' distance.

    Each template point is read from the tracker's mesh by an affine map of its 12 nearest mesh points, fitted by ridge
    regression on training people; the strength of the ridge is chosen on validation people.
    """
    name = "landmark_nme_pct"
    if setting.london is None:
        return [Figure(name=name, value=None, unit="%", goal=3.0, better="lower", n=0, note="needs --london")]
    london, tracker = London(setting.london), Tracker()
    groups = {"training": london.training, "validation": london.validation, "test": london.test}
    if setting.quick:
        groups["training"] = groups["training"][::2]
    read = {group: [_normal(london, person, tracker) for person in people] for group, people in groups.items()}
    missed = sum(r is None for r in read["test"])
    data = {
        group: tuple(np.stack(c) for c in zip(*[r for r in rows if r], strict=True)) for group, rows in read.items()
    }
    fitted = {ridge: Reader(*data["training"], ridge) for ridge in RIDGES}
    best = min(fitted, key=lambda ridge: fitted[ridge].error(*data["validation"]).mean())
    errors = fitted[best].error(*data["test"])
    baseline = 100 * np.linalg.norm(data["test"][1] - data["training"][1].mean(0), axis=-1).mean(1)
    note = f"London people held out, {missed} not found" if missed else "London people held out"
    return [
        mean_figure(name, list(errors), "%", goal=3.0, better="lower", note=note),
        mean_figure(
            "landmark_nme_pct_mean_face", list(baseline), "%", better="lower", note="the mean face on the true pupils"
        ),
    ]


def _normal(london: London, person: Person, tracker: Tracker) -> tuple[np.ndarray, np.ndarray] | None:
    """Mesh (478, 2) and template points (109, 2) in the frame of the true pupils: their middle 0, their distance 1."""
    tracks = tracker.track(person.picture("neutral"))
    if not tracks:
        return None
    template = london.template[person.id][:INNER_POINTS]
    # Template points 0 and 1 are the pupils, from left to right in the picture.
    left, right = sorted(template[:2], key=lambda p: p[0])
    return _into_frame(tracks[0].landmarks, left, right), _into_frame(template, left, right)


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
