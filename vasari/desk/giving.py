"""A recording that is given once: kept until all of it went out, and a little longer for whoever has to ask for the
rest."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from vasari.desk.keeping import Film, Last

KEPT = 3600.0  # seconds for which a recording can be fetched
LINGER = 120.0  # seconds after all of it went out in which the rest of it can be asked for: more may be on its way
MEDIA = "video/mp4"
NAME = "vasari.mp4"
GONE = "this film is not here, or no longer"


def give(request: Request, films: Last[Film], name: str, film: Film) -> FileResponse:
    """All of it, once; where the connection broke before all went out, all of it again; where it broke later, from the
    byte on that is asked for (Range), not from the first.

    Raises:
        HTTPException: it was given (404), or is being given (409).
    """
    if not film.giving.acquire(blocking=False):
        raise HTTPException(409, "this film is being fetched already", {"Retry-After": "5"})
    if not film.path.is_file() or (film.given and not _from_within(request)):
        film.giving.release()
        raise HTTPException(404, GONE)
    if not film.given:  # who asks for a part of it would have lost the rest
        request.scope["headers"] = [header for header in request.scope["headers"] if header[0] != b"range"]

    def over(whole: bool) -> None:
        if whole and not film.given:
            film.given = True
            later(LINGER, films, name)
        film.giving.release()

    return _Watched(film.path, over)


def later(seconds: float, films: Last[Film], name: str) -> None:
    """Forget a film then."""
    timer = threading.Timer(seconds, films.drop, [name])
    timer.daemon = True
    timer.start()


def _from_within(request: Request) -> bool:
    """Whether one stretch of bytes is asked for that does not begin with the first."""
    unit, _, places = request.headers.get("range", "").partition("=")
    start = places.partition("-")[0].strip()
    return unit.strip().lower() == "bytes" and start.isdecimal() and int(start) > 0 and "," not in places


def _has_left(receive: Receive) -> bool:
    """Whether the connection has broken by now; nothing is waited for, and what arrives together is told apart: who had
    all of it may leave at once."""
    asking: Any = receive()
    try:
        asking.send(None)
    except StopIteration as said:
        return bool(said.value["type"] == "http.disconnect")
    asking.close()
    return False


class _Watched(FileResponse):
    """Says at its end whether all of it went out while somebody was there."""

    def __init__(self, path: Path, over: Callable[[bool], None]) -> None:
        super().__init__(path, media_type=MEDIA, filename=NAME)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole, left = False, 0

        async def watched(message: Message) -> None:
            nonlocal whole, left
            if message["type"] == "http.response.start":
                left = int(Headers(raw=message["headers"])["content-length"])
            if message["type"] == "http.response.body":
                left -= len(message["body"])
                if not left and not whole:
                    await send({**message, "more_body": True})
                    message = {**message, "body": b""}
                    await send({**message, "more_body": True})  # waits until what is before it has gone out
                    whole = not _has_left(receive)
            await send(message)

        try:
            await super().__call__(scope, receive, watched)
        finally:
            self._over(whole)
