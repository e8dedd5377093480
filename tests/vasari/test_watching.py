"""`vasari verify --live` as it is called."""

import io
import json
import os

import pytest
from command_line import PORTRAIT, vasari
from streams import sent

from provenance import Keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(autouse=True)
def home(monkeypatch, keys):
    monkeypatch.setenv("VASARI_KEYS", str(keys.folder))


@pytest.fixture(scope="module")
def parts(keys):
    return sent(keys)


def follow(path, *more):
    return vasari("verify", "--live", path, "--wait", 0, *more)


def test_who_sends_it_and_that_it_is_whole(tmp_path, parts):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"".join(parts))
    done = follow(path)
    begins, ends = done.out.splitlines()
    assert done.code == 0
    assert begins.startswith("credentials begin: signed by 'vasari DEVELOPMENT TEST signer")
    assert "(trusted)" in begins
    assert ends.startswith(f"{len(parts) - 1} segments whole, sent by 'vasari")


def test_where_it_breaks_is_a_line_of_its_own(tmp_path, parts):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"".join((*parts[:2], *parts[3:])))
    done = follow(path)
    assert done.code == 4
    assert done.out.splitlines()[1] == "segment 2 is missing, lost or cut out; segment 3 is whole"


def test_as_json(tmp_path, parts):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"".join((*parts[:2], *parts[3:])))
    whole = json.loads(follow(path, "--json").out)
    assert (whole["exit_code"], whole["verdict"], whole["broken"]) == (4, "tampered", 1)
    assert whole["credentials"]["trust"] == "trusted"
    assert [event["event"] for event in whole["events"]] == ["begins", "missing"]
    lines = [json.loads(line) for line in follow(path, "--jsonl").out.splitlines()]
    assert lines[:-1] == whole["events"]
    assert lines[-1] == {name: value for name, value in whole.items() if name != "events"}


def test_from_standard_input(parts, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, b"".join(parts)[:60_000])
    os.close(writing)
    monkeypatch.setattr("sys.__stdin__", io.FileIO(reading))
    done = follow("-")
    assert done.code == 4
    assert "cut off" in done.out


def test_of_a_stranger_it_is_not_known(tmp_path, parts, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"".join(parts))
    other = Keys.open(tmp_path / "other")
    monkeypatch.setenv("VASARI_KEYS", str(other.folder))
    assert follow(path).code == 3
    trusting = follow(path, "--anchor", tmp_path / "none.pem")
    assert (trusting.code, trusting.line.count("none.pem")) == (1, 1)


def test_what_cannot_be_followed_is_one_line(tmp_path, parts):
    empty, stills = tmp_path / "empty.mp4", tmp_path / "stills"
    empty.write_bytes(b"")
    stills.mkdir()
    for name, code, said in (
        (tmp_path / "none.mp4", 1, "cannot be read"),
        (empty, 1, "nothing came"),
        (PORTRAIT, 1, "is no fragmented mp4"),
        (stills, 1, "holds no playlists"),
        ("https://example.org/talk.m3u8", 2, "is not fetched"),
    ):
        done = follow(name)
        assert (done.code, said in done.line) == (code, True), done.err
    assert vasari("verify", "--live", empty, empty).code == 2
    assert vasari("verify", "--live", empty, "--crjson").code == 2


def test_what_is_not_signed_is_told(tmp_path):
    from streams import segments

    path = tmp_path / "a.mp4"
    path.write_bytes(b"".join(segments()))
    done = follow(path)
    assert done.code == 3
    assert done.out.splitlines()[0] == "not signed: the stream begins without credentials"
