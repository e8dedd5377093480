"""Threads: how many there can be, and small work on the thread that asks for it."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@cache
def _controller() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[object]:
    """While the block runs, BLAS uses one thread. Products here are small, and the waiting of its other threads would
    take the cores from the stages that run beside them (measured: 27 frames a second with it, 46 without)."""
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit


M_ARENA_MAX = -8  # of glibc's malloc.h
HEAPS = 2


def few_heaps() -> None:
    """For the whole process, before its threads begin: glibc gives every thread a heap of its own, of which each keeps
    what it needed once; `HEAPS` for all of them take 80 MB less while a face is drawn, and no time (measured). Whoever
    set MALLOC_ARENA_MAX keeps that; other C libraries are left alone."""
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


_lock = threading.Lock()
_stages = {"running": 0, "before": 0}  # pipelines that run, and OpenCV's threads before the first of them


@contextmanager
def one_thread_a_stage() -> Iterator[None]:
    """While the block runs, BLAS and OpenCV use one thread a call: for pipelines whose stages run side by side, each on
    a thread of its own. Any number of them may run at once; the last to end puts back what the first one found."""
    import cv2

    with one_blas_thread():
        with _lock:
            if not _stages["running"]:
                _stages["before"] = cv2.getNumThreads()
                cv2.setNumThreads(1)
            _stages["running"] += 1
        try:
            yield
        finally:
            with _lock:
                _stages["running"] -= 1
                if not _stages["running"]:
                    cv2.setNumThreads(_stages["before"])


def cores() -> int:
    """Processor cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(allowed(0)) if allowed else os.cpu_count() or 1
