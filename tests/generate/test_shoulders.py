"""Shoulders go some of the way with the neck, and what is beside the person stays."""

from dataclasses import replace

import numpy as np
import pytest
import sitters

from generate import FaceLatent, Painter
from generate.refiner import FARTHEST, body_shift
from generate.renderer import Renderer

ASIDE = np.array([0.2, 0.0, 0.0], np.float32)  # units of the head
STILL = np.zeros(3, np.float32)


@pytest.fixture(scope="module")
def sitter() -> FaceLatent:
    return sitters.latent(256)


@pytest.fixture(scope="module")
def renderer(sitter: FaceLatent) -> Renderer:
    return Renderer(sitter, Painter())


def shifted(before: np.ndarray, after: np.ndarray) -> int:
    """By how many pixels `after` lies to the right of `before`, in the strip that shows the shoulders."""
    size, reach = before.shape[0], 8
    rows = slice(int(0.76 * size), int(0.92 * size))
    kept = after[rows, reach:-reach].astype(float)
    errors = {by: np.square(before[rows, reach - by : size - reach - by] - kept).mean() for by in range(-reach, reach)}
    return min(errors, key=lambda by: errors[by])


def test_shoulders_go_half_the_way_of_the_neck(sitter: FaceLatent, renderer: Renderer) -> None:
    at_rest, aside = (renderer.render(sitter.moved(STILL, by, np.zeros(2))) for by in (STILL, ASIDE))
    way = float(ASIDE[0]) * sitter.appearance.unit
    assert 0.3 * way < shifted(at_rest, aside) < 0.7 * way


def test_the_wall_stays(sitter: FaceLatent, renderer: Renderer) -> None:
    size = sitter.appearance.picture.shape[0]
    at_rest, aside = (renderer.render(sitter.moved(STILL, by, np.zeros(2))) for by in (STILL, ASIDE))
    corner = slice(0, size // 8), slice(0, size // 8)
    assert np.abs(at_rest[corner].astype(int) - aside[corner]).max() <= 2


def test_they_never_go_far(sitter: FaceLatent) -> None:
    rest = sitter.appearance.rest
    assert not body_shift(rest, rest).any()
    away = replace(rest, centre=rest.centre + np.float32(50 * rest.scale))
    assert np.abs(body_shift(rest, away)).max() <= FARTHEST * rest.scale * 1.001
    turned = sitter.moved(np.array([0.4, 0.0, 0.0], np.float32), STILL, np.zeros(2)).pose
    assert np.abs(body_shift(rest, turned)).max() < 0.02 * rest.scale  # a head that turns leaves them where they are
