"""`vasari` as a person calls it, for tests of commands. `command_fixtures` has what they need made."""

import io
import sys
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import typer.main
from sitters import EXAMPLES

from vasari.cli import app, main

PORTRAIT, SPEECH = EXAMPLES / "portrait.png", EXAMPLES / "speech.wav"
SIZE, SECONDS = 256, 0.8
built = cache(typer.main.get_command)  # made of all commands' options, which takes longer than many a command


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
        with patch("typer.main.get_command", built):
            main()
        code: object = 0
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = argv
        sys.stdout, sys.stderr = old
    return Done(code if isinstance(code, int) else 0 if code is None else 1, out.getvalue(), err.getvalue())


def parsed(words: list[str]) -> None:
    """Raise where the command line would say that it is used wrongly."""
    group, name = built(app), ""
    while hasattr(group, "commands"):
        if words and words[0] in group.commands:
            name = words.pop(0)
            group = group.commands[name]
        elif getattr(group, "invoke_without_command", False):
            break
        else:
            pytest.fail(f"no command {words[:1]} in {name or 'vasari'}")
    group.make_context(name, words)


def write_sound(path: Path, sound: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path
