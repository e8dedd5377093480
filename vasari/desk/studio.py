"""The studio: a portrait speaks in the browser, live while somebody speaks, or as a film of a recording.

Of `app.state` it reads `settings.keys`, the folder of keys (None: the maker's own), and `csrf`, the token that its page
is given. What it keeps lies in `app.state.studio`, made on first need. Who may ask is for `doors`.

The WebSocket /studio/live: the page sends `asking.Begin`, then sound (a byte, 0 for the face's own voice, 1 for the
other speaker's, and 16 kHz mono s16le) and messages of `asking`; it is sent fragmented mp4 and words in JSON: ready,
beat (which frame shows which sample), done, failed, busy, refused, wrong. /studio/film makes a file, with its progress.
A page that asks for WebRTC is sent an offer first, and no mp4 where its answer leads to a connection (`peer`).
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from media.errors import UnreadableError, UsageError, VasariError
from media.pictures import read_picture
from media.voices import USUAL, speak, voices
from provenance import Keys
from provenance.marks import notice
from vasari.desk import asking as ask
from vasari.desk import giving
from vasari.desk.doors import OLDER, is_pages
from vasari.desk.keeping import Portrait, Studio
from vasari.desk.session import Live, Making, Wire, Work, offered, peers
from vasari.service.uploads import read_small, spooled

if TYPE_CHECKING:
    from vasari.desk.peer import Peer

STATIC = Path(__file__).parent / "static"
EXAMPLES = range(1, 7)
LARGEST_PICTURE, LARGEST_SPEECH, UPLOAD_SECONDS = 16 << 20, 64 << 20, 60.0
FIRST, SILENCE, QUIET = 10.0, 30.0, 600.0  # seconds for the first message; between any two; without sound or steering
LARGEST_SOUND = 16 << 10  # bytes of a message
GONE = (RuntimeError, WebSocketDisconnect)  # what is raised when a page has left
MOST_WRONG = 20  # messages that are not understood before the socket is closed
router = APIRouter(prefix="/studio", include_in_schema=False)
_making = threading.Lock()


def _studio(connection: HTTPConnection) -> Studio:
    state = connection.app.state
    with _making:  # a page asks several things at once
        if not hasattr(state, "studio"):
            state.studio = Studio(Keys.open(state.settings.keys))
    studio: Studio = state.studio
    return studio


async def _arriving(request: Request) -> AsyncIterator[None]:
    """While a body arrives; 503 where as many arrive as there is room for."""
    with request.app.state.arriving.one_more(request.state.client) as room:
        if not room:
            raise HTTPException(503, "too many files are arriving", {"Retry-After": "5"})
        yield


Kept = Annotated[Studio, Depends(_studio)]
ROOM = [Depends(_arriving)]


def _portrait(studio: Kept, name: str) -> Portrait:
    portrait = studio.portraits.get(name)
    if portrait is None:
        raise HTTPException(404, "this portrait is no longer here; choose it again")
    return portrait


Brought = Annotated[Portrait, Depends(_portrait)]


@contextlib.contextmanager
def _told(path: Path | None = None, name: str = "") -> Iterator[None]:
    """Errors of ours are answered in their own line, with no path of this machine in it."""
    try:
        yield
    except VasariError as error:
        raise HTTPException(400, str(error).replace(str(path), name) if path else str(error)) from error


@router.get("")
async def page(request: Request) -> HTMLResponse:
    """The page, with the token in it."""
    return HTMLResponse((STATIC / "studio.html").read_text("utf-8").replace("CSRF-TOKEN", request.app.state.csrf))


@router.get("/about")
def about(studio: Kept) -> dict[str, Any]:
    """What can be asked for here."""
    from generate.acted import EXPRESSIONS
    from generate.acting import EMOTIONS

    return {
        "examples": [number for number in EXAMPLES if studio.example(number)], "voices": voices(), "voice": USUAL,
        "notices": notice.languages(),
        "emotions": [name for name in EMOTIONS if name != "neutral"], "expressions": list(EXPRESSIONS),
        "rtc": peers() is not None,
    }  # fmt: skip


@router.get("/example/{number}")
def example(studio: Kept, number: int) -> FileResponse:
    """A shipped portrait."""
    path = studio.example(number) if number in EXAMPLES else None
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, media_type="image/png")


@router.post("/portrait", dependencies=ROOM)
async def bring(request: Request, studio: Kept, example: int = 0) -> dict[str, Any]:
    """Take a picture: the body, or a shipped one by its number. Says whether consent is needed."""
    shipped = studio.example(example) if example in EXAMPLES else None
    data = shipped.read_bytes() if shipped else await read_small(request, LARGEST_PICTURE, UPLOAD_SECONDS)
    name = await run_in_threadpool(_brought, studio, data)
    kept = studio.portraits.get(name)
    return {"portrait": name, "consent": kept is None or kept.permit is None}


def _brought(studio: Studio, data: bytes) -> str:
    path = studio.place("")
    path.write_bytes(data)
    try:
        with _told(path, "the picture"):
            read_picture(path)
        return studio.bring(data)
    except VasariError as error:
        raise HTTPException(400, "the picture cannot be used") from error
    finally:
        path.unlink(missing_ok=True)


@router.post("/portrait/{name}/consent", status_code=204)
async def agree(request: Request, studio: Kept, portrait: Brought) -> None:
    """Put consent on file."""
    body = await read_small(request, ask.LONGEST, FIRST)
    with _told(portrait.path, "the portrait"):
        await run_in_threadpool(studio.agree, portrait, ask.read(ask.Agreed, body))


@router.post("/portrait/{name}/seat", status_code=204)
def seat(studio: Kept, portrait: Brought, size: int = 512) -> None:
    """Make it ready, so that a session begins at once. Says what is wrong with the face."""
    if size not in ask.SIZES:
        raise HTTPException(400, "there is no such size")
    with _told(portrait.path, "the portrait"):
        studio.seated(portrait, size)


@router.post("/speech", dependencies=ROOM)
async def speech(request: Request, studio: Kept) -> dict[str, Any]:
    """Take a recording of speech: the body, any file with sound."""
    async with spooled(request, None, LARGEST_SPEECH, UPLOAD_SECONDS) as path:
        kept = studio.place("")
        await run_in_threadpool(path.replace, kept)
    return await run_in_threadpool(_heard, studio, kept)


@router.post("/speech/text")
async def text(request: Request, studio: Kept) -> dict[str, Any]:
    """Take a text, and have it spoken."""
    body = await read_small(request, ask.LONGEST, FIRST)
    kept = studio.place(".wav")
    with _told(kept, "the speech"):
        said = ask.read(ask.Say, body)
        await run_in_threadpool(speak, said.text, said.voice, kept)
    return await run_in_threadpool(_heard, studio, kept)


def _heard(studio: Studio, path: Path) -> dict[str, Any]:
    from vasari.studio import check_speech

    try:
        with _told(path, "the speech"):
            seconds = check_speech(path).duration
    except HTTPException:
        path.unlink(missing_ok=True)
        raise
    return {"speech": studio.speeches.put(path), "seconds": round(seconds, 2)}


@router.get("/film/{name}")
def film(request: Request, studio: Kept, name: str, save: bool = False) -> FileResponse:
    """A signed file: to be looked at, or to be saved. A live recording can be fetched once, so whole."""
    kept = studio.films.get(name)
    if kept is None or not kept.path.is_file():
        raise HTTPException(404, giving.GONE)
    if kept.once:
        return giving.give(request, studio.films, name, kept)
    return FileResponse(
        kept.path, media_type=giving.MEDIA, filename=giving.NAME,
        content_disposition_type="attachment" if save else "inline",
    )  # fmt: skip


@router.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """Speak live."""
    begin = await _first(websocket, ask.Begin)
    portrait = None if begin is None else await _permitted(websocket, begin.portrait)
    if begin is None or portrait is None:
        return
    peer = await offered(websocket) if begin.rtc else None
    try:
        if await _free(websocket):
            await _spoken(websocket, portrait, begin, peer)
    finally:
        if peer is not None:
            await peer.close()


async def _spoken(websocket: WebSocket, portrait: Portrait, begin: ask.Begin, peer: "Peer | None") -> None:
    wire = Wire()
    work = Live(_studio(websocket), portrait, begin, wire, peer)

    def leave() -> None:
        work.end(at_once=True)
        if peer is not None:
            peer.leave()

    if peer is not None:
        wire.tell("offer", sdp=peer.sdp)
    await _attend(websocket, wire, work, _Conversation(websocket, wire, work, peer).listen, leave)


@router.websocket("/make")
async def make(websocket: WebSocket) -> None:
    """Make a film."""
    asked = await _first(websocket, ask.Film)
    portrait = None if asked is None else await _permitted(websocket, asked.portrait)
    if asked is None or portrait is None:
        return
    studio, wire = _studio(websocket), Wire()
    recording = studio.speeches.get(asked.speech)
    if recording is None:
        await _refuse(websocket, "this speech is no longer here; give it again")
    elif await _free(websocket):
        await _attend(websocket, wire, Making(studio, portrait, recording, asked, wire), lambda: _until_gone(websocket))


async def _first(websocket: WebSocket, kind: type[ask.Asked]) -> Any:
    """The first message, of somebody who may ask; None where it was refused."""
    await websocket.accept()
    try:
        async with asyncio.timeout(FIRST):
            message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        first = ask.read(kind, message.get("text") or "")
        if is_pages(websocket.app, getattr(first, "token", "")):
            return first
        await _refuse(websocket, OLDER)
    except TimeoutError:
        await _refuse(websocket, "nothing came")
    except UsageError as error:
        await _refuse(websocket, str(error))
    return None


async def _refuse(websocket: WebSocket, why: str, kind: str = "refused") -> None:
    with contextlib.suppress(*GONE):
        await websocket.send_json({"kind": kind, "why": why})
        await websocket.close(1008)


async def _permitted(websocket: WebSocket, name: str) -> Portrait | None:
    portrait = _studio(websocket).portraits.get(name)
    if portrait is None:
        await _refuse(websocket, "this portrait is no longer here; choose it again")
    elif portrait.permit is None:
        await _refuse(websocket, "a portrait of somebody needs consent on file")
    else:
        return portrait
    return None


async def _free(websocket: WebSocket) -> bool:
    """Whether nobody else draws; then it is held, and `Work` lets go of it."""
    if _studio(websocket).busy.acquire(blocking=False):
        return True
    await _refuse(websocket, "another face is at work on this machine; try again when it has ended", "busy")
    return False


async def _attend(
    websocket: WebSocket,
    wire: Wire,
    work: Work,
    listen: Callable[[], Awaitable[None]],
    leave: Callable[[], None] = lambda: None,
) -> None:
    """Until the work has ended; where the page goes first, the work is told, and signs what there is."""
    work.start()
    pumping, listening = asyncio.create_task(wire.pump(websocket)), asyncio.ensure_future(listen())
    try:
        await asyncio.wait({pumping, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not pumping.done():
            wire.leave()
            leave()  # at once: whoever ends the program may not wait
        listening.cancel()
        await pumping
    with contextlib.suppress(*GONE):
        await websocket.close()


async def _until_gone(websocket: WebSocket) -> None:
    """The page stays, and says so from time to time."""
    with contextlib.suppress(TimeoutError, *GONE):
        while True:
            async with asyncio.timeout(SILENCE):
                if (await websocket.receive())["type"] == "websocket.disconnect":
                    return


class _Conversation:
    """What a page says in a live session."""

    def __init__(self, websocket: WebSocket, wire: Wire, work: Live, peer: "Peer | None" = None) -> None:
        self._websocket, self._wire, self._work, self._peer = websocket, wire, work, peer
        self._last, self._wrong = asyncio.get_running_loop().time(), 0
        self._saying: asyncio.Future[None] | None = None

    async def listen(self) -> None:
        """Until the page has gone, or nobody says anything any more."""
        with contextlib.suppress(TimeoutError, *GONE):
            while self._wrong < MOST_WRONG:
                async with asyncio.timeout(SILENCE):
                    message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                try:
                    await self._take(message)
                except VasariError as error:
                    self._wrong += isinstance(error, UsageError)
                    self._wire.tell("wrong", why=str(error))
                if asyncio.get_running_loop().time() - self._last > QUIET:
                    self._wire.tell("wrong", why="nobody has spoken for long, so the session was ended")
                    await run_in_threadpool(self._work.end)
                    self._last += SILENCE

    async def _take(self, message: Any) -> None:
        data = message.get("bytes")
        if data is not None:
            await self._sound(data)
            return
        said: Any = ask.read_any(message.get("text") or "")
        if said.kind != "here":
            self._last = asyncio.get_running_loop().time()
        if isinstance(said, ask.Steer):
            await run_in_threadpool(self._work.steer, said)
        elif isinstance(said, ask.Say):
            self._saying = asyncio.ensure_future(self._say(said))
        elif isinstance(said, ask.Answer):
            if self._peer is None:
                raise UsageError("nothing was offered")
            await self._peer.accept(said.sdp)
        elif said.kind == "interrupt":
            await run_in_threadpool(self._work.interrupt)
        elif said.kind == "end":
            await run_in_threadpool(self._work.end)

    async def _sound(self, data: bytes) -> None:
        if len(data) > LARGEST_SOUND or len(data) % 2 != 1 or data[0] > 1:
            raise UsageError("sound is a byte, 0 or 1, and 16 bits a sample, in pieces of at most half a second")
        sound = np.frombuffer(data[1:], "<i2").astype(np.float32) / 32768
        self._last = asyncio.get_running_loop().time()
        await run_in_threadpool(self._work.hear if data[0] else self._work.voice, sound)

    async def _say(self, said: ask.Say) -> None:
        try:
            await run_in_threadpool(self._work.say, said)
        except UnreadableError:
            self._wire.tell("wrong", why="the text could not be spoken")
        except VasariError as error:
            self._wire.tell("wrong", why=str(error))
