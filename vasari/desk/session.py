"""A face at work behind a socket: what is made on a thread of its own goes to a page while it is made.

    wire = Wire()
    Live(studio, portrait, begin, wire).start()      or Making(...)
    await wire.pump(websocket)                       sends what comes, until the work has ended

Everything goes through the save path: `save_live` labels, marks and signs what a page is sent and records it; the
recording is thrown away unless it was asked for. Where the page goes away, the stream ends, and is signed up to there.
Live pictures and sound go over WebRTC where the page is there in time (`peer`), else as fragmented mp4 over the socket.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from media.errors import MissingExtraError, OutputError, UsageError, VasariError
from media.sound import read_sound
from media.units import SAMPLE_RATE
from media.voices import speak
from vasari.desk.asking import Begin, Say, Steer
from vasari.desk.asking import Film as FilmAsked
from vasari.desk.giving import KEPT, later
from vasari.desk.keeping import Film, Portrait, Studio

if TYPE_CHECKING:
    from generate.acted import Acted
    from generate.moments import Moment
    from provenance import Outlet
    from vasari.desk.peer import Peer
    from vasari.studio import Sitter

WAITING = 2 << 20  # bytes that may be on their way to a page
PATIENCE = 10.0  # seconds that a page may take nothing
QUEUE = 0.6  # seconds of sound that may wait: where a machine is too slow, what is older is lost rather than late
BEATS = 5  # frames between two reports
Message = dict[str, Any]


class Wire:
    """From the working thread to the socket. `write`, `close` and `tell` are the thread's; made in the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | Message | None] = asyncio.Queue()
        self._room, self._size = threading.Condition(), 0
        self.gone = False

    def write(self, data: bytes) -> None:
        """Send video. Waits while too much is on its way. Raises `BrokenPipeError` where the page has gone."""
        with self._room:
            if not self._room.wait_for(lambda: self.gone or self._size < WAITING, PATIENCE):
                self.gone = True
            if self.gone:
                raise BrokenPipeError
            self._size += len(data)
        self._put(bytes(data))

    def close(self) -> None:
        """No more video comes; words still may."""

    def tell(self, kind: str, **more: Any) -> None:
        """Say something; nothing where nobody is there."""
        self._put({"kind": kind, **more})

    def end(self) -> None:
        """The work is done."""
        self._put(None)

    def _put(self, item: bytes | Message | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:  # the program is ending
            self.gone = True

    def leave(self) -> None:
        """The page has gone: who writes is told."""
        with self._room:
            self.gone = True
            self._room.notify_all()

    async def pump(self, websocket: WebSocket) -> None:
        """Send until the work has ended; what cannot be sent any more is thrown away."""
        while (item := await self._queue.get()) is not None:
            try:
                if self.gone:
                    pass
                elif isinstance(item, bytes):
                    await websocket.send_bytes(item)
                else:
                    await websocket.send_json(item)
            except (WebSocketDisconnect, RuntimeError):
                self.leave()
            with self._room:
                self._size -= len(item) if isinstance(item, bytes) else 0
                self._room.notify_all()


class Work:
    """What a thread does for a page; it holds `Studio.busy` until it has ended. A class below says what.

    Args:
        studio, portrait: for whom and of whom; `studio.busy` is held by the caller and handed over.
        wire: where it goes.
    """

    def __init__(self, studio: Studio, portrait: Portrait, wire: Wire) -> None:
        self.studio, self.portrait, self.wire = studio, portrait, wire
        self.path = studio.place(".mp4")

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="desk", daemon=True).start()

    def _run(self) -> None:
        try:
            self.work()
        except VasariError as error:
            self.wire.tell("failed", why=str(error).replace(str(self.path), "the recording"))
        except BaseException:
            self.wire.tell("failed", why="the studio failed; the program's own window says why")
            raise
        finally:
            self.studio.busy.release()
            self.wire.end()

    def work(self) -> None:
        """On the thread."""
        raise NotImplementedError


def peers() -> "type[Peer] | None":
    """What offers WebRTC, where aiortc is installed."""
    try:
        from vasari.desk.peer import Peer
    except MissingExtraError:
        return None
    return Peer


async def offered(websocket: WebSocket) -> "Peer | None":
    """An offer of WebRTC by the address at which the page found the socket, None where there is none to be made."""
    kind, server = await asyncio.to_thread(peers), websocket.scope.get("server")
    try:
        return await kind.offering(server[0]) if kind and server else None
    except (OSError, UsageError):
        return None


class Live(Work):
    """A face that speaks while one speaks. What comes from the page may come from any thread.

    Args:
        peer: what was offered to the page besides the wire, if anything was.
    """

    def __init__(
        self, studio: Studio, portrait: Portrait, begin: Begin, wire: Wire, peer: "Peer | None" = None
    ) -> None:
        super().__init__(studio, portrait, wire)
        self._begin, self._steer, self._peer = begin, begin.steer, peer
        self._stream: Acted | None = None
        self._ended, self._saying, self._lost = False, False, 0
        self._lock = threading.Lock()  # around the stream's coming, its end, and how it is held

    def work(self) -> None:
        from generate.acted import Acted
        from provenance import Generated, Label, save_live

        sitter = self.studio.seated(self.portrait, self._begin.size)
        stream = Acted(sitter.talker, self.studio.motion, controls=self._steer.controls(), queue=QUEUE)
        with self._lock:
            self._stream = stream
            self._hold()
            if self._ended:
                stream.cancel(close=True)
        assert self.portrait.permit is not None
        performance = self.portrait.permit.perform(
            Generated, self._moments(stream, sitter), command="generate", settings={"size": self._begin.size},
            models=sitter.talker.models, label=sitter.label(Label("on")),
        )  # fmt: skip
        name = ""
        if self._begin.keep:
            name = self.studio.films.put(Film(self.path, once=True))
        to, rtc = self._outlet()
        self.wire.tell("ready", file=name, rtc=rtc)
        try:
            saved = save_live(self.path, performance, to)
            self.wire.tell("done", frames=saved.frames, mark=saved.mark, file=name, notes=list(saved.notes))
        except OutputError:
            if not self.wire.gone:
                raise
        finally:
            if name:
                later(KEPT, self.studio.films, name)
            else:
                self.path.unlink(missing_ok=True)

    def _outlet(self) -> "tuple[Outlet, bool]":
        """Where it goes, and whether that is WebRTC."""
        from provenance import Outlet, Packets

        if self._peer is not None and self._peer.connected():
            return Packets(self._peer.take, "the page"), True
        return Outlet(self.wire, "the page", PATIENCE), False

    def _moments(self, stream: "Acted", sitter: "Sitter") -> "Iterator[Moment]":
        passed = 0
        for moment in stream:
            passed = stream.passed.pop(moment.number, passed)
            if moment.number % BEATS == 0:
                counts = stream.counts
                self.wire.tell(
                    "beat", frame=moment.number, sample=passed + self._lost, idle=moment.idle, held=counts.held,
                    gaps=counts.gaps,
                )  # fmt: skip
            yield replace(moment, frame=sitter.place(moment.frame))

    def voice(self, sound: np.ndarray) -> None:
        """The face's own voice, (n,) float32; what there is no room for is lost."""
        if self._stream is not None and not self._saying and not self._ended:
            self._lost += len(sound) - self._stream.push(sound, timeout=0)
        else:
            self._lost += len(sound)

    def hear(self, sound: np.ndarray) -> None:
        """The other speaker's."""
        if self._stream is not None and not self._ended:
            self._stream.hear(sound)

    def steer(self, asked: Steer) -> None:
        """Hold the face so, from the beginning where it has not come yet."""
        with self._lock:
            self._steer = asked
            self._hold()

    def _hold(self) -> None:
        if self._stream is not None:
            self._stream.steer(self._steer.controls())
            self._stream.act(self._steer.actions)

    def interrupt(self) -> None:
        """Be silent at once."""
        if self._stream is not None:
            self._stream.cancel()

    def say(self, asked: Say) -> None:
        """Speak a text, on the calling thread until all of it is handed over. Raises as `voices.speak`, and
        `UsageError` while another text is spoken."""
        with self._lock:
            stream = self._stream
            if stream is None or self._ended or self._saying:
                raise UsageError("the face is not ready to speak; wait a moment")
            self._saying = True
        path = self.studio.place(".wav")
        try:
            speak(asked.text, asked.voice, path)
            sound = read_sound(path)
            self._lost -= len(sound)  # the page counts its own samples alone
            stream.push(sound)
        except UsageError:
            if not self._ended:
                raise
        finally:
            self._saying = False
            path.unlink(missing_ok=True)

    def end(self, *, at_once: bool = False) -> None:
        """Close the mouth and end; at once: what waits is not spoken."""
        with self._lock:
            self._ended = True
            if self._stream is not None:
                self._stream.cancel(close=True) if at_once else self._stream.close()


class Making(Work):
    """A film of a recording: marked, labelled and signed, whole or not at all."""

    def __init__(self, studio: Studio, portrait: Portrait, speech: Path, asked: FilmAsked, wire: Wire) -> None:
        super().__init__(studio, portrait, wire)
        self._speech, self._asked = speech, asked

    def work(self) -> None:
        from provenance import Label, save_video
        from vasari.studio import announced, check_speech, speaking

        asked = self._asked
        notice = announced(asked.notice or None)
        frames = -(-int(check_speech(self._speech).duration * SAMPLE_RATE) // 640) + (notice.frames if notice else 0)
        sitter = self.studio.seated(self.portrait, asked.size)
        assert self.portrait.permit is not None
        self.wire.tell("ready", frames=frames)
        settings = {"size": asked.size, "seed": asked.seed}
        asking = {"seed": asked.seed, "controls": asked.steer.controls()}
        performance = speaking(
            self.portrait.permit, sitter, self._speech, asking, settings, sitter.label(Label(asked.label)),
            notice=notice,
        )  # fmt: skip
        saved = save_video(self.path, performance, progress=self._progress())
        name = self.studio.films.put(Film(self.path, once=False))
        rate = saved.frames / saved.seconds["total"]
        self.wire.tell("done", frames=saved.frames, rate=round(rate, 1), mark=saved.mark, file=name)

    def _progress(self) -> Callable[[int], None]:
        def progress(count: int) -> None:
            if self.wire.gone:
                raise UsageError("the page has gone; nothing was written")
            if count % BEATS == 0:
                self.wire.tell("frames", count=count)

        return progress
