"""Irises: found where they are, left where nothing shows them."""

import numpy as np
import pytest
from sitters import portrait, tracked

from faces.irises import OPENINGS, PUPILS, find_irises
from faces.landmarks import Reading

UNIT = 0.39  # of the size of a face: about the distance between the eyes


def displaced(index: int, shift: tuple[float, float]) -> tuple[Reading, float]:
    """A portrait's reading with irises read wrong by `shift` (units of the head), and pixels a unit."""
    track = tracked(index)
    unit = UNIT * track.size
    points, sigma = track.raw.copy(), track.sigma.copy()
    points[468:] += np.array(shift, np.float32) * unit
    sigma[468:] = 0.04 * unit
    return Reading(points, sigma, 1.0), unit


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("shift", [(0.04, 0.0), (-0.04, 0.01)])
def test_irises_read_wrong_are_laid_right(index: int, shift: tuple[float, float]) -> None:
    reading, unit = displaced(index, shift)
    found = find_irises(portrait(index), reading)
    truth = tracked(index).landmarks[list(PUPILS)]
    before, after = (np.linalg.norm(r.points[list(PUPILS)] - truth, axis=1).mean() / unit for r in (reading, found))
    assert after < 0.85 * before
    assert (found.sigma[list(PUPILS)] < reading.sigma[list(PUPILS)]).all()
    assert np.array_equal(found.points[:468], reading.points[:468])
    assert np.array_equal(found.sigma[:468], reading.sigma[:468])
    ring = found.points[469:473] - found.points[468]
    assert ring == pytest.approx(reading.points[469:473] - reading.points[468], abs=1e-3)


def test_shut_eyes_leave_what_was_read() -> None:
    reading, _ = displaced(0, (0.0, 0.0))
    points = reading.points.copy()
    for opening in OPENINGS:
        points[list(opening), 1] = points[list(opening), 1].mean()
    shut = Reading(points, reading.sigma, 1.0)
    assert np.array_equal(find_irises(portrait(0), shut).points, points)


@pytest.mark.parametrize("kind", ["black", "far away", "tiny", "one pixel", "nan"])
def test_odd_eyes_are_survived(kind: str) -> None:
    reading, _ = displaced(1, (0.0, 0.0))
    picture, points = portrait(1), reading.points
    if kind == "black":
        picture = np.zeros_like(picture)
    elif kind == "far away":
        points = points + 5000
    elif kind == "tiny":
        points = points * 0.01
    elif kind == "one pixel":
        picture = picture[:1, :1]
    else:
        points = np.full_like(points, np.nan)
    found = find_irises(picture, Reading(points, reading.sigma, 1.0))
    assert np.isfinite(found.points).all() or kind == "nan"
    assert np.isfinite(found.sigma).all()
