"""A page's end of WebRTC, without a browser: it answers an offer, and keeps what it decodes."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from vasari.desk.peer import bind

PATIENCE = 60.0


class Receiver:
    """Use it with `with`; it has a loop of its own.

    Attributes:
        frames: uint8 RGB, as they were decoded.
        sounds: float32 mono 48 kHz.
    """

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []
        self.sounds: list[np.ndarray] = []
        self._change = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> "Receiver":
        self._thread.start()
        self._run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def answer(self, sdp: str) -> str:
        """To an offer."""
        return str(self._run(self._answer(sdp)))

    def until(self, frames: int) -> None:
        """Wait for so many frames, or for the end."""
        with self._change:
            assert self._change.wait_for(lambda: len(self.frames) >= frames or self.over, PATIENCE)

    def ended(self) -> None:
        """Wait until the other end has let go."""
        with self._change:
            assert self._change.wait_for(lambda: self.over, PATIENCE)

    @property
    def over(self) -> bool:
        """Whether nothing can come any more."""
        return str(self._connection.connectionState) in ("closed", "failed")

    def close(self) -> None:
        """Go away."""
        self._run(self._close())

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _begin(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._take(track))))
        self._connection.on("connectionstatechange", self._changed)

    async def _answer(self, sdp: str) -> str:
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        bind(self._connection, "127.0.0.1")
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        return str(self._connection.localDescription.sdp)

    async def _take(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                item: Any = await track.recv()
            except MediaStreamError:
                return
            with self._change:
                if track.kind == "video":
                    self.frames.append(item.to_ndarray(format="rgb24"))
                else:
                    self.sounds.append(item.to_ndarray()[0, ::2].astype(np.float32) / 32768)
                self._change.notify_all()

    async def _close(self) -> None:
        await self._connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changed(self) -> None:
        with self._change:
            self._change.notify_all()
