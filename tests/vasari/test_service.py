"""The Soft Binding Resolution API: what is asked is answered, and nothing that is sent to it does harm."""

import asyncio
import base64
import io
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import clip, picture, remux, voice
from permits import shown
from PIL import Image

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from provenance import Keys, Registry, save_video
from provenance.credentials.manifest import sign
from provenance.marks.fingerprint import ALGORITHM, Fingerprint
from provenance.permits.claims import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.permits.claims import definition as define
from provenance.registry.tokens import new_token, revoke_token
from vasari.service import Settings, create_app

PATIENT = {"queries_a_minute": 1e9, "uploads_a_minute": 1e9, "writes_a_minute": 1e9}
HOSTILE = settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
PNG = {"Content-Type": "image/png"}
LABEL = "urn:c2pa:00000000-0000-4000-8000-000000000001"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def b64_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode()


def store_for(keys: Keys, mark: str) -> bytes:
    """A signed manifest store for a picture."""
    source, target = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture(size=128)).save(source, "PNG")
    source.seek(0)
    words = define(shown(keys, None).claim, title="", mime="image/png", key_id="0" * 16, mark=mark, sound_mark="")
    return sign(source, target, "image/png", words, keys.signer)[0]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(tmp_path_factory.mktemp("registry") / "registry.sqlite")


@pytest.fixture(scope="module")
def spool(tmp_path_factory):
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def client(keys, registry, spool):
    settings = Settings(
        registry, keys, spool, largest_upload=3 << 20, largest_manifest=1 << 20, content_seconds=100, **PATIENT
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def bearer(registry):
    return {"Authorization": f"Bearer {new_token(registry, 'tests')}"}


@pytest.fixture(scope="module")
def posted(client, keys, bearer):
    """A manifest that was brought, and its label."""
    body = store_for(keys, "00000000000a1b2c")
    answer = client.post("/v1/manifests", content=body, headers={**bearer, "Content-Type": "application/c2pa"})
    assert answer.status_code == 200, answer.text
    return body, answer.json()["manifestId"]


def test_a_manifest_is_found_by_its_binding(client, posted):
    body, label = posted
    query = {"alg": PICTURE_ALGORITHM, "value": b64("00000000000a1b2c")}
    for answer in (
        client.get("/v1/matches/byBinding", params=query),
        client.post("/v1/matches/byBinding", json=query),
        client.post("/v1/matches/byBinding", json=query, params={"maxResults": 1}),
    ):
        assert (answer.status_code, answer.json()) == (200, {"matches": [{"manifestId": label}]})
    fetched = client.get(f"/v1/manifests/{label}")
    assert fetched.headers["content-type"] == "application/c2pa"
    assert fetched.content == body
    assert client.get(f"/v1/manifests/{label}", params={"returnActiveManifest": "true"}).content == body


def test_only_the_active_manifest_of_a_store_of_two():
    import struct

    from provenance.credentials.jumbf import only

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", len(content) + 8, kind) + content

    def manifest(label: str) -> bytes:
        return box(b"jumb", box(b"jumd", bytes(16) + b"\3" + label.encode() + b"\0") + box(b"cbor", b"x"))

    head = box(b"jumd", bytes(16) + b"\3c2pa\0")
    both = box(b"jumb", head + manifest("a") + manifest("b"))
    assert only(both, "b") == box(b"jumb", head + manifest("b"))
    assert only(both, "c") == both
    for wrong in (b"", b"x", both[:-1], bytes(8), b"\xff" * 40):
        assert only(wrong, "a") == wrong


def test_unknown_algorithms_match_nothing(client, posted):
    for alg in ("com.example.other.1", SOUND_ALGORITHM, "", "x" * 500, "'; DROP TABLE bindings; --"):
        answer = client.get("/v1/matches/byBinding", params={"alg": alg, "value": b64("00000000000a1b2c")})
        assert (answer.status_code, answer.json()) == (200, {"matches": []})
    assert client.post("/v1/matches/byContent?alg=com.example", content=b"x", headers=PNG).status_code == 400


def test_what_the_service_says_of_itself(client):
    said = client.get("/v1/services/supportedAlgorithms").json()
    assert said == {
        "watermarks": [{"alg": PICTURE_ALGORITHM}, {"alg": SOUND_ALGORITHM}],
        "fingerprints": [{"alg": ALGORITHM}],
    }
    assert client.get("/v1/services/status").json()["status"] == "ok"
    able = client.get("/v1/services/capabilities").json()
    assert able == {"c2paSpecificationVersion": "2.4.0", "supportedCapabilities": ["queryByContent", "storeManifests"]}
    assert client.get("/.well-known/c2pa-soft-binding-resolution").json()["apiEndpoint"] == "/v1"
    document = client.get("/v1/openapi.json").json()
    assert document["info"]["version"] == "2.4.0"
    operations = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    assert operations >= {
        *("queryByBinding", "queryByLargeBinding", "uploadFile", "getManifestById", "getSupportedBindings"),
        *("getServiceStatus", "getServiceCapabilities", "getWellKnown"),
    }


def test_writing_needs_a_token(client, keys, registry):
    body = store_for(keys, "0000000000000001")
    secret = new_token(registry, "soon-gone")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": "x"},
    ):
        answer = client.post("/v1/manifests", content=body, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.delete(f"/v1/manifests/{LABEL}", headers=headers).status_code == 401
    revoke_token(registry, "soon-gone")
    assert client.post("/v1/manifests", content=body, headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_manifests_are_not_overwritten_and_go_only_with_their_token(client, keys, registry, bearer, posted):
    body, label = posted
    assert client.post("/v1/manifests", content=body, headers=bearer).status_code == 409
    other = {"Authorization": f"Bearer {new_token(registry, 'other')}"}
    assert client.delete(f"/v1/manifests/{label}", headers=other).status_code == 404
    mine = client.post("/v1/manifests", content=store_for(keys, "00000000000000ff"), headers=bearer).json()[
        "manifestId"
    ]
    assert client.delete(f"/v1/manifests/{mine}", headers=bearer).status_code == 204
    assert client.get(f"/v1/manifests/{mine}").status_code == 404


def test_manifests_that_do_not_hold_are_refused(client, keys, bearer):
    body = store_for(keys, "0000000000000002")
    place = body.find(b"0000000000000002")
    forged = body[:place] + b"0000000000000003" + body[place + 16 :]
    for wrong in (forged, body[: len(body) // 2], b"", b"jumb", b"\0" * 1000):
        answer = client.post("/v1/manifests", content=wrong, headers=bearer)
        assert answer.status_code == 400
        assert set(answer.json()) == {"detail"}
    assert client.post("/v1/manifests", content=bytes((1 << 20) + 1), headers=bearer).status_code == 413


def endless(app, path: str, headers: dict[str, str]) -> tuple[int, int]:
    """Send a body without end, as the test client cannot. Returns the status and how many bytes were taken."""
    taken, status = 0, 0
    scope = {
        **{"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "root_path": ""},
        **{"path": path, "raw_path": path.encode(), "query_string": b"", "client": ("test", 1), "server": ("test", 80)},
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive():
        nonlocal taken
        taken += 1 << 16
        await asyncio.sleep(0)
        return {"type": "http.request", "body": bytes(1 << 16), "more_body": True}

    async def send(message):
        nonlocal status
        status = message.get("status", status)

    asyncio.run(app(scope, receive, send))
    return status, taken


@pytest.mark.parametrize(
    ("path", "headers", "limit"),
    [
        ("/v1/matches/byContent", PNG, 3 << 20),
        ("/v1/matches/byContent", {"Content-Type": "multipart/form-data; boundary=x"}, 3 << 20),
        ("/v1/matches/byBinding", {}, 64 << 10),
        ("/v1/manifests", {}, 1 << 20),
    ],
)
def test_bodies_without_end_are_refused_at_the_limit(client, bearer, spool, path, headers, limit):
    status, taken = endless(client.app, path, {**headers, **bearer})
    assert status in (400, 413)
    assert taken <= limit + (1 << 18)
    assert list(spool.iterdir()) == []


def test_bodies_that_say_they_are_too_long_are_not_read(client):
    claims = {**PNG, "Content-Length": str(10**12)}
    assert client.post("/v1/matches/byContent", content=b"x", headers=claims).status_code == 413


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"x", 415),
        ({"Content-Type": "text/html"}, b"x", 415),
        (PNG, b"", 400),
        (PNG, b"x", 415),
        (PNG, b"\x89PNG\r\n\x1a\n" + bytes(100), 415),
        ({"Content-Type": "video/mp4"}, b"\0\0\0\x18ftypmp42" + bytes(5000), 415),
        ({"Content-Type": "multipart/form-data"}, b"x", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"no such thing", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n" + b"A" * 20000, 400),
        ({"Content-Type": "video/mp4", "Content-Length": "-1"}, b"x", 400),
    ],
)
def test_clips_that_are_none(client, spool, headers, body, status):
    answer = client.post("/v1/matches/byContent", content=body, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"detail"}
    assert "/" not in answer.json()["detail"].replace("multipart/form-data", "")  # says nothing of our folders
    assert list(spool.iterdir()) == []


def test_a_picture_that_unpacks_to_too_much(client):
    bomb = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 1 << 20
    started = time.monotonic()
    assert client.post("/v1/matches/byContent", content=bomb.getvalue(), headers=PNG).status_code == 415
    assert time.monotonic() - started < 20


@HOSTILE
@given(st.text(min_size=1, max_size=300))
def test_ids_reach_no_files(client, name):
    from urllib.parse import quote

    answer = client.get(f"/v1/manifests/{quote(name, safe='')}")
    assert answer.status_code in (400, 404, 405)  # "/" is no id but another address


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "urn:c2pa:../../x",
        "urn:c2pa:%00",
        "file:///etc/passwd",
        "http://x",
    ],
)
def test_paths_and_addresses_are_no_ids(client, name):
    assert client.get(f"/v1/manifests/{name}").status_code in (400, 404)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=50) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["alg", "value", "x"]), inner),
    max_leaves=8,
)


@HOSTILE
@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=2000))
def test_any_body_is_answered(client, body):
    answer = client.post("/v1/matches/byBinding", content=body)
    assert answer.status_code in (200, 400)


@HOSTILE
@given(st.sampled_from([PICTURE_ALGORITHM, SOUND_ALGORITHM, ALGORITHM]) | st.text(max_size=200), st.text(max_size=300))
def test_any_value_is_answered(client, alg, value):
    for sent in (value, base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()):
        assert client.get("/v1/matches/byBinding", params={"alg": alg, "value": sent}).status_code in (200, 400)
    for most in ("0", "-1", "x", "1" * 50):
        query = {"alg": alg, "value": "AAAA", "maxResults": most}
        assert client.get("/v1/matches/byBinding", params=query).status_code in (200, 400)


def test_deep_json_and_long_queries(client):
    assert client.post("/v1/matches/byBinding", content=b"[" * 60_000).status_code == 400
    assert client.get("/v1/matches/byBinding", params={"alg": "x", "value": "A" * 5000}).status_code == 414


@HOSTILE
@given(st.binary(max_size=200) | st.integers(0, 2**16 - 1).map(lambda n: b"VF1\0" + n.to_bytes(2, "little") * 2))
def test_fingerprints_that_are_none(data):
    with pytest.raises(ValueError, match="fingerprint"):
        Fingerprint.from_bytes(data + b"?" * 3)


def test_a_clip_names_its_manifest(client, keys, registry, spool, tmp_path):
    """As the body, in a form, by its fingerprint; coded again without credentials."""
    sound = voice(2.0, 3)
    saved = save_video(tmp_path / "a.mp4", shown(keys, clip(3, 50), sound, command="t"), registry=registry)
    body = remux(saved.path, tmp_path / "b.mp4").read_bytes()
    hint = {"hintAlg": PICTURE_ALGORITHM, "hintValue": b64("00000000000a1b2c"), "alg": PICTURE_ALGORITHM}
    answers = [
        client.post("/v1/matches/byContent", content=body, headers={"Content-Type": "video/mp4"}),
        client.post("/v1/matches/byContent", files={"file": ("../../x.mp4", body, "video/mp4")}),
        client.post("/v1/matches/byContent?alg=" + ALGORITHM, content=body, headers={"Content-Type": "video/mp4"}),
        client.post("/v1/matches/byBinding", json={"alg": ALGORITHM, "value": b64_bytes(registry.prints(saved.mark))}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json()["matches"][0]["manifestId"] == saved.manifest
    assert answers[2].json()["matches"][0]["similarityScore"] > 80
    short = client.post("/v1/matches/byContent", content=body[: len(body) // 3], headers={"Content-Type": "video/mp4"})
    assert short.status_code in (200, 415)  # cut off: read as far as it goes, or not at all
    hinted = client.post("/v1/matches/byContent", params=hint, content=body, headers={"Content-Type": "video/mp4"})
    assert saved.manifest in [match["manifestId"] for match in hinted.json()["matches"]]
    assert list(spool.iterdir()) == []
