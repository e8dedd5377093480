"""A few of the hostile files in every run; `fuzz.py` goes on for as long as it is let."""

import random

import pytest
from fuzz import Fuzzer, mutated, opening
from hostile import cut, hostile, large, seeds, stores
from searching import little_search, searching_little  # noqa: F401

from media import probe, read_sound
from media.errors import SpeechError, UnreadableError
from provenance import Keys

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Keys, and a small intact file of every kind."""
    folder = tmp_path_factory.mktemp("maker")
    keys = Keys.open(folder / "keys")
    with searching_little():
        return keys, seeds(folder / "seeds", keys)


def test_intact_files_are_judged(made):
    keys, sources = made
    look = opening(str(keys.folder))
    answers = {path.name: look((str(path), False)) for path in sources}
    assert answers.pop("away.jpg")[0].startswith("3 absent")
    assert {answer[:15] for answer, _ in answers.values()} == {"0 valid trusted"}
    assert {why for _, why in answers.values()} == {""}


def test_hostile_files_get_an_answer(made, tmp_path):
    """Of the changes to each kind some, never the same few; nothing but verdicts and errors of ours."""
    keys, sources = made
    look, rng = opening(str(keys.folder)), random.Random(0)
    every = list(hostile(sources))
    assert len({name for name, _ in every}) > 1000
    small = [item for path in sources for item in large(path.suffix, path.read_bytes())]
    for number, (name, data) in enumerate([*rng.sample(every, 40), *small, *stores(), *cut(sources[0].read_bytes())]):
        path = tmp_path / f"{number}.{name.rpartition('.')[2]}"
        path.write_bytes(data)
        answer, why = look((str(path), False))
        assert not why, f"{name}: {why}"
        assert answer


def test_streams_that_no_decoder_is_known_for_are_none(made, tmp_path):
    """A find: the library gives them no context, and whoever asked one for its name failed."""
    _, sources = made
    data = bytearray(next(path for path in sources if path.suffix == ".wav").read_bytes())
    data[20:22] = b"\x99\x99"  # the format tag
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(UnreadableError, match="decoded"):
        probe(tmp_path / "a.wav")
    with pytest.raises(SpeechError):
        read_sound(tmp_path / "a.wav")


def test_mutations_differ_and_repeat():
    data = bytes(range(256)) * 20
    one, two = (mutated(data, data, random.Random(seed)) for seed in (1, 2))
    assert data != one != two
    assert mutated(data, data, random.Random(1)) == one
    assert mutated(b"", data, random.Random(1)) == b""


def test_what_goes_wrong_is_kept(made, tmp_path, monkeypatch):
    fuzzer = Fuzzer(tmp_path, 0)

    class Worker:
        """One that fails in a way of its own."""

        pipe = property(lambda self: self)
        start = ready = end = lambda self: None

        def ask(self, task):
            self.answers = ("odd", "Traceback") if task[0].endswith(".gif") else ("3 absent", "")

        def poll(self, seconds):
            return True

        def answer(self):
            return self.answers

    fuzzer.worker = Worker()
    fuzzer.look("a.gif", b"gif")
    fuzzer.look("a.png", b"png")
    fuzzer.look("b.png", b"again")
    assert [path.read_bytes() for path in (tmp_path / "found").glob("*.gif")] == [b"gif"]
    assert "Traceback" in next((tmp_path / "found").glob("*.txt")).read_text()
    assert [data for _, data in fuzzer.corpus] == [b"png"]  # what is answered in a new way, once
    assert (fuzzer.runs, fuzzer.found) == (3, 1)
