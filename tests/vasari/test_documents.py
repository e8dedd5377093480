"""What the documents show is run: their commands, pipes and Python, in a folder with what a reader would have at hand.

Commands that need the network, hours or another machine are parsed as the command line parses them (`PARSED`), and
synopses (`vasari verify FILE... [--json]`) are held against the options that there are.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer
from command_line import parsed, vasari, write_sound
from making import clip, picture, voice, write_video
from PIL import Image
from piping import Shell
from searching import little_search  # noqa: F401
from sitters import EXAMPLES

from media import read_sound
from provenance import Keys, grant_consent
from vasari.cli import app

pytest_plugins = ["command_fixtures"]
pytestmark = pytest.mark.usefixtures("one_thread", "little_search")

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "ETHICS.md", "MODEL_CARD.md", "DATASHEET.md", "CONTRIBUTING.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
GOOD = (0, 3, 4, 5)  # exit codes of commands that did what was asked
PARSED = (
    "s3://", "https://", "rtsp://", "--engine ray", "vasari desk", "vasari serve", "vasari data assets",
    "vasari data people", "vasari data composites",
    "vasari data fakes", "vasari data speech", "vasari train", "vasari bench", "vasari comply", "--notice", "--osc",
    "clips/ --json", "ours.json", "ann.npz",
)  # fmt: skip
"""What a line holds that needs the network, hours, real time, a service that goes on, a synthesiser, or real footage of
many."""
ELSEWHERE = (
    "git clone",
    "make ",
    "docker ",
    "pip install",
    "torchrun",
    "python -m lab.building",
    "python -m lab.convert",
    "npm ",
)
"""How lines begin that set a machine up."""
FEWER = {"-n 20": "-n 1", "find . ": "find clips "}  # the same command with less to do
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (vasari .*(?:\\\n.*)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One thing that a document shows."""

    document: str
    kind: str  # "python", "line", or the name of a table
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text.splitlines()[0][:70]}"


def examples() -> Iterator[Example]:
    """All of them, in order."""
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for kind, block in FENCE.findall(text):
            if kind in ("python", "csv"):
                yield Example(document.name, kind, block)
                continue
            for line in block.replace("\\\n", " ").splitlines():
                plain = re.sub(r"\s+#.*", "", line).strip()
                if "vasari " in plain or plain.startswith(ELSEWHERE):
                    yield Example(document.name, "line", plain)
        for line in INDENTED.findall(FENCE.sub("", text)):
            yield Example(document.name, "line", re.sub(r"\s+#.*", "", line.replace("\\\n", " ")).strip())


EXAMPLES_SHOWN = list(examples())
RAN: set[str] = set()  # what several documents show is run once, at the desk that they share


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what readers are told to bring, and short speech."""
    folder = tmp_path_factory.mktemp("desk")
    Keys.open(folder / "keys")  # whoever reads operations.md first has them
    (folder / "examples").mkdir()
    for path in EXAMPLES.glob("*.png"):
        shutil.copy(path, folder / "examples" / path.name)
    speech = read_sound(EXAMPLES / "speech.wav")[8000:16_000]
    for name in ("examples/speech.wav", "hello.wav", "speech.wav", "other.wav"):
        write_sound(folder / name, speech)
    for name in ("me.jpg", "portrait.jpg", "a.jpg"):
        Image.fromarray(picture(1, 512)).save(folder / name, quality=95)
    write_video(folder / "film.mp4", clip(2, 26, 256), sound=voice(1.04))  # of which the guide cuts out frame 5 to 24
    for name in ("theirs.mp4", "clip.mp4", "film.mkv"):
        write_video(folder / name, clip(2, 10, 256), sound=voice(0.4))
    for name in ("clips", "videos"):
        (folder / name).mkdir()
        shutil.copy(folder / "clip.mp4", folder / name / "film.mp4")
    programs = folder / "bin"
    programs.mkdir()
    raw = (speech * 32767).astype("<i2").tobytes()
    (folder / "said.raw").write_bytes(raw)
    for name, does in (
        ("microphone", f"cat {folder / 'said.raw'}"),
        ("ffplay", "cat > /dev/null"),
        ("ffmpeg", f"cat {folder / 'film.mkv'}"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def shell(desk: Path) -> Shell:
    return Shell(desk / "bin")


@pytest.fixture
def at_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("VASARI_KEYS", str(desk / "keys"))
    monkeypatch.setenv("PATH", f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("generate.talker.Painter", _painter)
    return desk


def _painter():
    from command_fixtures import painter

    return painter()


def synopsis(text: str) -> None:
    """Every option that is shown in brackets is one of the command's."""
    words = text.split()[1:]
    group = typer.main.get_command(app)
    while hasattr(group, "commands") and words[0] in group.commands:
        group = group.commands[words.pop(0)]
    options = {option for parameter in group.params for option in (*parameter.opts, *parameter.secondary_opts)}
    shown = set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", " ".join(words)))
    assert shown <= options, shown - options


@pytest.mark.parametrize("document", sorted({e.document for e in EXAMPLES_SHOWN}))
def test_a_document_shows_what_works(document: str, at_desk: Path, shell: Shell) -> None:
    shown = [example for example in EXAMPLES_SHOWN if example.document == document]
    for example in sorted(shown, key=lambda example: example.kind != "csv"):  # tables are there before they are named
        if example.kind == "csv" or example.text not in RAN:
            _run(example, at_desk, shell)
        RAN.add(example.text)


def _run(example: Example, desk: Path, shell: Shell) -> None:
    text = example.text
    for old, new in FEWER.items():
        text = text.replace(old, new)
    if example.kind == "csv":
        (desk / "moods.csv").write_text(text)
    elif example.kind == "python":
        exec(compile(text, str(example), "exec"), {"__name__": "__main__"})
    elif text.startswith(ELSEWHERE):
        for target in re.findall(r"\bmake (\w+)", text):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), text
    elif "[--" in text:
        synopsis(text)
    elif "|" in text or ">" in text:
        if any(part in text for part in PARSED) and "rtsp" not in text:
            return
        command = text.replace("tcp://127.0.0.1:9000", "-") + (" > /dev/null" if "tcp://" in text else "")
        before = shell.served
        code, said = shell.run(command)
        assert code in GOOD, f"{example}: {said[-500:]}"
        assert shell.served == before + 1, f"{example}: {said[-500:]}"
    else:
        words = shlex.split(text)[1:]
        if any(part in text for part in PARSED):
            parsed(words)
            return
        _bring(words, desk)
        done = vasari(*words)
        assert done.code in GOOD, f"{example}: {done.err}"


def _bring(words: list[str], desk: Path) -> None:
    """The consent that a document speaks of, where its text alone grants it elsewhere."""
    if "--consent" in words and not (desk / words[words.index("--consent") + 1]).exists():
        from datetime import date, timedelta

        until = date.today() + timedelta(days=1)
        grant_consent(
            desk / words[words.index("--consent") + 1], portrait=desk / words[1], subject="A", purpose="b", until=until,
            granted_by="A", keys=Keys.open(desk / "keys"),
        )  # fmt: skip


def test_examples_were_found() -> None:
    """The runner would be content with documents that show nothing."""
    kinds = [example.kind for example in EXAMPLES_SHOWN]
    assert kinds.count("line") > 30
    assert "python" in kinds
    assert np.unique([example.document for example in EXAMPLES_SHOWN]).size >= 3
