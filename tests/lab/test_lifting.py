"""Volunteers lifted: what is photographed again goes together with its labels, and is marked and signed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import vasari
from sitters import EXAMPLES, portrait, tracked
from toy_london import bright_pupils, contrast

from lab.people.lifting import Lifted, Shade, elsewhere
from media import read_picture
from media.errors import ConsentError, UsageError
from provenance import Keys, verify
from vasari.commands.lift import lifted as lift


def test_labels_follow_the_lifted_head() -> None:
    """Wherever a lifted head turns and looks, its pixels and its labels go together."""
    picture, parameters, mesh = bright_pupils()
    lifted = Lifted(picture, parameters, mesh)
    rng = np.random.default_rng(0)
    for _ in range(6):
        moved = replace(
            parameters,
            rotation=rng.normal(0, 0.2, 3).clip(-0.5, 0.5).astype(np.float32),
            gaze=np.tile(rng.normal(0, 0.15, 2), (2, 1)).astype(np.float32),
        )
        shot = lifted.shoot(moved)
        assert contrast(shot.picture, shot.mesh[:, :2]) > 60
        assert shot.visible[[468, 473]].all()


def test_heads_go_elsewhere_within_their_limits() -> None:
    own, limits = tracked().parameters, np.radians((30, 20))
    rng = np.random.default_rng(0)
    turns = np.stack([elsewhere(own, rng).rotation - own.rotation for _ in range(300)])
    assert (np.abs(turns[:, :2]).max(0) <= limits + 1e-6).all()
    assert (np.abs(turns[:, :2]).max(0) > 0.8 * limits).all()
    assert np.array_equal(elsewhere(own, rng).identity, own.identity)
    assert not np.array_equal(elsewhere(own, rng, reshape=0.3).identity, own.identity)


def test_shots_are_whole_and_repeatable() -> None:
    lifted = Lifted(portrait(), tracked().parameters, tracked().landmarks, size=256)
    shots = []
    for _ in range(2):
        rng = np.random.default_rng(5)
        shots.append(lifted.shoot(elsewhere(lifted.parameters, rng), shade=Shade.random(rng)))
    assert np.array_equal(shots[0].picture, shots[1].picture)
    shot = shots[0]
    on_head = np.isfinite(shot.depth)
    assert 0.05 < on_head.mean() < 0.6
    assert np.linalg.norm(shot.normals[on_head], axis=-1) == pytest.approx(1, abs=0.05)
    assert not shot.normals[~on_head].any()
    at = shot.mesh[shot.visible].round().astype(int)
    seen = shot.depth[at[:, 1], at[:, 0]]
    off = np.abs(seen - shot.mesh[shot.visible, 2])[np.isfinite(seen)]
    assert np.median(off) < 0.02 * shot.parameters.scale
    labels = shot.labels()
    assert labels["rotation"] == pytest.approx(np.degrees(shot.parameters.rotation))
    assert all(np.isfinite(labels[name]).all() for name in ("mesh", "normals", "identity", "actions", "gaze"))


def test_a_hidden_ear_side_is_not_visible() -> None:
    """Turned far to one side, mesh points of the far cheek are hidden, those of the near one seen."""
    own = replace(tracked().parameters, rotation=np.zeros(3, np.float32))
    shot = Lifted(portrait(), tracked().parameters).shoot(replace(own, rotation=np.float32([0.9, 0, 0])))
    assert not shot.visible[[454, 323, 361]].all()  # the person's left cheek, turned away
    assert shot.visible[[234, 93, 132]].all()


def test_shade_from_the_left_lights_the_left() -> None:
    shade = Shade(np.full(3, 0.5), 0.6 * np.tile(np.array([-1.0, 0, 0]), (3, 1)))
    plain = Lifted(portrait(), tracked().parameters)
    lit = plain.shoot(plain.parameters, shade=shade).picture.astype(float)
    dull = plain.shoot(plain.parameters).picture.astype(float)
    x, y = plain.parameters.centre.round().astype(int)
    reach = round(0.6 * plain.parameters.scale)
    ratio = (lit + 1) / (dull + 1)
    left, right = (
        ratio[y + 10 : y + reach, x - reach : x - 10].mean(),
        ratio[y + 10 : y + reach, x + 10 : x + reach].mean(),
    )
    assert left > 1.15 * right


def test_lifted_pictures_are_signed_and_need_consent(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path / "keys")
    out = tmp_path / "out"
    told = vasari("data", "lifted", EXAMPLES / "portrait.png", "-o", out, "-n", 2, "--size", 192, "--keys", keys.folder)
    assert told.code == 0, told.err
    assert sorted(p.name for p in out.iterdir()) == ["000000.npz", "000000.png", "000001.npz", "000001.png"]
    assert verify(out / "000001.png", keys=keys).exit_code == 0
    with np.load(out / "000000.npz") as labels:
        assert labels["mesh"].shape == (478, 3)
        assert np.abs(labels["rotation"][:2]).max() < 60
    somebody = tmp_path / "somebody.png"
    from PIL import Image

    Image.fromarray(portrait()[:, ::-1]).save(somebody)
    with pytest.raises(ConsentError):
        lift(somebody, tmp_path / "none", n=1, keys=keys.folder)
    assert not (tmp_path / "none").exists()
    for wrong in ({"size": 5}, {"yaw": 100.0}):
        with pytest.raises(UsageError):
            lift(EXAMPLES / "portrait.png", out, keys=keys.folder, **wrong)
    assert read_picture(out / "000000.png").shape == (192, 192, 3)
