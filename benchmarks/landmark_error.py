"""Landmark error on people never trained on: hand-set points read from the tracker's mesh.

109 inner points of the London templates (pupils, irises, lids, brows, nose, lips) are each read from the mesh by an
affine map of its 12 nearest mesh points, fitted by ridge regression on training people; the strength of the ridge is
chosen on validation people. The error is the mean distance to the hand-set points, % of the distance of the pupils.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faces.templates import TemplateReader, into_pupil_frame
from lab.pictures.london import INNER_POINTS, London, Person

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
    fitted = {ridge: TemplateReader(*data["training"], ridge) for ridge in RIDGES}
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
    return into_pupil_frame(mesh[:, :2], template), into_pupil_frame(template, template)
