"""The studio by itself, for tests, and what a page would do with it."""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from desks import PATIENT, Bench
from fastapi import FastAPI
from fastapi.testclient import TestClient

from provenance import Keys
from vasari.desk import Settings, create_desk
from vasari.service.connections import listening, server

HOST = "http://127.0.0.1:8000"
TOKEN = "a token"
OWN = {"x-csrf-token": TOKEN, "origin": HOST}
SMALLEST = 128
EXAMPLE = Path(__file__).resolve().parents[2] / "examples"


def app_of(keys: Keys) -> FastAPI:
    """A desk with these keys, whose inspector looks at nothing."""
    app = create_desk(Settings(keys=keys.folder, **PATIENT), Bench)
    app.state.csrf = TOKEN
    return app


class Page:
    """A page of the studio, without a browser."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def post(self, path: str, content: bytes | dict[str, Any] = b"", **headers: str) -> Any:
        """As the page does, with its token; `headers` as given, _ for -."""
        body = json.dumps(content).encode() if isinstance(content, dict) else content
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/studio/{path}", content=body, headers=OWN | named)

    def portrait(self, example: int = 1) -> str:
        """A shipped portrait that was chosen."""
        return str(self.post(f"portrait?example={example}").json()["portrait"])

    @contextlib.contextmanager
    def open(self, path: str, first: dict[str, Any] | None = None, origin: str = HOST) -> Iterator[Any]:
        """A socket, with its first message."""
        address = f"{HOST.replace('http', 'ws')}/studio/{path}"
        with self.client.websocket_connect(address, headers={"origin": origin}) as socket:
            if first is not None:
                socket.send_text(json.dumps({"token": TOKEN} | first))
            yield socket


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The same behind a socket of this machine: its address."""
    with listening("127.0.0.1", 0) as link:
        link.listen()  # who asks before it runs waits
        running = server(app, sockets=True)
        thread = threading.Thread(target=running.run, args=[[link]], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{link.getsockname()[1]}"
        running.should_exit = True
        thread.join(20)


def until(socket: Any, *kinds: str) -> tuple[list[dict[str, Any]], bytes]:
    """All words and all video, up to a word of one of these kinds."""
    words: list[dict[str, Any]] = []
    video = b""
    while not words or words[-1]["kind"] not in kinds:
        message = socket.receive()
        if message["type"] == "websocket.close":
            raise AssertionError(f"closed after {words}")
        if message.get("bytes") is not None:
            video += message["bytes"]
        else:
            words.append(json.loads(message["text"]))
    return words, video


def s16le(sound: np.ndarray, source: int = 0) -> list[bytes]:
    """Sound as a page sends it, in pieces of 40 ms."""
    whole = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    return [bytes([source]) + whole[i : i + 640].tobytes() for i in range(0, len(whole), 640)]
