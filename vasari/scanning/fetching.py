"""Files that lie elsewhere: on a web server or in object storage, whatever fsspec has a driver for.

Only addresses that the user names are fetched; what a file says of itself (a remote manifest) never is.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from media.errors import UnreadableError, UsageError
from media.spooling import settled

LARGEST = 4 << 30  # bytes that are fetched of one file
PIECE = 1 << 20
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_remote(name: str) -> bool:
    """Whether a name is an address, protocol://..."""
    return _ADDRESS.match(name) is not None


def shown(address: str) -> str:
    """An address without the user, password and signature that it may carry; other names as they are."""
    if not is_remote(address):
        return address
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def remote_files(address: str, suffixes: frozenset[str]) -> Iterator[str]:
    """The address itself, or what a pattern or a folder of it holds.

    Raises:
        UsageError: fsspec, or its driver for this protocol, is not installed.
        UnreadableError: it cannot be listed, or the folder holds no media.
    """
    system, path = _system(address)
    protocol = address.partition("://")[0]
    pattern = any(sign in path for sign in "*[") and not protocol.startswith("http")
    try:
        if not pattern and not address.endswith("/"):
            yield address
            return
        found = system.glob(path) if pattern else system.find(path)
    except Exception as error:  # drivers raise what their libraries raise
        raise UnreadableError(f"{shown(address)}: cannot be listed ({_line(error)})") from error
    names = [name for name in sorted(found) if Path(name).suffix.lower() in suffixes]
    if not names:
        raise UnreadableError(f"{shown(address)}: no picture, video or sound is there")
    yield from (system.unstrip_protocol(name) for name in names)


@contextlib.contextmanager
def fetched(name: str, largest: int = LARGEST, *, onwards: bool = True) -> Iterator[Path]:
    """The file itself where it is local and no pipe; else a copy, removed afterwards.

    Args:
        onwards: whether it is fetched from elsewhere where the address leads there (a redirection).

    Raises:
        UsageError: as `remote_files`.
        UnreadableError: it cannot be fetched, or holds more than `largest` bytes.
    """
    if not is_remote(name):
        with settled(name, largest=largest) as path:
            yield path
        return
    web = name.lower().startswith("http")
    system, place = _system(name, **({} if onwards or not web else {"allow_redirects": False}))
    handle, copy = tempfile.mkstemp(prefix="vasari-", suffix=Path(urlsplit(name).path).suffix[:10])
    try:
        with os.fdopen(handle, "wb") as target:
            try:
                with system.open(place, "rb", block_size=0 if web else None) as source:
                    if 300 <= getattr(getattr(source, "r", None), "status", 0) < 400:
                        raise UnreadableError(f"{shown(name)}: leads to another address, which is not followed here")
                    while piece := source.read(PIECE):
                        target.write(piece)
                        if target.tell() > largest:
                            raise UnreadableError(f"{shown(name)}: larger than {largest >> 20} MiB, which is the limit")
            except UnreadableError:
                raise
            except Exception as error:
                raise UnreadableError(f"{shown(name)}: cannot be fetched ({_line(error)})") from error
        yield Path(copy)
    finally:
        Path(copy).unlink(missing_ok=True)


def _system(address: str, **options: Any) -> tuple[Any, str]:
    """The file system that an address names, opened with these options, and the path in it."""
    try:
        import fsspec
    except ImportError as error:
        raise UsageError(f"{shown(address)}: addresses need fsspec; pip install 'vasari[remote]'") from error
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(address, **options)
        return found
    except (ImportError, ValueError) as error:
        raise UsageError(f"{shown(address)}: {_line(error)}") from error


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
