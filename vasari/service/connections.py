"""How the service listens: a connection on which no request comes is closed, however slowly its bytes drip in."""

import asyncio
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from media.errors import UsageError

LARGEST = 1 << 16  # bytes of a message that comes over a WebSocket
PATIENCE = 10.0  # seconds until the head of a request has to have come


class Prompt(H11Protocol):
    """HTTP/1.1 for the impatient. uvicorn waits for ever for a head that never ends, and a thousand such connections
    are all that a process may have open."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        """Keep time while nothing is being answered; a body has its own (`uploads`), and so has a WebSocket."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.get_protocol() is not self:
            self._unwatch()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(PATIENCE, self.transport.close)

    def _unwatch(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def listening(host: str, port: int) -> socket.socket:
    """A socket on which the service can be asked.

    Raises:
        UsageError: the address is not of this machine, or taken.
    """
    link = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind((host, port))
    except (OSError, UnicodeError) as error:
        link.close()
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{host}:{port}: cannot listen there ({reason}); choose with --host and --port") from error
    return link


def server(app: FastAPI, *, sockets: bool = False) -> uvicorn.Server:
    """What runs the service: `server(app).run([listening(host, port)])`; `sockets`: with WebSockets."""
    # Whom a proxy asks for is for `limits.client_of` to tell: uvicorn would believe anybody on this machine.
    told: Any = {"log_level": "warning", "server_header": False, "proxy_headers": False}
    told["ws_per_message_deflate"] = False  # what goes over sockets is coded video; packing it takes a tenth of a core
    kind: Any = "websockets-sansio" if sockets else "none"
    return uvicorn.Server(uvicorn.Config(app, http=Prompt, ws=kind, ws_max_size=LARGEST, **told))
