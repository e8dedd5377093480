"""The routes of the inspector: a file comes, what is found goes out line by line, and nothing stays.

GET  /                     the page; /answers/{name} the same page for an answer behind a link
GET  /enter, POST /enter   where a token has to be shown
GET  /api/desk             what the page needs to know, the token that changes have to bear among it
POST /api/inspect          a file, or ?source= an address: lines of JSON until it is done
POST /api/answers          keep a record behind a link; GET /api/answers/{name}
POST /api/feedback         whether an answer was right
"""

import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, HTTPException, Query, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from media.errors import OutputError
from media.release import vasari_version
from media.words import as_json, plain
from vasari.desk.doors import ENTRANCE, SESSION, is_listed, is_token
from vasari.desk.jobs import Job
from vasari.desk.settings import Settings
from vasari.scanning.fetching import shown
from vasari.service.uploads import read_small, spooled

STATIC = Path(__file__).parent / "static"
SCHEMA_VERSION = 1
LONGEST_NAME = 120  # letters of a file's name
LINES = "application/x-ndjson"
router = APIRouter()


class Sealed(BaseModel):
    """A record as it went out."""

    record: str
    seal: str = Field(max_length=64)


class Said(Sealed):
    """What somebody says of an answer."""

    right: Literal["yes", "no", "unsure"]
    note: str = Field(default="", max_length=1000)


@router.get("/")
@router.get("/answers/{name}")
async def page(name: str = "") -> Response:
    """The page; which answer it shows is for its script to ask."""
    return FileResponse(STATIC / "index.html")


@router.get("/api/desk")
async def about(request: Request) -> JSONResponse:
    """What the page needs to know."""
    settings: Settings = request.app.state.settings
    return JSONResponse(
        {
            "csrf": request.app.state.csrf,
            "version": vasari_version(),
            "largest": settings.largest_upload,
            "longest": settings.longest,
            "marks": settings.keys is not None,
            "sources": list(settings.sources),
            "studio": settings.studio,
            "feedback": settings.feedback is not None,
            "kept_seconds": settings.kept_seconds,
        }
    )


@router.post("/api/inspect")
async def inspect(
    request: Request,
    name: Annotated[str, Query(max_length=4000)] = "",
    source: Annotated[str, Query(max_length=2000)] = "",
) -> StreamingResponse:
    """Look at a file, the request's body, and tell how far it is. Who goes away ends it."""
    state, settings = request.app.state, request.app.state.settings
    client = request.state.client
    if source and not is_listed(source, settings.sources):
        raise HTTPException(403, "this address is on no list of sources")
    _limited(state.uploads.wait(client))
    async with contextlib.AsyncExitStack() as stack:
        with state.arriving.one_more(client) as room:  # what arrives slowly takes no place in the line
            if not room or state.jobs.full:
                raise _busy()
            path = await stack.enter_async_context(_arriving(request, source, settings))
        if state.jobs.full:
            raise _busy()
        job = state.jobs.begin(path, _shown(shown(source) if source else name), source, stack.pop_all())
    return StreamingResponse(_lines(request, job), media_type=LINES)


@contextlib.asynccontextmanager
async def _arriving(request: Request, source: str, settings: Settings) -> AsyncIterator[Path]:
    """The file, or the place to which it will be fetched; removed at the end."""
    if source:
        with TemporaryDirectory(prefix="vasari-", dir=settings.spool) as folder:
            yield Path(folder) / "clip"
        return
    limits = settings.spool, settings.largest_upload, settings.upload_seconds, settings.least_rate
    async with spooled(request, *limits) as path:
        yield path


async def _lines(request: Request, job: Job) -> AsyncIterator[bytes]:
    try:
        async for line in job.lines():
            if line.get("phase") == "found":
                line = _done(request, line["found"])
            if "early" in line:
                line["early"] = {"desk": _about(request), **line["early"]}
            yield as_json(line).encode() + b"\n"
    finally:
        job.cancel()


def _about(request: Request) -> dict[str, Any]:
    """Who answered, when, and how far it looked."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return {"version": vasari_version(), "at": now, "longest": request.app.state.settings.longest}


def _done(request: Request, found: dict[str, Any]) -> dict[str, Any]:
    """The last line: the record, sealed, and the page to keep."""
    report = found.pop("report")
    record = as_json({"schema_version": SCHEMA_VERSION, "desk": _about(request), **found})
    return {"phase": "done", "record": record, "seal": request.app.state.seal.of(record), "report": report}


@router.post("/api/answers")
async def keep(request: Request) -> JSONResponse:
    """Keep a record, and no file, behind a link for a while."""
    given = await _given(request, Sealed)
    state = request.app.state
    return JSONResponse({"name": state.kept.put(given.record), "seconds": state.settings.kept_seconds}, 201)


@router.get("/api/answers/{name}")
async def kept(request: Request, name: str) -> JSONResponse:
    """A record that was kept, sealed as at first."""
    found = request.app.state.kept.get(name)
    if found is None:
        raise HTTPException(404, "no answer is kept under this link, or not any more")
    return JSONResponse({"record": found[0], "seal": request.app.state.seal.of(found[0]), "seconds": found[1]})


@router.post("/api/feedback", status_code=204)
async def feedback(request: Request) -> Response:
    """Add what somebody says of an answer to a file of this machine."""
    said = await _given(request, Said)
    if request.app.state.feedback is None:
        raise HTTPException(404, "this desk keeps no feedback")
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    try:
        told = {"at": now, "right": said.right, "note": said.note}
        await run_in_threadpool(request.app.state.feedback.add, said.record, told)
    except OutputError as error:
        raise HTTPException(503, "feedback cannot be kept just now") from error
    return Response(status_code=204)


@router.get(ENTRANCE)
async def entrance(request: Request, once: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Where the token is shown; `once`: by the link that counts a single time."""
    if once and request.app.state.settings.once:
        return _enter(request, once)
    return HTMLResponse((STATIC / "enter.html").read_text())


@router.post(ENTRANCE)
async def enter(request: Request, token: Annotated[str, Form(max_length=200)]) -> Response:
    """Begin a session."""
    return _enter(request, token)


def _enter(request: Request, token: str) -> Response:
    state = request.app.state
    _limited(state.entries.wait(request.state.client))
    if not is_token(state.settings, token) or state.used:
        raise HTTPException(403, "not the token, or one that was used already")
    state.used = state.settings.once
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(SESSION, state.session, httponly=True, samesite="lax", secure=secure)
    return answer


async def _given(request: Request, form: type[Any]) -> Any:
    """A body with a record of this desk's own. Raises 400, 403, 413, 429."""
    state, settings = request.app.state, request.app.state.settings
    _limited(state.writes.wait(request.state.client))
    body = await read_small(request, settings.largest_record, settings.upload_seconds, settings.least_rate)
    try:
        given = form.model_validate(json.loads(body))
    except (ValueError, RecursionError, ValidationError) as error:
        raise HTTPException(400, "the body is not what is asked for here") from error
    if not state.seal.holds(given.record, given.seal):
        raise HTTPException(403, "not a record of this desk, or one from before it was started")
    return given


def _shown(name: str) -> str:
    """A name to show: the last part of what a client says, in signs that can be seen."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return plain(last, LONGEST_NAME) or "file"


def _busy() -> HTTPException:
    return HTTPException(503, "too many files are waiting", {"Retry-After": "5"})


def _limited(wait: float) -> None:
    if wait:
        raise HTTPException(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
