"""The service where something is missing, broken, slow or asked too often, and the tokens that let somebody write."""

import asyncio

import pytest
from making import picture
from PIL import Image

pytest.importorskip("fastapi")

from fastapi import HTTPException, Request
from fastapi.testclient import TestClient

from provenance import Keys, Registry
from provenance.marks.fingerprint import ALGORITHM
from provenance.permits.claims import PICTURE_ALGORITHM
from vasari.service import Settings, create_app
from vasari.service.limits import MOST_CLIENTS, RateLimit
from vasari.service.uploads import read_small

PATIENT = {"queries_a_minute": 1e9, "uploads_a_minute": 1e9, "writes_a_minute": 1e9}
PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(tmp_path_factory.mktemp("registry") / "registry.sqlite")


def test_a_body_that_does_not_come_is_not_waited_for(keys, registry):
    settings = Settings(registry, keys, upload_seconds=0.2, **PATIENT)

    async def never():
        await asyncio.sleep(60)

    async def main():
        request = Request({"type": "http", "headers": []}, never)
        with pytest.raises(HTTPException) as caught:
            await read_small(request, 100, settings.upload_seconds)
        assert caught.value.status_code == 408

    asyncio.run(main())


def test_who_asks_too_often_waits(registry):
    settings = Settings(registry, queries_a_minute=8)
    with TestClient(create_app(settings)) as client:
        codes = [client.get("/v1/services/supportedAlgorithms").status_code for _ in range(4)]
        assert codes == [200, 200, 429, 429]
        assert int(client.get("/v1/services/status").headers["retry-after"]) >= 1
    now = [0.0]
    limit = RateLimit(60, lambda: now[0])
    assert [limit.wait("a") == 0 for _ in range(16)] == [True] * 15 + [False]
    now[0] = 1.0
    assert limit.wait("a") == 0
    for k in range(MOST_CLIENTS + 50):
        limit.wait(str(k))
    assert len(limit._buckets) == MOST_CLIENTS


def test_without_keys_no_clip_is_looked_at(registry):
    with TestClient(create_app(Settings(registry, **PATIENT))) as client:
        assert client.post("/v1/matches/byContent", content=b"x", headers=PNG).status_code == 501
        assert client.get("/v1/services/capabilities").json()["supportedCapabilities"] == ["storeManifests"]


def test_a_registry_that_is_broken_is_a_500_without_details(tmp_path):
    (tmp_path / "r.sqlite").write_bytes(b"no database" * 100)
    with TestClient(create_app(Settings(Registry(tmp_path / "r.sqlite"), **PATIENT))) as client:
        assert client.get("/v1/services/status").json()["status"] == "down"
        answer = client.get("/v1/matches/byBinding", params={"alg": PICTURE_ALGORITHM, "value": "AAAA"})
        assert answer.status_code == 500
        assert str(tmp_path) not in answer.text


def test_tokens_are_made_and_revoked_at_the_command_line(tmp_path, keys):
    from typer.testing import CliRunner

    from vasari.commands.serve import app

    def run(*words):
        return CliRunner().invoke(app, [*words, "--keys", str(keys.folder)])

    made = run("token", "new", "a-laptop", "--days", "3")
    assert made.exit_code == 0
    assert made.stdout.strip().startswith("vasari_")
    assert "a-laptop" in run("token", "list").stdout
    assert made.stdout.strip() not in run("token", "list").stdout
    assert run("token", "revoke", "a-laptop").exit_code == 0
    assert run("token", "revoke", "a-laptop").exit_code != 0
    assert run("token", "new", "../x").exit_code != 0


def test_what_hangs_is_ended_and_the_next_is_answered(keys, registry, tmp_path, monkeypatch):
    import os
    import signal

    from media.errors import UnreadableError
    from vasari.service import looker

    monkeypatch.setattr(looker, "GRACE", 0.3)
    Image.fromarray(picture()).save(tmp_path / "a.png")
    look = looker.Looker(keys.folder, registry.where, largest=10**8, seconds=0.2)
    try:
        look.worker.start()
        look.worker.ready()
        hung = look.worker.pid
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(UnreadableError, match="within"):
            look(tmp_path / "a.png", (ALGORITHM,), 10)
        look._seconds = 60  # patience of the service; that of the process stays
        with pytest.raises(UnreadableError, match="the clip"):
            look(tmp_path / "none.png", (ALGORITHM,), 10)
        assert look.worker.pid != hung
    finally:
        look.close()
