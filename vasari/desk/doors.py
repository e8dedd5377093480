"""Who may ask the desk, before any route is reached: pages of this very host, with the token that they were given.

A page elsewhere can make a browser ask; it cannot set the Host of a name that is bound here (DNS rebinding), hide its
Origin, or read the token that every change has to bear. Where the desk is bound to more than this machine, a session
is asked for besides.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vasari.desk.settings import Settings
from vasari.service.limits import RateLimit, client_of

TOKEN, SESSION = "x-csrf-token", "vasari-desk"  # header; cookie
ENTRANCE = "/enter"
READING = ("GET", "HEAD")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::", "")  # every address of the machine
OLDER = "the page is older than this program; load it again"
LONGEST_TARGET = 4096  # characters of path and query
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:",
        "media-src 'self' blob:", "connect-src 'self'", "form-action 'self'", "base-uri 'none'",
        "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    )
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask what is bound there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Doors:
    """ASGI middleware: lets in, or answers itself.

    Args:
        app: what is behind.
        desk: the application, whose state holds `csrf` and `session`.
    """

    def __init__(self, app: ASGIApp, desk: FastAPI, settings: Settings) -> None:
        self._app, self._desk, self._settings = app, desk, settings
        self._rate = RateLimit(settings.queries_a_minute)
        self._names = {name.lower() for name in (*LOOPBACK, settings.host, *settings.names)} - set(ANYWHERE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refused(scope)
        if refused is None:
            return await self._app(scope, receive, sent)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        await refused(scope, receive, sent)

    def _refused(self, scope: Scope) -> Response | None:
        """Why a request is not let in, None where it is."""
        asked = HTTPConnection(scope)
        peer = asked.client.host if asked.client else ""
        scope.setdefault("state", {})["client"] = client_of(peer, "", ())
        wait = self._rate.wait(scope["state"]["client"])
        if wait:
            return _no(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            return _no(414, "the address is too long")
        if not self._is_ours(asked.headers):
            return _no(421, "asked by a name that is not this desk's")
        changes = scope["type"] == "websocket" or scope["method"] not in READING
        if changes and not _same_origin(asked.headers, required=scope["type"] == "websocket"):
            return _no(403, "asked by a page of another host")
        path = scope["path"]
        if self._settings.token and not self._entered(asked.headers) and not path.startswith((ENTRANCE, "/static/")):
            return _no(401, "no session") if changes or path.startswith("/api/") else RedirectResponse(ENTRANCE, 303)
        bears = scope["type"] == "websocket" or path == ENTRANCE  # a socket shows it first, who enters has none yet
        if changes and not bears and not is_pages(self._desk, asked.headers.get(TOKEN, "")):
            return _no(403, OLDER)
        return None

    def _is_ours(self, headers: Headers) -> bool:
        """Whether the name by which it is asked is one of its own; with every address bound, any address will do, since
        nobody can point somebody else's name at it."""
        hosts = headers.getlist("host")
        try:
            name = urlsplit(f"//{hosts[0]}").hostname or "" if len(hosts) == 1 else ""
        except ValueError:
            return False
        return name in self._names or (self._settings.host in ANYWHERE and _is_address(name))

    def _entered(self, headers: Headers) -> bool:
        """Whether a session, or the token itself where it counts more than once, came along."""
        session = cookie_parser(headers.get("cookie", "")).get(SESSION, "")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer" and not self._settings.once and is_token(self._settings, token)
        return bearer or hmac.compare_digest(session.encode(), str(self._desk.state.session).encode())


def is_pages(desk: FastAPI, given: str) -> bool:
    """Whether this is the token that the desk's own pages are given. A socket shows it in its first message."""
    return hmac.compare_digest(given.encode(), str(desk.state.csrf).encode())


def is_token(settings: Settings, given: str) -> bool:
    """Whether this is the token."""
    return bool(settings.token) and hmac.compare_digest(given.strip().encode(), settings.token.encode())


def new_secret() -> str:
    """What nobody guesses."""
    return secrets.token_urlsafe(32)


def is_listed(address: str, sources: Iterable[str]) -> bool:
    """Whether an address is one from which files may be fetched: it begins like one of the list, which names whole
    hosts and whole folders; nothing in it leads elsewhere."""
    try:
        asked = urlsplit(address)
        if asked.username or asked.password or not address.isprintable() or " " in address:
            return False
        # Written twice over it is no step to a server of files, but one that stands behind another may see one.
        steps = unquote(unquote(asked.path)).replace("\\", "/").split("/")
        if ".." in steps or "\\" in address or "::" in address or asked.fragment:
            return False
        for source in sources:
            known = urlsplit(source)
            folder = known.path if known.path.endswith("/") else f"{known.path}/"
            inside = asked.path == known.path or asked.path.startswith(folder)
            if (asked.scheme, asked.netloc.lower()) == (known.scheme, known.netloc.lower()) and inside:
                return True
    except ValueError:
        return False
    return False


def _same_origin(headers: Headers, *, required: bool) -> bool:
    """Whether a page of this host asks, or no page: what is no browser sends no Origin."""
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    if origin is None:
        return not required
    try:
        asked = urlsplit(origin)
    except ValueError:
        return False
    return asked.scheme in ("http", "https") and asked.netloc.lower() == headers.get("host", "").lower()


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _no(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)
