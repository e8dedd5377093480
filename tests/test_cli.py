"""The command line as a person meets it: help, files in and out, one line for every mistake."""

import datetime as dt
import io
import json
import shutil
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from making import write_video
from PIL import Image
from sitters import EXAMPLES, portrait

from faces import FACIAL_ACTIONS
from generate import Painter
from media import FPS, VideoReader, probe, read_picture, read_sound
from provenance import Keys, grant_consent, load_consent
from vasari.cli import main

PORTRAIT, SPEECH = EXAMPLES / "portrait.png", EXAMPLES / "speech.wav"
SIZE, SECONDS = 256, 1.2


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of an error."""
        assert "Traceback" not in self.err
        lines = [line for line in self.err.strip().splitlines() if line.strip()]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("vasari: ")
        return lines[0]


def vasari(*words: object) -> Done:
    """Run `vasari` with these words."""
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    old = sys.stdout, sys.stderr
    sys.argv = ["vasari", *map(str, words)]
    sys.stdout, sys.stderr = out, err
    try:
        main()
        code: object = 0
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = argv
        sys.stdout, sys.stderr = old
    return Done(code if isinstance(code, int) else 0 if code is None else 1, out.getvalue(), err.getvalue())


def write_sound(path: Path, sound: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@cache
def painter() -> Painter:
    return Painter(threads=1)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, keys: Keys) -> None:
    monkeypatch.setattr("vasari.studio.Painter", painter)  # compiled once, not once a test; `talking` has its own
    monkeypatch.setenv("VASARI_KEYS", str(keys.folder))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    start = 8000  # the example begins with silence
    sound = read_sound(SPEECH)[start : start + int(SECONDS * 16_000)]
    return write_sound(tmp_path_factory.mktemp("speech") / "hello.wav", sound)


@pytest.fixture(scope="session")
def talking(tmp_path_factory: pytest.TempPathFactory, speech: Path, keys: Keys) -> tuple[Path, Done]:
    """A short clip made by `vasari generate`, and what the command said."""
    path = tmp_path_factory.mktemp("talking") / "talking.mp4"
    done = vasari(
        "generate", PORTRAIT, speech, "-o", path, "--size", SIZE, "--emotion", "happy:0.5", "--gaze", "5,-3",
        "--distance", 0.9, "--seed", 3, "--keys", keys.folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    return path, done


COMMANDS = {
    ("generate",): ("--size", "pixels", "default: 512", "degrees", "--emotion", "--consent", "--seed"),
    ("animate",): ("--size", "default: 512", "--absolute", "--consent"),
    ("track",): ("degrees", "pixels", "actions (T, 52)"),
    ("verify",): ("--json", "Exit code", "--anchor"),
    ("train",): ("--steps", "--seed", "default: 0", "--device", "default: cpu", "--resume"),
    ("bench",): ("--quick", "five minutes", "--output"),
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
    assert record["schema_version"] == 1
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


def test_tracks_hold_the_stated_arrays(talking: tuple[Path, Done], tmp_path: Path) -> None:
    for file, rows in ((PORTRAIT, 1), (talking[0], 30)):
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
        assert track["landmarks"].shape == (30, 1, 478, 2)
        assert track["identity"].shape[0] == 1
    again = vasari("track", folder, "-o", out, "--all")
    assert again.code == 0
    assert "0 tracked, 2 there already" in again.out
    assert vasari("track", folder, "-o", PORTRAIT).code == 1
    (tmp_path / "empty").mkdir()
    assert vasari("track", tmp_path / "empty", "-o", out).code == 1


@pytest.fixture
def somebody(tmp_path: Path) -> Path:
    """The example with one pixel changed: to the bytes, somebody else."""
    picture = portrait().copy()
    picture[0, 0] ^= 1
    path = tmp_path / "somebody.png"
    Image.fromarray(picture).save(path)
    return path


def untouched(folder: Path, *names: str) -> None:
    assert sorted(p.name for p in folder.iterdir()) == sorted(names)


def test_a_portrait_of_somebody_needs_consent(somebody: Path, speech: Path) -> None:
    done = vasari("generate", somebody, speech, "-o", somebody.parent / "out.mp4")
    assert done.code == 1
    assert "consent" in done.line
    untouched(somebody.parent, "somebody.png")


def test_consent_that_expired_or_is_anothers_is_refused(
    somebody: Path, speech: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, day = somebody.parent, dt.datetime.now(dt.UTC).date()
    consent = folder / "consent.json"
    grant_consent(
        consent, portrait=somebody, subject="A. Person", purpose="a greeting", until=day, granted_by="A. P.", keys=keys
    )
    words = ("generate", somebody, speech, "-o", folder / "out.mp4", "--consent", consent)
    assert load_consent(consent, portrait=somebody, keys=keys).subject == "A. Person"

    class Tomorrow(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + dt.timedelta(days=1)

    with monkeypatch.context() as patch:
        patch.setattr("provenance.consent.dt.datetime", Tomorrow)
        done = vasari(*words)
    assert done.code == 1
    assert f"expired on {day}" in done.line
    other = folder / "other.png"
    Image.fromarray(portrait(1)).save(other, compress_level=1)
    done = vasari("generate", other, *words[2:])
    assert done.code == 1
    assert "another portrait" in done.line
    consent.write_text(consent.read_text().replace("A. Person", "B. Person"))
    done = vasari(*words)
    assert done.code == 1
    assert "altered" in done.line
    untouched(folder, "consent.json", "other.png", "somebody.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--emotion", "bored"), ("--emotion bored", "happy")),
        (("--emotion", "happy:2"), ("--emotion happy:2", "0 to 1")),
        (("--emotion", "happy:much"), ("--emotion happy:much", "number")),
        (("--gaze", "10"), ("--gaze 10", "10,-5")),
        (("--gaze", "left,up"), ("--gaze left,up", "degrees")),
        (("--gaze", "180,0"), ("--gaze 180,0", "-45 to 45")),
        (("--gaze", "0,nan"), ("--gaze 0,nan", "-45 to 45")),
        (("--size", "64"), ("--size 64", "128 to 1024")),
        (("--size", "4096"), ("--size 4096",)),
        (("--size", "255"), ("--size 255", "even")),
        (("--distance", "3"), ("--distance 3", "0.8 to 1.25")),
        (("--distance", "nan"), ("--distance nan",)),
        (("--movement", "5"), ("--movement 5", "0 to 2")),
    ],
)
def test_options_out_of_range_are_usage(options: tuple, words: tuple, speech: Path, tmp_path: Path) -> None:
    done = vasari("generate", PORTRAIT, speech, "-o", tmp_path / "out.mp4", *options)
    assert done.code == 2
    for word in words:
        assert word in done.line
    untouched(tmp_path)


def test_unknown_words_are_usage() -> None:
    assert vasari("generate", PORTRAIT).code == 2
    assert vasari("paint").code == 2
    assert vasari("train", "nothing").code == 2
    assert vasari("generate", PORTRAIT, SPEECH, "-o", "out.mp4", "--size", "big").code == 2
    assert vasari("train", "painter").code == 2  # without --data


def test_inputs_are_never_overwritten(talking: tuple[Path, Done], somebody: Path, speech: Path) -> None:
    before = talking[0].read_bytes()
    done = vasari("animate", PORTRAIT, talking[0], "-o", talking[0])
    assert done.code == 2
    assert talking[0].name in done.line
    assert talking[0].read_bytes() == before
    before = somebody.read_bytes()
    assert vasari("generate", somebody, speech, "-o", somebody).code == 2
    assert somebody.read_bytes() == before


def test_outputs_that_cannot_be_written(speech: Path, tmp_path: Path) -> None:
    done = vasari("generate", PORTRAIT, speech, "-o", tmp_path / "out.avi")
    assert done.code == 2
    assert ".mp4" in done.line
    done = vasari("generate", PORTRAIT, speech, "-o", tmp_path / "nowhere" / "out.mp4")
    assert done.code == 1
    assert "nowhere" in done.line
    (tmp_path / "folder.mp4").mkdir()
    assert vasari("generate", PORTRAIT, speech, "-o", tmp_path / "folder.mp4").code in (1, 2)
    assert vasari("track", PORTRAIT, "-o", tmp_path / "track.csv").code == 2
    untouched(tmp_path, "folder.mp4")


def no_portrait(kind: str, folder: Path) -> tuple[Path, str]:
    """A file that cannot be animated, and a word of what the error says."""
    path = folder / f"{kind}.png"
    if kind == "text":
        path = folder / "text.jpg"
        path.write_text("a picture is worth a thousand words")
        return path, "text.jpg"
    if kind == "missing":
        return path, "missing.png"
    if kind == "empty":
        path.write_bytes(b"")
        return path, "empty.png"
    if kind == "wall":
        Image.fromarray(np.full((300, 300, 3), 140, np.uint8)).save(path)
        return path, "no face was found"
    tiny = cv2.resize(portrait(), (48, 48), interpolation=cv2.INTER_AREA)
    Image.fromarray(tiny).save(path)
    return path, "too small"


@pytest.mark.parametrize("kind", ["text", "missing", "empty", "wall", "tiny"])
def test_no_portrait_is_one_line(kind: str, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, word = no_portrait(kind, tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    monkeypatch.setattr("vasari.studio.is_nobody", lambda *_: path.is_file())  # consent is another test
    done = vasari("generate", path, speech, "-o", tmp_path / "out.mp4")
    assert done.code == 1
    assert word in done.line
    assert vasari("track", path, "-o", tmp_path / "track.npz").code == 1
    untouched(tmp_path, *before)


def test_face_number_that_is_not_there(speech: Path, tmp_path: Path) -> None:
    done = vasari("generate", PORTRAIT, speech, "-o", tmp_path / "out.mp4", "--face", 2)
    assert done.code == 1
    assert "--face 2" in done.line
    untouched(tmp_path)


def test_no_speech_is_one_line(tmp_path: Path) -> None:
    short = write_sound(tmp_path / "short.wav", np.full(1600, 0.1))
    done = vasari("generate", PORTRAIT, short, "-o", tmp_path / "out.mp4", "--size", SIZE)
    assert done.code == 1
    assert "0.10 s" in done.line
    (tmp_path / "text.wav").write_text("hello")
    for file in ("text.wav", "nowhere.wav"):
        done = vasari("generate", PORTRAIT, tmp_path / file, "-o", tmp_path / "out.mp4")
        assert done.code == 1
        assert file in done.line
    done = vasari("generate", PORTRAIT, PORTRAIT, "-o", tmp_path / "out.mp4")
    assert done.code == 1
    assert "portrait.png" in done.line
    untouched(tmp_path, "short.wav", "text.wav")


def test_silence_is_sound_too(tmp_path: Path) -> None:
    silence = write_sound(tmp_path / "silence.wav", np.zeros(6400))
    out = tmp_path / "out.mp4"
    done = vasari("generate", PORTRAIT, silence, "-o", out, "--size", 128)
    assert done.code == 0, done.err
    assert len(list(VideoReader(out))) == 10
    assert vasari("verify", out).code == 0


def test_drivers_without_a_face_or_a_picture(speech: Path, tmp_path: Path, talking: tuple[Path, Done]) -> None:
    done = vasari("animate", PORTRAIT, speech, "-o", tmp_path / "out.mp4")
    assert done.code == 1
    assert "no moving picture" in done.line
    walls = write_video(tmp_path / "walls.mp4", [np.full((128, 128, 3), 90 + k, np.uint8) for k in range(4)])
    done = vasari("animate", PORTRAIT, walls, "-o", tmp_path / "out.mp4", "--size", 128)
    assert done.code == 1
    assert "no face" in done.line
    (tmp_path / "cut.mp4").write_bytes(talking[0].read_bytes()[:3000])
    done = vasari("animate", PORTRAIT, tmp_path / "cut.mp4", "-o", tmp_path / "out.mp4")
    assert done.code == 1
    assert "cut.mp4" in done.line
    untouched(tmp_path, "cut.mp4", "walls.mp4")


def test_two_faces_are_said_and_the_largest_speaks(speech: Path, tmp_path: Path, keys: Keys) -> None:
    from provenance import Claim, save_picture

    pair = np.full((320, 512, 3), 128, np.uint8)
    pair[:, :320] = cv2.resize(portrait(0), (320, 320), interpolation=cv2.INTER_AREA)
    pair[60:252, 320:] = cv2.resize(portrait(1), (192, 192), interpolation=cv2.INTER_AREA)
    save_picture(tmp_path / "pair.png", pair, claim=Claim(command="test", nobody=True), keys=keys)
    done = vasari("generate", tmp_path / "pair.png", speech, "-o", tmp_path / "out.mp4", "--size", 128)
    assert done.code == 0, done.err
    assert "2 faces; the largest speaks (--face N chooses)" in done.err


MEMBERS = {
    "media": [
        "FPS", "SAMPLES_PER_FRAME", "SAMPLE_RATE", "MediaInfo", "VideoReader", "iter_sound", "probe", "read_picture",
        "read_sound", "replacing",
    ],
    "learning": ["Plan", "WeightCard", "fit", "load_weights", "save_weights"],
    "faces": ["FACIAL_ACTIONS", "FaceParameters", "Head", "Track", "Tracker", "load_head"],
    "generate": [
        "FaceLatent", "Identity", "Motion", "MotionClip", "Painter", "Pose", "Renderer", "Stream", "Talker",
        "retarget",
    ],
    "provenance": [
        "Claim", "Consent", "Growing", "Keys", "Marked", "Outlet", "Registry", "Saved", "Signed", "Verdict",
        "check_output", "grant_consent", "is_nobody", "load_consent", "mark_file", "outlet", "read_consent",
        "save_live", "save_picture", "save_video", "sign_file", "verify",
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

    for name in ("portrait.png", "portrait2.png", "portrait3.png"):
        assert is_nobody(EXAMPLES / name, keys)
