"""The service among those who mean no good: manifests that crowd out the true one, slow bodies, forged addresses."""

import base64
import contextlib
import io
import socket
import sys
import threading
import time

import pytest
from making import clip, picture, remux, voice
from permits import shown
from PIL import Image

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from media.errors import UsageError, VasariError
from provenance import Keys, Registry, save_video
from provenance.credentials.manifest import sign
from provenance.marks.identity import key_id
from provenance.permits.claims import PICTURE_ALGORITHM
from provenance.permits.claims import definition as define
from provenance.read.identification import ranked
from provenance.registry.tokens import list_tokens, new_token
from vasari.scanning import Worker
from vasari.service import Settings, create_app
from vasari.service.connections import listening, server
from vasari.service.limits import Arriving, client_of

PATIENT = {"queries_a_minute": 1e9, "uploads_a_minute": 1e9, "writes_a_minute": 1e9}
C2PA = {"Content-Type": "application/c2pa"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("stranger") / "keys")


@pytest.fixture(scope="module")
def registry(keys):
    return Registry(keys.folder / "registry.sqlite")


@pytest.fixture(scope="module")
def output(keys, registry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("output")
    return save_video(folder / "a.mp4", shown(keys, clip(3, 40), voice(1.6, 3), command="t"), registry=registry)


@pytest.fixture(scope="module")
def client(keys, registry):
    with TestClient(create_app(Settings(registry, keys, content_seconds=100, **PATIENT))) as client:
        yield client


def store(signer: Keys, mark: str, key: str = "0" * 16) -> bytes:
    """A manifest that promises a mark."""
    source, target = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture(size=128)).save(source, "PNG")
    source.seek(0)
    words = define(shown(signer, None).claim, title="", mime="image/png", key_id=key, mark=mark)
    return sign(source, target, "image/png", words, signer.signer)[0]


def bearer(registry: Registry, name: str, anchors: str = "") -> dict[str, str]:
    return {**C2PA, "Authorization": f"Bearer {new_token(registry, name, anchors=anchors)}"}


def test_holders_of_tokens_register_what_they_signed_themselves(client, keys, stranger, registry, output):
    own = bearer(registry, "own")
    theirs = bearer(registry, "theirs", stranger.anchor_pem.decode())
    assert client.post("/v1/manifests", content=store(keys, "0" * 15 + "1"), headers=own).status_code == 200
    assert client.post("/v1/manifests", content=store(stranger, "0" * 15 + "2"), headers=theirs).status_code == 200
    for body, token in (
        (store(stranger, "0" * 15 + "3"), own),  # signed by somebody else
        (store(keys, "0" * 15 + "4"), theirs),
        (store(stranger, output.mark), theirs),  # promises the mark of an output
        (store(stranger, "0" * 15 + "5", key_id(keys.mark_key)), theirs),  # a mark of the maker's own key
    ):
        refused = client.post("/v1/manifests", content=body, headers=token)
        assert refused.status_code == 403, refused.text
    assert [bool(token.anchors) for token in list_tokens(registry)] == [False, True]


def test_the_true_manifest_is_never_crowded_out(client, keys, stranger, registry, output, tmp_path):
    """Whatever was kept before tokens were bound to anybody."""
    label = "urn:c2pa:00000000-0000-4000-8000-{:012x}"
    for number in range(120):
        body = store(stranger, output.mark) if number < 2 else b"no manifest"
        assert registry.add_manifest(label.format(number), body, [(PICTURE_ALGORITHM, output.mark)], "old")
    query = {"alg": PICTURE_ALGORITHM, "value": base64.b64encode(output.mark.encode()).decode()}
    named = client.get("/v1/matches/byBinding", params=query).json()["matches"]
    assert named[0]["manifestId"] == output.manifest
    assert client.get("/v1/matches/byBinding", params=query | {"maxResults": 1}).json()["matches"] == named[:1]
    body = remux(output.path, tmp_path / "b.mp4").read_bytes()
    found = client.post("/v1/matches/byContent", content=body, headers={"Content-Type": "video/mp4"}).json()["matches"]
    assert [match["manifestId"] for match in found] == [output.manifest]
    labels = [label.format(5), output.manifest]
    assert ranked(labels, registry, stranger.anchor_pem.decode()) == labels[::-1]
    believed = registry.add_manifest(label.format(500), store(keys, "0" * 15 + "9"), [("x", "y")], "t")
    assert believed
    assert ranked([label.format(5), label.format(500)], registry, keys.anchor_pem.decode())[0] == label.format(500)


def test_only_proxies_of_ours_say_for_whom_they_ask():
    assert client_of("203.0.113.9", "198.51.100.1", ()) == "203.0.113.9"
    assert client_of("127.0.0.1", "198.51.100.1", ()) == "127.0.0.1"
    assert client_of("10.0.0.7", "198.51.100.1, 203.0.113.5", ("10.0.0.0/8",)) == "203.0.113.5"
    assert client_of("10.0.0.7", "203.0.113.5, 10.0.0.8", ("10.0.0.0/8",)) == "203.0.113.5"
    assert client_of("10.0.0.7", "", ("10.0.0.0/8",)) == "10.0.0.7"
    assert client_of("10.0.0.7", "nonsense", ("10.0.0.0/8",)) == "nonsense"
    assert client_of("", "1.2.3.4", ("10.0.0.0/8",)) == ""
    assert client_of("::ffff:10.0.0.7", "203.0.113.5", ("10.0.0.0/8",)) == "203.0.113.5"


def test_who_has_a_network_is_one_client():
    """Of IPv6 anybody has 2^64 addresses."""
    one, two, other = (client_of(f"2001:db8:0:{net}::{host}", "", ()) for net, host in ((1, 1), (1, 2), (2, 1)))
    assert one == two != other
    assert client_of("fe80::1%eth0", "", ()) == client_of("fe80::2%eth0", "", ())


def test_forged_addresses_do_not_lift_limits(registry):
    heads = [{"X-Forwarded-For": f"203.0.113.{k}"} for k in range(4)]
    for proxies, codes in (((), [200, 200, 429, 429]), (("10.0.0.0/8",), [200, 200, 200, 200])):
        app = create_app(Settings(registry, queries_a_minute=8, proxies=proxies))
        with TestClient(app, client=("10.0.0.7", 1)) as client:
            said = [client.get("/v1/services/supportedAlgorithms", headers=head).status_code for head in heads]
        assert said == codes


def test_so_many_bodies_arrive_at_once():
    room = Arriving(3, 2)
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(room.one_more(client)) for client in "aaabcc"]
        assert taken == [True, True, False, True, False, False]
    with room.one_more("a") as free:
        assert free
    assert not room._clients


@pytest.fixture
def served(keys, registry, monkeypatch):
    """The service on a port, as `vasari serve` runs it but quicker to lose its patience."""
    monkeypatch.setattr("vasari.service.uploads.PATIENCE", 1.0)
    settings = Settings(registry, keys, content_seconds=100, arriving=6, arriving_each=4, **PATIENT)
    monkeypatch.setattr("vasari.service.connections.PATIENCE", 1.0)
    with listening("127.0.0.1", 0) as link:
        running = server(create_app(settings))
        running.config.timeout_keep_alive = 1
        thread = threading.Thread(target=running.run, args=([link],), daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.02)
        yield link.getsockname()[1]
        running.should_exit = True
        thread.join(timeout=20)


def upload(port: int, address: str) -> socket.socket:
    """The head of an upload from an address of this machine."""
    link = socket.create_connection(("127.0.0.1", port), source_address=(address, 0), timeout=20)
    link.sendall(
        b"POST /v1/matches/byContent HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
        b"X-Forwarded-For: 203.0.113.1\r\nContent-Length: 100000\r\n\r\n"
    )
    return link


def drip(link: socket.socket, answers: list[tuple[str, float]]) -> None:
    """A byte now and then, until the service has enough of it."""
    started = time.monotonic()
    link.settimeout(0.1)
    while time.monotonic() - started < 15:
        try:
            link.sendall(b"x")
            answer = link.recv(300)
        except TimeoutError:
            continue
        except OSError:
            answer = b""
        answers.append((answer.split(b"\r\n")[0].decode(), time.monotonic() - started))
        return


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
def test_slow_bodies_end_and_an_honest_client_is_served_meanwhile(served, output):
    import urllib.request

    picture_ = io.BytesIO()
    Image.fromarray(picture(2)).save(picture_, "PNG")
    answers: list[tuple[str, float]] = []
    slow = [threading.Thread(target=drip, args=(upload(served, "127.0.0.2"), answers)) for _ in range(8)]
    for thread in slow:
        thread.start()
    time.sleep(0.3)
    request = urllib.request.Request(
        f"http://127.0.0.1:{served}/v1/matches/byContent", data=picture_.getvalue(),
        headers={"Content-Type": "image/png"}, method="POST",
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
    for thread in slow:
        thread.join(timeout=20)
    codes = sorted(said.split()[1] if said else "closed" for said, _ in answers)
    assert len(codes) == 8
    assert set(codes) <= {"408", "503", "closed"}
    assert codes.count("408") <= 4  # of one client
    assert max(seconds for _, seconds in answers) < 8


def heard(port: int, sent: bytes, seconds: float = 15) -> bytes:
    """All that the service says to some bytes until it closes the connection, b"" where it only closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as link:
        link.sendall(sent)
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while part := link.recv(4096):
                said += part
        return said


def test_requests_that_never_begin_end(served):
    for sent in (b"", b"GET /v1/services/status HTTP/1.1\r\nHost: x\r\n"):
        assert heard(served, sent) == b""
    status = b"GET /v1/services/status HTTP/1.1\r\nHost: x\r\n"
    assert heard(served, status + b"\r\n" + status).count(b"200 OK") == 1
    early = b"POST /v1/manifests HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"  # answered before it has come
    assert heard(served, early).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("path", ["matches/byContent", "matches/byBinding"])
def test_who_hangs_up_leaves_no_trace(capfd, served, path):
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc"
    with socket.create_connection(("127.0.0.1", served)) as link:
        link.sendall(head.encode())
        time.sleep(0.2)
    time.sleep(0.5)
    assert "Traceback" not in capfd.readouterr().err


def test_a_disk_without_room_is_one_line(registry, keys, tmp_path):
    gone = tmp_path / "gone"
    app = create_app(Settings(registry, keys, gone, **PATIENT))
    with TestClient(app) as client:
        said = client.post("/v1/matches/byContent", content=b"x", headers={"Content-Type": "image/png"})
    assert said.status_code == 503
    assert str(tmp_path) not in said.text


def test_a_process_that_cannot_be_started_can_be_later(monkeypatch):
    worker = Worker(len, ())
    with monkeypatch.context() as patch:
        patch.setattr(
            "multiprocessing.context.SpawnProcess.start", lambda _: (_ for _ in ()).throw(OSError(11, "busy"))
        )
        for _ in range(2):
            with pytest.raises(VasariError, match="could not be started"):
                worker.start()
    worker.end()


def test_an_address_that_is_taken_is_said(served):
    for host, port in (("127.0.0.1", served), ("no.such.host.invalid", 8000), ("x" * 70, 8000)):
        with pytest.raises(UsageError, match="cannot listen there"):
            listening(host, port)
