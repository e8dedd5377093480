"""Who may ask the studio: pages of this very host, with the token that they were given.

    check(request, request.headers.get(HEADER, ""))      a request that changes something
    check(websocket, first["token"])                     a socket, by its first message

Of `app.state` it reads `csrf`, the token of this process (where the app has set none, one is made), and
`settings.names`, further names of this host.
"""

import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.requests import HTTPConnection

HEADER = "x-csrf-token"


def token_of(connection: HTTPConnection) -> str:
    """The token that pages are given."""
    state = connection.app.state
    if not getattr(state, "csrf", ""):
        state.csrf = secrets.token_urlsafe(32)
    return str(state.csrf)


def same_host(connection: HTTPConnection) -> bool:
    """Whether a page of this host asks, and the host is one that nobody else's name can be pointed at."""
    host, origin = connection.headers.get("host", ""), connection.headers.get("origin", "")
    names = ("localhost", *getattr(connection.app.state.settings, "names", ()))
    try:
        named, asked = urlsplit(f"//{host}").hostname or "", urlsplit(origin)
        return (named in names or _is_address(named)) and asked.scheme in ("http", "https") and asked.netloc == host
    except ValueError:
        return False


def check(connection: HTTPConnection, token: str) -> None:
    """Raise `HTTPException` 403 unless a page of ours asks."""
    if not same_host(connection):
        raise HTTPException(403, "asked by a page of another host")
    if not hmac.compare_digest(token.encode(), token_of(connection).encode()):
        raise HTTPException(403, "the page is older than this program; load it again")


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False
