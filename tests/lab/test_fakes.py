"""The labelled set: manifest, splits, layouts, and both classes treated alike."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from detect.picture import SIDE
from lab.fakes import maker
from lab.fakes.blending import PARTS, SelfBlend
from lab.fakes.camera import Camera
from lab.fakes.kinds import UNSEEN, shifted
from lab.fakes.masks import hull_mask
from lab.fakes.sittings import FIRST_SEED, PEOPLE, Job, codec_of, generator_of, jobs, volunteers_of
from lab.fakes.spoiling import Spoiling
from lab.labelled import SPLITS, ClipSet, Item, check_splits, read_manifest, write_manifest
from lab.labelled.layouts import read_layout
from media.errors import UnreadableError, UsageError


def item(**more) -> Item:
    return Item(**({"file": "a.mp4", "label": "real", "kind": "real", "split": "train", "person": "p"} | more))


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    items = [item(), item(file="b.mp4", label="fake", kind="talk", seed=7, traits={"lapse": "6"})]
    write_manifest(tmp_path, items)
    assert read_manifest(tmp_path) == items
    assert [i.file for i in ClipSet(tmp_path).of("train")] == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("line", ["", "{", '{"file": "a"}', '{"file":"a","label":"maybe","kind":"x","split":"train"}'])
def test_a_line_that_is_no_item_is_named(tmp_path, line):
    good = item().model_dump_json()
    (tmp_path / "manifest.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(UnreadableError, match="line 2"):
        read_manifest(tmp_path)


def test_a_missing_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(UnreadableError, match="vasari data fakes"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("field", ["person", "voice", "seed", "sitting"])
def test_what_leaks_between_splits_is_refused(field):
    value = 7 if field == "seed" else "x"
    apart = {"person": "", field: value}
    items = [item(**apart), item(**apart, split="test", file="b.mp4")]
    with pytest.raises(UsageError, match=f"{field} {value}"):
        check_splits(items)
    check_splits([item(**apart), item(**apart, file="b.mp4")])


def test_sittings_fill_all_splits_and_share_no_seed():
    made = jobs(200, 3, volunteers=True, people=True)
    counts = {split: sum(j.split == split for j in made) for split in SPLITS}
    assert min(counts.values()) >= 8
    assert counts["train"] > 100
    assert len({j.seed for j in made}) == 200
    assert {j.volunteer for j in made if j.split == "test"} == {True, False}


def test_other_generators_and_faint_paint_are_for_training_alone():
    painters = ["ships", "early", "late"]
    drawn = {
        split: [generator_of(painters, Job(k, split, False, (7 << 32) + k)) for k in range(200)]
        for split in ("train", "test")
    }
    assert {painter for painter, _ in drawn["train"]} == {"ships", "early", "late"}
    assert 20 < sum(strength < 1 for _, strength in drawn["train"]) < 90
    assert set(drawn["test"]) == {("ships", 1.0)}


def test_people_who_do_not_exist_are_in_one_split_each():
    ranges = sorted((FIRST_SEED[s], FIRST_SEED[s] + PEOPLE[s]) for s in SPLITS)
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))


def test_volunteers_are_in_one_split_each():
    class Set:
        training, validation, test = list(range(47)), list(range(100, 107)), list(range(200, 214))
        calibrating = training[1::5]

    parts = [set(volunteers_of(Set, split)) for split in SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 47 + 7 + 14
    assert parts[SPLITS.index("test")] == set(Set.test)


def test_one_camera_does_the_same_to_every_clip_of_a_sitting():
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)] * 3
    held = next(c for c in map(Camera.draw, range(50)) if c.shake > 0.004 and c.grain > 1)
    first, again = held.film(frames), held.film(frames)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != first[1]).any()
    other = Camera.draw(held.seed + 1).film(frames)
    assert (first[0] != other[0]).any()
    assert {f.shape for f in first} == {(64, 64, 3)}


def test_a_sound_is_moved_and_its_length_stays():
    sound = np.random.default_rng(1).standard_normal(640 * 40).astype(np.float32)
    for seed in range(4):
        moved = shifted(sound, np.random.default_rng(seed))
        assert moved.shape == sound.shape
        lag = int(np.argmax(np.correlate(moved, sound, "full"))) - len(sound) + 1
        assert 5 * 640 <= abs(lag) < 14 * 640
        assert lag % 640 == 0


def face(side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """A picture and mesh points on it."""
    rng = np.random.default_rng(2)
    picture = rng.integers(60, 200, (side, side, 3)).astype(np.uint8)
    angle = np.linspace(0, 40 * np.pi, 478)
    radius = np.linspace(0, 0.35 * side, 478)
    return picture, np.stack([side / 2 + radius * np.cos(angle), side / 2 + radius * np.sin(angle)], 1).astype(
        np.float32
    )


def test_a_self_blend_changes_the_face_and_repeats():
    picture, mesh = face()
    changed = []
    for seed in range(12):
        blend = SelfBlend.draw(np.random.default_rng(seed))
        out = blend(picture, mesh)
        assert out.shape == picture.shape
        assert out.dtype == np.uint8
        assert (out == blend(picture, mesh)).all()
        if blend.source_altered:
            outside = blend.mask(picture.shape, mesh) == 0
            assert (out[outside] == picture[outside]).all()
        changed.append((out != picture).mean())
    assert np.median(changed) > 0.02
    assert {SelfBlend.draw(np.random.default_rng(s)).part for s in range(60)} == set(PARTS)


def test_a_mask_is_full_inside_and_fades():
    _, mesh = face()
    mask = hull_mask((160, 160), mesh[:468], 1.0, 3.2)
    assert mask[80, 80] == pytest.approx(1, abs=1e-3)
    assert mask[0, 0] == 0
    assert 0.05 < ((mask > 0.01) & (mask < 0.99)).mean() < 0.5


def test_reals_and_fakes_are_spoiled_alike():
    rng = np.random.default_rng(4)
    picture = rng.integers(0, 255, (288, 288, 3)).astype(np.uint8)
    for seed in range(10):
        spoil = Spoiling.draw(np.random.default_rng(seed))
        a, b = spoil(picture), spoil(picture.copy())
        assert a.shape == (SIDE, SIDE, 3)
        assert (a == b).all()
    still = Spoiling.draw(np.random.default_rng(0), 0.0)
    assert np.abs(still(picture).mean() - picture.mean()) < 2


@pytest.mark.parametrize(
    ("files", "reals", "kinds"),
    [
        (
            ["original_sequences/youtube/c23/videos/001.mp4", "manipulated_sequences/Deepfakes/c23/videos/001_862.mp4"],
            1,
            {"Deepfakes"},
        ),
        (
            ["Celeb-real/id0_0000.mp4", "YouTube-real/00001.mp4", "Celeb-synthesis/id0_id1_0000.mp4"],
            2,
            {"celeb-synthesis"},
        ),
        (["real/a.mp4", "fake/b.mp4"], 1, {"fake"}),
        (["real/x/1.png", "simswap/ff/frames/000_003/1.png"], 1, {"simswap"}),
    ],
)
def test_public_layouts_are_read(tmp_path, files, reals, kinds):
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    items = read_layout(tmp_path)
    assert sum(not i.is_fake for i in items) == reals
    assert {i.kind for i in items if i.is_fake} == kinds
    assert all((tmp_path / i.file).exists() for i in items)


def test_pairs_of_a_public_set_stay_in_one_split(tmp_path):
    folder = tmp_path / "manipulated_sequences/Face2Face/c23/videos"
    folder.mkdir(parents=True)
    reals = tmp_path / "original_sequences/youtube/c23/videos"
    reals.mkdir(parents=True)
    for k in range(40):
        (reals / f"{k:03d}.mp4").touch()
        (folder / f"{k:03d}_{(k + 1) % 40:03d}.mp4").touch()
    split = {"train": [["000", "001"]], "val": [["002", "003"]], "test": [["004", "005"]]}
    for name, pairs in split.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(pairs))
    items = read_layout(tmp_path)
    check_splits(items)
    assert {i.split for i in items if i.person == "ff-004"} == {"test"}
    assert not [i for i in items if i.file.endswith("001_002.mp4")]  # its two people are in two splits


def test_a_folder_without_a_known_layout_is_refused(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UnreadableError, match="layout"):
        read_layout(tmp_path)


def test_kinds_never_trained_on_are_named():
    assert {"swap", "lifted"} == UNSEEN


def test_codecs_that_spoil_more_are_for_training_alone():
    """What is measured is saved as is usual; some of what is learned from is saved worse."""
    drawn = {split: [codec_of(np.random.default_rng(k), split)["crf"] for k in range(200)] for split in SPLITS}
    assert all(max(drawn[split]) <= 34 for split in SPLITS if split != "train")
    assert 40 < max(drawn["train"]) <= 51
    assert 0.15 < np.mean(np.array(drawn["train"]) > 34) < 0.35


def test_every_clip_that_is_judged_has_a_way_of_its_own() -> None:
    def sitting(split: str, seed: int) -> SimpleNamespace:
        return SimpleNamespace(job=SimpleNamespace(split=split, seed=seed))

    assert not any(maker._world(sitting("train", seed), "real").stages for seed in range(20))
    ways = {kind: [maker._world(sitting("test", seed), kind) for seed in range(60)] for kind in ("real", "talk")}
    assert ways["real"] == [maker._world(sitting("test", seed), "real") for seed in range(60)]
    assert sum(a == b for a, b in zip(ways["real"], ways["talk"], strict=True)) < 12
    lengths = [np.mean([len(way.stages) for way in own]) for own in ways.values()]
    assert abs(lengths[0] - lengths[1]) < 0.6  # quality says nothing of what was made
