"""`vasari detect`, files without anybody, and the recipe on a toy set."""

import json
import os

import numpy as np
import pytest
from looks import noise_model
from typer.testing import CliRunner

from detect.detector import Model
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


def test_a_profile_is_learned_from_a_folder_and_used(shipped, tmp_path, monkeypatch):
    from PIL import Image

    from media import read_picture

    monkeypatch.setattr("detect.calibrate.LEAST", 2)
    folder, profile = tmp_path / "ours", tmp_path / "ours.json"
    folder.mkdir()
    shown = read_picture("examples/portrait.png")[::2, ::2]
    for number in range(2):
        Image.fromarray(np.ascontiguousarray(shown)).save(folder / f"{number}.png")
    (folder / "broken.mp4").write_bytes(b"no video")
    ran = CliRunner().invoke(app, ["detect", "calibrate", str(folder), "-o", str(profile), "--weights", str(shipped)])
    assert ran.exit_code == 0, ran.output
    assert "a profile of 2 real clips, of 3 files" in ran.stdout
    assert "left out" in ran.stderr
    told = CliRunner().invoke(
        app, ["detect", "examples/portrait.png", "--json", "--weights", str(shipped), "--profile", str(profile)]
    )
    record = json.loads(told.stdout)
    assert record["measured_on"].startswith("a profile of 2 real clips; 300 draws of noise")
    profile.write_text(profile.read_text().replace(json.loads(profile.read_text())["weights"], "0" * 64))
    other = CliRunner().invoke(app, ["detect", "examples/portrait.png", "--profile", str(profile)])
    assert "of other weights" in str(other.exception)


@pytest.mark.parametrize(
    ("prepare", "why"),
    [(lambda folder: folder.rmdir(), "no folder"), (lambda folder: None, "0 of 0 files show a face"),
     (lambda folder: (folder.parent / "p.json").write_text("mine"), "is there already and no profile")],
)  # fmt: skip
def test_a_folder_that_teaches_nothing_is_one_line_and_nothing_is_lost(shipped, tmp_path, prepare, why):
    folder = tmp_path / "ours"
    folder.mkdir()
    prepare(folder)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ran = CliRunner().invoke(app, ["detect", "calibrate", str(folder), "-o", str(tmp_path / "p.json")])
    assert why in str(ran.exception)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_person_is_enrolled_on_a_named_basis_and_a_clip_told_beside_them(shipped, tmp_path, monkeypatch):
    from making import clip, write_video

    for name, count in {"LEAST": 2, "WINDOW": 20, "HOP": 10}.items():
        monkeypatch.setattr(f"detect.manner.{name}", count)
    folder, person = tmp_path / "ann", tmp_path / "ann.npz"
    folder.mkdir()
    for number in range(2):
        write_video(folder / f"{number}.mp4", clip(1, 21 + number, 160))
    (folder / "broken.mp4").write_bytes(b"no video")
    words = ["detect", "enroll", str(folder), "-o", str(person)]
    assert CliRunner().invoke(app, words).exit_code == 2  # nobody is learned without a reason
    assert "consent or for their public role" in str(CliRunner().invoke(app, [*words, "--basis", ""]).exception)
    assert not person.exists()
    ran = CliRunner().invoke(app, [*words, "--basis", "her consent"])
    assert ran.exit_code == 0, ran.output
    assert "from 2 clips (her consent)" in ran.stdout
    assert "left out" in ran.stderr
    told = CliRunner().invoke(
        app, ["detect", str(folder / "0.mp4"), "--json", "--weights", str(shipped), "--person", str(person)]
    )
    assert json.loads(told.stdout)["people"][0]["moves"]["clips"] == 2
    person.write_bytes(b"mine")
    assert "of another kind" in str(CliRunner().invoke(app, [*words, "--basis", "her consent"]).exception)
    assert person.read_bytes() == b"mine"
