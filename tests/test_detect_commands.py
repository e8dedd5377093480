"""`vasari detect`, files without anybody, and the recipe on a toy set."""

import json
import os

import numpy as np
import pytest
from looks import noise_model
from typer.testing import CliRunner

from detect.detector import Detector, Model
from detect.evidence import Gatherer
from detect.picture import PictureReader
from lab.labelled.manifest import Item
from lab.weights import WeightCard
from provenance.exits import EXIT_SYNTHETIC
from vasari.cli import app


@pytest.fixture
def model() -> Model:
    return noise_model()


@pytest.fixture
def shipped(model, tmp_path, monkeypatch):
    """The fitted noise in the place of the shipped weights."""
    from lab.weights import save_weights

    path = tmp_path / "weights.onnx"
    save_weights(path, model.tensors(), WeightCard("detector", model.config(), "noise", 1))
    monkeypatch.setattr("detect.detector.WEIGHTS", path)
    return path


def test_one_bad_file_never_stops_the_others(shipped, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"not a video")
    ledger = tmp_path / "out.jsonl"
    arguments = ["detect", str(bad), "examples/portrait.png", "--json", "--workers", "0", "--weights", str(shipped)]
    ran = CliRunner().invoke(app, [*arguments, "-o", str(ledger)])
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [bool(line.get("error")) for line in lines] == [True, False]
    assert lines[1]["kind"] == "picture"
    assert ran.exit_code in (1, EXIT_SYNTHETIC)
    again = CliRunner().invoke(app, [*arguments[:3], "--json", "--weights", str(shipped), "-o", str(ledger)])
    assert not [line for line in again.stdout.splitlines() if "portrait" in line]


def test_nothing_to_look_at_is_wrong_usage():
    assert CliRunner().invoke(app, ["detect"]).exit_code == 2
    assert CliRunner().invoke(app, ["detect", "x.mp4", "--point", "never"]).exit_code == 2


def test_gatherer_tells_a_video_without_people(model, tmp_path):
    frames = [np.full((120, 160, 3), 128, np.uint8)] * 4
    found = Gatherer(PictureReader(model.picture, threads=1), threads=1).watch(frames)
    assert (found.frames, found.people, found.size) == (4, [], (160, 120))


@pytest.mark.parametrize(("count", "step"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (1000, 128)])
def test_frames_of_a_long_video_are_spread_over_it_and_few_are_held(count, step):
    from lab.labelled.crops import spread

    assert spread(iter(range(count)), 8) == list(range(0, count, step))
    assert spread(iter(()), 8) == []


def test_crops_are_cut_once_and_again_when_the_clip_is_made_anew(tmp_path, monkeypatch):
    from lab.labelled import ClipSet, crops

    cuts = []

    def cut(path, count, tracker):
        cuts.append(path.name)
        return crops.Crops(np.zeros((len(cuts), 8, 8, 3), np.uint8), np.zeros((len(cuts), 478, 2), np.float32))

    monkeypatch.setattr(crops, "cut", cut)
    monkeypatch.setattr(crops, "_tracker", lambda: None)
    clip = Item(file="a.mp4", label="real", kind="real", split="train")
    clips = ClipSet(tmp_path, [clip])
    clips.path(clip).write_bytes(b"one")
    os.utime(clips.path(clip), (1, 1))
    for lengths in ([1], [1]):
        assert [len(shelf) for shelf in crops.cut_all(clips, [clip], tmp_path / "crops", 4)] == lengths
    clips.path(clip).write_bytes(b"other")
    os.utime(clips.path(clip), (1 << 33, 1 << 33))
    assert [len(shelf) for shelf in crops.cut_all(clips, [clip], tmp_path / "crops", 4)] == [2]
    clips.path(clip).unlink()
    assert [len(shelf) for shelf in crops.cut_all(clips, [clip], tmp_path / "crops", 4)] == [2]
    assert cuts == ["a.mp4", "a.mp4"]


def test_items_of_sound_kinds_have_real_pictures():
    from lab.labelled.manifest import SOUND_KINDS

    assert "sound_shift" in SOUND_KINDS
    assert Item(file="a", label="fake", kind="sound_shift", split="test").is_fake


def test_the_recipe_learns_from_a_set_of_pictures_and_can_be_gone_on_with(tmp_path, monkeypatch):
    from PIL import Image

    from lab.labelled import write_manifest
    from lab.recipes.detector import train
    from media import read_picture

    portraits = [read_picture(f"examples/{name}.png")[::2, ::2] for name in ("portrait", "portrait2")]
    items = []
    for split in ("train", "validation", "calibration"):
        for k, picture in enumerate(portraits):
            for label in ("real", "fake"):
                shown = picture if label == "real" else picture[::4, ::4].repeat(4, 0).repeat(4, 1)
                name = f"{split}{k}{label}.png"
                Image.fromarray(np.ascontiguousarray(shown)).save(tmp_path / name)
                kind = "real" if label == "real" else "blocks"
                who = f"{split}{k}"
                items.append(Item(file=name, label=label, kind=kind, split=split, person=who, sitting=who))
    write_manifest(tmp_path, items)
    out, options = tmp_path / "d.onnx", {"workdir": tmp_path / "work", "batch": 2, "pretrained": False}
    first = train(tmp_path, out, steps=2, **options)
    assert first.steps <= 2
    again = train(tmp_path, out, steps=2, **options)  # nothing is left to do: the same weights
    assert again.sha256 == first.sha256
    assert Detector.load(out, threads=1).detect("examples/portrait.png").people[0].streams[3].score is None
    people = tmp_path / "people"  # and folders of people, of whom fakes are drawn while it learns
    people.mkdir()
    for number in range(4, 9):  # p6 is held out
        Image.fromarray(portraits[0]).save(people / f"p{number}_a.png")
    monkeypatch.setattr("lab.recipes.detector_pairs.CHECKED", 1)
    drawn = train([tmp_path, people], out, steps=1, **{**options, "workdir": tmp_path / "other"})
    assert {"auc_families", "auc_set", "auc_roundtrip"} <= set(drawn.figures)
    assert f"--data {tmp_path.name} --data people" in drawn.recipe
