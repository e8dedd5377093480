"""A process that looks at files: what hangs, crashes or eats memory is ended, and whoever asked lives."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from media.errors import UnreadableError, VasariError

try:
    import resource  # not on every system
except ImportError:  # pragma: no cover
    resource = None  # type: ignore[assignment]

START = 120.0  # seconds until a process is ready
MEMORY = 8 << 30  # bytes of address space; networks and libraries take about 3 of it


class Gone(Exception):
    """The process has ended in the middle of a task, or was ended."""


class Worker:
    """Asks a process and waits for what it answers, one task at a time.

    Args:
        opening: called in the process with `arguments`, once; gives what answers a task. Must be importable by name.
        arguments: what `opening` needs; pickled.
        memory: bytes of address space that the process may have.
    """

    def __init__(
        self, opening: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], *, memory: int = MEMORY
    ) -> None:
        self._opening, self._arguments, self._memory = opening, arguments, memory
        self._process: Any = None
        self._pipe: Any = None
        self._started = 0.0
        self._able = False

    def start(self) -> None:
        """Begin to make the process, where there is none; `ready` waits until it can be asked.

        Raises:
            VasariError: the system gives none just now; asking again may help.
        """
        if self._process is not None and self._process.is_alive():
            return
        self.end()
        spawn = multiprocessing.get_context("spawn")
        with contextlib.ExitStack() as stack:
            try:
                ours, theirs = map(stack.enter_context, spawn.Pipe())
                arguments = (theirs, self._opening, self._arguments, self._memory)
                process = spawn.Process(target=_serve, args=arguments, daemon=True, name="vasari-worker")
                process.start()
            except OSError as error:
                raise VasariError(f"a process that looks at files could not be started ({error.strerror})") from error
            stack.pop_all()
        theirs.close()
        self._process, self._pipe = process, ours
        self._started, self._able = time.monotonic(), False

    def ready(self) -> None:
        """Wait until it can be asked.

        Raises:
            VasariError: it could not be started; what `opening` raised where it was one of ours.
        """
        if self._able:
            return
        try:
            if self._pipe.poll(max(0.0, self._started + START - time.monotonic())):
                kind, reason = self._pipe.recv()
                if kind == "ready":
                    self._able = True
                    return
                self.end()
                raise VasariError(reason)
        except (EOFError, OSError):
            pass
        self.end()
        raise VasariError("a process that looks at files could not be started")

    @property
    def pipe(self) -> Connection:
        """To wait on: there is something to read when an answer has come or the process has ended."""
        pipe: Connection = self._pipe
        return pipe

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return None if self._process is None else self._process.pid

    def ask(self, task: Any) -> None:
        """Raises `Gone` where the process has ended meanwhile."""
        try:
            self._pipe.send(task)
        except OSError as error:
            self.end()
            raise Gone from error

    def answer(self) -> Any:
        """What came of the task.

        Raises:
            UnreadableError: the file cannot be read, or takes more memory than there is.
            VasariError: something else that is ours to tell.
            Gone: the process has ended.
        """
        try:
            kind, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            self.end()
            raise Gone from error
        if kind == "unreadable":
            raise UnreadableError(value)
        if kind == "failed":
            raise VasariError(value)
        return value

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = self._pipe = None


def _serve(
    pipe: Connection, opening: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], memory: int
) -> None:
    """The process: makes ready, then answers until nobody asks."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        try:
            look = opening(*arguments)
        except VasariError as error:
            pipe.send(("failed", str(error)))
            return
        pipe.send(("ready", ""))
        while True:
            task = pipe.recv()
            try:
                pipe.send(("answer", look(task)))
            except UnreadableError as error:
                pipe.send(("unreadable", str(error)))
            except MemoryError:
                pipe.send(("unreadable", f"{_file(task)}: takes more memory than there is here"))
            except VasariError as error:
                pipe.send(("failed", str(error)))
            except (EOFError, KeyboardInterrupt, BrokenPipeError):
                raise
            except Exception as error:  # whatever a decoder makes of bytes that are meant to break it
                pipe.send(("unreadable", f"{_file(task)}: cannot be read ({type(error).__name__})"))


def _end_with_parent() -> None:
    """Whoever asked may be killed while a file is looked at, which nothing else would tell."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _file(task: Any) -> Any:
    """The file that a task is about: the task itself, or what it begins with."""
    return task[0] if isinstance(task, tuple) else task
