"""Many files, several processes, bounded time and memory for each file."""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from media.errors import UnreadableError, VasariError
from vasari.scanning.worker import Gone, Worker

log = logging.getLogger(__name__)
SECONDS = 600.0  # that one file may take


@dataclass(frozen=True)
class Answer:
    """What came of one file."""

    source: str
    value: Any = None
    error: VasariError | None = None  # why there is no value


def scan(
    names: Iterable[str],
    opening: Callable[..., Callable[[str], Any]],
    arguments: tuple[Any, ...] = (),
    *,
    workers: int = 1,
    seconds: float = SECONDS,
) -> Generator[Answer, None, None]:
    """Answers as they come, each once; a file that hangs, crashes its process or cannot be read is an answer with an
    error, and the others go on.

    Args:
        names: of files; taken as workers become free, so it may be endless.
        opening: called once in each process with `arguments`; gives what answers a name. Must be importable by name.
        workers: processes; 0: here, without limits of time and memory.
        seconds: that one file may take in a process.

    Raises:
        VasariError: the processes cannot be started, or `names` cannot be told.
    """
    if workers == 0:
        yield from _here(names, opening(*arguments))
        return
    crew = [Worker(opening, arguments) for _ in range(workers)]
    try:
        yield from _among(iter(names), crew, seconds)
    finally:
        for worker in crew:
            worker.end()


def _here(names: Iterable[str], look: Callable[[str], Any]) -> Iterator[Answer]:
    for name in names:
        try:
            answer = Answer(name, look(name))
        except VasariError as error:
            answer = Answer(name, error=error)
        except Exception as error:  # as in a process: one file never takes the others' answers along
            log.debug("%s", name, exc_info=True)
            answer = Answer(name, error=UnreadableError(f"{name}: cannot be read ({type(error).__name__})"))
        yield answer


def _among(names: Iterator[str], crew: list[Worker], seconds: float) -> Iterator[Answer]:
    idle = list(reversed(crew))
    busy: dict[Worker, tuple[str, float]] = {}  # name, and when its time is up
    ahead = next(names, None)
    while ahead is not None or busy:
        while ahead is not None and idle:
            worker = idle.pop()
            worker.start()
            worker.ready()
            try:
                worker.ask(ahead)
            except Gone:
                idle.append(worker)
                continue
            busy[worker] = (ahead, time.monotonic() + seconds)
            ahead = next(names, None)
        first = min(until for _, until in busy.values())
        spoken = wait([worker.pipe for worker in busy], max(0.0, first - time.monotonic()))
        for worker in [w for w in busy if w.pipe in spoken or busy[w][1] <= time.monotonic()]:
            name, _ = busy.pop(worker)
            yield _answer(worker, name, worker.pipe in spoken, seconds)
            idle.append(worker)


def asked(worker: Worker, name: str, seconds: float) -> Answer:
    """What came of one file that one process is asked about.

    Raises:
        VasariError: the process cannot be started.
    """
    while True:
        worker.start()
        worker.ready()
        try:
            worker.ask(name)
        except Gone:
            continue
        return _answer(worker, name, worker.pipe.poll(seconds), seconds)


def _answer(worker: Worker, name: str, spoken: bool, seconds: float) -> Answer:
    if not spoken:
        worker.end()
        return Answer(name, error=UnreadableError(f"{name}: could not be looked at within {seconds:g} s"))
    try:
        return Answer(name, worker.answer())
    except Gone:
        return Answer(name, error=UnreadableError(f"{name}: ended the process that looked at it"))
    except VasariError as error:
        return Answer(name, error=error)
