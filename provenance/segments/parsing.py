"""Boxes and segments out of bytes as they come, of anybody: nothing is believed, and no more kept than a segment."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from media.errors import UnreadableError

LARGEST = 64 << 20  # bytes of a segment, or of what comes before the first
MOST = 4096  # boxes in it
KNOWN = frozenset((b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"emsg", b"uuid", b"sidx", b"free", b"skip", b"prft",
                   b"mfra", b"wide", b"ssix"))  # fmt: skip


@dataclass(frozen=True)
class Box:
    """A top-level box."""

    kind: bytes
    start: int
    data: bytes  # header and all


def boxes(data: bytes) -> Iterator[Box]:
    """The boxes of a whole piece. Raises `ValueError` where the last is cut off, or one has an impossible length."""
    place = 0
    while place < len(data):
        size, kind = _size(data, place)
        if size is None or place + size > len(data):
            raise ValueError("a box that is cut off")
        yield Box(kind, place, data[place : place + size])
        place += size


def _size(data: bytes | bytearray, place: int) -> tuple[int | None, bytes]:
    """Length and kind of the box at a place, None where its header is not there yet. Raises `ValueError`."""
    if place + 8 > len(data):
        return None, b""
    size, kind = struct.unpack_from(">I4s", data, place)
    least = 8
    if size == 1:
        if place + 16 > len(data):
            return None, kind
        (size,), least = struct.unpack_from(">Q", data, place + 8), 16
    if size < least:
        raise ValueError("a box of an impossible length")
    return size, kind


@dataclass(frozen=True)
class Piece:
    """What comes one after the other."""

    kind: Literal["head", "segment"]  # initialization; media
    data: bytes  # whole boxes
    tail: bytes | None = None  # of the last: what is cut off behind it; None where more may come


class Segments:
    """Cuts a stream where segments begin (`styp`), and where its beginning ends.

    Args:
        name: for errors.
    """

    def __init__(self, name: str) -> None:
        self._name, self._data, self._place = name, bytearray(), 0
        self._count, self._first = 0, True
        self._moov = self._moof = False  # what this piece holds so far

    def push(self, data: bytes) -> Iterator[Piece]:
        """What is whole by now.

        Raises:
            UnreadableError: it is no fragmented mp4, or a segment is too large.
        """
        self._data += data
        while (box := self._next()) is not None:
            kind, size = box
            if self._begins(kind) and self._place:
                yield self._cut()
            if kind == b"mdat" and not self._moof:
                raise UnreadableError(
                    f"{self._name}: is a closed file, no stream of segments; verify it without --live"
                )
            self._moov |= kind == b"moov"
            self._moof |= kind == b"moof"
            self._place += size
            self._count += 1
            if self._place > LARGEST or self._count > MOST:
                raise UnreadableError(f"{self._name}: a segment of more than {LARGEST >> 20} MiB or {MOST} boxes")

    def _next(self) -> tuple[bytes, int] | None:
        """Kind and length of the next box, where it is whole."""
        try:
            size, kind = _size(self._data, self._place)
        except ValueError as error:
            raise UnreadableError(f"{self._name}: is no fragmented mp4, or is damaged ({error})") from error
        if self._first and kind and kind not in KNOWN:
            raise UnreadableError(f"{self._name}: is no fragmented mp4 (it begins with {kind!r})")
        if size is None:
            return None
        self._first = False
        if size > LARGEST:
            raise UnreadableError(f"{self._name}: a box of {size} bytes; no segment is larger than {LARGEST >> 20} MiB")
        return (kind, size) if self._place + size <= len(self._data) else None

    def _begins(self, kind: bytes) -> bool:
        """Whether a box begins another piece."""
        return kind in (b"ftyp", b"styp") or (kind == b"moof" and self._moov)

    def _cut(self) -> Piece:
        data = bytes(self._data[: self._place])
        del self._data[: self._place]
        head = self._moov or not self._moof
        self._place = self._count = 0
        self._moov = self._moof = False
        return Piece("head" if head else "segment", data)

    def end(self) -> Iterator[Piece]:
        """The last, when no more comes."""
        if self._data:
            piece = self._cut() if self._place else Piece("segment", b"")
            yield replace(piece, tail=bytes(self._data))
