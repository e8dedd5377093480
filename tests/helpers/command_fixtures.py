"""Keys, speech and a talking clip for tests of commands: `pytest_plugins = ["command_fixtures"]`."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from command_line import PORTRAIT, SECONDS, SIZE, SPEECH, Done, vasari, write_sound

from generate import Painter
from media import read_sound
from provenance import Keys


@cache
def painter() -> Painter:
    return Painter(threads=1)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, keys: Keys) -> None:
    monkeypatch.setattr("generate.talker.Painter", painter)  # compiled once, not once a test; `talking` has its own
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
