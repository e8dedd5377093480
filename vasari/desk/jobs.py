"""One file after the other through a process that may be ended; whoever waits is told how far it is.

job = desk.begin(path, name, cleanup)
async for line in job.lines(): ...       {"phase": ...}, the last of them "done" or "failed"
job.cancel()                             nobody waits any more
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from media.errors import UnreadableError, VasariError
from media.words import plain
from vasari.desk.looking import STEPS, Found, Opening, Task, opening
from vasari.desk.settings import Settings
from vasari.scanning.worker import Gone, Worker

log = logging.getLogger(__name__)
FAILED = "the desk failed; its log says why"
BEAT = 2.0  # seconds between two lines
PATIENCE = 0.1  # seconds between two looks at whether somebody still waits
TOO_MUCH = "takes more memory than there is here"


class Cancelled(Exception):
    """Nobody waits any more."""


class Job:
    """A file that waits or is looked at."""

    def __init__(self, path: Path, name: str, source: str) -> None:
        self.path, self.name, self.source = path, name, source
        self.gone = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Found | None] = asyncio.Queue()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.gone.set()

    def tell(self, line: Found | None) -> None:
        """From any thread; None after the last line."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, line)

    async def lines(self) -> AsyncIterator[Found]:
        """What becomes of it; an empty line each `BEAT` seconds where there is nothing to tell, so that it shows
        whether somebody still listens."""
        while True:
            try:
                line = await asyncio.wait_for(self._queue.get(), BEAT)
            except TimeoutError:
                line = {}
            if line is None:
                return
            yield line


class Jobs:
    """Looks at one file at a time.

    Args:
        make: gives what is asked; replaced in tests.
    """

    def __init__(self, settings: Settings, make: Callable[[], Worker] | None = None) -> None:
        asked = Opening(
            settings.keys, settings.anchors, settings.profile, settings.longest, settings.largest_upload
        )  # fmt: skip
        self._settings = settings
        self._worker = make() if make else Worker(opening, (asked,))
        with contextlib.suppress(VasariError):  # it is asked again when a file comes
            self._worker.start()
        self._turn = asyncio.Lock()
        self._tasks: dict[asyncio.Task[None], Job] = {}

    @property
    def full(self) -> bool:
        """Whether no further file may wait."""
        return len(self._tasks) > self._settings.waiting

    def begin(self, path: Path, name: str, source: str, cleanup: contextlib.AsyncExitStack) -> Job:
        """Put a file into the line. `cleanup` is done once nothing needs the file."""
        job = Job(path, name, source)
        task = asyncio.create_task(self._do(job, cleanup))
        self._tasks[task] = job
        task.add_done_callback(self._tasks.pop)
        return job

    async def _do(self, job: Job, cleanup: contextlib.AsyncExitStack) -> None:
        async with cleanup:
            try:
                if self._turn.locked():
                    job.tell({"phase": "waiting", "ahead": len(self._tasks) - 1})
                async with self._turn:
                    await asyncio.to_thread(self._look, job)
            except Cancelled:
                pass
            except UnreadableError as error:
                job.tell({"phase": "failed", "detail": str(error)[:300]})
            except VasariError as error:
                log.error("a file could not be looked at: %s", plain(str(error)))
                job.tell({"phase": "failed", "detail": FAILED})
            finally:
                job.tell(None)

    def _look(self, job: Job) -> None:
        """All steps, on a thread."""
        if job.gone.is_set():
            raise Cancelled
        until, found = time.monotonic() + self._settings.look_seconds, Found()
        job.tell({"phase": "starting"})
        self._worker.start()
        self._worker.ready()
        if job.gone.is_set():
            raise Cancelled
        for step in (*(["fetch"] if job.source else []), *STEPS):
            facts = found.pop("facts", None)
            job.tell({"phase": step, "so_far": facts["summary"] if facts else ""})
            if found.get("triage"):
                job.tell({"phase": step, "early": found})
            found = found | self._ask(Task(job.path, step, job.name, job.source, facts), job, until)
        job.tell({"phase": "found", "found": found})

    def _ask(self, task: Task, job: Job, until: float) -> Any:
        """What a step found, in the time that is left."""
        try:
            self._worker.ask(task)
            while not self._worker.pipe.poll(PATIENCE):
                if job.gone.is_set():
                    self._worker.end()
                    raise Cancelled
                if time.monotonic() > until:
                    self._worker.end()
                    seconds = self._settings.look_seconds
                    raise UnreadableError(f"{job.name}: not done within {seconds:g} s; send a shorter clip")
            return self._worker.answer()
        except Gone as error:
            raise UnreadableError(f"{job.name}: {TOO_MUCH}") from error

    async def close(self) -> None:
        """End the process; what is looked at is given up."""
        for job in self._tasks.values():
            job.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._worker.end()
