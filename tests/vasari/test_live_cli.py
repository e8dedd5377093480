"""`vasari generate --live`: raw sound in on standard input, marked video out, the output signed at the end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sitters import EXAMPLES

from media import VideoReader, probe, read_sound
from provenance import Keys, verify
from vasari.cli import main

PORTRAIT = EXAMPLES / "portrait.png"
SIZE = "128"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def raw() -> bytes:
    sound = read_sound(EXAMPLES / "speech.wav")[8000:][: int(1.6 * 16_000)]
    return (sound * 32767).astype("<i2").tobytes() + b"\x01"  # an odd byte at the end is left out


def live(keys: Keys, *words: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "vasari", "generate", str(PORTRAIT), *map(str, words)]
    environment = dict(os.environ) | {"VASARI_KEYS": str(keys.folder), "NO_COLOR": "1", "COLUMNS": "300"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, env=environment, **pipes)


def test_from_standard_input_to_standard_output(tmp_path: Path, keys: Keys, raw: bytes) -> None:
    process = live(keys, "-", "--live", "-o", tmp_path / "a.mp4", "--size", SIZE)
    out, err = process.communicate(raw, timeout=300)
    assert process.returncode == 0, err.decode()
    assert b"signed" in err
    assert list(tmp_path.iterdir()) == [tmp_path / "a.mp4"]
    verdict = verify(tmp_path / "a.mp4", keys=keys)
    assert (verdict.exit_code, verdict.picture_mark.state) == (0, "found")
    assert (verdict.label.stated.kind, verdict.label.state) == ("on", "seen")
    assert probe(tmp_path / "a.mp4").duration >= 1.6
    recording = tmp_path / "recording.mp4"
    recording.write_bytes(out)
    sent = verify(recording, keys=keys)
    assert (sent.exit_code, sent.picture_mark.message) == (0, verdict.picture_mark.message)  # whole, second by second
    assert len(list(VideoReader(recording))) == len(list(VideoReader(tmp_path / "a.mp4")))


def test_stopped_by_hand_it_ends_well(tmp_path: Path, keys: Keys, raw: bytes) -> None:
    """The output grows in its own place; the sound never ends."""
    path = tmp_path / "a.mp4"
    process = live(keys, "-", "--live", "-o", path, "--to", path, "--size", SIZE)
    assert process.stdin is not None
    process.stdin.write(raw)
    process.stdin.flush()
    until = time.monotonic() + 240
    while (not path.exists() or path.stat().st_size < 30_000) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.stdin.close()
    process.stdin = None
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    assert out == b""
    assert verify(path, keys=keys).exit_code == 0
    assert list(tmp_path.iterdir()) == [path]


def test_the_reader_goes_away(tmp_path: Path, keys: Keys, raw: bytes) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = live(keys, "-", "--live", "-o", tmp_path / "a.mp4", "--size", SIZE, stdout=writing)
    os.close(writing)
    _, err = process.communicate(raw, timeout=300)
    assert process.returncode == 1
    assert b"Traceback" not in err
    assert b"the reader has gone" in err
    assert [p for p in tmp_path.iterdir() if p.name != "a.mp4"] == []


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (["-"], "standard input is for --live"),
        (["speech.wav", "--to", "-"], "is for --live"),
        (["speech.wav", "--live"], "write - in place of speech.wav"),
        (["-", "--live"], "standard input is a terminal"),
        (["-", "--live", "--to", "tcp://nowhere"], "write tcp://HOST:PORT"),
        (["-", "--live", "--to", "nothing.pipe"], "make it with mkfifo"),
        (["-", "--live", "--to", str(PORTRAIT)], "plain file"),
    ],
)
def test_what_cannot_be(
    tmp_path: Path,
    keys: Keys,
    words: list[str],
    say: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(os, "isatty", lambda handle: "terminal" in say)
    monkeypatch.setenv("VASARI_KEYS", str(keys.folder))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "argv", ["vasari", "generate", str(PORTRAIT), *words, "-o", str(tmp_path / "a.mp4")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    said = capfd.readouterr().err
    assert say in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
