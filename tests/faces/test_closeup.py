"""The second look: it sees what a first look misses, says how sure it is, and is never led astray by odd pictures."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sitters import portrait, tracked, tracker
from toy_assets import write_assets
from toy_london import make_toy_london, toy_mesh, toy_parameters

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS, TOLD
from faces.closeup import WEIGHTS, CloseupReader, crops_of, frames_of, mirrored_actions, mirrored_shape
from faces.fit import fitted
from faces.head import rotation_angles, rotation_matrix
from faces.landmarks import MIRROR, PUPILS, Closeup, Reading
from lab.recipes import closeup, closeup_views
from lab.reference import Reference
from lab.weights import load_weights
from media.errors import UsageError


def first_reading(index: int) -> Reading:
    """A portrait's reading before a second look."""
    track, reader = tracked(index), tracker().reader
    box = max(tracker().finder.find(portrait(index)), key=lambda b: b.size)
    reading = reader.refine(portrait(index), box.matrix(reader.side, 1.5), passes=3)
    assert np.abs(reading.points - track.landmarks).max() < 0.2 * track.size
    return reading


@pytest.mark.parametrize("index", range(3))
def test_irises_read_wrong_are_laid_right(index: int) -> None:
    reading, truth = first_reading(index), tracked(index).raw
    shift = 0.04 * 0.39 * tracked(index).size
    wrong = reading.points.copy()
    wrong[468:] += (shift, 0)
    found = tracker().closeup.look(portrait(index), replace(reading, points=wrong))
    left = np.linalg.norm(found.points[list(PUPILS)] - truth[list(PUPILS)], axis=1)
    assert left.mean() < 0.5 * shift


def test_portraits_look_at_the_camera() -> None:
    for index in range(3):
        seen = tracked(index).closeup
        assert np.allclose(seen.rotation @ seen.rotation.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(seen.rotation) > 0
        yaw = rotation_angles(seen.rotation)[0]
        assert abs(np.degrees(seen.gaze[:, 0].mean() + yaw)) < 8
        assert (seen.gaze_sigma > 0).all()
        assert 0 < seen.rotation_sigma < np.radians(10)


def test_crops_of_the_mirrored_picture_mirror_the_crops() -> None:
    picture, reading = portrait(0), first_reading(0)
    points = reading.points[MIRROR] * (-1, 1) + (picture.shape[1] - 1, 0)
    other = replace(reading, points=points.astype(np.float32), sigma=reading.sigma[MIRROR])
    here = crops_of(picture, reading, frames_of(reading.points))
    there = crops_of(np.ascontiguousarray(picture[:, ::-1]), other, frames_of(other.points))
    for one, two in (
        (here.eyes[::-1], there.eyes),
        (here.face[:, ::-1], there.face),
        (here.mouth[:, ::-1], there.mouth),
    ):
        assert np.abs(one.astype(int) - two).mean() < 8  # half a pixel apart
    assert np.abs(mirrored_shape(here.shape) - there.shape).max() < 0.02


def test_engines_agree_with_the_reference() -> None:
    reading = first_reading(1)
    reader = CloseupReader()
    reader.network = Reference.load(WEIGHTS, "closeup")
    slow = reader.look(portrait(1), reading)
    for precise, much in ((True, 1e-3), (False, 0.05)):
        fast = CloseupReader(precise=precise).look(portrait(1), reading)
        assert np.abs(fast.closeup.gaze - slow.closeup.gaze).max() < much
        assert np.abs(fast.closeup.rotation - slow.closeup.rotation).max() < much
        assert np.abs(fast.points - slow.points).max() < much * tracked(1).size


@pytest.mark.parametrize("case", ["tiny", "outside", "huge", "one pixel", "one point", "not a number"])
def test_odd_readings_give_finite_answers(case: str) -> None:
    picture, points = portrait(0), tracked(0).raw
    middle = points.mean(0)
    if case == "tiny":
        points = middle + (points - middle) * 0.02
    elif case == "outside":
        points = points + np.float32((4000, -9000))
    elif case == "huge":
        points = middle + (points - middle) * 60
    elif case == "one pixel":
        picture = picture[:1, :1]
    elif case == "one point":
        points = np.tile(middle, (478, 1))
    else:
        points = np.full_like(points, np.nan)
    reading = Reading(points.astype(np.float32), np.full(478, 1.0, np.float32), 1.0)
    found = tracker().closeup.look(picture, reading)
    if case in ("tiny", "one point", "not a number"):
        assert found is reading
    else:
        assert np.isfinite(found.points).all()
        assert np.isfinite(found.closeup.rotation).all()


def seen(rotation: np.ndarray, gaze: np.ndarray, sigma: float, actions: np.ndarray | None = None) -> Closeup:
    """What was seen, as sure as `sigma` (radians) of turn and gaze; of actions nothing unless they are given."""
    turn = rotation_matrix(*rotation).astype(np.float64)
    told = np.zeros(len(TOLD), np.float32) if actions is None else actions.astype(np.float32)
    unsure = np.full(len(TOLD), 1e3 if actions is None else sigma, np.float32)
    return Closeup(gaze.astype(np.float32), np.full(2, sigma, np.float32), turn, sigma, told, unsure)


def test_a_fit_believes_what_was_seen_as_far_as_it_is_sure() -> None:
    true = toy_parameters(2, "neutral")
    points = toy_mesh(true)[:, :2]
    blurred = np.full(478, 0.05 * true.scale)
    off = true.rotation + np.radians((6, 0, 0))
    alone = fitted(points, sigma=blurred).parameters.rotation[0]
    yaws = [
        fitted(points, sigma=blurred, closeup=seen(off, true.gaze, sigma)).parameters.rotation[0] - alone
        for sigma in np.radians((20.0, 3.0, 0.3))
    ]
    assert 0 <= yaws[0] < yaws[1] < yaws[2]
    assert yaws[0] < 0.15 * np.radians(6)
    assert yaws[2] > 0.6 * np.radians(6)


def test_actions_that_were_seen_count_as_far_as_they_are_sure() -> None:
    true = toy_parameters(2, "neutral")
    points, brow = toy_mesh(true)[:, :2], TOLD.index("browInnerUp")
    raised = np.zeros(len(TOLD))
    raised[brow] = 0.8
    blurred = np.full(478, 0.05 * true.scale)
    fits = [
        fitted(points, sigma=blurred, closeup=seen(true.rotation, true.gaze, sigma, raised))
        for sigma in (0.5, 0.1, 0.01)
    ]
    amounts = [one.parameters.actions[ACTION_INDEX["browInnerUp"]] for one in fits]
    assert amounts[0] < amounts[1] < amounts[2] < 0.81
    assert amounts[2] > 0.5
    surer = [one.confidence[ACTION_INDEX["browInnerUp"]] for one in fits]
    assert surer[0] < surer[1] < surer[2] <= 1


def test_a_mirror_swaps_the_sides_of_actions() -> None:
    actions = np.arange(len(TOLD), dtype=np.float32)
    turned = mirrored_actions(actions)
    assert np.array_equal(mirrored_actions(turned), actions)
    assert turned[TOLD.index("mouthSmileLeft")] == actions[TOLD.index("mouthSmileRight")]
    assert turned[TOLD.index("jawOpen")] == actions[TOLD.index("jawOpen")]
    assert [name for name in FACIAL_ACTIONS if name in TOLD] == list(TOLD)


def test_batches_hold_two_views_of_a_person_a_quarter_apart() -> None:
    count = 40
    views = {"who": np.repeat(np.arange(10), 4), "real": np.zeros(count, bool)}
    batches = closeup.Batches(views, 0, 16)
    batches_taken = []
    batches.take = lambda index: batches_taken.append(views["who"][index]) or views
    with contextlib.suppress(KeyError):  # there are no pictures
        batches(3)
    for half in batches_taken:
        assert np.array_equal(half[:4], half[4:])


def test_sure_gaze_wins_and_unsure_gaze_does_not() -> None:
    true = toy_parameters(3, "neutral")
    points, aside = toy_mesh(true)[:, :2], np.radians(((15.0, 5.0), (15.0, 5.0)))
    sure, unsure = (
        fitted(points, sigma=np.ones(478), closeup=seen(true.rotation, aside, sigma)).parameters.gaze
        for sigma in (0.01, 0.9)
    )
    assert np.abs(sure - aside).max() < np.radians(1)
    assert np.abs(unsure - aside).max() > np.radians(8)


def test_recipe_trains_resumes_and_keeps_its_pictures(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closeup_views, "SCENES", 2)
    folder = make_toy_london(tmp_path_factory.mktemp("london"))
    assets = write_assets(tmp_path_factory.mktemp("assets"))
    out, workdir = tmp_path / "weights.onnx", tmp_path / "work"
    options = {"workdir": workdir, "assets": assets, "batch": 4, "shards": (1, 1, 1)}
    closeup.train(folder, out, steps=2, **options)
    made = {path: path.stat().st_mtime_ns for path in workdir.glob("*.npz")}
    assert len(made) == 4
    card = closeup.train(folder, out, steps=3, **options)
    assert made == {path: path.stat().st_mtime_ns for path in workdir.glob("*.npz")}
    rows = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 2, 3]
    assert {"people_gaze_deg", "lifted_gaze_deg", "people_turn_deg", "people_actions", "total"} <= set(card.figures)
    assert all(np.isfinite(value) for value in card.figures.values())
    assert load_weights(out, "closeup")[1].recipe.startswith("vasari train closeup")
    found = CloseupReader(out).look(portrait(0), first_reading(0))
    assert np.isfinite(found.points).all()
    with pytest.raises(UsageError, match="--assets"):
        closeup.train(folder, out, workdir=workdir)


def test_a_mirrored_view_mirrored_is_the_view() -> None:
    rng = np.random.default_rng(0)
    views = {
        "eyes": rng.integers(0, 255, (3, 2, 48, 64, 3), dtype=np.uint8),
        "mouth": rng.integers(0, 255, (3, 48, 64, 3), dtype=np.uint8),
        "face": rng.integers(0, 255, (3, 96, 96, 3), dtype=np.uint8),
        "actions": rng.random((3, len(TOLD))).astype(np.float32),
        "who": np.arange(3),
        "shape": rng.normal(size=(3, 478, 3)).astype(np.float32),
        "iris": rng.normal(size=(3, 2, 2)).astype(np.float32),
        "lids": rng.normal(size=(3, 2, 16, 2)).astype(np.float32),
        "lids_seen": rng.random((3, 2, 16)) < 0.5,
        "gaze": rng.normal(size=(3, 2, 2)).astype(np.float32),
        "gaze_seen": rng.random((3, 2)) < 0.5,
        "rotation": np.stack([rotation_matrix(*rng.normal(0, 0.4, 3)) for _ in range(3)]),
        "real": rng.random(3) < 0.5,
    }
    once = closeup.mirrored(views)
    twice = closeup.mirrored(once)
    assert all(np.array_equal(twice[name], column) for name, column in views.items())
    yaw, pitch, roll = 0.3, -0.2, 0.1
    turned = closeup.mirrored(views | {"rotation": rotation_matrix(yaw, pitch, roll)[None].repeat(3, 0)})
    assert np.allclose(turned["rotation"], rotation_matrix(-yaw, pitch, -roll), atol=1e-6)


def test_shipped_weights_say_what_they_learned_from() -> None:
    card = load_weights(WEIGHTS, "closeup")[1]
    assert "London" in card.data
    assert WEIGHTS.stat().st_size < 4_000_000
