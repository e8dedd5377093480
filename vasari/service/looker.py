"""A process of its own that looks at uploads: what hangs, crashes or eats memory is ended, and the service lives."""

import contextlib
import multiprocessing
import resource
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from media.errors import UnreadableError, VasariError

GRACE = 3.0  # seconds after the time is up before the process is ended
START = 120.0  # seconds until a process is ready
MEMORY = 8 << 30  # bytes of address space; networks and libraries take about 3 of it


class Looker:
    """Runs `provenance.search.identify` elsewhere, one file at a time.

    Args:
        keys: folder of keys.
        registry: path or URL.
        largest, seconds: as of `identify`.
    """

    def __init__(self, keys: Path, registry: str, *, largest: int, seconds: float) -> None:
        self._arguments = (keys, registry, largest, seconds)
        self._seconds = seconds
        self._process: Any = None
        self._pipe: Any = None
        self._lock = threading.Lock()

    def __call__(self, path: Path, algorithms: tuple[str, ...], limit: int) -> list[tuple[str, int | None]]:
        """(label, score) of the manifests that a file belongs to.

        Raises:
            UnreadableError: the file cannot be read, or not in the time and memory that there is.
            VasariError: the registry or the keys cannot be used.
        """
        with self._lock:
            self._ready()
            try:
                self._pipe.send((path, algorithms, limit))
                if not self._pipe.poll(self._seconds + GRACE):
                    raise UnreadableError(f"could not be looked at within {self._seconds:g} s; send a shorter clip")
                answer, reason = self._pipe.recv()
            except UnreadableError:
                self._end()
                raise
            except (EOFError, OSError) as error:
                self._end()
                raise UnreadableError("could not be looked at: it takes more than there is here") from error
        if reason == "unreadable":
            raise UnreadableError(answer)
        if reason:
            raise VasariError(answer)
        return answer

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ready(self) -> None:
        if self._process is not None and self._process.is_alive():
            return
        self._end()
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_look, args=(theirs, *self._arguments), daemon=True, name="vasari-looker")
        self._process.start()
        theirs.close()
        try:
            if self._pipe.poll(START) and self._pipe.recv() == "ready":
                return
        except EOFError:
            pass
        self._end()
        raise VasariError("the process that looks at uploads could not be started")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = self._pipe = None


def _look(pipe: Connection, keys: Path, registry: str, largest: int, seconds: float) -> None:
    """The process: asks, answers, until nobody asks."""
    from provenance import Keys, Registry
    from provenance.search import identify

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    opened, entries = Keys.open(keys, create=False), Registry(registry)
    pipe.send("ready")
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            path, algorithms, limit = pipe.recv()
            try:
                found = identify(
                    path, opened, entries, algorithms=algorithms, limit=limit, largest=largest, seconds=seconds
                )
                pipe.send(([(item.label, item.score) for item in found], ""))
            except UnreadableError as error:
                pipe.send((str(error).replace(str(path), "the clip"), "unreadable"))
            except MemoryError:
                pipe.send(("the clip takes more memory than there is here", "unreadable"))
            except VasariError as error:
                pipe.send((str(error), "failed"))
            except Exception as error:  # whatever a decoder makes of bytes that are meant to break it
                pipe.send((f"the clip cannot be read ({type(error).__name__})", "unreadable"))
