"""Bearer tokens (RFC 6750): who may write to the registry through the service.

A secret is 256 random bits, shown once; what is kept is its SHA-256. No salt and no slow hash are needed: nobody can
guess 256 bits.
"""

import datetime as dt
import hashlib
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from media.errors import UsageError
from provenance.registry import tables as t
from provenance.registry.entries import now
from provenance.registry.store import Registry

PREFIX = "vasari_"  # lets scanners of leaked secrets know one
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Token:
    """What is known of a token."""

    name: str
    created: str  # ISO 8601, UTC
    expires: str  # the same; "" for never
    revoked: str  # when, "" while it is good
    anchors: str = ""  # PEM of the roots below which its holder signs; "" for the service's own maker


def new_token(registry: Registry, name: str, *, days: int | None = None, anchors: str = "") -> str:
    """Make a token and return its secret, which nobody can show again.

    Args:
        name: whose it is; 1 to 64 letters, digits, dots, dashes and underscores.
        days: for how long it is good; None for ever.
        anchors: PEM of the roots below which its holder signs; "" for the service's own maker.

    Raises:
        UsageError: a name that is in use or is none, a time that is not positive.
        OutputError: the registry cannot be written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}': a token's name has 1 to 64 letters, digits, dots, dashes or underscores")
    if days is not None and not 0 < days < 36500:
        raise UsageError(f"{days} days: a token is good for 1 to 36499 days")
    secret = PREFIX + secrets.token_urlsafe(32)
    until = "" if days is None else (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).isoformat(timespec="seconds")
    row = {"name": name, "sha256": _hash(secret), "created": now(), "expires": until, "revoked": "", "anchors": anchors}
    with registry.writing() as connection:
        if connection.scalar(select(t.TOKENS.c.name).where(t.TOKENS.c.name == name)) is not None:
            raise UsageError(f"'{name}': there is a token of this name; choose another")
        connection.execute(insert(t.TOKENS).values(row))
    return secret


def revoke_token(registry: Registry, name: str) -> None:
    """Make a token worthless. Raises `UsageError` when there is none of this name that is still good."""
    good = (t.TOKENS.c.name == name) & (t.TOKENS.c.revoked == "")
    with registry.writing() as connection:
        if not connection.execute(update(t.TOKENS).where(good).values(revoked=now())).rowcount:
            raise UsageError(f"'{name}': no token of this name is in use")


def list_tokens(registry: Registry) -> list[Token]:
    """All tokens, revoked ones too, oldest first."""
    columns = (t.TOKENS.c.name, t.TOKENS.c.created, t.TOKENS.c.expires, t.TOKENS.c.revoked, t.TOKENS.c.anchors)
    return [Token(*row) for row in registry.rows(select(*columns).order_by(t.TOKENS.c.created))]


def check_token(registry: Registry, secret: str) -> str | None:
    """The name of a good token with this secret, None for any other string."""
    if len(secret) > 128:
        return None
    columns = (t.TOKENS.c.name, t.TOKENS.c.expires, t.TOKENS.c.revoked)
    found = registry.rows(select(*columns).where(t.TOKENS.c.sha256 == _hash(secret)))
    if not found or found[0].revoked or (found[0].expires and found[0].expires <= now()):
        return None
    return str(found[0].name)


def anchors_of(registry: Registry, name: str) -> str:
    """PEM of the roots below which the holder of a token signs, "" for the service's own maker."""
    found = registry.rows(select(t.TOKENS.c.anchors).where(t.TOKENS.c.name == name))
    return str(found[0].anchors) if found else ""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
