"""Stages that run beside each other in threads, joined by bounded queues."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

DEPTH = 8  # items between two stages; bounds memory
STOP = object()


class Stage:
    """A thread that turns items into items for the next stage.

    Args:
        work: (item) -> None; passes results on itself by calling `put` of the next stage.
        finish: called once after the last item.

    Attributes:
        seconds: time spent in `work` and `finish`, waiting for the next stage left out.
        blocked: time others spent waiting to hand something over.
        error: what went wrong, if anything did.
    """

    def __init__(self, name: str, work: Callable[[Any], None], finish: Callable[[], None], following: "Stage | None"):
        self.seconds = 0.0
        self.blocked = 0.0
        self.error: BaseException | None = None
        self._work, self._finish, self._following = work, finish, following
        self._queue: queue.Queue[Any] = queue.Queue(DEPTH)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        """Hand over an item, waiting while the queue is full. Raises what the stage, or one behind it, raised."""
        started = time.perf_counter()
        while True:
            self.check()
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            self.blocked += time.perf_counter() - started
            return

    def check(self) -> None:
        """Raise what went wrong here or behind."""
        stage: Stage | None = self
        while stage is not None:
            if stage.error is not None:
                raise stage.error
            stage = stage._following

    def close(self) -> None:
        """Wait until everything put in has come out at the end."""
        self.put(STOP)
        self._thread.join()
        self.check()
        if self._following is not None:
            self._following.close()

    def abandon(self) -> None:
        """Stop as soon as the current item is done and forget the rest."""
        self.error = self.error or _Abandoned()
        if self._following is not None:
            self._following.abandon()
        self._thread.join()

    def _run(self) -> None:
        while self.error is None:
            try:
                item = self._queue.get(timeout=0.1)
            except queue.Empty:
                continue
            started, waited = time.perf_counter(), self._waited()
            try:
                if item is STOP:
                    self._finish()
                    return
                self._work(item)
            except BaseException as error:
                self.error = error
                return
            finally:
                self.seconds += time.perf_counter() - started - (self._waited() - waited)

    def _waited(self) -> float:
        return self._following.blocked if self._following else 0.0


class _Abandoned(Exception):
    """Set on a stage whose work is no longer wanted."""
