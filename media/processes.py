"""Work spread over processes of one thread each."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def each(work: Callable[[Task], Answer], tasks: Sequence[Task], workers: int, *, chunk: int = 1) -> Iterator[Answer]:
    """`work` done for every task, answers in the order of the tasks, each as soon as those before it are there.

    Args:
        work: importable by name, or a `partial` of what is; pickled with its arguments.
        workers: processes; with one, or one task, it is done here and now.
        chunk: tasks that a process takes at a time.

    Each is a fresh process: forking one that has threads may hang it.
    """
    import multiprocessing  # every command imports this room, and few start processes
    from concurrent.futures import ProcessPoolExecutor

    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=one_thread) as pool:
        yield from pool.map(work, tasks, chunksize=chunk)


def one_thread() -> None:
    """From now on, OpenCV, NumPy if it is not imported yet, and, where a recipe brings it, PyTorch use one thread in
    this process."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by both when they are imported
    import cv2

    cv2.setNumThreads(1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
