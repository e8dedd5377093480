"""Where a live stream is read from while it goes on: standard input or a pipe, a file that grows, a playlist or its
folder. Nothing is fetched."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from media.errors import UnreadableError, UsageError
from provenance.segments import listing
from provenance.segments.parsing import Piece, Segments

PIECE = 1 << 16  # bytes read at a time
BEAT = 0.1  # seconds between looks


def stream(name: str, wait: float) -> Iterator[Piece]:
    """What comes, until it ends.

    Args:
        name: - for standard input; a pipe, a fragmented mp4, a playlist (.m3u8), or a folder with one in it.
        wait: seconds after which a file or playlist that does not grow any more has ended.

    Raises:
        UsageError: an address, or a terminal.
        UnreadableError: it is not there, or is none of these.
    """
    if "://" in name:
        raise UsageError(f"{name}: a live stream is not fetched; pipe it in: curl -sN ADDRESS | vasari verify --live -")
    if name == "-":
        handle = sys.__stdin__.fileno() if sys.__stdin__ else 0
        if os.isatty(handle):
            raise UsageError("standard input is a terminal: pipe a fragmented mp4 in")
        return _piped(handle, "standard input")
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UnreadableError(f"{name}: cannot be read ({error.strerror})") from error
    if stat.S_ISDIR(mode):
        return _listed(_only(path), wait)
    if path.name.lower().endswith(listing.SUFFIX):
        return _listed(path, wait)
    return _growing(path, wait) if stat.S_ISREG(mode) else _opened(path)


def _only(folder: Path) -> Path:
    """The playlist in a folder."""
    found = [path for path in sorted(folder.glob("*")) if path.name.lower().endswith(listing.SUFFIX)]
    if len(found) != 1:
        raise UnreadableError(f"{folder}: holds {len(found) or 'no'} playlists ({listing.SUFFIX}); name one")
    return found[0]


def _opened(path: Path) -> Iterator[Piece]:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        yield from _piped(handle, str(path))
    finally:
        os.close(handle)


def _piped(handle: int, name: str) -> Iterator[Piece]:
    """Until the writer closes it."""
    segments = Segments(name)
    try:
        while data := os.read(handle, PIECE):
            yield from segments.push(data)
    except OSError as error:
        raise UnreadableError(f"{name}: cannot be read ({error.strerror})") from error
    yield from segments.end()


def _growing(path: Path, wait: float) -> Iterator[Piece]:
    """Until nothing was added for `wait` seconds, or another file takes its place."""
    segments = Segments(str(path))
    try:
        with path.open("rb") as file:
            while True:
                while data := file.read(PIECE):
                    yield from segments.push(data)
                if _over(path, file.fileno(), wait):
                    break
                time.sleep(BEAT)
            while data := file.read(PIECE):
                yield from segments.push(data)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
    yield from segments.end()


def _over(path: Path, handle: int, wait: float) -> bool:
    own = os.fstat(handle)
    if time.time() - own.st_mtime >= wait:
        return True
    with suppress(OSError):
        return not os.path.samestat(path.stat(), own)
    return True  # it was removed


def _listed(path: Path, wait: float) -> Iterator[Piece]:
    """Until the playlist says so, or does not grow for `wait` seconds. What was listed and is gone is left out."""
    done, head, grown, before = 0, "", time.monotonic(), list[tuple[str, str]]()
    while True:
        listed = listing.read(path)
        if listed.files[:done] != before:
            raise UnreadableError(f"{path}: lists less than before, or other; give one that keeps what was listed")
        for first, name in listed.files[done:]:
            if first != head:
                head = first
                yield Piece("head", listing.beside(path, first) or b"")
            yield from _segments(path, name)
        if done < len(listed.files):
            done, before, grown = len(listed.files), listed.files, time.monotonic()
        if listed.ended or time.monotonic() - grown >= wait:
            return
        time.sleep(BEAT)


def _segments(path: Path, name: str) -> Iterator[Piece]:
    """What a file of a playlist holds; one that begins another stream within it, too."""
    data, segments = listing.beside(path, name), Segments(name)
    if data is not None:
        yield from segments.push(data)
        yield from (replace(piece, tail=piece.tail or None) for piece in segments.end())
