"""The studio over WebRTC: both marks are read from what a peer decoded, nobody else is let in, nothing is left open."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("aiortc")

from fastapi.testclient import TestClient
from making import clip, voice
from permits import shown
from receivers import Receiver
from scipy.signal import resample_poly
from studios import HOST, SMALLEST, Page, app_of, s16le, until

from media import SAMPLES_PER_FRAME
from media.errors import OutputError, UsageError
from provenance import Keys, Packets, Registry, save_live, verify
from provenance.exits import EXIT_KNOWN
from provenance.marks.identity import sound_message
from provenance.marks.picture import PictureReader
from provenance.marks.sound import SoundReader
from provenance.registry import FILE
from vasari.desk import peer as peers
from vasari.desk import session
from vasari.desk.peer import Peer

pytest_plugins = ["maker_fixtures"]
FRAMES, AHEAD = 125, 20


@dataclass
class Moment:
    frame: np.ndarray
    sound: np.ndarray


@contextlib.contextmanager
def looping() -> Iterator[Any]:
    """Runs what is given to it in an event loop of another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


@pytest.fixture(scope="module")
def page(keys: Keys) -> Iterator[Page]:
    with TestClient(app_of(keys), base_url=HOST) as client:
        yield Page(client)


@pytest.fixture(scope="module")
def first(page: Page) -> dict[str, Any]:
    name = page.portrait()
    assert page.post(f"portrait/{name}/seat?size={SMALLEST}").status_code == 204
    return {"portrait": name, "size": SMALLEST, "keep": True, "rtc": True}


@pytest.fixture(autouse=True)
def freed(page: Page) -> Iterator[None]:
    """After each, nothing is drawn any more."""
    yield
    if (kept := getattr(page.client.app.state, "studio", None)) is not None:
        assert kept.busy.acquire(timeout=60)
        kept.busy.release()


def said(kind: str, **more: Any) -> str:
    return json.dumps({"kind": kind, **more})


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("size", [256, 512])
def test_both_marks_are_read_from_what_a_peer_decoded(size: int, tmp_path: Path, keys: Keys) -> None:
    registry, spoken = Registry(tmp_path / "in" / FILE), voice(FRAMES / 25)
    with looping() as run, Receiver() as receiver:
        peer = run(Peer.offering("127.0.0.1"))
        run(peer.accept(receiver.answer(peer.sdp)))
        assert peer.connected()

        def moments() -> Iterator[Moment]:
            pieces = spoken.reshape(-1, SAMPLES_PER_FRAME)
            for number, pair in enumerate(zip(clip(frames=FRAMES, size=size), pieces, strict=True)):
                receiver.until(number - AHEAD)  # at the pace at which it is taken
                yield Moment(*pair)

        saved = save_live(tmp_path / "a.mp4", shown(keys, moments()), Packets(peer.take), registry=registry)
        receiver.until(FRAMES - 1)  # of the last a receiver waits for what comes behind it
        run(peer.close())
        receiver.ended()
    message, pictures, sounds = int(saved.mark, 16), PictureReader(keys.mark_key), SoundReader(keys.mark_key)
    for frame in receiver.frames:
        assert frame.shape == (size, size, 3)
        pictures.add(frame)
    heard = resample_poly(np.concatenate(receiver.sounds), 1, 3).astype(np.float32)
    sounds.add(heard)
    assert pictures.read().message == message
    assert sounds.read().message == sound_message(message)
    assert len(heard) > 0.9 * len(spoken)


def test_a_session_over_it_sends_nothing_else_and_its_record_is_signed(page, first, keys, tmp_path):
    with page.open("live", first) as socket, Receiver() as receiver:
        (offer,), _ = until(socket, "offer")
        addresses = {line.split()[4] for line in offer["sdp"].splitlines() if line.startswith("a=candidate")}
        assert addresses == {"127.0.0.1"}  # by which the page came
        socket.send_text(said("answer", sdp=receiver.answer(offer["sdp"])))
        words, video = until(socket, "ready")
        assert words[-1]["rtc"] is True
        for piece in s16le(voice(0.5)):
            socket.send_bytes(piece)
        receiver.until(10)
        assert not receiver.over
        socket.send_text(said("end"))
        told, more = until(socket, "done", "failed")
        receiver.ended()
    assert told[-1]["kind"] == "done", told
    assert video + more == b""
    assert any(word["kind"] == "beat" for word in told)
    assert receiver.frames[0].shape == (SMALLEST, SMALLEST, 3)
    (tmp_path / "kept.mp4").write_bytes(page.client.get(f"/studio/film/{words[-1]['file']}").content)
    verdict = verify(tmp_path / "kept.mp4", keys=keys)
    assert verdict.exit_code == EXIT_KNOWN, verdict.summary
    assert (verdict.label.stated.kind, verdict.label.state) == ("on", "seen")


def test_a_page_that_goes_takes_the_connection_with_it(page, first):
    with Receiver() as receiver:
        with page.open("live", first) as socket:
            (offer,), _ = until(socket, "offer")
            socket.send_text(said("answer", sdp=receiver.answer(offer["sdp"])))
            until(socket, "beat")
            receiver.until(1)
        receiver.ended()


def test_a_peer_that_goes_ends_the_session(page, first):
    with page.open("live", first) as socket, Receiver() as receiver:
        (offer,), _ = until(socket, "offer")
        socket.send_text(said("answer", sdp=receiver.answer(offer["sdp"])))
        until(socket, "beat")
        receiver.until(1)
        receiver.close()
        words, _ = until(socket, "failed", "done")
    assert "the connection has ended" in words[-1]["why"]


@pytest.mark.parametrize("why", ["no aiortc", "cannot", "late", "not asked for", "far"])
def test_without_it_the_face_comes_over_the_socket(why, page, first, monkeypatch):
    if why == "no aiortc":
        monkeypatch.setattr(session, "peers", lambda: None)
    elif why == "far":
        monkeypatch.setattr(peers, "_is_near", lambda _: False)
    elif why == "late":
        monkeypatch.setattr(peers, "COMING", 0.0)
    with page.open("live", first | {"rtc": why != "not asked for"}) as socket:
        if why in ("cannot", "late"):
            until(socket, "offer")
        if why == "cannot":
            socket.send_text(said("answer", sdp=""))
        words, _ = until(socket, "ready")
        assert words[-1]["rtc"] is False
        _, video = until(socket, "beat")
        socket.send_text(said("end"))
        told, more = until(socket, "done", "failed")
    assert not [word for word in words + told if word["kind"] == "offer"] or why in ("cannot", "late")
    assert told[-1]["kind"] == "done", told
    assert (video + more)[4:8] == b"ftyp"


DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda sdp: "garbage", lambda sdp: sdp[: len(sdp) // 2], lambda sdp: sdp + DATA,
        lambda sdp: sdp.replace("recvonly", "sendrecv"), lambda sdp: sdp.replace("recvonly", "sendonly"),
        lambda sdp: sdp.replace("a=fingerprint", "a=x"), lambda sdp: sdp.replace("a=ice-pwd", "a=x"),
        lambda sdp: sdp + 5000 * "x",
    ],
    ids=["garbage", "half", "data", "both ways", "the other way", "no fingerprint", "no password", "long"],
)  # fmt: skip
def test_answers_that_are_refused(spoiled, page, first, monkeypatch):
    monkeypatch.setattr(peers, "COMING", 60.0)  # it is not for lateness
    with page.open("live", first) as socket, Receiver() as receiver:
        (offer,), _ = until(socket, "offer")
        answer = receiver.answer(offer["sdp"])
        for sdp in (spoiled(answer), ""):
            socket.send_text(said("answer", sdp=sdp))
        words, _ = until(socket, "beat")
        assert [word["rtc"] for word in words if word["kind"] == "ready"] == [False]
        socket.send_text(said("end"))
        words += until(socket, "done", "failed")[0]
        assert [word for word in words if word["kind"] == "wrong"]
        assert not receiver.frames


def test_one_answer_is_taken_and_none_where_nothing_was_offered(page, first):
    with page.open("live", first) as socket, Receiver() as receiver:
        (offer,), _ = until(socket, "offer")
        answer = said("answer", sdp=receiver.answer(offer["sdp"]))
        socket.send_text(answer)
        until(socket, "beat")
        socket.send_text(answer)
        until(socket, "wrong")
        receiver.until(5)  # it goes on
        socket.send_text(said("end"))
        until(socket, "done")
    with page.open("live", first | {"rtc": False}) as socket:
        socket.send_text(answer)
        assert "offered" in until(socket, "wrong")[0][-1]["why"]


@pytest.mark.parametrize("address", ["", "testserver", "0.0.0.0", "::", "8.8.8.8", "203.0.113.7", "10.255.255.254"])
def test_it_is_offered_on_this_machine_and_local_networks_alone(address):
    async def offered() -> None:
        with pytest.raises(UsageError):
            await Peer.offering(address)

    asyncio.run(offered())


def test_what_is_offered_is_sent_one_way_and_asks_nobody():
    async def offered() -> str:
        peer = await Peer.offering("127.0.0.1")
        servers = peer._connection._RTCPeerConnection__configuration.iceServers
        await peer.close()
        await peer.close()
        assert servers == []
        with pytest.raises(OutputError):
            peer.take(b"", np.zeros(640, np.float32))
        return peer.sdp

    sdp = asyncio.run(offered())
    assert sdp.count("m=") == sdp.count("a=sendonly") == 2
    assert "application" not in sdp
    assert {line.split()[7] for line in sdp.splitlines() if line.startswith("a=candidate")} == {"host"}
