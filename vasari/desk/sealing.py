"""Records that this desk vouches for, though it keeps none: what it found goes out with a seal, and comes back with it
where somebody wants a link that others can open, or says whether the answer was right."""

import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from media.errors import OutputError

LARGEST_FILE = 64 << 20  # bytes of what people said


class Seal:
    """Marks records as this process's own."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def of(self, record: str) -> str:
        """The seal of a record."""
        return hmac.new(self._secret, record.encode(), hashlib.sha256).hexdigest()

    def holds(self, record: str, seal: str) -> bool:
        """Whether a record is as it went out."""
        return hmac.compare_digest(self.of(record).encode(), seal.encode())


class Kept:
    """Records behind names that nobody guesses, for a while; the oldest makes room.

    Args:
        most, seconds: that are kept, and how long.
        clock: seconds, monotonic.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._items: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def put(self, record: str) -> str:
        """Keep it. Returns its name."""
        name = secrets.token_urlsafe(16)
        self._items[name] = (self._clock() + self._seconds, record)
        self._prune()
        return name

    def get(self, name: str) -> tuple[str, float] | None:
        """The record, and for how many seconds more it is kept; None where there is none any more."""
        self._prune()
        found = self._items.get(name)
        return None if found is None else (found[1], found[0] - self._clock())

    def _prune(self) -> None:
        now = self._clock()
        while self._items and (len(self._items) > self._most or next(iter(self._items.values()))[0] <= now):
            self._items.popitem(last=False)


class Feedback:
    """A file of JSON lines, readable by its owner alone: what people said of answers, with the records; no file that
    was looked at, and no thumbnail of one."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    def add(self, record: str, said: dict[str, Any]) -> None:
        """Raises `OutputError` where it cannot be written, or is full."""
        kept = {name: part for name, part in json.loads(record).items() if name != "history"}
        line = json.dumps({**said, "record": kept}).encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, open(self._path, "ab", opener=_private) as file:
                if file.tell() + len(line) > LARGEST_FILE:
                    raise OutputError(f"{self._path}: full; move it elsewhere")
                file.write(line)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
