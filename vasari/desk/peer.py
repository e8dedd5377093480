"""The other way to a page: pictures and sound over WebRTC. aiortc does it (`pip install 'vasari[webrtc]'`).

    peer = await Peer.offering("127.0.0.1")     peer.sdp goes to the page, its answer to `peer.accept`
    peer.connected()                            on the thread that draws: whether the page is there
    Packets(peer.take, "the page")              the outlet of `save_live`
    await peer.close()

Nothing is coded here but sound: pictures are those that the save path coded and kept, so that no rate is chosen which
the mark might not outlive. It is bound to the one address by which the page itself came, asks nobody where it is (no
STUN, no TURN), and calls nobody: who has the offer's password comes to it, so what the page says of its own addresses
is left unread. No picture, no sound and no data are taken.
"""

import asyncio
import contextlib
import ipaddress
import threading
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np

from media.errors import MissingExtraError, OutputError, UsageError
from media.units import FPS, SAMPLE_RATE

try:
    from aiortc import (
        MediaStreamTrack,
        RTCBundlePolicy,
        RTCConfiguration,
        RTCPeerConnection,
        RTCRtpSender,
        RTCSessionDescription,
    )
    from aiortc.sdp import SessionDescription
except ModuleNotFoundError as error:
    raise MissingExtraError("WebRTC needs aiortc; run: pip install 'vasari[webrtc]'") from error

COMING = 2.0  # seconds that a page may take to be there
PATIENCE = 10.0  # seconds that nothing may be taken; that closing may take
ROOM = 5  # pictures that may wait
CLOCK = 90_000  # of the stamps of pictures
PIECE = SAMPLE_RATE // 50  # samples of a packet of sound
SENT = {"video": ("video/H264", "video/rtx"), "audio": ("audio/opus",)}  # in the order of the offer


class Peer:
    """One page, once. Made in the loop by `offering`; `connected` and `take` are for another thread.

    Attributes:
        sdp: the offer.
        gone: whether nothing can be sent, or nothing any more.
    """

    def __init__(self) -> None:
        self.sdp, self.gone = "", False
        self._loop, self._until = asyncio.get_running_loop(), time.monotonic() + COMING
        self._settled, self._answered, self._count = threading.Event(), False, 0
        self._closing: asyncio.Task[None] | None = None
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._connection.on("connectionstatechange", self._changed)
        self._pictures, self._sounds = _Track("video", ROOM), _Track("audio", 0)
        for track in (self._pictures, self._sounds):
            sent = self._connection.addTransceiver(track, direction="sendonly")
            known = RTCRtpSender.getCapabilities(track.kind).codecs
            sent.setCodecPreferences([codec for codec in known if codec.mimeType in SENT[track.kind]])

    @classmethod
    async def offering(cls, address: str) -> "Peer":
        """Offer what will be sent.

        Args:
            address: of this machine, by which the page came.

        Raises:
            UsageError: it is no address of a machine or a local network, or nothing can be bound to it.
        """
        if not _is_near(address):
            raise UsageError(f"{address}: WebRTC is for this machine and local networks")
        peer = cls()
        bind(peer._connection, address)
        await peer._connection.setLocalDescription(await peer._connection.createOffer())
        peer.sdp = peer._connection.localDescription.sdp
        bound = {line.split()[4] for line in peer.sdp.splitlines() if line.startswith("a=candidate:")}
        if bound != {address}:
            await peer.close()
            raise UsageError(f"{address}: nothing can be bound to it")
        return peer

    async def accept(self, sdp: str) -> None:
        """Take the page's answer, once; an empty one says that it will not come.

        Raises:
            UsageError: it is none, or asks for more than was offered.
        """
        if self._answered:
            raise UsageError("there was an answer before")
        self._answered = True
        lines = [line for line in sdp.splitlines() if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
        said = "".join(f"{line}\r\n" for line in lines)
        try:
            if sdp:
                media = SessionDescription.parse(said).media
                if [(one.kind, one.direction) for one in media] != [(kind, "recvonly") for kind in SENT]:
                    raise ValueError
                if not all(one.dtls and one.dtls.fingerprints for one in media):
                    raise ValueError
                await self._connection.setRemoteDescription(RTCSessionDescription(said, "answer"))
                return
        except Exception as error:  # whatever a parser makes of what a page says
            raise UsageError("this is no answer to what was offered") from error
        finally:
            if self._connection.signalingState != "stable":
                self.leave()

    def connected(self) -> bool:
        """Wait until the page is there, will not come, or has been waited for long enough. Whether it is there."""
        if not self._settled.wait(max(0.0, self._until - time.monotonic())):
            self.leave()
        return not self.gone

    def take(self, packet: bytes, sound: np.ndarray) -> None:
        """Send a picture and its sound, as `provenance.Packets` hands them out. Waits while others do.

        Raises:
            OutputError: the page has gone, or takes nothing.
        """
        with contextlib.suppress(TimeoutError, RuntimeError):  # the loop has ended
            if not self.gone:
                asyncio.run_coroutine_threadsafe(self._give(packet, sound), self._loop).result(PATIENCE)
                if not self.gone:
                    return
        self.leave()
        raise OutputError("the page: the connection has ended")

    def leave(self) -> None:
        """The page has gone: who waits is told, and all is let go of, whether or not somebody waits for that."""
        self.gone = True
        self._settled.set()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._let_go)

    async def close(self) -> None:
        """The same, and wait for it; a second time is nothing."""
        self.leave()
        await asyncio.shield(self._let_go())

    def _let_go(self) -> "asyncio.Task[None]":
        self._pictures.empty()
        self._closing = self._closing or asyncio.ensure_future(self._close())
        return self._closing

    async def _close(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._connection.close()

    async def _give(self, packet: bytes, sound: np.ndarray) -> None:
        picture = av.Packet(packet)
        # Stamps begin anywhere; by each 25th, which is a tick late, a page tells which picture it sees.
        picture.pts = self._count * CLOCK // FPS + self._count // FPS
        picture.time_base = Fraction(1, CLOCK)
        await self._pictures.waiting.put(picture)
        for at in range(0, len(sound), PIECE):
            self._sounds.waiting.put_nowait(_piece(sound[at : at + PIECE], self._count * 2 * PIECE + at))
        self._count += 1

    def _changed(self) -> None:
        if self._connection.connectionState == "connected":
            self._settled.set()
        elif self._connection.connectionState in ("failed", "closed"):
            self.leave()


class _Track(MediaStreamTrack):
    """Gives what is put into `waiting`, which holds so many at most (0: any number)."""

    def __init__(self, kind: str, room: int) -> None:
        super().__init__()
        self.kind, self.waiting = kind, asyncio.Queue[Any](room)

    async def recv(self) -> Any:
        """What comes next."""
        return await self.waiting.get()

    def empty(self) -> None:
        """Forget what waits."""
        while not self.waiting.empty():
            self.waiting.get_nowait()


def bind(connection: RTCPeerConnection, address: str) -> None:
    """Have it listen at this address alone, in place of all that the machine has but loopback."""
    ice: Any = connection.getTransceivers()[0].sender.transport.transport.iceGatherer._connection
    gather = ice.get_component_candidates
    ice.get_component_candidates = lambda component, addresses, **more: gather(component, [address], **more)


def _piece(sound: np.ndarray, at: int) -> av.AudioFrame:
    """20 ms of sound, filled up with silence."""
    whole = np.pad(np.clip(sound, -1, 1) * 32767, (0, PIECE - len(sound))).astype("<i2")
    piece = av.AudioFrame.from_ndarray(whole.reshape(1, -1), format="s16", layout="mono")
    piece.sample_rate, piece.pts, piece.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
    return piece


def _is_near(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (found.is_private or found.is_loopback) and not found.is_unspecified
