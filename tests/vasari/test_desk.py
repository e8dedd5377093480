"""The desk: a file comes, what is found goes out, nothing stays; and those who mean no good."""

import json
import re
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi")

from command_line import vasari
from desks import CLIP, EVIL, Bench, desk, found
from fastapi import WebSocket
from idle import asleep
from starlette.websockets import WebSocketDisconnect

from vasari.desk.doors import is_listed
from vasari.desk.looking import STEPS
from vasari.desk.sealing import Kept
from vasari.scanning import Worker

STATIC = Path(__file__).resolve().parents[2] / "vasari" / "desk" / "static"


@pytest.fixture
def client(tmp_path):
    with desk(spool=tmp_path, largest_upload=1000) as client:
        yield client


def lines(answer):
    return [line for line in map(json.loads, answer.text.splitlines()) if line]


def inspected(client, content=b"sound", name="a.wav", **more):
    answer = client.post("/api/inspect", params={"name": name}, content=content, headers=CLIP, **more)
    assert answer.status_code == 200, answer.text
    return lines(answer)


def sealed(client):
    done = inspected(client)[-1]
    return {"record": done["record"], "seal": done["seal"]}


def test_phases_are_told_in_order_and_nothing_stays(client, tmp_path):
    told = inspected(client)
    assert [line["phase"] for line in told] == ["starting", *STEPS, "done"]
    assert told[3]["so_far"].startswith("no known maker")
    record = json.loads(told[-1]["record"])
    assert record["triage"]["summary"].endswith("there are no pictures to look at.")
    assert record["desk"]["longest"] == 60
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_the_inspector_stands_alone_where_no_studio_is_wanted(there):
    with desk(studio=there) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/desk").json()["studio"] is there
        assert client.get("/studio").status_code == (200 if there else 404)
        assert client.post("/studio/portrait?example=1").status_code == (200 if there else 404)


@pytest.mark.parametrize("studio", [True, False])
def test_a_desk_begun_before_there_are_keys_knows_what_its_studio_makes(studio, monkeypatch, tmp_path):
    begun = []
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr(
        "vasari.service.connections.server",
        lambda app, sockets: SimpleNamespace(run=lambda links: begun.append(app.state.settings)),
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = vasari("desk", "--no-open", "--port", port, *([] if studio else ["--no-studio"]))
    assert done.code == 0, done
    assert begun[0].keys == (tmp_path / "keys" if studio else None)
    assert (tmp_path / "keys" / "watermark.key").is_file() is studio


def test_facts_that_an_estimate_will_not_change_come_early():
    def look(task):
        return found(task) | ({"triage": {"summary": "Sure."}} if task.step == "marks" else {})

    with desk(Bench(look)) as client:
        early = [line["early"] for line in inspected(client) if "early" in line]
    assert [(item["triage"], item["media"]["kind"]) for item in early] == [({"summary": "Sure."}, "sound")]
    assert "facts" not in early[0]


def test_a_file_that_cannot_be_read_is_named_as_it_was_sent(client, tmp_path):
    last = inspected(client, b"broken", "../../x/clip.mp4")[-1]
    assert last == {"phase": "failed", "detail": "clip.mp4: cannot be read"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x", "/", "..", "a\0b", "x" * 3000, "\u202egnp.exe", EVIL]
)
def test_no_name_becomes_a_path(tmp_path, name):
    with desk(bench := Bench(), spool=tmp_path) as client:
        record = json.loads(inspected(client, name=name)[-1]["record"])
    assert all(task.path.parent.parent == tmp_path and task.path.name == "clip" for task in bench.tasks)
    shown = record["triage"]["file"]
    assert 0 < len(shown) <= 130
    assert not set(shown) & set("/\\\0\u202e") or shown.startswith(("a\\x00", "\\u202e", "<img"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"}, {"Host": "localhost.evil.example"}, {"Host": "127.0.0.1.nip.io:8010"}, {"Host": ""},
        {"Host": "192.168.0.7"}, {"Host": "[::1"},
    ],
)  # fmt: skip
def test_by_another_name_nothing_is_answered(client, headers):
    for path in ("/", "/api/desk", "/static/desk.css"):
        assert client.get(path, headers=headers).status_code == 421
    assert client.post("/api/inspect", content=b"x", headers=CLIP | headers).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8010", "127.0.0.1:8010", "[::1]:8010", "LOCALHOST"])
def test_by_its_own_names_it_answers(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200
    own = {"Host": host, "Origin": f"http://{host.lower()}"}
    assert client.post("/api/inspect", content=b"x", headers=CLIP | own).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:9"}, {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": b"\xe9"},
    ],
)  # fmt: skip
def test_pages_of_others_change_nothing(headers):
    with desk(bench := Bench()) as client:
        for path in ("/api/inspect", "/api/answers", "/api/feedback", "/nowhere"):
            assert client.post(path, content=b"x", headers=CLIP | headers).status_code == 403
    assert not bench.tasks


def test_sockets_are_for_pages_of_this_desk(client):
    @client.app.websocket("/socket")
    async def greet(socket: WebSocket):
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    with client.websocket_connect("ws://localhost/socket", headers={"Origin": "http://localhost"}) as socket:
        assert socket.receive_text() == "hello"
    own = {"Origin": "http://localhost"}
    for headers in ({}, {"Origin": "http://evil.example"}, own | {"Host": "evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect) as caught,
            client.websocket_connect("ws://localhost/socket", headers=headers),
        ):
            pass
        assert caught.value.code == 1008


def test_every_answer_forbids_what_is_not_ours(client):
    for path, status in (("/", 200), ("/static/inspector.js", 200), ("/nowhere", 404), ("/api/desk", 200)):
        answer = client.get(path)
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/texts/..%2f..%2fapp.py"):
        assert client.get(path).status_code == 404
    assert client.get("/", params={"x": "y" * 5000}).status_code == 414


def test_bodies_have_bounds(client, tmp_path):
    assert client.post("/api/inspect", content=b"x" * 1001, headers=CLIP).status_code == 413
    assert client.post("/api/inspect", content=iter([b"x" * 600] * 2), headers=CLIP).status_code == 413
    assert client.post("/api/inspect", content=b"", headers=CLIP).status_code == 400
    assert client.post("/api/inspect", content=b"x", headers={"Content-Type": "text/html"}).status_code == 415
    assert list(tmp_path.iterdir()) == []
    for body in (b"", b"[1]", b"{", b'{"record": 1, "seal": "x"}', b"[" * 5000, b"\xff"):
        assert client.post("/api/answers", content=body).status_code == 400
    with desk(largest_record=100) as small:
        assert small.post("/api/answers", content=b"x" * 101).status_code == 413


def test_rates_are_limited():
    with desk(uploads_a_minute=4.0) as client:
        codes = [client.post("/api/inspect", content=b"x", headers=CLIP).status_code for _ in range(3)]
    assert codes == [200, 429, 429]


def test_a_link_shows_the_record_and_expires(client):
    given = sealed(client)
    made = client.post("/api/answers", json=given)
    assert made.status_code == 201
    name = made.json()["name"]
    assert client.get(f"/answers/{name}").text == client.get("/").text
    answer = client.get(f"/api/answers/{name}").json()
    assert (answer["record"], answer["seal"]) == (given["record"], given["seal"])
    assert client.get("/api/answers/other").status_code == 404
    forged = given | {"record": given["record"].replace("no known maker", "made by me")}
    assert client.post("/api/answers", json=forged).status_code == 403
    with desk() as another:  # or the same after it was started anew
        assert another.post("/api/answers", json=given).status_code == 403


def test_what_is_kept_goes_with_time_and_number():
    now = [0.0]
    kept = Kept(2, 60.0, lambda: now[0])
    names = [kept.put(text) for text in "abc"]
    assert [kept.get(name) is not None for name in names] == [False, True, True]
    assert kept.get(names[2]) == ("c", 60.0)
    now[0] = 60.0
    assert kept.get(names[2]) is None


def test_feedback_is_kept_with_the_record_alone(tmp_path):
    path = tmp_path / "desk" / "said.jsonl"
    with desk(feedback=path) as client:
        given = sealed(client)
        assert client.post("/api/feedback", json=given | {"right": "no", "note": EVIL}).status_code == 204
        assert client.post("/api/feedback", json=given | {"right": "perhaps"}).status_code == 400
        assert client.post("/api/feedback", json=given | {"right": "no", "note": "x" * 1001}).status_code == 400
        assert client.post("/api/feedback", json=given | {"right": "no", "seal": "0" * 64}).status_code == 403
    (line,) = path.read_text().splitlines()
    said = json.loads(line)
    assert (said["right"], said["note"]) == ("no", EVIL)
    assert said["record"]["triage"] == json.loads(given["record"])["triage"]
    assert "history" not in said["record"]
    assert path.stat().st_mode & 0o077 == 0
    with desk() as silent:
        assert silent.post("/api/feedback", json=sealed(silent) | {"right": "yes"}).status_code == 404


def test_only_listed_addresses_are_fetched(tmp_path):
    listed = ("https://media.example/clips", "s3://ours/")
    with desk(bench := Bench(lambda task: {"report": ""}), sources=listed, spool=tmp_path) as client:
        for source in (
            "https://evil.example/a.mp4",
            "file:///etc/passwd",
            "/etc/passwd",
            "https://media.example/secret",
        ):
            assert client.post("/api/inspect", params={"source": source}).status_code == 403
        assert not bench.tasks
        inspected_ = lines(
            client.post("/api/inspect", params={"source": "https://media.example/clips/a.mp4?sig=secret"})
        )
    assert [task.step for task in bench.tasks] == ["fetch", *STEPS]
    assert (bench.tasks[0].name, inspected_[-1]["phase"]) == ("a.mp4", "done")
    with desk() as closed:
        assert closed.post("/api/inspect", params={"source": "https://media.example/clips/a.mp4"}).status_code == 403


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://media.example/clips/a.mp4", True), ("https://MEDIA.example/clips/b/a.mp4", True),
        ("https://media.example/clipsy/a.mp4", False), ("https://media.example/clips/../a.mp4", False),
        ("https://media.example/clips/%2e%2e/a.mp4", False), ("https://media.example@evil.example/clips/a", False),
        ("https://media.example.evil.example/clips/a", False), ("http://media.example/clips/a.mp4", False),
        ("https://media.example:444/clips/a", False), ("https://media.example/clips\\..\\a", False),
        ("https://[/clips/", False), ("https://media.example/clips/a b", False),
        ("https://media.example/clips/..%2fa", False), ("https://media.example/clips/%2E%2e%5Ca", False),
        ("https://media.example/clips/%252e%252e%252fa", False), ("https://media.example/clips/a%20b..mp4", True),
        ("https://media.example/clips/a::file:///etc/passwd", False),
    ],
)  # fmt: skip
def test_a_listed_address_leads_nowhere_else(address, allowed):
    assert is_listed(address, ["https://media.example/clips"]) is allowed


def test_where_a_token_is_needed_nothing_is_answered_without():
    with desk(host="0.0.0.0", token="t" * 20) as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "/enter"
        assert client.get("/api/desk").status_code == 401
        assert client.post("/api/inspect", content=b"x", headers=CLIP).status_code == 401
        assert (
            client.get("/api/desk", headers={"Host": "192.168.0.7:8010"}).status_code == 401
        )  # not 421: it is bound so
        assert client.get("/api/desk", headers={"Host": "evil.example"}).status_code == 421
        assert client.post("/enter", data={"token": "wrong"}).status_code == 403
        assert client.post("/enter", data={"token": "t" * 20}, headers={"Origin": "http://evil"}).status_code == 403
        entered = client.post("/enter", data={"token": "t" * 20}, follow_redirects=False)
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert client.get("/api/desk").status_code == 200
        client.cookies.clear()
        assert client.get("/api/desk", headers={"Authorization": "Bearer " + "t" * 20}).status_code == 200
        codes = [client.post("/enter", data={"token": str(k)}).status_code for k in range(12)]
        assert codes[-1] == 429


def test_a_link_that_counts_once_counts_once():
    with desk(host="0.0.0.0", token="t" * 20, once=True) as client:
        assert client.get("/enter", params={"once": "t" * 20}, follow_redirects=False).status_code == 303
        assert client.get("/api/desk").status_code == 200
        client.cookies.clear()
        assert client.get("/enter", params={"once": "t" * 20}).status_code == 403
        assert client.get("/api/desk", headers={"Authorization": "Bearer " + "t" * 20}).status_code == 401


def test_what_takes_too_long_is_ended(tmp_path):
    with desk(Worker(asleep, ()), look_seconds=0.3, spool=tmp_path) as client:
        last = inspected(client)[-1]
    assert last["detail"] == "a.wav: not done within 0.3 s; send a shorter clip"
    assert list(tmp_path.iterdir()) == []


def test_one_is_looked_at_and_no_more_wait_than_may(tmp_path):
    held, go = threading.Event(), threading.Event()

    def look(task):
        held.set()
        go.wait(30)
        return found(task)

    answers = []
    with desk(Bench(look), waiting=1, spool=tmp_path) as client:

        def ask():
            answers.append(client.post("/api/inspect", content=b"x", headers=CLIP))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        threads[0].start()
        assert held.wait(30)
        threads[1].start()
        for _ in range(300):
            if len(list(tmp_path.iterdir())) == 2:
                break
            time.sleep(0.02)
        refused = client.post("/api/inspect", content=b"x", headers=CLIP)
        go.set()
        for thread in threads:
            thread.join(30)
    assert refused.status_code == 503
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [lines(answer)[0]["phase"] for answer in answers] == ["starting", "waiting"]


def test_all_that_is_read_on_the_page_stands_in_one_file():
    texts = json.loads((STATIC / "texts" / "en.json").read_text())
    own = ["index", "enter", "inspector", "answer", "batch", "timeline", "ask", "words"]
    for path in (path for name in own for path in STATIC.glob(f"{name}.*")):
        code = path.read_text()
        used = re.findall(r'\bt\("([\w-]+)"|data-(?:text|label)="(\w+)"|(?:term|part|button)\("(\w+)"', code)
        assert {key for keys in used for key in keys if key} <= set(texts), path.name
        assert "innerHTML" not in code
        assert not re.search(r"\son\w+=|style=|https?://(?!www\.w3\.org/2000/svg)", code), path.name
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) < 300_000
