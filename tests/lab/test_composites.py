"""People who are mixed of several volunteers: exact points, one face in both pictures, marked and signed."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import vasari
from maker_fixtures import keys  # noqa: F401
from searching import little_search  # noqa: F401
from toy_london import make_toy_london

from lab.pictures.composites import LEVELS, Mixture, Studio, Warp, aligned, joined
from lab.pictures.compositeset import CompositeSet
from lab.pictures.london import London
from lab.pictures.strangers import Strangers
from lab.recipes import tracker as landmarks
from media.errors import ConsentError, UnreadableError, UsageError
from provenance import Keys, Mixed, Permit, save_picture, verify
from vasari.commands.composites import Darkroom

SIZE = 256
PAIR = Mixture((0, 1, 2), (0.5, 0.3, 0.2), 1.0, 1, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = make_toy_london(tmp_path_factory.mktemp("london"))
    (found / "LICENCE.txt").write_text("CC-BY 4.0\n")
    return found


@pytest.fixture(scope="module")
def studio(folder: Path) -> Studio:
    return Studio(London(folder), SIZE)


def board(size: int = SIZE) -> np.ndarray:
    """Smooth colours that tell where they are."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    return np.stack([x, y, (x + y) / 2], -1)


def test_a_warp_brings_points_to_the_target_and_holds_the_border() -> None:
    rng = np.random.default_rng(1)
    target = rng.uniform(60, 196, (40, 2))
    points = target + np.array([6, -4]) + 3 * np.sin(target[:, ::-1] / 40)
    moved = Warp(target, SIZE)(board(), points)
    at = target.round().astype(int)
    where = moved[at[:, 1], at[:, 0], :2] + (target - at)
    assert np.abs(where - points).max() < 1.0
    assert np.median(np.abs(where - points)) < 0.25
    edge = np.abs(moved - board())[[0, -1]]
    assert np.median(edge) < 1.0


def test_what_lies_on_the_target_already_stays() -> None:
    target = np.random.default_rng(2).uniform(40, 216, (30, 2))
    assert np.abs(Warp(target, SIZE)(board(), target) - board())[8:-8, 8:-8].max() < 0.6


def test_shapes_are_aligned_as_by_a_search() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(0, 20, (50, 3))
    turn = np.radians(12)
    turned = points @ np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]).T
    target = turned * 1.3 + (40, -7, 0)
    placed = aligned(points, target)
    assert np.allclose(placed[:, :2], target[:, :2], atol=1e-9)
    assert np.allclose(placed[:, 2], points[:, 2] * 1.3)


def test_joining_leaves_what_lies_far_from_the_seam() -> None:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[64:192, 64:192] = 1
    low, high = np.full((SIZE, SIZE, 3), 40, np.float32), np.full((SIZE, SIZE, 3), 200, np.float32)
    both = joined(low, high, cv2.GaussianBlur(mask, (0, 0), 4))
    assert abs(both[128, 128, 0] - 200) < 2 ** (LEVELS - 1)
    assert abs(both[4, 4, 0] - 40) < 8
    assert both.min() > 30
    assert both.max() < 210


def test_points_of_a_composite_lie_on_its_features(studio: Studio) -> None:
    """The pupils of toy heads are the darkest places of their eyes."""
    made = studio.compose(PAIR)
    grey = cv2.GaussianBlur(made.picture, (0, 0), 1).astype(float).mean(-1)
    for pupil in (468, 473):
        x, y = made.mesh[pupil, :2].round().astype(int)
        window = grey[y - 9 : y + 10, x - 9 : x + 10]
        down, across = np.unravel_index(int(window.argmin()), window.shape)
        assert np.hypot(down - 9, across - 9) <= 3


def test_a_smile_changes_the_mouth_of_the_same_face(studio: Studio) -> None:
    rest, smile = studio.compose(PAIR), studio.compose(PAIR, "smile")
    eyes = [np.linalg.norm(one.mesh[33, :2] - one.mesh[263, :2]) for one in (rest, smile)]
    mouths = [np.linalg.norm(one.mesh[61, :2] - one.mesh[291, :2]) for one in (rest, smile)]
    assert mouths[1] / eyes[1] > 1.05 * mouths[0] / eyes[0]
    brow = [k for k in range(468) if rest.mesh[k, 1] < rest.mesh[[33, 263], 1].mean()]
    moved = aligned(smile.mesh, rest.mesh, against=brow) - rest.mesh
    assert np.abs(moved[brow, :2]).mean() < 0.02 * eyes[0]


def test_the_shape_is_the_mean_of_those_who_are_mixed(studio: Studio) -> None:
    """Of one who stands for all: a mixture of three alike with nothing beyond is that one."""
    alone = Mixture((0, 1, 2), (1.0, 0.0, 0.0), 1.0, 0, 3)
    made, own = studio.compose(alone).mesh, studio.london.mesh[f"{studio.people[0].id}_neutral"]
    error = aligned(own.astype(float), made)[:, :2] - made[:, :2]
    assert np.linalg.norm(error, axis=1).mean() < 0.03 * np.linalg.norm(made[33, :2] - made[263, :2])


def test_no_draw_mixes_the_frame_or_anybody_twice_and_the_same_seed_draws_the_same(studio: Studio) -> None:
    counts = set()
    for seed in range(40):
        mixture = studio.draw(np.random.default_rng(seed))
        assert mixture == studio.draw(np.random.default_rng(seed))
        assert mixture.frame not in mixture.parents
        assert len(set(mixture.parents)) == len(mixture.parents)
        assert mixture.detail in mixture.parents
        assert sum(mixture.weights) == pytest.approx(1)
        assert mixture.of_several
        counts.add(len(mixture.parents))
    assert counts == {3, 4, 5, 6}
    assert len(studio.draw(np.random.default_rng(0), 5).parents) == 5
    assert {person.id for person in studio.people} == {person.id for person in studio.london.training}


def test_the_gate_mixes_itself_and_nothing_else_is_saved_as_mixed(
    studio: Studio, folder: Path, keys: Keys, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    words = {"keys": keys, "dataset": "a set", "licence": folder / "LICENCE.txt"}
    permit = Permit.mixed(PAIR, studio, **words)
    with pytest.raises(UsageError, match="Mixture"):
        Permit.mixed((0, 1, 2), studio, **words)
    for lonely in (
        Mixture((0, 1, 2), (1.0, 0.0, 0.0), 1.0, 0, 3),
        Mixture((0, 1), (0.5, 0.5), 1.0, 0, 3),
        Mixture((0, 0, 0), (0.4, 0.3, 0.3), 1.0, 0, 3),
        Mixture((0, 1, 2), (0.7, 0.7, -0.4), 1.0, 0, 3),
    ):
        with pytest.raises(UsageError, match="stands out"):  # a volunteer's own face under a claim of mixing
            Permit.mixed(lonely, studio, **words)
    (tmp_path / "none.txt").write_text("all rights reserved")
    with pytest.raises(ConsentError):
        Permit.mixed(PAIR, studio, keys=keys, dataset="a set", licence=tmp_path / "none.txt")
    with pytest.raises((ConsentError, UsageError)):
        save_picture(tmp_path / "other.png", permit.perform(Mixed, studio.compose(PAIR, "smile").picture, command="x"))
    given = Permit.licensed(folder / "001_neutral.jpg", **words)
    with pytest.raises(UsageError, match="mixed"):
        given.perform(Mixed, given.picture, command="x")
    assert not list(tmp_path.glob("*.png"))


def test_the_command_writes_a_set_that_recipes_read(
    folder: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, little_search: None  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setenv("VASARI_KEYS", str(keys.folder))
    out = tmp_path / "set"
    done = vasari("data", "composites", "-o", out, "--data", folder, "-n", 2, "--size", 256, "--workers", 1)
    assert done.code == 0, done.line
    found = CompositeSet(out)
    assert [person.id for person in found.training] == ["00000", "00001"]
    trainable = {person.id for person in London(folder).training}
    for row in csv.DictReader((out / "people.csv").open()):
        assert {*row["parents"].split(), row["frame"]} <= trainable
    for person in found.training:
        for expression in ("neutral", "smile"):
            verdict = verify(person.path(expression), keys=keys)
            assert verdict.verdict == "known_maker"
            assert verdict.credentials.digital_source_type == "compositeCapture"
            assert person.picture(expression).shape == (256, 256, 3)
    lifted = landmarks.lift_volunteers(found, found.training[:1], correct=True, size=128)
    shot = lifted[0].shoot(lifted[0].parameters)
    mesh = found.mesh["00000_neutral"][:, :2] / 2
    assert np.linalg.norm(shot.mesh[:, :2] - mesh, axis=1).mean() < 2
    with pytest.raises(ConsentError):  # a face of a data set is no portrait to animate without more
        Permit.of(found.training[0].path("neutral"), keys=keys)


def test_a_portrait_is_like_nobody_or_is_drawn_again(folder: Path, studio: Studio, tmp_path: Path) -> None:
    strangers = Strangers(studio.london)
    everybody = studio.london.training + studio.london.validation + studio.london.test
    assert set(strangers.ids) == {person.id for person in everybody}
    own = studio.people[0].picture("neutral")
    assert strangers.nearest(np.zeros_like(own)) == 1.0  # no face is no portrait
    room = Darkroom(tmp_path, folder, SIZE, None, True, 0, folder / "LICENCE.txt", None)
    told = {"limit": 0.5, "seen": 0}

    class Choosy:
        limit = 0.5

        def nearest(self, picture: np.ndarray) -> float:
            told["seen"] += 1
            return 0.9 if told["seen"] < 4 else 0.4

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vasari.commands.composites.everybody", lambda _: Choosy())
        mixture, near = room._drawn(np.random.default_rng(0))
        assert (told["seen"], near, len(mixture.parents)) == (4, {"nearest": "0.400"}, 5)
        patch.setattr("vasari.commands.composites.TRIES", 2)
        told["seen"] = 0
        with pytest.raises(UsageError, match="--parents"):
            room._drawn(np.random.default_rng(0))


def test_even_shares_are_nearer_to_one_another(studio: Studio) -> None:
    def widest(even: bool) -> float:
        drawn = [studio.draw(np.random.default_rng(seed), 5, even=even) for seed in range(60)]
        return float(np.mean([max(mixture.weights) for mixture in drawn]))

    assert widest(True) < 0.3 < widest(False)


def test_a_folder_without_composites_or_licence_is_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UnreadableError, match="data composites"):
        CompositeSet(folder)
    bare = make_toy_london(tmp_path / "deep" / "london")
    done = vasari("data", "composites", "-o", tmp_path / "out", "--data", bare, "-n", 1)
    assert done.code == 2
    assert "licence" in done.line
    assert not (tmp_path / "out").exists()
