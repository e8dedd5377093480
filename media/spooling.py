"""Files that can be read once and in order only: pipes, sockets, devices. They are kept in a file of ours while they
are looked at.

    settled(path)     the file itself, or a copy of what comes through it
"""

import contextlib
import os
import select
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from media.errors import UnreadableError

LARGEST = 4 << 30  # bytes that are taken
PATIENCE = 30.0  # seconds that nothing may come
SECONDS = 600.0  # that all of it may take
PIECE = 1 << 20


@contextlib.contextmanager
def settled(
    path: str | os.PathLike[str], *, largest: int = LARGEST, patience: float | None = None, seconds: float = SECONDS
) -> Iterator[Path]:
    """The file itself where it can be read anywhere and again; else a copy of what comes, removed afterwards.

    Args:
        largest: bytes that are taken.
        patience: seconds that nothing may come; `PATIENCE` when left out.
        seconds: that all of it may take.

    Raises:
        UnreadableError: nobody writes, it takes too long, it is larger than `largest`, or cannot be read.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError:
        yield path  # whoever opens it says what is wrong
        return
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="vasari-") as room:
        copy = Path(room) / "piped"
        try:
            _copied(path, copy, largest, PATIENCE if patience is None else patience, time.monotonic() + seconds)
        except OSError as error:
            raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
        yield copy


def _copied(path: Path, copy: Path, largest: int, patience: float, until: float) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with copy.open("wb") as target:
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            while True:
                left = min(patience, until - time.monotonic())
                if left <= 0 or not waiting.poll(1000 * left):
                    raise UnreadableError(f"{path}: nothing came through it for {patience:g} s; does anybody write?")
                try:
                    piece = os.read(handle, PIECE)
                except BlockingIOError:
                    continue
                if not piece:
                    return
                target.write(piece)
                if target.tell() > largest:
                    raise UnreadableError(f"{path}: more than {largest >> 20} MiB came through it, which is the limit")
                if time.monotonic() > until:
                    raise UnreadableError(f"{path}: did not end in time; save it to a file first")
    finally:
        os.close(handle)
