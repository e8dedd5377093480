"""`vasari perform`, and `--hear`: curves without a face, another voice to listen to, and what is refused."""

import csv
import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import PORTRAIT, vasari, write_sound
from making import voice

from media.errors import UsageError
from vasari import live


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("speech") / "speech.wav", voice(1.0))


@pytest.fixture(scope="module")
def other(speech: Path) -> Path:
    late = np.concatenate([np.zeros(6400, np.float32), voice(0.6, 3)])
    return write_sound(speech.parent / "other.wav", late)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_speech_becomes_a_table_of_curves(speech: Path, tmp_path: Path) -> None:
    done = vasari("perform", speech, "-o", tmp_path / "curves.csv", "--fps", "50")
    assert done.code == 0
    assert "nothing is signed" in done.out
    header, *frames = rows(tmp_path / "curves.csv")
    assert header[:3] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft"]
    assert len(frames) == 50
    assert max(float(frame[header.index("JawOpen")]) for frame in frames) > 0.02


def test_the_same_curves_as_json_and_again(speech: Path, tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        assert vasari("perform", speech, "-o", tmp_path / name, "--seed", "4").code == 0
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("one.json", "two.json"))
    assert one == two
    assert len(one["frames"]) == 25


def test_another_voice_is_listened_to(speech: Path, other: Path, tmp_path: Path) -> None:
    quiet = write_sound(tmp_path / "quiet.wav", np.zeros(16_000, np.float32))
    assert vasari("perform", quiet, "-o", tmp_path / "alone.csv").code == 0
    assert vasari("perform", quiet, "-o", tmp_path / "both.csv", "--hear", other).code == 0
    alone, both = (np.array(rows(tmp_path / name)[1:])[:, 2:].astype(float) for name in ("alone.csv", "both.csv"))
    assert np.abs(alone - both)[:10].max() == 0
    assert np.abs(alone - both)[10:].max() > 1e-3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("perform", "SPEECH", "-o", "curves.fbx"), ".csv or .json"),
        (("perform", "missing.wav", "-o", "curves.csv"), "missing.wav"),
        (("perform", "SPEECH", "-o", "nowhere/curves.csv"), "does not exist"),
        (("perform", "SPEECH", "-o", "curves.csv", "--hear", "missing.wav"), "missing.wav"),
        (("perform", "SPEECH", "-o", "curves.csv", "--movement", "9"), "--movement 9"),
        (("generate", PORTRAIT, "SPEECH", "-o", "out.mp4", "--hear", "missing.wav"), "missing.wav"),
        (("generate", PORTRAIT, "SPEECH", "-o", "out.mp4", "--hear", PORTRAIT), "holds no sound"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: tuple[object, ...], told: str, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = vasari(*(speech if word == "SPEECH" else word for word in words))
    assert done.code in (1, 2)
    assert told in done.line
    assert list(tmp_path.iterdir()) == []


def test_curves_do_not_replace_their_speech(speech: Path, tmp_path: Path) -> None:
    copy = tmp_path / "speech.csv"
    copy.write_bytes(speech.read_bytes())
    done = vasari("perform", copy, "-o", copy)
    assert "also an input" in done.line
    assert copy.read_bytes() == speech.read_bytes()


class Listener:
    """Takes what is heard, and when."""

    def __init__(self) -> None:
        self.sound, self.times = list[np.ndarray](), list[float]()

    def hear(self, sound: np.ndarray) -> None:
        self.sound.append(sound)
        self.times.append(time.monotonic())


def test_a_file_is_heard_at_the_pace_of_speech_and_a_pipe_as_it_comes(tmp_path: Path) -> None:
    raw, (slow, quick) = bytes(range(256)) * 64, (Listener(), Listener())  # 0.51 s
    (tmp_path / "raw").write_bytes(raw)
    live._overhear(slow, tmp_path / "raw")
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[raw])
    writer.start()
    live._overhear(quick, tmp_path / "pipe")
    writer.join()
    assert sum(map(len, slow.sound)) == sum(map(len, quick.sound)) == len(raw) // 2
    assert slow.times[-1] - slow.times[0] > 0.35
    assert quick.times[-1] - quick.times[0] < 0.35


def test_the_output_is_not_the_beginning_of_its_own_stream(tmp_path: Path) -> None:
    to = str(tmp_path / "show" / "talk.m3u8")
    with pytest.raises(UsageError, match="the stream's beginning goes there"):
        live.open_outlet(to, tmp_path / "show" / "init.mp4")
    with pytest.raises(UsageError, match="is not sent to an address"):
        live.open_outlet("tcp://127.0.0.1:9000/talk.m3u8", tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []
