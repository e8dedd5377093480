"""Files appear whole or not at all, whatever the system can do."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from media import atomic
from media.atomic import nameless, replacing
from media.errors import OutputError

WAYS = ["without a name", "unlinked", "hidden"] if sys.platform == "linux" else ["hidden"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the system can do: files without a name; files that are open without one; neither."""
    really = os.open

    def unable(path, flags, *more, **others):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "Operation not supported")
        return really(path, flags, *more, **others)

    if request.param == "unlinked":
        monkeypatch.setattr(os, "open", unable)
    elif request.param == "hidden":
        monkeypatch.setattr(atomic, "OPENED", None)
    return request.param


@pytest.mark.parametrize("size", [0, 10, atomic.FIRST, 2 * atomic.FIRST + 7])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_file_appears_whole(tmp_path: Path, way: str, size: int, earlier: bool) -> None:
    target, data = tmp_path / "a.mp4", os.urandom(size)
    if earlier:
        target.write_bytes(b"earlier")
        target.chmod(0o640)
    with replacing(target) as half:
        half.write_bytes(data)
        assert half.stat().st_mode & 0o077 == 0
        assert half.read_bytes() == data
        assert target.exists() == earlier
    assert target.read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode & 0o777
    assert target.stat().st_mode & 0o777 == (0o640 if earlier else usual)


def test_nothing_is_left_after_an_error(tmp_path: Path, way: str) -> None:
    def broken(error: Exception) -> None:
        with replacing(tmp_path / "a.mp4") as half, nameless(tmp_path / "a.mp4") as other:
            half.write_bytes(b"half")
            other.write_bytes(b"other")
            raise error

    for error, told in ((RuntimeError(), RuntimeError), (OSError(28, "No space left on device"), OutputError)):
        with pytest.raises(told):
            broken(error)
    assert not any(tmp_path.iterdir())


def test_what_is_not_whole_has_no_name(tmp_path: Path, way: str) -> None:
    with replacing(tmp_path / "a.mp4") as half, nameless(tmp_path / "a.mp4") as other:
        half.write_bytes(b"half")
        other.write_bytes(b"other")
        assert {half.read_bytes(), other.read_bytes()} == {b"half", b"other"}
        assert len(list(tmp_path.iterdir())) == (2 if way == "hidden" else 0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.skipif("unlinked" not in WAYS, reason="the system has no such files")
@pytest.mark.parametrize("way", ["unlinked"], indirect=True)
def test_a_copy_begins_when_it_is_whole(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    really, seen = shutil.copyfileobj, []

    def watched(given, copy, *more):
        really(given, copy, *more)
        copy.flush()
        seen.extend(path.read_bytes()[: atomic.FIRST] for path in tmp_path.glob(".*"))

    monkeypatch.setattr(shutil, "copyfileobj", watched)
    with replacing(tmp_path / "a.mp4") as half:
        half.write_bytes(b"x" * (atomic.FIRST + 1))
    assert seen == [bytes(atomic.FIRST)]
