"""Many files: which are meant, processes that may be ended, lists that can be gone on with."""

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from media.errors import KeyMaterialError, OutputError, UnreadableError, VasariError
from vasari.scanning import Answer, Ledger, fetched, scan, sources, survey


class Length(BaseModel):
    """What these tests ask of a file: how long it is."""

    file: str
    exit_code: int = 0
    length: int


def measuring(nothing: str = "") -> Callable[[str], Length]:
    """A question that some files answer in their own way."""
    if nothing:
        raise KeyMaterialError(nothing)

    def look(name: str) -> Length:
        word = Path(name).read_text()
        if word == "crash":
            os._exit(11)
        if word == "hang":
            time.sleep(60)
        if word == "odd":
            raise ZeroDivisionError
        if word == "large":
            raise MemoryError
        if word == "bad":
            raise UnreadableError(f"{name}: bad")
        return Length(file=name, length=len(word))

    return look


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, word in {
        "a.mp4": "one", "b/c.PNG": "three", "b/d.wav": "bad", "b/.hidden.png": "no", ".git/e.png": "no",
        "f.txt": "no", "z.jpg": "twelve",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(word)
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    return tmp_path


def listed(arguments: list[object], text: str = "") -> tuple[list[str], list[str]]:
    trouble: list[str] = []
    names = sources(map(str, arguments), lambda _, error: trouble.append(str(error)), io.StringIO(text))
    return list(names), trouble


def test_folders_lists_and_names(folder: Path) -> None:
    names, trouble = listed([folder / "f.txt", folder, "-"], "x y.mp4\r\n\nü.png\0z\n")
    below = [str(folder / name) for name in ("a.mp4", "b/c.PNG", "b/d.wav", "z.jpg")]
    assert names == [str(folder / "f.txt"), *below, "x y.mp4", "ü.png", "z"]
    assert not trouble


def test_a_folder_without_media_is_said_and_the_next_is_read(folder: Path) -> None:
    (folder / "empty").mkdir()
    names, trouble = listed([folder / "empty", folder / "b"])
    assert len(names) == 2
    assert len(trouble) == 1
    assert "no picture" in trouble[0]


def test_addresses_are_listed_and_fetched(folder: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for name in ("/store/a.mp4", "/store/b.mp4", "/store/c.txt"):
        memory.pipe(name, b"film" * 100)
    names, trouble = listed(["memory://store/*.mp4", "memory://store/", "memory://nowhere/*.mp4"])
    assert names == ["memory:///store/a.mp4", "memory:///store/b.mp4"] * 2
    assert len(trouble) == 1
    with fetched(names[0]) as path:
        assert path.read_bytes() == b"film" * 100
        assert path.suffix == ".mp4"
    assert not path.exists()
    with pytest.raises(UnreadableError, match="limit"), fetched(names[0], largest=100):
        pass
    with pytest.raises(UnreadableError, match="fetched"), fetched("memory://store/none.mp4"):
        pass


@pytest.mark.parametrize("onwards", [True, False])
def test_where_an_address_leads_is_followed_only_where_that_was_allowed(
    monkeypatch: pytest.MonkeyPatch, onwards: bool
) -> None:
    """A web server that sends on to an address of its choice, within reach of this machine alone."""
    fsspec = pytest.importorskip("fsspec")

    class Web:
        def __init__(self, follows: bool) -> None:
            self.follows = follows

        def open(self, *_: object, **__: object) -> io.BytesIO:
            class Source(io.BytesIO):
                r = SimpleNamespace(status=200 if self.follows else 302)

            return Source(b"secret" if self.follows else b"moved")

    def opened(address: str, allow_redirects: bool = True) -> tuple[Web, str]:
        return Web(allow_redirects), address

    monkeypatch.setattr(fsspec.core, "url_to_fs", opened)
    if onwards:
        with fetched("https://media.example/a.mp4") as path:
            assert path.read_bytes() == b"secret"
        return
    with (
        pytest.raises(UnreadableError, match="leads to another address"),
        fetched("HTTPS://media.example/a.mp4", onwards=False),
    ):
        pass


def test_an_address_keeps_its_secrets() -> None:
    from vasari.scanning.fetching import shown

    assert shown("https://me:word@host/a.mp4?X-Amz-Signature=secret") == "https://host/a.mp4"


def test_what_crashes_or_hangs_is_one_answer_and_the_others_go_on(tmp_path: Path) -> None:
    words = ["one", "crash", "three", "hang", "odd", "bad", "large", "twelve"]
    for word in words:
        (tmp_path / word).write_text(word)
    names = [str(tmp_path / word) for word in words]
    answers = {Path(a.source).name: a for a in scan(names, measuring, workers=2, seconds=1.5)}
    assert set(answers) == set(words)
    assert {word: answers[word].value.length for word in ("one", "three", "twelve")} == {
        "one": 3, "three": 5, "twelve": 6,
    }  # fmt: skip
    for word, reason in {
        "crash": "ended the process", "hang": "within 1.5 s", "odd": "ZeroDivision", "bad": ": bad", "large": "memory",
    }.items():  # fmt: skip
        assert isinstance(answers[word].error, UnreadableError)
        assert reason in str(answers[word].error)
        assert word in str(answers[word].error)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_wrong_for_all_files_is_raised(workers: int) -> None:
    with pytest.raises(VasariError, match="no keys"):
        list(scan(["a"], measuring, ("no keys",), workers=workers))


def run(folder: Path, ledger: Path | None = None) -> tuple[list[int], list[str]]:
    shown: list[str] = []
    codes = survey(
        [str(folder)], measuring, (), lambda record, value, error: shown.append(record["file"]),
        what="measuring", workers=0, seconds=9, ledger=ledger,
    )  # fmt: skip
    return sorted(codes), [Path(name).name for name in shown]


def test_a_survey_goes_on_where_it_was_cut_off(folder: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "answers.jsonl"
    assert run(folder, ledger) == ([0, 0, 0, 1], ["a.mp4", "c.PNG", "d.wav", "z.jpg"])
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [row["exit_code"] for row in rows] == [0, 0, 1, 0]
    assert "bad" in rows[2]["error"]

    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:-7])  # killed while it wrote the last line
    (folder / "a.mp4").write_text("another")  # changed since
    assert run(folder, ledger) == ([0, 0, 0, 1], ["a.mp4", "z.jpg"])
    assert run(folder, ledger) == ([0, 0, 0, 1], [])
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert rows[-2]["length"] == len("another")


@pytest.mark.parametrize("content", ["a film", '{"no": "answer"}\n', "[1]\n", '{"file": 3, "exit_code": "x"}\n'])
def test_other_files_are_not_taken_for_a_list(tmp_path: Path, content: str) -> None:
    (tmp_path / "film").write_text(content)
    if content.endswith("\n"):
        with pytest.raises(OutputError, match="no list of answers"):
            Ledger(tmp_path / "film")
        assert (tmp_path / "film").read_text() == content


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1).filter(lambda t: not set(t) & set("\r\n\0"))))
def test_any_name_on_a_list_comes_out_as_it_is(names: list[str]) -> None:
    assert listed(["-"], "".join(f"{name}\0" for name in names))[0] == names


def test_answers_are_told_apart() -> None:
    assert Answer("a", value=1) != Answer("a", error=UnreadableError("x"))
