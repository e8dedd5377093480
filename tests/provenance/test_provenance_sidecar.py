"""Credentials beside a file, and at an address that a file names."""

import datetime as dt
import ipaddress
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import pytest
import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from making import clip, picture, voice, write_video
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401
from typer.testing import CliRunner

from media.errors import SigningError, UnreadableError, UsageError
from provenance import Keys, mark_file, save_picture, sign_beside, sign_file, verify
from provenance.credentials import elsewhere
from provenance.credentials.elsewhere import fetch, is_public
from vasari.commands import sign as sign_command
from vasari.commands import verify as verify_command

pytestmark = pytest.mark.usefixtures("little_search")

URL = "https://manifests.example.org/one.c2pa"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


def film(path):
    """A Matroska file, which cannot carry credentials."""
    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width = stream.height = 128
        for frame in clip(frames=4, size=128):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    return path


def still(path, seed=0):
    Image.fromarray(picture(seed)).save(path)
    return path


def asked(path, keys, **more):
    """What the public is told that trusts the maker: without the key, no time is spent on looking for marks."""
    return verify(path, anchors=[keys.folder / "root.pem"], **more)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "a.mkv", "a.bmp"])
def test_a_sidecar_vouches_for_a_file_that_nobody_touches(tmp_path, keys, name):
    make = {".mp4": lambda p: write_video(p, clip(frames=4, size=128), sound=voice(0.2)), ".mkv": film}
    path = make.get(name[1:], still)(tmp_path / name)
    before = path.read_bytes()
    signed = sign_beside(path, keys=keys)
    assert (signed.path, path.read_bytes()) == (tmp_path / f"{name}.c2pa", before)
    verdict = asked(path, keys)
    assert (verdict.exit_code, verdict.credentials.source, verdict.credentials.manifest) == (
        0,
        "sidecar",
        signed.manifest,
    )
    assert "from a sidecar file" in " ".join(verdict.reasons)
    assert "sidecar" in verdict.summary
    assert verify(path, anchors=[]).exit_code == 3  # valid is not trusted, here neither
    flip(path)
    if name != "a.png":  # which is not a picture any more
        verdict = asked(path, keys)
        assert (verdict.exit_code, verdict.credentials.state) == (4, "invalid")
        assert "sidecar" in verdict.summary
    assert sorted(p.name for p in tmp_path.iterdir()) == [name, f"{name}.c2pa"]


def test_what_is_in_the_file_comes_before_what_lies_beside_it(tmp_path, keys):
    made = save_picture(tmp_path / "a.png", shown(keys, picture(), command="data"))
    with pytest.raises(UsageError, match="bears credentials"):
        sign_beside(made.path, keys=keys)
    elsewhere.beside(made.path).write_bytes(b"nonsense")
    verdict = asked(made.path, keys)
    assert (verdict.exit_code, verdict.credentials.source) == (0, "file")


def test_names_of_sidecars(tmp_path, keys):
    path = still(tmp_path / "a.png")
    sign_beside(path, tmp_path / "a.c2pa", keys=keys)  # as other tools name it
    assert asked(path, keys).credentials.source == "sidecar"
    still(tmp_path / "a.jpg")  # now it may belong to either
    assert [asked(tmp_path / name, keys).exit_code for name in ("a.png", "a.jpg")] == [3, 3]
    sign_beside(path, keys=keys)
    assert asked(path, keys).exit_code == 0
    with pytest.raises(UsageError, match=r"\.c2pa"):
        sign_beside(path, tmp_path / "a.json", keys=keys)


@pytest.mark.parametrize("content", [b"x" * 100, bytes(10_000), b""], ids=["text", "zeros", "empty"])
def test_sidecars_that_are_none(tmp_path, keys, content):
    path = still(tmp_path / "a.png")
    elsewhere.beside(path).write_bytes(content)
    if not content:
        with pytest.raises(UnreadableError, match="empty"):
            asked(path, keys)
    else:
        assert asked(path, keys).credentials.state == "unreadable"


def test_a_sidecar_of_another_file_does_not_fit(tmp_path, keys):
    sign_beside(still(tmp_path / "a.png"), tmp_path / "b.png.c2pa", keys=keys)
    assert asked(still(tmp_path / "b.png", 1), keys).exit_code == 4


def test_marked_copies_and_their_sidecars(tmp_path, keys):
    source = still(tmp_path / "theirs.png")
    marked = mark_file(source, tmp_path / "b.png", keys=keys, sidecar=True)
    verdict = verify(tmp_path / "b.png", keys=keys)
    assert (verdict.exit_code, verdict.agreement, verdict.credentials.source) == (0, "agree", "sidecar")
    assert verdict.origin.manifest == marked.saved.manifest
    elsewhere.beside(tmp_path / "b.png").unlink()
    assert verify(tmp_path / "b.png", keys=keys).origin.recovered.manifest == "valid"


def test_a_failure_leaves_nothing(tmp_path, keys):
    class Broken:
        chain_pem = keys.signer.chain_pem

        def sign(self, data):
            raise SigningError("no key today")

    path = still(tmp_path / "a.png")
    broken = Keys(keys.folder, Broken(), keys.anchor_pem, keys.mark_key)
    with pytest.raises(SigningError, match="no key today"):
        sign_beside(path, keys=broken)
    with pytest.raises(SigningError, match="no key today"):
        sign_file(path, tmp_path / "b.png", keys=broken, sidecar=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("kind", ["png", "mp4"])
def test_nothing_is_fetched_by_itself(tmp_path, keys, kind, monkeypatch):
    path = tmp_path / f"a.{kind}"
    write_video(path, clip(frames=4, size=128)) if kind == "mp4" else still(path)
    with Server(b"") as server:
        url = server.url.replace("localhost", "127.0.0.1")
        sign_file(path, tmp_path / f"b.{kind}", keys=keys, sidecar=True, remote_url=url)
        elsewhere.beside(tmp_path / f"b.{kind}").unlink()
        verdict = asked(tmp_path / f"b.{kind}", keys)
        assert (verdict.exit_code, verdict.credentials.state, verdict.credentials.remote) == (3, "absent", url)
        assert "was not asked" in " ".join(verdict.reasons)
        copy = sign_file(tmp_path / f"b.{kind}", tmp_path / f"c.{kind}", keys=keys).path  # as an ingredient, neither
        assert asked(copy, keys).exit_code == 0
        assert server.connections == 0


def test_a_remote_manifest_is_fetched_from_hosts_on_the_list(tmp_path, keys, monkeypatch):
    path, target = still(tmp_path / "a.png"), tmp_path / "b.png"
    sign_file(path, target, keys=keys, sidecar=True, remote_url=URL)
    store = elsewhere.beside(target).read_bytes()
    assert asked(target, keys).credentials.source == "sidecar"  # what lies beside is nearer
    elsewhere.beside(target).unlink()
    questions = []
    monkeypatch.setattr(elsewhere, "fetch", lambda url, hosts: questions.append((url, tuple(hosts))) or store)
    verdict = asked(target, keys, fetch=["manifests.example.org"])
    assert questions == [(URL, ("manifests.example.org",))]
    assert (verdict.exit_code, verdict.credentials.source) == (0, "remote")
    assert "fetched" in verdict.summary
    monkeypatch.setattr(elsewhere, "fetch", lambda url, hosts: (_ for _ in ()).throw(UnreadableError("it is down")))
    verdict = asked(target, keys, fetch=["manifests.example.org"])
    assert verdict.exit_code == 3
    assert "it is down" in " ".join(verdict.reasons)


def test_embedded_credentials_may_name_an_address_too(tmp_path, keys):
    path = sign_file(still(tmp_path / "a.png"), tmp_path / "b.png", keys=keys, remote_url=URL).path
    assert URL.encode() in path.read_bytes()
    assert asked(path, keys).credentials.source == "file"
    for wrong in ("http://manifests.example.org/a", "file:///etc/passwd", "https://", "https://me@host/"):
        with pytest.raises(UsageError):
            sign_file(tmp_path / "a.png", tmp_path / "c.png", keys=keys, remote_url=wrong)


class Server:
    """An https server on this machine that answers with `body`, or as `respond` does."""

    def __init__(self, body, respond=None):
        self.connections, server = 0, self
        key = ec.generate_private_key(ec.SECP256R1())
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), dt.datetime.now(dt.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if respond is not None:
                    respond(self)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Counting(ThreadingHTTPServer):
            daemon_threads = True

            def process_request(self, request, address):
                server.connections += 1
                super().process_request(request, address)

            def handle_error(self, request, address):
                pass

        self._server = Counting(("127.0.0.1", 0), Handler)
        self._files = self.pem, secret
        self.host = f"localhost:{self._server.server_port}"
        self.url = f"https://{self.host}/one.c2pa"
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def wrap(self, folder):
        """Speak TLS from now on."""
        (folder / "pem").write_bytes(b"".join(self._files))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def told(server, **more):
    """`fetch` from a server of this machine, which is let through."""
    trust = ssl.create_default_context(cadata=server.pem.decode())
    return fetch(server.url, [server.host], public=lambda _: True, trust=trust, **more)


def test_fetching(tmp_path):
    with Server(b"store" * 1000).wrap(tmp_path) as server:
        assert told(server) == b"store" * 1000
        before = server.connections
        with pytest.raises(UnreadableError, match="not public"):
            fetch(server.url, [server.host])  # this machine is no public address, list or not
        with pytest.raises(UnreadableError, match="not on the list"):
            fetch(server.url, ["localhost", "example.org"])
        assert server.connections == before
        with pytest.raises(UnreadableError, match="cannot be fetched"):
            fetch(server.url, [server.host], public=lambda _: True)  # nobody vouches for its certificate


@pytest.mark.parametrize(
    "target", ["https://169.254.169.254/latest/meta-data", "http://localhost/", "https://elsewhere.example/", "//x y/"]
)
def test_redirections_are_checked_like_any_address(tmp_path, target):
    def respond(handler):
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()

    with Server(b"", respond).wrap(tmp_path) as server:
        with pytest.raises(UnreadableError, match=r"not on the list|no address"):
            told(server)
        assert server.connections == 1


def test_redirections_end(tmp_path):
    def respond(handler):
        handler.send_response(302)
        handler.send_header("Location", "/again")
        handler.end_headers()

    with Server(b"", respond).wrap(tmp_path) as server, pytest.raises(UnreadableError, match="redirections"):
        told(server)


@pytest.mark.parametrize("slow", ["body", "head"])
def test_what_is_fetched_is_bounded_in_size_and_time(tmp_path, monkeypatch, slow):
    def drip(handler):
        if slow == "body":
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nServer: ")
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.05)

    def pour(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(bytes(100_000))

    with Server(b"", drip).wrap(tmp_path) as server:
        started = time.monotonic()
        with pytest.raises(UnreadableError, match=r"long|timed out"):
            told(server, seconds=1.0)
        assert time.monotonic() - started < 5
    monkeypatch.setattr(elsewhere, "LARGEST", 1 << 20)
    with Server(b"", pour).wrap(tmp_path) as server, pytest.raises(UnreadableError, match="more than 1 MiB"):
        told(server)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "2002:0a00:0001::1", "ff02::1",
     "64:ff9b::a00:1"],
)  # fmt: skip
def test_addresses_of_neighbours(address):
    assert not is_public(address)
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_commands(tmp_path, monkeypatch):
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    app = typer.Typer()
    app.command("sign")(sign_command.sign)
    app.command("verify")(verify_command.verify)

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    a, b = still(tmp_path / "a.png"), tmp_path / "b.png"
    assert isinstance(run("sign", a).exception, UsageError)
    assert isinstance(run("sign", a, "--sidecar", "--remote-url", URL).exception, UsageError)
    assert run("sign", a, "--sidecar").exit_code == 0
    result = run("verify", a)
    assert (result.exit_code, "from a sidecar file" in result.output) == (0, True)
    assert run("sign", a, "-o", b, "--sidecar", "--remote-url", URL).exit_code == 0
    assert elsewhere.beside(b).exists()
    elsewhere.beside(b).unlink()
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "none"))  # marks are not looked for
    result = run("verify", b, "--anchor", tmp_path / "keys" / "root.pem", "--fetch", "localhost")
    assert (result.exit_code, "not on the list" in " ".join(result.output.split())) == (3, True)
