"""Video that is sent while it is made: marked as it goes, signed when it closes.

    saved = save_live("out.mp4", moments, outlet("tcp://127.0.0.1:9000"), claim=claim, keys=keys)

What holds, and how it is held to:

- **Nothing leaves unmarked.** What is sent comes out of the encoder, which is fed by `Marking` alone, the stages of
  `save_video`: every frame is marked before it is encoded; sound is marked in blocks of 64 ms that are never sent
  before.
- **What was sent can be told to be ours.** Claim and consent are checked, and the marks' message is in the registry,
  before the first byte leaves. It stays there if the process dies.
- **What was sent is kept.** Every piece is written to a nameless file beside `path` before it is sent. However the
  stream ends, by its own end, by an error in what makes the frames, or because the reader went away, what was sent up
  to then is signed and registered, moved to `path` whole, and only then is the error raised.
- **Or nothing is.** If that fails (disk full, key service down), or the process is killed, there is nothing at `path`
  but what was there before; the nameless file is gone with the process.

Credentials are over a file's hash, so they exist only when the file is closed: who records the stream has its marks.
"""

import hashlib
import os
import select
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from media.atomic import replacing
from media.encode import LiveEncoder, settle
from media.errors import OutputError, UsageError, VasariError
from media.units import FPS
from provenance.claims import Claim
from provenance.keys import Keys
from provenance.pipeline import Marking, OwnMarks, size_of
from provenance.registry import Registry
from provenance.save import (
    Saved,
    begin,
    beside,
    check_authority,
    check_claim,
    check_output,
    finish,
    new_message,
    plainly,
    registry_of,
    timed,
)
from provenance.watermark.sound import LIVE

DEPTH = 2  # frames that wait before each stage: what waits is late
PATIENCE = 30.0  # seconds that a reader may pause before it counts as gone
PIECE = 4096  # bytes that a pipe which takes any takes at once
COMMENT = "Made by AI with vasari: no camera saw it. Picture and sound bear an invisible mark."


class Moment(Protocol):
    """A frame and the sound that plays with it; `generate.stream.Moment` is one."""

    frame: np.ndarray  # uint8 RGB (H, W, 3), all of one size, 25 a second
    sound: np.ndarray  # float32 mono 16 kHz in [-1, 1], 640 samples a frame


def save_live(
    path: str | os.PathLike[str],
    moments: Iterable[Moment],
    to: "Outlet",
    *,
    claim: Claim,
    keys: Keys,
    registry: Registry | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Saved:
    """Send a talking face while it is made, as fragmented mp4, and save the same pictures and sound, signed.

    `moments` are pulled in the calling thread; a reader that does not read makes it wait. `to` is closed at the end.

    Args:
        to: where the fragments go; see `outlet`.
        others: as in `save_video`.

    Raises:
        ConsentError, UsageError, OutputError: as in `save_video`, before anything is sent.
        SigningError: a time stamp is required and nobody is there to give one, before anything is sent.
        OutputError: the reader went away or paused for 30 s; the disk is full; there was no frame.
        SigningError: the credentials could not be made; there is no file.
        Whatever `moments` raises. The message of an error says what became of the file.
    """
    target = Path(path)
    saved: Saved | None = None
    try:
        if not to.grows_at(target):
            check_output(path, claim.sources)
        check_claim(claim)
        check_authority(keys)
        started = time.perf_counter()
        record, message = registry_of(keys, registry), new_message()
        entry = begin(message, claim, "live", sound=True)
        with plainly(target), tempfile.TemporaryFile(dir=target.parent) as kept:
            sent = _Sent(target, kept, to, lambda: record.add(entry))
            options = {"crf": crf, "preset": preset, "threads": threads, "comment": COMMENT}
            marks = OwnMarks(message, keys.mark_key, block=LIVE)
            work = Marking(marks, lambda frame: LiveEncoder(sent.give, size_of(frame), **options), depth=DEPTH)
            heard = hashlib.sha256()
            broken = _send(work, moments, heard, to, progress)
            if not sent.fragments:
                if sent.begun:
                    record.remove(entry.mark)
                raise broken or OutputError("no frame was made; nothing was written")
            if sent.lost:  # what was sent last could not be kept
                raise broken or OutputError(f"{target}: could not be written")
            to.close()
            kept.seek(0)
            settings = {**claim.settings, "live": True, "soundSha256": heard.hexdigest()}
            final_claim = replace(claim, settings=settings)
            with replacing(target) as final, beside(final) as unsigned, plainly(target, unsigned):
                settle(kept, unsigned)
                made = finish(
                    entry,
                    target,
                    final,
                    unsigned,
                    final_claim,
                    keys,
                    record.settle,
                    work.seconds(),
                    frames=work.frames,
                    printer=work.printer,
                    duration=work.frames / FPS,
                )
        saved = timed(made, started)
        if broken is not None:
            raise _kept(broken, target)
        return saved
    finally:
        to.close()
        if saved is None:
            to.take_back()


def _send(
    work: Marking, moments: Iterable[Moment], heard: Any, to: "Outlet", progress: Callable[[int], None] | None
) -> BaseException | None:
    """Feed the stages until the moments end. Returns what broke them off."""
    broken: BaseException | None = None
    coming = iter(moments)
    try:
        for count, moment in enumerate(coming, 1):
            work.frame(moment.frame)
            work.sound(moment.sound)
            heard.update((np.clip(moment.sound, -1, 1) * 32767).astype("<i2").tobytes())
            if progress is not None:
                progress(count)
    except BaseException as error:
        broken = error
        if hasattr(coming, "close"):  # a generator that is broken off here would go on holding what it holds
            with suppress(Exception):
                coming.close()
    try:
        work.close()
    except BaseException as error:  # the stages themselves are broken, or somebody is tired of waiting for the reader
        to.close()
        work.abandon()
        broken = broken or error
    return broken


def _kept(error: BaseException, target: Path) -> BaseException:
    """The error, saying what became of the file."""
    if not isinstance(error, VasariError):
        return error
    said = type(error)(f"{error}; what was made until then is in {target}, signed")
    said.__cause__ = error
    return said


class _Sent:
    """Keeps every piece before it is sent, registers before the first."""

    def __init__(self, target: Path, kept: Any, to: "Outlet", first: Callable[[], None]) -> None:
        self._target = target
        self._kept, self._to, self._first = kept, to, first
        self.begun = False  # something may have been sent
        self.fragments = 0  # kept whole
        self.lost = False  # something could not be kept

    def give(self, data: bytes) -> None:
        """The head of the file, then fragments."""
        if not self.begun:
            self._first()
            self.begun, head = True, True
        else:
            head = False
        self.lost = True
        with plainly(self._target):
            self._kept.write(data)
            self._kept.flush()
        self.lost = False
        self.fragments += not head
        self._to.write(data)


class Outlet:
    """Where live output goes.

    Args:
        sink: a file descriptor, or anything with `write`. A plain file is refused: files are for credentials.
        name: for errors.
        patience: seconds that the reader may pause.
    """

    def __init__(self, sink: Any, name: str = "live output", patience: float = PATIENCE) -> None:
        self.name, self._patience, self._sink = name, patience, sink
        self._handle = sink if isinstance(sink, int) else _handle_of(sink)
        self._open = True
        if self._handle is not None and stat.S_ISREG(os.fstat(self._handle).st_mode):
            raise UsageError(f"{name}: is a plain file, and files carry credentials: name it with -o, send to a pipe")
        if self._handle is not None and os.isatty(self._handle):
            raise UsageError(f"{name}: is a terminal; send the video to a pipe or a socket")

    def write(self, data: bytes) -> None:
        """Send all of it. Raises `OutputError` when the reader is gone or pauses too long."""
        view = memoryview(data)
        try:
            if self._handle is None:
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
        while self._open:
            _, ready, _ = select.select([], [self._handle], [], 0.2)
            if ready:
                with suppress(BlockingIOError):
                    return os.write(self._handle, piece)
            if time.monotonic() > until:
                raise OutputError(f"{self.name}: the reader has not read for {self._patience:g} s")
        raise OutputError(f"{self.name}: was closed")

    def grows_at(self, path: Path) -> bool:
        """Whether what is sent grows at `path` itself, until the signed file takes its place."""
        return False

    def take_back(self) -> None:
        """Undo what was sent where that is possible: there will be no signed file."""

    def close(self) -> None:
        """No more is sent; a second time is nothing."""
        was, self._open = self._open, False
        if was and self._sink is not sys.stdout and hasattr(self._sink, "close"):
            with suppress(OSError):
                self._sink.close()


class Growing(Outlet):
    """The output itself, to be read while it grows. The signed file takes its place; after an error it is removed.
    If the process is killed it stays as it is, marked and unsigned."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = check_output(path)
        try:
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115
        except FileExistsError as error:
            raise UsageError(f"{path}: exists; what grows in place needs a name of its own") from error
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        super().__init__(_Writer(self._file), str(path))

    def grows_at(self, path: Path) -> bool:
        return path.exists() and os.path.samefile(path, self._path)

    def take_back(self) -> None:
        self._path.unlink(missing_ok=True)


class _Writer:
    """A plain file that grows; `Outlet` takes no other."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
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
    """A descriptor that is ours to close."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def fileno(self) -> int:
        return self._handle

    def close(self) -> None:
        os.close(self._handle)


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
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # without a reader this fails instead of waiting
        except OSError as error:
            if time.monotonic() > until:
                raise OutputError(f"{path}: nobody reads from this pipe") from error
        time.sleep(0.05)
