"""Where live output goes: a pipe, a socket, standard output, or the file itself while it grows.

    outlet("tcp://127.0.0.1:9000"), outlet("-"), outlet("/run/video.fifo")
    Growing("out.mp4")

An outlet has a descriptor of its own (a copy), so that nobody else's file is ever written to or closed; it is closed
once, by whichever thread is first, and never between a look at whether it can be written to and the writing.
"""

import os
import selectors
import shutil
import socket
import stat
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from media.atomic import replacing
from media.errors import OutputError, UsageError
from provenance.make.save import check_output

PATIENCE = 30.0  # seconds that a reader may pause before it counts as gone
PIECE = 4096  # bytes that a pipe which takes any takes at once
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # any number of descriptors, any kind


class Outlet:
    """Where live output goes.

    Args:
        sink: a file descriptor, which stays the caller's, or anything with `write`, which is closed at the end. A plain
            file is refused: files are for credentials.
        name: for errors.
        patience: seconds that the reader may pause.
    """

    def __init__(self, sink: Any, name: str = "live output", patience: float = PATIENCE) -> None:
        self.name, self._patience = name, patience
        self._sink = None if isinstance(sink, int) else sink
        self._lock, self._open = threading.Lock(), True
        handle = sink if isinstance(sink, int) else _handle_of(sink)
        self._handle: int | None = None
        if handle is None:
            return
        if stat.S_ISREG(os.fstat(handle).st_mode):
            raise UsageError(f"{name}: is a plain file, and files carry credentials: name it with -o, send to a pipe")
        if os.isatty(handle):
            raise UsageError(f"{name}: is a terminal; send the video to a pipe or a socket")
        if hasattr(sink, "flush"):
            sink.flush()  # what was written before comes first
        self._handle = os.dup(handle)

    def write(self, data: bytes) -> None:
        """Send all of it. Raises `OutputError` when the reader is gone or pauses too long."""
        view = memoryview(data)
        try:
            if self._handle is None:
                self._check_open()
                assert self._sink is not None
                self._sink.write(data)
                return
            while view:
                view = view[self._some(view[:PIECE]) :]
        except (OSError, ValueError) as error:
            gone = isinstance(error, BrokenPipeError | ConnectionError)
            reason = "the reader has gone" if gone else getattr(error, "strerror", None) or str(error)
            raise OutputError(f"{self.name}: {reason}") from error

    def _some(self, piece: memoryview) -> int:
        until = time.monotonic() + self._patience
        while True:
            ready = self._ready(0.2)
            with self._lock:  # nobody closes it between here and the writing
                self._check_open()
                if ready:
                    with suppress(BlockingIOError):
                        assert self._handle is not None
                        return os.write(self._handle, piece)
            if time.monotonic() > until:
                raise OutputError(f"{self.name}: the reader has not read for {self._patience:g} s")

    def _ready(self, seconds: float) -> bool:
        """Whether it takes something within so long."""
        handle = self._handle
        with _Selector() as selector:
            if handle is None:
                return False
            try:
                selector.register(handle, selectors.EVENT_WRITE)
            except (ValueError, KeyError, OSError):  # closed meanwhile
                return False
            return bool(selector.select(seconds))

    def _check_open(self) -> None:
        if not self._open:
            raise OutputError(f"{self.name}: was closed")

    def cut(self, seconds: float) -> None:
        """What was written since the last call is a whole segment of so many seconds; the first, of none, is that which
        begins the stream."""

    def marked(self, item: np.ndarray | None) -> None:
        """A labelled and marked frame, uint8 RGB (H, W, 3), or marked sound, float32 (n,), whose coded form was kept;
        None when there is no more. Nothing is done with it here; `uncoded.Uncoded` hands it out."""

    def settle(self, signed: Path) -> None:
        """The signed file is there: no copy that was sent stays without credentials, where that can be helped."""

    def take_back(self) -> None:
        """Undo what was sent where that is possible: there will be no signed file."""

    def close(self) -> None:
        """No more is sent; a second time is nothing."""
        with self._lock:
            was, self._open = self._open, False
            if was and self._handle is not None:
                with suppress(OSError):
                    os.close(self._handle)
        if was and self._sink is not None and self._sink is not sys.stdout and hasattr(self._sink, "close"):
            with suppress(OSError):
                self._sink.close()


class Growing(Outlet):
    """A file to be read while it grows: the output itself, or another. In the end the signed file, or a copy of it,
    takes its place; after an error it is removed. If the process is killed it stays, signed up to its last whole
    segment."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = check_output(path)
        try:
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115
        except FileExistsError as error:
            raise UsageError(f"{path}: exists; what grows in place needs a name of its own") from error
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        self._own = os.fstat(self._file.fileno())
        super().__init__(_Writer(self._file), str(path))

    def settle(self, signed: Path) -> None:
        if not self._is_there():
            return
        try:
            with replacing(self._path) as copy:
                shutil.copyfile(signed, copy)
        except (OutputError, OSError):
            self.take_back()
            raise

    def take_back(self) -> None:
        if self._is_there():
            self._path.unlink(missing_ok=True)

    def _is_there(self) -> bool:
        """Whether the path still names the file that grew, and not what took its place."""
        with suppress(OSError):
            return os.path.samestat(self._path.stat(), self._own)
        return False


class _Writer:
    """A plain file that grows; `Outlet` takes no other."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        """All of it."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def close(self) -> None:
        """No more."""
        self._file.close()


def _handle_of(sink: Any) -> int | None:
    """The descriptor of something with `write`, None for what is in memory."""
    try:
        handle = sink.fileno()
    except (AttributeError, OSError):
        return None
    return handle if isinstance(handle, int) else None


def outlet(where: str, *, wait: float = PATIENCE) -> Outlet:
    """Open a place for live output.

    Args:
        where: "-" for standard output, "tcp://HOST:PORT" of somebody who listens, or the path of a named pipe
            (`mkfifo`) or of a Unix socket. `Growing` sends to the output's own path.
        wait: seconds to wait for a reader.

    Raises:
        UsageError: a terminal, a plain file, or not a place at all.
        OutputError: nobody listens.
    """
    if where == "-":
        return Outlet(sys.__stdout__.fileno() if sys.__stdout__ else 1, "standard output")
    if where.startswith("tcp://"):
        return Outlet(_dial(where, wait), where)
    try:
        mode = os.stat(where).st_mode
    except OSError as error:
        raise UsageError(f"{where}: no such pipe; make it with mkfifo, or write tcp://HOST:PORT") from error
    if stat.S_ISSOCK(mode):
        return Outlet(_connect(socket.AF_UNIX, where, where, wait), where)
    if stat.S_ISFIFO(mode):
        return Outlet(_Descriptor(_open_pipe(where, wait)), where)
    if stat.S_ISCHR(mode):
        return Outlet(_Descriptor(os.open(where, os.O_WRONLY)), where)
    raise UsageError(f"{where}: is a plain file, and files carry credentials: name it with -o, send to a pipe")


class _Descriptor:
    """A descriptor that is ours to close, once."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    def fileno(self) -> int:
        """The descriptor."""
        if self._handle is None:
            raise ValueError("closed")
        return self._handle

    def close(self) -> None:
        """A second time is nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def _dial(where: str, wait: float) -> socket.socket:
    try:
        parts = urlsplit(where)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{where}: write tcp://HOST:PORT, for example tcp://127.0.0.1:9000") from error
    if not host or not port or parts.path:
        raise UsageError(f"{where}: write tcp://HOST:PORT, for example tcp://127.0.0.1:9000")
    return _connect(None, (host, port), where, wait)


def _connect(family: int | None, address: Any, name: str, wait: float) -> socket.socket:
    try:
        if family is None:
            link = socket.create_connection(address, timeout=wait)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            link = socket.socket(family)
            link.connect(address)
    except OSError as error:
        raise OutputError(f"{name}: nobody listens there ({error.strerror or error})") from error
    link.setblocking(False)
    return link


def _open_pipe(path: str, wait: float) -> int:
    until = time.monotonic() + wait
    while True:
        try:
            return os.open(
                path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)
            )  # without a reader this fails instead of waiting
        except OSError as error:
            if time.monotonic() > until:
                raise OutputError(f"{path}: nobody reads from this pipe") from error
        time.sleep(0.05)
