"""The example of a game, run with a voice that every machine has; and that all examples can be begun."""

import csv
import io
import json
import runpy
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import write_sound
from making import voice
from sitters import EXAMPLES

from generate.curves import NAMES
from media.errors import UsageError
from provenance import Keys, verify

pytest_plugins = ["command_fixtures"]
pytestmark = pytest.mark.usefixtures("one_thread")


class Clock:
    """Takes no time."""

    time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The example's names, with another voice and no time; answers are typed into `typed`."""
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    names = runpy.run_path(str(EXAMPLES / "game_character.py"), run_name="example")
    within = names["main"].__globals__

    def speak(text: str, _: str, path: Path) -> None:
        write_sound(path, voice(0.2 + len(text) / 200, len(text)))

    within |= {"speak": speak, "Clock": Clock}
    return SimpleNamespace(within=within, **{name: names[name] for name in ("main", "TREE", "FIRST")})


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_example_can_be_begun(path: Path) -> None:
    names = runpy.run_path(str(path), run_name="example")
    assert names["main"].__doc__
    assert f"python examples/{path.name}" in names["__doc__"]


def test_a_tree_leads_from_its_first_line_to_all_and_always_ends(game: SimpleNamespace) -> None:
    reached, ending = {game.FIRST}, set()
    for _ in game.TREE:
        reached |= {to for name in reached for to in game.TREE[name].answers.values()}
        ending |= {name for name, line in game.TREE.items() if not line.answers or ending & {*line.answers.values()}}
    assert reached == ending == set(game.TREE)


def test_lines_become_sound_and_curves_and_nothing_is_signed(
    game: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "2\n1\n")
    game.main(str(tmp_path / "out"))
    kinds = {f"{name}{kind}" for name in game.TREE for kind in (".wav", ".csv")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*kinds, "dialogue.json"}
    assert not (tmp_path / "keys").exists()
    told = json.loads((tmp_path / "out" / "dialogue.json").read_text())
    assert told["lines"][told["first"]]["answers"] == game.TREE[game.FIRST].answers
    for name, line in game.TREE.items():
        rows = list(csv.DictReader((tmp_path / "out" / f"{name}.csv").open(newline="")))
        assert list(rows[0])[2:] == list(NAMES)
        assert len(rows) == pytest.approx(60 * (0.2 + len(line.text) / 200), abs=3)
        assert max(float(row["JawOpen"]) for row in rows) > 0.02
    said = capsys.readouterr().out.splitlines()
    way = [game.TREE[name].text for name in ("gate", "nobody", "friend")]
    assert [line for line in said if not line.startswith(" ")] == way
    assert said[1:3] == ["  1. A friend.", "  2. Nobody."]


@pytest.mark.parametrize("text", ["", "\n", "0\n", "3\n", "no\n"])
def test_who_gives_no_answer_leaves(
    text: str, game: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, text)
    game.within["play"]({}, None)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_engine_hears_the_line_that_is_said(
    game: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        link.setblocking(False)
        short = {
            name: replace(game.TREE[name], text="Oh!") for name in ("gate", "friend")
        }  # a socket holds only so much
        game.within["TREE"] = game.TREE | short
        game.main(str(tmp_path / "out"), "--osc", f"127.0.0.1:{link.getsockname()[1]}")
        begun = 0
        while True:
            try:
                begun += b"/VMC/Ext/OK" in link.recv(4096)
            except BlockingIOError:
                break
    assert begun == len((tmp_path / "out" / "gate.csv").read_text().splitlines()) - 1 > 10
    with pytest.raises(UsageError, match="write HOST:PORT"):
        game.main(str(tmp_path / "out"), "--osc", "nowhere")


def test_a_portrait_is_labelled_marked_and_signed(
    game: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "")
    game.within["TREE"] = {"gate": game.TREE["gate"]}
    game.main(str(tmp_path / "out"), "--portrait")
    verdict = verify(tmp_path / "out" / "gate.mp4", keys=Keys.open(tmp_path / "keys"))
    assert (verdict.exit_code, verdict.label.stated.kind) == (0, "on")
