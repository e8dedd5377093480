"""Work spread over processes of one thread each."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=one_thread) as pool:
        yield from pool.map(work, tasks, chunksize=chunk)


def one_thread() -> None:
    """From now on, OpenCV and, where a recipe brings it, PyTorch use one thread in this process."""
    import cv2

    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # read by PyTorch when it is imported
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
