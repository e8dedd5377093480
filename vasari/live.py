"""`vasari generate --live`: sound comes in on standard input, marked video goes out while it is made. (`vasari perform
-` hears it here, too.)"""

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from media.errors import UsageError
from media.units import SAMPLE_RATE

if TYPE_CHECKING:
    from generate.moments import Moment
    from generate.stream import Stream
    from provenance import Label, Outlet, Performance, Permit
    from vasari.studio import Sitter

STANDARD_INPUT = Path("-")
PIECE = 3200  # bytes read at a time at most: 100 ms


def check_input(speech: Path, hear: Path | None = None) -> None:
    """Refuse what cannot be listened to live.

    Raises:
        UsageError: it is not standard input, or that is a terminal, or what the other speaker says is not there.
    """
    if hear is not None and (not hear.exists() or hear.is_dir()):
        raise UsageError(f"--hear {hear}: no such pipe or file; make one with mkfifo, and write raw sound into it")
    if speech != STANDARD_INPUT:
        raise UsageError(f"--live listens to standard input: write - in place of {speech}, and pipe the sound in")
    check_piped()


def check_piped() -> None:
    """Raise `UsageError` where standard input is a terminal."""
    if os.isatty(0):
        raise UsageError("standard input is a terminal: pipe in raw sound, 16 kHz mono, 16 bits (s16le)")


def check_not_input(speech: Path, to: str | None) -> None:
    """Refuse what only a live output can have."""
    if speech == STANDARD_INPUT:
        raise UsageError("-: standard input is for --live; without it give a file")
    if to is not None:
        raise UsageError(f"--to {to}: is for --live")


def open_outlet(to: str | None, output: Path) -> "Outlet":
    """Where the video goes while it is made: standard output unless said otherwise, the output's own path, or segments
    beside a playlist.

    Raises:
        UsageError, OutputError: it cannot go there.
    """
    from provenance import Growing, Playlist, outlet
    from provenance.make.playlist import FIRST

    if to is not None and to.lower().endswith(".m3u8"):
        if output.absolute() == Path(to).absolute().parent / FIRST:
            raise UsageError(f"{output}: the stream's beginning goes there; choose another name for the output")
        return Playlist(to)
    if to is not None and to != "-" and Path(to).absolute() == output.absolute():
        return Growing(output)
    return outlet(to or "-")


def speaking(
    permit: "Permit", sitter: "Sitter", asking: dict[str, Any], settings: dict[str, Any],
    label: "Label | None" = None, hear: Path | None = None,
) -> "Performance":  # fmt: skip
    """The sitter speaks what comes in, as `studio.speaking` does a recording; hear: raw sound of the other speaker."""
    from provenance import Generated

    return permit.perform(
        Generated, _moments(sitter, asking, hear), command="generate", inputs=(), settings=settings,
        models=sitter.talker.models, label=label,
    )  # fmt: skip


def _moments(sitter: "Sitter", asking: dict[str, Any], hear: Path | None) -> "Iterator[Moment]":
    """Listens to standard input until it ends, or somebody stops the program (then the mouth closes first)."""
    from generate import Motion
    from generate.stream import Stream

    stream = Stream(sitter.talker, Motion.load(), **asking)
    threading.Thread(target=_listen, args=[stream], name="listen", daemon=True).start()
    if hear is not None:
        threading.Thread(target=_overhear, args=[stream, hear], name="overhear", daemon=True).start()
    with _stopping(stream):
        for moment in stream:
            yield replace(moment, frame=sitter.place(moment.frame))


def _listen(stream: "Stream") -> None:
    """Push what comes, as it comes."""
    with contextlib.suppress(UsageError, OSError):  # the stream has ended, or the input has
        for sound in standard_input():
            stream.push(sound)
    stream.close()


def _overhear(stream: "Stream", path: Path) -> None:
    """Hear the other speaker, as it comes; where nobody writes any more, there is nobody to listen to. A plain file,
    which is all there at once, is heard at the pace of speech: what waits is soon not answered any more."""
    with contextlib.suppress(UsageError, OSError), path.open("rb", buffering=0) as pipe:
        plain, due = stat.S_ISREG(os.fstat(pipe.fileno()).st_mode), time.monotonic()
        for sound in _raw(pipe.fileno()):
            stream.hear(sound)
            due += len(sound) / SAMPLE_RATE
            if plain:
                time.sleep(max(0.0, due - time.monotonic()))


def standard_input() -> Iterator[np.ndarray]:
    """16 kHz mono s16le from standard input, as it comes: (n,) float32, any n."""
    return _raw(sys.__stdin__.fileno() if sys.__stdin__ else 0)


def _raw(source: int) -> Iterator[np.ndarray]:
    """16 kHz mono s16le from a file descriptor, as it comes: (n,) float32."""
    rest = b""
    while data := os.read(source, PIECE):
        data = rest + data
        whole = len(data) // 2 * 2
        rest = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768


@contextlib.contextmanager
def _stopping(stream: "Stream") -> Iterator[None]:
    """The first signal to stop ends the stream well; the second ends it at once."""

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)
        stream.cancel(close=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
