"""Bodies of requests: streamed to a nameless place on disk, never longer than they may be, never longer in coming."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import HTTPException, Request
from python_multipart.multipart import MultipartParser, parse_options_header

KINDS = ("image/", "audio/", "video/", "application/octet-stream", "application/mp4", "multipart/form-data")
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


async def read_small(request: Request, limit: int, seconds: float) -> bytes:
    """A body in memory, `limit` bytes at most."""
    check_length(request, limit)
    parts, size = [], 0
    async for part in _timely(request, seconds):
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return b"".join(parts)


@contextlib.asynccontextmanager
async def spooled(request: Request, folder: Path | None, limit: int, seconds: float) -> AsyncIterator[Path]:
    """A clip on disk: the body itself, or the first file of multipart/form-data. Removed at the end, however it ends.

    The name is ours: nothing that the client says becomes part of a path.

    Raises:
        HTTPException: 400 empty or malformed, 408 too slow, 413 too long, 415 of a type that no clip has.
    """
    kind = request.headers.get("content-type", "").lower()
    if not kind.startswith(KINDS):
        raise HTTPException(415, "send a picture, video or sound: as the body, or as a file of multipart/form-data")
    check_length(request, limit + (HEAD if kind.startswith("multipart/") else 0))
    with tempfile.TemporaryDirectory(prefix="vasari-", dir=folder) as room:
        path = Path(room) / "clip"
        with path.open("wb") as file:
            sink = _Sink(file, limit)
            take = _form(request, sink) if kind.startswith("multipart/") else sink.write
            async for part in _timely(request, seconds):
                take(part)
        if not sink.size:
            raise HTTPException(400, "the body is empty")
        yield path


class _Sink:
    """A file with a most."""

    def __init__(self, file: object, limit: int) -> None:
        self._file, self._limit, self.size = file, limit, 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._file.write(data)  # type: ignore[attr-defined]


def _form(request: Request, sink: _Sink):  # type: ignore[no-untyped-def]
    """A function that takes pieces of a form and gives the bytes of its first file to `sink`."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise HTTPException(400, "multipart/form-data without a boundary")
    state = {"name": b"", "file": False, "done": False, "head": 0}

    def begin() -> None:
        state["file"], state["name"] = False, b""

    def head(data: bytes, start: int, end: int) -> None:
        state["head"] += end - start
        if state["head"] > HEAD:
            raise HTTPException(400, "the form's headers are too long")

    def value(data: bytes, start: int, end: int) -> None:
        head(data, start, end)
        state["name"] += data[start:end]

    def headers_done() -> None:
        state["file"] = b"filename" in state["name"] and not state["done"]

    def body(data: bytes, start: int, end: int) -> None:
        if state["file"]:
            sink.write(data[start:end])

    def end() -> None:
        state["done"] = state["done"] or state["file"]

    calls = {
        "on_part_begin": begin,
        "on_header_field": head,
        "on_header_value": value,
        "on_headers_finished": headers_done,
        "on_part_data": body,
        "on_part_end": end,
    }
    parser = MultipartParser(boundary, calls)
    total = 0

    def take(data: bytes) -> None:
        nonlocal total
        total += len(data)
        if total > sink._limit + HEAD:
            raise too_large(sink._limit)
        try:
            parser.write(data)
        except ValueError as error:
            raise HTTPException(400, "malformed multipart/form-data") from error

    return take


async def _timely(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """The body piece by piece, all of it within `seconds`."""
    until = asyncio.get_running_loop().time() + seconds
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout_at(until):
                part = await stream.__anext__()
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise HTTPException(408, f"the body did not come within {seconds:g} s") from error
        yield part
