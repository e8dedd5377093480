"""Photographed people as somebody else: smooth, repeatable, and never where figures are measured."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sitters import portrait, tracked
from toy_london import make_toy_london

from lab.fakes import sittings
from lab.people.disguising import GRID, MELANIN, Disguise
from lab.pictures.london import London

PLAIN = Disguise(
    mirrored=False, shape=np.zeros((GRID, GRID, 2), np.float32), aspect=1.0, skin=0.0, redness=1.0,
    light=np.zeros(4, np.float32), tint=np.ones(3, np.float32), detail=1.0,
)  # fmt: skip
LANDMARKS = np.float32([[256, 256]]) + np.random.default_rng(0).uniform(-100, 100, (478, 2)).astype(np.float32)


def test_an_empty_disguise_leaves_the_picture() -> None:
    assert np.abs(PLAIN(portrait(), tracked().landmarks).astype(int) - portrait()).max() <= 1


def test_a_disguise_repeats_and_keeps_size_and_type() -> None:
    first, second = (Disguise.draw(np.random.default_rng(3))(portrait(), tracked().landmarks) for _ in range(2))
    assert first.shape == portrait().shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    assert np.abs(first.astype(int) - portrait()).mean() > 4


@pytest.mark.parametrize("axis", [0, 1], ids=["down", "across"])
def test_no_shape_folds_the_picture(axis: int) -> None:
    """A ramp stays a ramp: what was further right or down still is."""
    ramp = np.repeat(np.linspace(20, 235, 512).astype(np.uint8)[:, None], 512, 1)
    picture = np.repeat((ramp if axis == 0 else ramp.T)[..., None], 3, 2)
    for seed in range(40):
        drawn = Disguise.draw(np.random.default_rng(seed))
        moved = replace(PLAIN, shape=drawn.shape, aspect=drawn.aspect)(picture, LANDMARKS)[60:-60, 60:-60, 1]
        assert np.diff(moved.astype(int), axis=axis).min() >= 0, seed


def test_skin_gets_the_colour_asked_for_and_other_colours_stay() -> None:
    picture = np.empty((512, 512, 3), np.uint8)
    picture[:] = (205, 150, 120)  # a light skin
    picture[:, 400:] = (70, 90, 170)  # and something blue
    shown = replace(PLAIN, skin=0.12)(picture, LANDMARKS)
    linear = (shown[256, 256] / 255.0) ** 2.2
    assert linear[1] == pytest.approx(0.12, rel=0.05)
    before = (picture[256, 256] / 255.0) ** 2.2
    np.testing.assert_allclose(np.log(before / linear), np.log(before[1] / 0.12) * MELANIN, rtol=0.06)
    assert np.abs(shown[:, 450:].astype(int) - picture[:, 450:]).max() <= 2


def test_a_mirrored_face_is_the_face_mirrored() -> None:
    landmarks = tracked().landmarks
    plain, mirrored = (replace(PLAIN, mirrored=m)(portrait(), landmarks) for m in (False, True))
    np.testing.assert_array_equal(mirrored[:, ::-1], plain)


def test_only_people_to_train_on_are_disguised(tmp_path, monkeypatch) -> None:
    """What is validated, calibrated and tested on is real. Nobody is looked for in the pictures."""
    drawn = []
    plain = Disguise.draw
    monkeypatch.setattr(sittings.Disguise, "draw", lambda rng: drawn.append(1) or plain(rng))
    stage = sittings.Stage.__new__(sittings.Stage)
    stage.london = London(make_toy_london(tmp_path))
    stage.tracker = SimpleNamespace(portrait=lambda picture: (None, 1))
    monkeypatch.setattr(sittings, "FaceLatent", SimpleNamespace(encode=lambda picture, track, size: None))
    stage.london.validation, stage.london.test = stage.london.training, stage.london.training  # toys are few
    for split in ("validation", "calibration", "test", "train"):
        assert not drawn
        for seed in range(6):
            stage._volunteer(split, np.random.default_rng(seed), 128)
    assert drawn
