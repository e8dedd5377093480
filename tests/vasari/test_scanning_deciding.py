"""Kept answers hold as long as what decided them: keys, lists, roots, weights, version."""

import datetime as dt
import io
import json
import os
import shutil
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import pytest
import typer
from making import picture
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401
from typer.testing import CliRunner

from faces.finder import WEIGHTS
from media.errors import OutputError, WeightsError
from provenance import Keys, save_picture
from vasari.commands import track as tracks
from vasari.commands import verify as command
from vasari.scanning import Ledger, deciding, survey

pytestmark = pytest.mark.usefixtures("little_search")

app = typer.Typer()
app.command()(command.verify)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Asks about two files, one of them signed; gives exit codes by name, and what was told."""
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    save_picture("a.png", shown(Keys.open(), picture(1), command="data"))
    Image.fromarray(picture(2)).save("b.png")
    looked: list[str] = []
    opening = command.opening

    def watched(*arguments):
        look = opening(*arguments)
        return lambda name: (looked.append(name), look(name))[1]

    monkeypatch.setattr(command, "opening", watched)

    def ask(*words):
        looked.clear()
        result = CliRunner().invoke(app, ["a.png", "b.png", "-o", "answers.jsonl", *map(str, words)])
        rows = [json.loads(line) for line in Path("answers.jsonl").read_text().splitlines()]
        assert len(rows) == len({row["file"] for row in rows}) == 2  # the old answer is replaced
        return {row["file"]: row["exit_code"] for row in rows}, sorted(looked), result.stderr

    return ask


def test_answers_hold_while_nothing_changes(asked):
    assert asked()[:2] == ({"a.png": 0, "b.png": 3}, ["a.png", "b.png"])
    codes, looked, told = asked()
    assert (codes, looked) == ({"a.png": 0, "b.png": 3}, [])
    assert "asked anew" not in told


def test_a_revocation_ends_them(asked):
    asked()
    Keys.open().revoke()
    codes, looked, told = asked()
    assert (codes, looked) == ({"a.png": 3, "b.png": 3}, ["a.png", "b.png"])
    line = next(line for line in told.splitlines() if "asked anew" in line)
    assert line.startswith("answers.jsonl: 2 answers")
    assert "(lists of revoked certificates)" in line
    assert asked()[1] == []


def test_other_roots_lists_keys_and_hosts_end_them(asked, tmp_path):
    asked()
    other = Keys.open(tmp_path / "other")
    other.revoke()
    for words in (
        ["--anchor", other.folder / "root.pem"],
        ["--anchor", other.folder / "root.pem", "--revoked", other.folder / "revoked.pem"],
        ["--timestamp-anchor", other.folder / "root.pem"],
        ["--fetch", "manifests.example.org"],
        ["--keys", other.folder],
    ):
        assert asked(*words)[1] == ["a.png", "b.png"], words
        assert asked(*words)[1] == [], words
    asked()
    Keys.open().rotate_mark_key()
    assert "watermark keys" in asked()[2]


def test_where_a_list_lies_and_what_it_is_called_makes_no_difference(asked, tmp_path):
    Keys.open().revoke()
    shutil.copy(Keys.open().folder / "revoked.pem", tmp_path / "one.pem")
    asked("--revoked", "one.pem")
    os.rename("one.pem", "two.pem")
    assert asked("--revoked", "two.pem")[1] == []
    (tmp_path / "two.pem").write_bytes(b"\n" + (tmp_path / "two.pem").read_bytes())
    assert asked("--revoked", "two.pem")[1] == ["a.png", "b.png"]


def test_another_version_and_answers_of_before_end_them(asked, monkeypatch):
    asked()
    monkeypatch.setattr(deciding, "version", lambda _: "0.2.0")
    _, looked, told = asked()
    assert looked == ["a.png", "b.png"]
    assert "(version)" in told
    rows = [json.loads(line) for line in Path("answers.jsonl").read_text().splitlines()]
    for row in rows:
        del row["decided_by"]
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert asked()[1] == ["a.png", "b.png"]


def test_weights_are_told_apart_by_what_is_in_them(tmp_path):
    shipped = deciding.weights(WEIGHTS)
    shutil.copy(WEIGHTS, tmp_path / "b.onnx")
    assert deciding.weights(tmp_path / "b.onnx") == shipped
    (tmp_path / "b.onnx").write_bytes(WEIGHTS.read_bytes()[:-1] + b"?")
    assert deciding.weights(tmp_path / "b.onnx") != shipped
    one, other = (deciding.detecting(None, point, None) for point in ("fpr_1", "fpr_5"))
    assert deciding.differing(one, other) == ["threshold"]
    with pytest.raises(WeightsError, match="none"):
        deciding.weights(tmp_path / "none")


class Code:
    def __init__(self, file: str) -> None:
        self.file, self.exit_code = file, 0

    def model_dump(self, *, mode: str) -> dict[str, object]:
        return {"file": self.file, "exit_code": 0}


def coding(died: str = ""):
    def look(name: str) -> Code:
        if name == died:
            raise KeyboardInterrupt
        return Code(name)

    return look


def test_broken_off_while_answers_are_replaced_none_is_lost(tmp_path):
    names, ledger = [f"{k}.mp4" for k in range(5)], tmp_path / "answers.jsonl"

    def run(version: str, died: str = "") -> int:
        shown: list[str] = []
        with redirect_stderr(io.StringIO()):
            survey(
                names, coding, (died,), lambda record, *_: shown.append(record["file"]), what="", workers=0, seconds=9,
                ledger=ledger, deciding={"version": version},
            )  # fmt: skip
        return len(shown)

    assert run("1") == 5
    with pytest.raises(KeyboardInterrupt):
        run("2", died="3.mp4")
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert sorted(row["file"] for row in rows) == names
    assert [row["decided_by"]["version"] for row in sorted(rows, key=lambda row: row["file"])] == ["2"] * 3 + ["1"] * 2
    assert run("2") == 2


def test_two_processes_do_not_write_one_list(tmp_path):
    with Ledger(tmp_path / "a.jsonl"), pytest.raises(OutputError, match="another process"):
        Ledger(tmp_path / "a.jsonl")
    with Ledger(tmp_path / "a.jsonl") as again:
        again.add({"file": "x", "exit_code": 0})


def test_tracks_are_made_anew_by_another_tracker(tmp_path, monkeypatch, capsys):
    made: list[str] = []

    def one(tracker, file, target, everyone, **words):
        made.append(file.name)
        np.savez(target, found=np.zeros(1), **words)
        return ""

    monkeypatch.setattr(tracks, "_one", one)
    monkeypatch.setattr("faces.Tracker", lambda: None)
    videos, out = tmp_path / "videos", tmp_path / "tracks"
    videos.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(picture(1)).save(videos / name)

    def run(everyone: bool = False) -> list[str]:
        made.clear()
        tracks.track(videos, out, everyone)
        return sorted(made)

    assert run() == ["a.png", "b.png"]
    assert run() == []
    os.utime(videos / "b.png", ns=(1, 1))
    assert run() == ["b.png"]
    assert "1 tracked (1 anew" in capsys.readouterr().out
    assert run(everyone=True) == ["a.png", "b.png"]
    monkeypatch.setattr(deciding, "weights", lambda *_: "others")
    assert run(everyone=True) == ["a.png", "b.png"]
    (out / "a.npz").write_bytes(b"from before")
    assert run(everyone=True) == ["a.png"]


def test_a_certificate_that_has_expired_since_ends_them(asked, monkeypatch):
    asked()
    path = Path("answers.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    until = next(row["credentials"]["good_until"] for row in rows if row["file"] == "a.png")
    assert until > dt.datetime.now(dt.UTC).isoformat()
    assert [row["credentials"]["good_until"] for row in rows if row["file"] == "b.png"] == [""]
    path.write_text(path.read_text().replace(until, "2020-01-01T00:00:00Z"))
    _, looked, told = asked()
    assert looked == ["a.png"]
    assert "a certificate that has expired" in told


def test_a_list_that_was_to_be_renewed_since_ends_them(asked, monkeypatch):
    Keys.open().revoke()
    asked()
    monkeypatch.setattr("provenance.trust.revocation.Revocations.overdue", lambda self: list(self.lists))
    assert asked()[1] == ["a.png", "b.png"]


def test_a_sidecar_that_came_changed_or_went_ends_them(asked):
    asked()
    for change in (lambda: Path("b.png.c2pa").write_bytes(b"x"), lambda: Path("b.png.c2pa").write_bytes(b"xy"),
                   lambda: Path("b.png.c2pa").unlink(), lambda: Path("b.c2pa").write_bytes(b"x")):  # fmt: skip
        change()
        assert asked()[1] == ["b.png"]
        assert asked()[1] == []
