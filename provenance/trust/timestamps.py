"""Time stamps of an authority (RFC 3161): somebody else's word that a signature was there at a time.

With one, credentials outlive their certificate: what was signed before it expired, or before it was revoked, goes on
counting. The authority learns the time, an address and a hash of the signature. None is asked unless the maker says so:

    timestamp.json    in the folder of keys: {"url": "https://...", "required": false}
    timestamp.pem     beside it: root certificates of authorities whose word on times is believed

Those roots are for times alone: who is trusted to sign is another list, as section 14.4 of C2PA 2.4 demands.
"""

import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from media.errors import KeyMaterialError, SigningError, UsageError

FILE, ANCHORS = "timestamp.json", "timestamp.pem"
WAIT = 10.0  # seconds for an authority to show that it is there
AWAY = (502, 503, 504)  # answers of HTTP that say so


@dataclass(frozen=True)
class Authority:
    """Whom a maker asks for the time of each signature."""

    url: str
    required: bool = False  # without its stamp nothing is signed; else it is signed without, and that is said

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
            port = parts.port
        except ValueError:
            good, port = False, None
        if not good or port == 0:
            raise UsageError(f"{self.url}: no address of a time-stamp authority; it begins with https:// or http://")

    @property
    def host(self) -> str:
        """Scheme, host and port, as the library that asks is told to keep to."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def check(self) -> None:
        """Where a stamp is required, see that somebody answers, before long work and before anything is sent.

        Raises:
            SigningError: nobody does.
        """
        if not self.required:
            return
        try:
            urllib.request.urlopen(self.url, timeout=WAIT).close()
        except urllib.error.HTTPError as error:  # it wants another question, so somebody is there
            error.close()
            if error.code in AWAY:
                raise SigningError(_missing(self.url, f"it answers {error.code}")) from error
        except (OSError, ValueError) as error:
            raise SigningError(_missing(self.url, str(getattr(error, "reason", error)))) from error

    def refused(self, reason: str) -> SigningError:
        """The error for a required stamp that did not come."""
        return SigningError(_missing(self.url, reason))


def _missing(url: str, reason: str) -> str:
    return f"{url}: no time stamp ({reason}), and one is required; try later, or without --timestamp-required"


def read_authority(folder: Path) -> Authority | None:
    """What the folder of keys says, None where it says nothing.

    Raises:
        KeyMaterialError: the setting cannot be read.
    """
    source = folder / FILE
    if not source.exists():
        return None
    try:
        settings = json.loads(source.read_bytes())
        url, required = settings["url"], settings.get("required", False)
        if not isinstance(url, str) or not isinstance(required, bool):
            raise TypeError
        return Authority(url, required)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise KeyMaterialError(f'{source}: needs {{"url": "https://...", "required": false}}') from error


def stamped(store: Mapping[str, Any]) -> dict[str, str] | None:
    """When and by whom a signature was stamped, of what `credentials.manifest.read_store` says; None where it was not.

    Returns: {"time": "2026-11-23T12:00:00Z", "authority": name on its certificate}; "" where a stamp cannot be read.
    """
    signature = store["manifest"].get("signature") or {}
    info = signature.get("timeStampInfo")
    if not info:
        found = {code for code in (*store["informational"], *store["failures"]) if code.startswith("timeStamp.")}
        return {"time": "", "authority": ""} if found else None
    subject = (info.get("certificateInfo") or {}).get("subject") or {}
    return {"time": normal(info.get("timestamp", "")), "authority": str(subject.get("CN") or subject.get("O") or "")}


def normal(time: str) -> str:
    """An ISO 8601 time in UTC, ending in Z; "" for what is none."""
    try:
        parsed = dt.datetime.fromisoformat(time)
    except ValueError:
        return ""
    return utc(parsed) if parsed.tzinfo else ""


def utc(time: dt.datetime) -> str:
    """The same in words that sort as times do. `time` has a time zone."""
    return time.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
