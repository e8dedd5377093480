"""The command line as a person meets it: help, files in, files out."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import PORTRAIT, SECONDS, SIZE, Done, vasari, write_sound
from permits import shown
from sitters import EXAMPLES, portrait

from faces import FACIAL_ACTIONS
from media import FPS, VideoReader, probe, read_picture
from provenance import Keys

pytest_plugins = ["command_fixtures"]
pytestmark = pytest.mark.usefixtures("one_thread", "home")


COMMANDS = {
    ("generate",): ("--size", "--crop", "pixels", "default: 512", "degrees", "--emotion", "--consent", "--seed"),
    ("animate",): ("--size", "--crop", "default: 512", "--absolute", "--consent"),
    ("track",): ("degrees", "pixels", "actions (T, 52)"),
    ("verify",): ("--json", "Exit code", "--anchor"),
    ("train",): ("--steps", "--seed", "default: 0", "--device", "default: cpu", "--resume"),
    ("bench",): ("--quick", "Under five minutes", "--output"),
    ("comply",): ("--check", "--results", "--tests", "Exit code", "no legal advice", "[LANGUAGE]"),
    ("keys",): ("create", "show"),
    ("consent",): ("grant", "show"),
    ("consent", "grant"): ("YYYY-MM-DD", "--subject", "--until"),
    ("data",): ("assets", "people", "speech"),
    ("data", "people"): ("--size", "pixels", "default: 512", "degrees"),
    ("data", "speech"): ("default: 500", "--seed"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_units_and_defaults(command: tuple[str, ...]) -> None:
    done = vasari(*command, "--help")
    assert done.code == 0
    text = " ".join(done.out.replace("│", " ").split())
    for word in COMMANDS[command]:
        assert word in text, word


def test_help_names_every_command() -> None:
    done = vasari("--help")
    for name in ("generate", "animate", "track", "verify", "keys", "consent", "train", "data", "bench"):
        assert name in done.out


def test_a_portrait_speaks(talking: tuple[Path, Done], speech: Path) -> None:
    path, done = talking
    info = probe(path)
    assert (info.kind, info.width, info.height, info.has_sound) == ("video", SIZE, SIZE, True)
    frames = list(VideoReader(path))
    assert len(frames) == -(-SECONDS * FPS // 1)
    assert f"{len(frames)} frames" in done.out
    assert "signed" in done.out
    moved = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(frames)]
    assert 0.02 < np.mean(moved) < 10
    assert probe(path).duration == pytest.approx(SECONDS, abs=0.1)
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing half-written beside it


def test_verify_says_who_made_it(talking: tuple[Path, Done]) -> None:
    done = vasari("verify", talking[0])
    assert done.code == 0
    assert "intact" in done.out
    done = vasari("verify", talking[0], "--json")
    assert done.code == 0
    (record,) = json.loads(done.out)
    assert record["schema_version"] == 2
    assert record["exit_code"] == 0
    assert record["verdict"] == "known_maker"
    assert record["picture_mark"]["state"] == "found"


def test_generated_portraits_are_the_same_for_a_seed(talking: tuple[Path, Done], speech: Path, tmp_path: Path) -> None:
    done = vasari(
        "generate", PORTRAIT, speech, "-o", tmp_path / "again.mp4", "--size", SIZE, "--emotion", "happy:0.5",
        "--gaze", "5,-3", "--distance", 0.9, "--seed", 3,
    )  # fmt: skip
    assert done.code == 0
    first, again = (list(VideoReader(path)) for path in (talking[0], tmp_path / "again.mp4"))
    # Each output carries a mark of its own, so the pictures are alike, not equal.
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(first, again, strict=True)) < 2.5


def test_a_video_moves_a_portrait(talking: tuple[Path, Done], tmp_path: Path) -> None:
    out = tmp_path / "moved.mp4"
    done = vasari("animate", EXAMPLES / "portrait2.png", talking[0], "-o", out, "--size", SIZE)
    assert done.code == 0, done.err
    assert len(list(VideoReader(out))) == len(list(VideoReader(talking[0])))
    assert probe(out).has_sound
    assert vasari("verify", out).code == 0


def test_a_portrait_is_shown_in_the_largest_square(speech: Path, tmp_path: Path) -> None:
    out = tmp_path / "square.mp4"
    done = vasari("generate", PORTRAIT, speech, "-o", out, "--size", 128, "--crop", "square")
    assert done.code == 0, done.err
    assert next(iter(VideoReader(out))).shape == (128, 128, 3)
    assert vasari("verify", out).code == 0
    done = vasari("generate", PORTRAIT, speech, "-o", tmp_path / "tall.mp4", "--crop", "tall")
    assert done.code == 2
    assert "square" in done.err


def test_tracks_hold_the_stated_arrays(talking: tuple[Path, Done], tmp_path: Path) -> None:
    for file, rows in ((PORTRAIT, 1), (talking[0], 20)):
        out = tmp_path / "track.npz"
        done = vasari("track", file, "-o", out)
        assert done.code == 0, done.err
        assert f"a face in {rows} of {rows} frames" in done.out
        with np.load(out) as track:
            shapes = {name: track[name].shape for name in track.files}
            assert track["action_names"].tolist() == list(FACIAL_ACTIONS)
            assert track["found"].all()
            assert (track["score"] > 0.5).all()
            assert np.abs(track["rotation"]).max() < 30  # degrees
            assert track["actions"].min() >= 0
        identity = shapes.pop("identity")
        assert len(identity) == 1
        if file == PORTRAIT:
            assert shapes.pop("skin") == shapes.pop("hair") == (1, *read_picture(PORTRAIT).shape[:2])
        assert shapes == {
            "found": (rows,), "landmarks": (rows, 478, 2), "rotation": (rows, 3), "centre": (rows, 2),
            "scale": (rows,), "gaze": (rows, 2, 2), "actions": (rows, 52), "score": (rows,), "action_names": (52,),
            "sigma": (rows, 478), "confidence": (rows, 52), "quality": (rows,), "reason": (rows,), "person": (rows,),
            "light": (rows, 9, 3),
        }  # fmt: skip


def test_a_folder_of_videos_becomes_a_folder_of_tracks(talking: tuple[Path, Done], tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "tracks"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(talking[0], folder / "deep" / "one.mp4")
    shutil.copy(PORTRAIT, folder / "two.png")
    (folder / "broken.mp4").write_text("no video")
    done = vasari("track", folder, "-o", out, "--all")
    assert done.code == 0, done.err
    assert "2 tracked, 0 there already, 1 skipped" in done.out
    assert "broken.mp4" in done.err
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.npz")) == ["deep/one.npz", "two.npz"]
    with np.load(out / "deep" / "one.npz") as track:
        assert track["person"].tolist() == [1]
        assert track["landmarks"].shape == (20, 1, 478, 2)
        assert track["identity"].shape[0] == 1
    again = vasari("track", folder, "-o", out, "--all")
    assert again.code == 0
    assert "0 tracked, 2 there already" in again.out
    assert vasari("track", folder, "-o", PORTRAIT).code == 1
    (tmp_path / "empty").mkdir()
    assert vasari("track", tmp_path / "empty", "-o", out).code == 1


def test_silence_is_sound_too(tmp_path: Path) -> None:
    silence = write_sound(tmp_path / "silence.wav", np.zeros(6400))
    out = tmp_path / "out.mp4"
    done = vasari("generate", PORTRAIT, silence, "-o", out, "--size", 128)
    assert done.code == 0, done.err
    assert len(list(VideoReader(out))) == 10
    assert vasari("verify", out).code == 0


def test_two_faces_are_said_and_the_largest_speaks(speech: Path, tmp_path: Path, keys: Keys) -> None:
    from provenance import save_picture

    pair = np.full((320, 512, 3), 128, np.uint8)
    pair[:, :320] = cv2.resize(portrait(0), (320, 320), interpolation=cv2.INTER_AREA)
    pair[60:252, 320:] = cv2.resize(portrait(1), (192, 192), interpolation=cv2.INTER_AREA)
    save_picture(tmp_path / "pair.png", shown(keys, pair, command="test"))
    words = ("--subject", "nobody", "--purpose", "a test", "--until", "2099-01-01")
    assert vasari("consent", "grant", tmp_path / "pair.png", "-o", tmp_path / "consent.json", *words).code == 0
    done = vasari(
        "generate", tmp_path / "pair.png", speech, "-o", tmp_path / "out.mp4", "--size", 128,
        "--consent", tmp_path / "consent.json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "2 faces; the largest speaks (--face N chooses)" in done.err


MEMBERS = {
    "media": [
        "FPS", "SAMPLES_PER_FRAME", "SAMPLE_RATE", "LiveReader", "MediaInfo", "VideoReader", "iter_sound", "probe",
        "read_picture", "read_sound", "replacing",
    ],
    "lab.training": ["Plan", "bf16_is_fast", "fit"],
    "faces": ["FACIAL_ACTIONS", "FaceParameters", "Head", "Track", "Tracker", "load_head"],
    "generate": [
        "FaceLatent", "Identity", "Motion", "MotionClip", "Painter", "Pose", "Renderer", "Stream", "Talker",
        "retarget",
    ],
    "provenance": [
        "Claim", "Composite", "Consent", "Cut", "Edited", "Generated", "Growing", "Keys", "Label", "Marked", "Mixed",
        "Notice", "Outlet", "Packets", "Performance", "Permit", "Playlist", "Recorded", "Registry", "Rendered", "Saved",
        "Signed", "Uncoded", "Verdict", "check_output", "grant_consent", "is_nobody", "load_consent", "mark_file",
        "outlet", "read_consent", "save_live", "save_picture", "save_video", "sign_beside", "sign_file", "verify",
    ],
}  # fmt: skip


@pytest.mark.parametrize("package", MEMBERS)
def test_public_names_are_what_they_are(package: str) -> None:
    import importlib

    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(MEMBERS[package])
    assert all(getattr(module, name) is not None for name in module.__all__)


def test_the_shipped_portraits_need_no_consent(keys: Keys) -> None:
    from provenance import is_nobody

    for name in ("portrait.png", "portrait2.png", "portrait3.png", "portrait4.png", "portrait5.png", "portrait6.png"):
        assert is_nobody(EXAMPLES / name, keys)
