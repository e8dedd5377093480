"""The page of blind pairs: nothing on it tells whose a clip is, and answers become preferences."""

import base64
import json
import re
from pathlib import Path

import pytest

from benchmarks.generation.pairs import TIE, main, preferences, read_answers, write_pairs
from media.errors import UnreadableError, UsageError


def clips(folder: Path) -> dict[str, dict[str, Path]]:
    made = {}
    for sitter in ("ann", "bob"):
        made[sitter] = {}
        for entrant in ("vasari", "still", "mouth"):
            path = folder / f"{sitter}-{entrant}.mp4"
            path.write_bytes(f"{sitter} {entrant}".encode())
            made[sitter][entrant] = path
    return made


def test_files_and_page_do_not_tell_whose_a_clip_is(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    page = write_pairs(tmp_path / "page", clips(tmp_path / "made"), "vasari")
    text = page.read_text("utf-8")
    assert not re.search(r"vasari|still|mouth", text)
    assert "http" not in text  # nothing is fetched
    held = json.loads(base64.b64decode(re.search(r'atob\("(.+?)"\)', text)[1]))
    assert len(held) == 4
    for pair in held:
        for name, entrant in zip(pair["files"], (pair["one"], pair["other"]), strict=True):
            assert (tmp_path / "page" / name).read_bytes() == f"{pair['sitter']} {entrant}".encode()
    names = {path.name for path in (tmp_path / "page").iterdir()}
    assert names == {"index.html", *(name for pair in held for name in pair["files"])}


def test_nothing_to_compare_is_said_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    with pytest.raises(UsageError, match="nothing to compare"):
        write_pairs(tmp_path / "page", {"ann": {"vasari": path}, "bob": {"still": path}}, "vasari")
    assert not (tmp_path / "page").exists()


def answered(folder: Path, wins: int, losses: int, ties: int) -> Path:
    row = {"sitter": "ann", "one": "vasari", "other": "still", "rater": "r"}
    said = ["vasari"] * wins + ["still"] * losses + [TIE] * ties
    path = folder / "answers.json"
    path.write_text(json.dumps([{**row, "preferred": name} for name in said]))
    return path


def test_preferences_count_ties_by_half_and_their_interval_narrows(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    few = preferences(read_answers([answered(tmp_path, 1, 2, 1)]))[0]
    assert (few.one, few.other, few.n) == ("still", "vasari", 4)
    assert few.share == pytest.approx(2.5 / 4)
    many = preferences(read_answers([answered(tmp_path, 100, 200, 100)]))[0]
    assert many.share == few.share
    assert few.interval[0] < many.interval[0] < many.share < many.interval[1] < few.interval[1]
    assert main([str(tmp_path / "answers.json")]) == 0
    assert "still preferred to vasari: 62%" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{}", "[3]", '[{"sitter": "a", "one": "b", "other": "c", "preferred": "d"}]'])
def test_what_is_no_file_of_answers_is_named(tmp_path: Path, text: str, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "answers.json"
    path.write_text(text)
    if text == "{}":
        assert read_answers([path]) == []
        return
    with pytest.raises(UnreadableError):
        read_answers([path])
    assert main([str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
