"""One line for every mistake, nothing left behind, nothing overwritten, nobody shown without consent."""

import datetime as dt
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import PORTRAIT, SIZE, SPEECH, Done, vasari, write_sound
from making import write_video
from PIL import Image
from sitters import portrait

from provenance import Keys, grant_consent, load_consent

pytest_plugins = ["command_fixtures"]
pytestmark = pytest.mark.usefixtures("one_thread", "home")


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
        patch.setattr("provenance.trust.consent.dt.datetime", Tomorrow)
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
        (("--label", "on", "--label-reason", "why"), ("reason", "leave the reason out")),
        (("--label-reason", "why"), ("--label-reason", "--label off")),
        (("--label", "off", "--label-reason", "two\nlines"), ("one line",)),
        (("--live", "--label", "off"), ("--label off", "--label-reason WHY")),
        (("--live", "--label", "off", "--label-reason", " "), ("--label-reason WHY",)),
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


def consented(path: Path, keys: Keys, folder: Path) -> list[object]:
    """Options that give consent for a picture: whether a face is in it is another question."""
    if not path.is_file() or not path.stat().st_size:
        return []
    until = dt.date.today() + dt.timedelta(days=1)
    grant_consent(
        folder / "consent.json", portrait=path, subject="A", purpose="b", until=until, granted_by="A", keys=keys
    )
    return ["--consent", folder / "consent.json"]


@pytest.mark.parametrize("kind", ["text", "missing", "empty", "wall", "tiny"])
def test_no_portrait_is_one_line(
    kind: str, speech: Path, tmp_path: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, word = no_portrait(kind, tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    done = vasari(
        "generate", path, speech, "-o", tmp_path / "out.mp4", *consented(path, keys, tmp_path_factory.mktemp(kind))
    )
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
