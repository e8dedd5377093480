"""Bodies of requests: streamed to a nameless place on disk, never longer than they may be, never longer in coming."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

log = logging.getLogger(__name__)
KINDS = ("image/", "audio/", "video/", "application/octet-stream", "application/mp4", "multipart/form-data")
PATIENCE = 5.0  # seconds in which nothing has to have come yet
HEAD = 8 << 10  # bytes of multipart headers


def too_large(limit: int) -> HTTPException:
    """The one answer to a body that is too long."""
    return HTTPException(413, f"the body is longer than {limit} bytes, the most that is taken here")


def check_length(request: Request, limit: int) -> None:
    """Refuse by what the client says of itself, before anything is read."""
    said = request.headers.get("content-length", "")
    if said and (not said.isascii() or not said.isdigit()):
        raise HTTPException(400, "Content-Length is not a number")
    if said and (len(said) > 15 or int(said) > limit):
        raise too_large(limit)


async def read_small(request: Request, limit: int, seconds: float, rate: float = 0.0) -> bytes:
    """A body in memory, `limit` bytes at most; `seconds` and `rate` as in `spooled`."""
    check_length(request, limit)
    parts, size = [], 0
    async for part in _timely(request, seconds, rate):
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return b"".join(parts)


@contextlib.asynccontextmanager
async def spooled(
    request: Request, folder: Path | None, limit: int, seconds: float, rate: float = 0.0
) -> AsyncIterator[Path]:
    """A clip on disk: the body itself, or the first file of multipart/form-data. Removed at the end, however it ends.

    The name is ours: nothing that the client says becomes part of a path.

    Args:
        limit: bytes.
        seconds: that all of it may take.
        rate: bytes a second that it has to come at, on average, after `PATIENCE`.

    Raises:
        HTTPException: 400 empty, malformed or broken off, 408 too slow, 413 too long, 415 of a type that no clip has,
            503 no room on the disk.
    """
    kind = request.headers.get("content-type", "").lower()
    if not kind.startswith(KINDS):
        raise HTTPException(415, "send a picture, video or sound: as the body, or as a file of multipart/form-data")
    check_length(request, limit + (HEAD if kind.startswith("multipart/") else 0))
    with contextlib.ExitStack() as stack:
        with _room():
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vasari-", dir=folder))) / "clip"
            file = stack.enter_context(path.open("wb", buffering=0))
        with file:
            sink = _Sink(file, limit)
            take = _Form(request, sink, limit).take if kind.startswith("multipart/") else sink.write
            async for part in _timely(request, seconds, rate):
                take(part)
        if not sink.size:
            raise HTTPException(400, "the body is empty")
        yield path


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Around what needs room on the disk. Says nothing of where that is."""
    try:
        yield
    except OSError as error:
        log.error("no room for an upload: %s", error)
        raise HTTPException(503, "there is no room for a clip just now", {"Retry-After": "60"}) from error


class _Sink:
    """A file with a most."""

    def __init__(self, file: RawIOBase, limit: int) -> None:
        self._file, self._limit, self.size = file, limit, 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        left = memoryview(data)
        with _room():
            while left:  # a disk that is nearly full takes a part
                left = left[self._file.write(left) or 0 :]


class _Form:
    """Takes pieces of multipart/form-data and gives the bytes of its first file to a sink."""

    def __init__(self, request: Request, sink: _Sink, limit: int) -> None:
        _, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= 200:
            raise HTTPException(400, "multipart/form-data without a boundary")
        self._sink, self._limit = sink, limit
        self._total = self._head = 0
        self._name = b""
        self._file = self._done = False
        calls: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._header,
            "on_header_value": self._value,
            "on_headers_finished": self._headed,
            "on_part_data": self._body,
            "on_part_end": self._end,
        }
        self._parser = MultipartParser(boundary, calls)

    def take(self, data: bytes) -> None:
        """The next piece."""
        self._total += len(data)
        if self._total > self._limit + HEAD:
            raise too_large(self._limit)
        try:
            self._parser.write(data)
        except ValueError as error:
            raise HTTPException(400, "malformed multipart/form-data") from error

    def _begin(self) -> None:
        self._file, self._name = False, b""

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._head += end - start
        if self._head > HEAD:
            raise HTTPException(400, "the form's headers are too long")

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header(data, start, end)
        self._name += data[start:end]

    def _headed(self) -> None:
        self._file = b"filename" in self._name and not self._done

    def _body(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._sink.write(data[start:end])

    def _end(self) -> None:
        self._done = self._done or self._file


async def _timely(request: Request, seconds: float, rate: float) -> AsyncIterator[bytes]:
    """The body piece by piece, all of it within `seconds`, and `rate` bytes of it in each of them after `PATIENCE`."""
    started = asyncio.get_running_loop().time()
    stream = request.stream().__aiter__()
    got = 0
    while True:
        allowed = min(seconds, PATIENCE + got / rate) if rate else seconds
        try:
            async with asyncio.timeout_at(started + allowed):
                part = await stream.__anext__()
        except StopAsyncIteration:
            return
        except ClientDisconnect as error:
            raise HTTPException(400, "the connection ended before the body did") from error
        except TimeoutError as error:
            slow = f"came at less than {rate:g} bytes a second" if allowed < seconds else f"took over {seconds:g} s"
            raise HTTPException(408, f"the body {slow}", {"Connection": "close"}) from error
        got += len(part)
        yield part
