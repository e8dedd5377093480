"""The studio: what comes over its socket is labelled, marked and signed; who may not ask gets nothing."""

import asyncio
import contextlib
import datetime as dt
import json
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from command_line import SPEECH, vasari

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from studios import HOST, OWN, SMALLEST, Page, app_of, s16le, serving, until

from media import read_sound, voices
from provenance import Keys, verify
from provenance.exits import EXIT_KNOWN
from vasari.desk import giving, studio
from vasari.desk.keeping import CONSENTS, Film, Last, Studio
from vasari.desk.session import Wire, Work

pytest_plugins = ["maker_fixtures"]
SOUND = read_sound(SPEECH)[8000:20000]


@pytest.fixture(scope="module")
def page(keys: Keys) -> Iterator[Page]:
    app = app_of(keys)
    app.state.studio = Studio(keys)
    with TestClient(app, base_url=HOST) as client:
        yield Page(client)


@pytest.fixture(scope="module")
def portrait(page: Page) -> str:
    name = page.portrait()
    assert page.post(f"portrait/{name}/seat?size={SMALLEST}").status_code == 204
    return name


def spoken(socket: Any) -> None:
    """Sound, in real time enough: what waits has its place."""
    for piece in s16le(SOUND):
        socket.send_bytes(piece)


def ended(socket: Any) -> tuple[list[dict[str, Any]], bytes]:
    socket.send_text('{"kind": "end"}')
    return until(socket, "done", "failed")


def freed(page: Page) -> None:
    """Wait until nothing is drawn any more."""
    busy = page.client.app.state.studio.busy
    assert busy.acquire(timeout=60)
    busy.release()


def test_the_page_runs_nothing_but_its_own(page):
    answer = page.client.get("/studio")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert 'name="csrf" content="a token"' in answer.text
    assert " style=" not in answer.text
    assert "http" not in answer.text  # nothing comes from elsewhere
    for name in (
        "studio.js",
        "studio-live.js",
        "studio-rtc.js",
        "studio-sound.js",
        "studio-worklet.js",
        "base.css",
        "studio.css",
        "texts/studio.en.json",
    ):
        found = page.client.get(f"/static/{name}")
        assert found.status_code == 200
        assert "innerHTML" not in found.text
    for name in ("..%2fstudio.py", "../studio.py"):
        assert page.client.get(f"/static/{name}").status_code == 404


def test_every_word_of_the_page_has_its_text(page):
    words = page.client.get("/static/texts/studio.en.json").json()
    about, html = page.client.get("/studio/about").json(), page.client.get("/studio").text
    asked = {part.split('"')[0] for kind in ("text", "label") for part in html.split(f'data-{kind}="')[1:]}
    script = page.client.get("/static/studio.js").text
    asked |= {part.split('"')[0] for part in script.split(' t("')[1:]}
    assert asked | {*about["emotions"], *about["expressions"]} <= set(words)


def test_what_is_sent_and_what_is_kept_are_signed_labelled_and_marked(page, portrait, keys, tmp_path):
    with page.open("live", {"portrait": portrait, "size": SMALLEST, "keep": True}) as socket:
        words, _ = until(socket, "ready")
        spoken(socket)
        socket.send_text(json.dumps({"kind": "steer", "gaze": [10, 0], "emotions": {"happy": 0.9, "sad": 0.4},
                                     "actions": {"AAA": 0.5}}))  # fmt: skip
        told, video = ended(socket)
    assert told[-1]["kind"] == "done", told
    assert any(word["kind"] == "beat" and not word["idle"] for word in told)
    sent, kept = tmp_path / "sent.mp4", tmp_path / "kept.mp4"
    sent.write_bytes(video)
    where = f"/studio/film/{words[-1]['file']}"
    kept.write_bytes(page.client.get(where).content)
    assert page.client.get(where).status_code == 404  # once
    for path in (sent, kept):
        verdict = verify(path, keys=keys)
        assert verdict.exit_code == EXIT_KNOWN, verdict.summary
        assert "AI-generated" in verdict.summary
    os.utime(sent, (0, 0))  # it grows no more
    done = vasari("verify", "--live", sent, "--keys", keys.folder)
    assert done.code == EXIT_KNOWN, done


def test_a_socket_that_is_cut_leaves_a_signed_file_and_a_free_studio(page, portrait, keys, tmp_path):
    with page.open("live", {"portrait": portrait, "size": SMALLEST, "keep": True}) as socket:
        words, _ = until(socket, "ready")
        spoken(socket)
        until(socket, "beat")
        while socket.receive().get("bytes") is None:
            pass
    freed(page)
    answer = page.client.get(f"/studio/film/{words[-1]['file']}")
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        (tmp_path / "cut.mp4").write_bytes(answer.content)
        assert verify(tmp_path / "cut.mp4", keys=keys).exit_code == EXIT_KNOWN


def test_one_at_a_time_and_what_was_not_asked_for_is_not_kept(page, portrait):
    first, folder = {"portrait": portrait, "size": SMALLEST}, Path(page.client.app.state.studio._folder.name)
    before = set(folder.iterdir())
    with page.open("live", first) as socket:
        words, _ = until(socket, "ready")
        with page.open("live", first) as other:
            busy, video = until(other, "busy", "ready")
            assert (busy[-1]["kind"], video) == ("busy", b"")
        spoken(socket)
        told, video = ended(socket)
    assert (words[-1]["file"], told[-1]["file"]) == ("", "")
    assert video
    freed(page)
    assert set(folder.iterdir()) == before


def test_a_page_that_has_left_is_no_error(keys):
    class Gone:
        """A socket at whose other end nobody is."""

        async def receive(self) -> Any:
            raise WebSocketDisconnect(1006)

        async def send_json(self, _: Any) -> None:
            raise WebSocketDisconnect(1006)

        send_bytes = send_json

        async def close(self, *_: Any) -> None:
            raise WebSocketDisconnect(1006)

    class Talk(Work):
        def work(self) -> None:
            self.wire.tell("beat")
            with contextlib.suppress(BrokenPipeError):
                self.wire.write(b"video")

    async def attended(kept: Studio) -> None:
        wire, gone = Wire(), cast(Any, Gone())
        assert kept.busy.acquire(blocking=False)
        await studio._attend(gone, wire, Talk(kept, cast(Any, None), wire), lambda: studio._until_gone(gone))
        await studio._refuse(gone, "why")

    kept = Studio(keys)
    asyncio.run(attended(kept))
    assert not kept.busy.locked()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:9", "ws://127.0.0.1:8000"])
def test_pages_of_other_hosts_are_not_answered(page, origin):
    for path in ("live", "make"):
        with pytest.raises(WebSocketDisconnect), page.open(path, origin=origin):
            pass
    assert page.post("portrait?example=1", origin=origin).status_code == 403


def test_a_name_that_somebody_pointed_here_is_refused(page):
    evil = {**OWN, "host": "evil.example:8000", "origin": "http://evil.example:8000"}
    assert page.client.post("/studio/portrait?example=1", headers=evil).status_code == 421


@pytest.mark.parametrize(
    "first",
    [
        {"token": "wrong"}, {"token": ""}, {"token": "ä"}, {"portrait": "../../etc/passwd"}, {"portrait": "unknown"},
        {"size": 100_000}, {"size": "512"}, {"more": 1}, {"steer": {"gaze": [1e999, 0]}}, {"steer": {"distance": 0}},
        {"steer": {"pose": [31, 0, 0]}}, {"steer": {"emotions": {"glad": 1}}}, {"steer": {"actions": {"x": 1}}},
    ],
)  # fmt: skip
def test_first_messages_that_are_refused(page, portrait, first):
    with page.open("live", {"portrait": portrait, "size": SMALLEST} | first) as socket:
        words, video = until(socket, "refused", "ready")
    assert (words[-1]["kind"], video) == ("refused", b"")


@pytest.mark.parametrize("sent", ["", "garbage", "[]", "null", "x" * 10_000, b"\0" * 100])
def test_garbage_for_a_first_message(page, sent):
    with page.open("live") as socket:
        socket.send_bytes(sent) if isinstance(sent, bytes) else socket.send_text(sent)
        assert until(socket, "refused")[0][-1]["kind"] == "refused"


def test_later_messages_that_are_not_understood_change_nothing_until_there_are_too_many(page, portrait):
    wrong = [
        "{", '{"kind": "steer", "gaze": [90, 0]}', '{"kind": "steer", "actions": {"x": 1}}', '{"kind": "x"}',
        '{"kind": "steer", "emotions": {"glad": 1}}', json.dumps({"kind": "say", "text": "x" * 3000, "voice": "en-gb"}),
    ]  # fmt: skip
    with page.open("live", {"portrait": portrait, "size": SMALLEST}) as socket:
        until(socket, "ready")
        until(socket, "beat")
        for message in wrong:
            socket.send_text(message)
            until(socket, "wrong")
        for piece in (b"", b"\0\0", b"\2\0\0", bytes(20_001)):
            socket.send_bytes(piece)
            until(socket, "wrong")
        assert not page.client.app.state.studio.busy.acquire(blocking=False)  # it goes on
        for _ in range(30):
            socket.send_text("x")
        while socket.receive()["type"] != "websocket.close":
            pass
    freed(page)


UNABLE = [
    {"pose": [31, 0, 0]}, {"pose": [0, -45, 0]}, {"gaze": [0, 46]}, {"emotions": {"glad": 1}}, {"actions": {"x": 1}},
    {"distance": 9},
]  # fmt: skip


@pytest.mark.parametrize("when", ["early", "late"])
def test_what_no_face_does_is_refused_in_one_line_and_the_session_lives_on(page, portrait, monkeypatch, when):
    """Whether it comes before the face is there, or after."""
    seated, come = Studio.seated, threading.Event()

    def waiting(self: Studio, *given: Any) -> Any:
        assert come.wait(60)
        return seated(self, *given)

    monkeypatch.setattr(Studio, "seated", waiting)
    with page.open("live", {"portrait": portrait, "size": SMALLEST}) as socket:
        if when == "late":
            come.set()
            until(socket, "ready")
        for asked in UNABLE:
            socket.send_text(json.dumps({"kind": "steer"} | asked))
            words, _ = until(socket, "wrong", "failed")
            assert words[-1]["kind"] == "wrong", words
            assert "\n" not in words[-1]["why"]
        socket.send_text(json.dumps({"kind": "steer", "pose": [30, 0, 0], "actions": {"AAA": 1}}))
        come.set()
        if when == "early":
            until(socket, "ready")
        spoken(socket)
        told, video = ended(socket)
    assert told[-1]["kind"] == "done", told
    assert video
    freed(page)


def test_somebody_needs_consent_on_file(page, keys, somebody):
    brought = page.post("portrait", somebody.read_bytes()).json()
    name = brought["portrait"]
    assert brought["consent"]
    with page.open("live", {"portrait": name, "size": SMALLEST}) as socket:
        assert "consent" in until(socket, "refused", "ready")[0][-1]["why"]
    assert page.post(f"portrait/{name}/seat?size={SMALLEST}").status_code == 400
    words = {"subject": "Ann", "purpose": "a test", "until": f"{dt.date.today() + dt.timedelta(2)}"}
    for wrong in ({"until": "2020-01-01"}, {"until": "2030-02-31"}, {"subject": " "}, {"purpose": ""}, {"path": "/x"}):
        answer = page.post(f"portrait/{name}/consent", words | wrong)
        assert answer.status_code == 400
        assert str(somebody.parent) not in answer.text
    assert not list(keys.folder.glob(f"{CONSENTS}/*"))
    assert page.post(f"portrait/{name}/consent", words).status_code == 204
    assert len(list(keys.folder.glob(f"{CONSENTS}/*.json"))) == 1
    assert page.post("portrait", somebody.read_bytes()).json()["consent"] is False  # it is on file


def test_pictures_and_speech_that_cannot_be_used(page):
    for path in ("portrait", "speech"):
        for body in (b"", b"no picture", bytes(1000)):
            answer = page.post(path, body, content_type="application/octet-stream")
            assert answer.status_code == 400, (path, body)
            assert "/tmp" not in answer.text
    assert page.post("portrait", bytes((16 << 20) + 1)).status_code == 413
    assert page.client.get("/studio/film/unknown").status_code == 404
    assert page.client.get("/studio/example/7").status_code == 404


@pytest.mark.skipif(not voices.voices(), reason="espeak-ng is not on this machine")
def test_text_is_spoken_and_filmed(page, portrait, keys, tmp_path):
    for wrong in ({"text": "x" * 501}, {"text": " "}, {"voice": "--help"}, {"voice": "../../x"}):
        assert page.post("speech/text", {"text": "Hi", "voice": "en-gb"} | wrong).status_code == 400
    heard = page.post("speech/text", {"text": "Hi", "voice": "en-gb"}).json()
    assert 0.2 < heard["seconds"] < 2
    with page.open("make", {"portrait": portrait, "size": SMALLEST, "speech": heard["speech"]}) as socket:
        words, _ = until(socket, "done", "failed")
    assert words[-1]["kind"] == "done", words
    film = page.client.get(f"/studio/film/{words[-1]['file']}?save=1")
    assert "attachment" in film.headers["content-disposition"]
    (tmp_path / "film.mp4").write_bytes(film.content)
    assert verify(tmp_path / "film.mp4", keys=keys).exit_code == EXIT_KNOWN
    assert "en" in page.client.get("/studio/about").json()["notices"]
    asked = {"portrait": portrait, "size": SMALLEST, "speech": heard["speech"], "notice": "en"}
    with page.open("make", asked) as socket:
        words, _ = until(socket, "done", "failed")
    assert words[-1]["kind"] == "done", words
    (tmp_path / "said.mp4").write_bytes(page.client.get(f"/studio/film/{words[-1]['file']}").content)
    assert verify(tmp_path / "said.mp4", keys=keys).credentials.notice.words == "This video was made by AI."
    for wrong in ({"label": "off"}, {"speech": "unknown"}, {"notice": "--help"}):
        asked = {"portrait": portrait, "size": SMALLEST, "speech": heard["speech"]} | wrong
        with page.open("make", asked) as socket:
            assert until(socket, "refused", "done")[0][-1]["kind"] == "refused"


def test_only_so_many_bodies_arrive_at_the_same_time(page):
    """Pictures are in memory while they arrive, recordings on the disk."""
    state = page.client.app.state
    with contextlib.ExitStack() as others:
        for number in range(state.settings.arriving):
            assert others.enter_context(state.arriving.one_more(f"client {number}"))
        for path in ("portrait", "speech"):
            assert page.post(path, b"x" * 100, content_type="audio/wav").status_code == 503
    assert page.portrait()
    assert page.post("speech", SPEECH.read_bytes(), content_type="audio/wav").status_code == 200
    with state.arriving.one_more("nobody is left") as room:
        assert room


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[threading.Timer]:
    """Those that were set; none goes off by itself."""
    found: list[threading.Timer] = []
    monkeypatch.setattr(threading.Timer, "start", lambda self: found.append(self))
    return found


def once(folder: Path, films: Last[Film], size: int = 10) -> tuple[str, bytes]:
    """A recording that can be fetched once: its name, and what is in it."""
    data = os.urandom(size)
    (folder / "a.mp4").write_bytes(data)
    return films.put(Film(folder / "a.mp4", once=True)), data


def test_what_can_be_fetched_once_is_given_whole(page, tmp_path, timers):
    """Who asks for a part of it would have lost the rest."""
    films = page.client.app.state.studio.films
    name, data = once(tmp_path, films)
    answer = page.client.get(f"/studio/film/{name}", headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (200, data)
    for again in ({}, {"Range": "bytes=0-"}, {"Range": "bytes=0-1,2-"}, {"Range": "bytes=-9"}, {"Range": "x"}):
        assert page.client.get(f"/studio/film/{name}", headers=again).status_code == 404
    rest = page.client.get(f"/studio/film/{name}", headers={"Range": "bytes=4-"})
    assert (rest.status_code, rest.content) == (206, data[4:])  # it may not have come, though it went out
    assert [timer.interval for timer in timers] == [giving.LINGER]
    timers[0].function(*timers[0].args)
    assert page.client.get(f"/studio/film/{name}", headers={"Range": "bytes=4-"}).status_code == 404
    assert not (tmp_path / "a.mp4").exists()


def test_a_connection_that_breaks_loses_no_recording(keys, tmp_path, timers):
    app, size = app_of(keys), 64 << 20  # more than is on its way
    app.state.studio = Studio(keys)
    name, data = once(tmp_path, app.state.studio.films, size)
    film = app.state.studio.films.get(name)
    with serving(app) as address:
        host, port = address.removeprefix("http://").split(":")
        asked = f"GET /studio/film/{name} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
        for _ in range(2):
            with socket.create_connection((host, int(port))) as link:
                link.sendall(asked)
                assert link.recv(1000).startswith(b"HTTP/1.1 200")
                assert urlopen_status(f"{address}/studio/film/{name}") == 409  # one at a time
            assert film.giving.acquire(timeout=60)
            film.giving.release()
            assert not film.given
        with urllib.request.urlopen(f"{address}/studio/film/{name}") as answer:
            assert answer.read() == data
        assert film.giving.acquire(timeout=60)
        film.giving.release()
        assert urlopen_status(f"{address}/studio/film/{name}") == 404
    assert [timer.interval for timer in timers] == [giving.LINGER]


def urlopen_status(address: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address)
    return int(refused.value.code)


def test_a_recording_that_nobody_fetches_is_not_kept_for_ever(page, portrait, timers):
    with page.open("live", {"portrait": portrait, "size": SMALLEST, "keep": True}) as link:
        words, _ = until(link, "ready")
        spoken(link)
        ended(link)
    freed(page)
    (timer,) = (timer for timer in timers if timer.function == page.client.app.state.studio.films.drop)
    assert timer.interval == giving.KEPT
    kept = page.client.app.state.studio.films.get(words[-1]["file"]).path
    assert kept.is_file()
    timer.function(*timer.args)
    assert not kept.exists()
    assert page.client.get(f"/studio/film/{words[-1]['file']}").status_code == 404
