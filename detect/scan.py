"""Many files: found, looked at by several processes, one result a file as it comes. One bad file never stops it."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import torch

from detect.detector import WEIGHTS, Detector
from detect.result import Detection, Failure
from media.errors import VasariError

SUFFIXES = frozenset((
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp", ".gif",
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff",
))  # fmt: skip
AHEAD = 2  # files that each worker may have waiting; results are not kept, so memory stays bounded


@dataclass(frozen=True)
class Scan:
    """How files are looked at; goes to every process."""

    weights: Path = WEIGHTS
    point: str = "fpr_1"
    longest: float | None = None  # seconds of each video
    threads: int = 1  # of each process

    def __call__(self, path: Path) -> Detection | Failure:
        """Look at one file."""
        try:
            return _detector(self).detect(path, longest=self.longest)
        except VasariError as error:
            return Failure(file=str(path), error=str(error))
        except Exception as error:  # a file that breaks a decoder must not end the scan of a million
            return Failure(file=str(path), error=f"{path}: {type(error).__name__}: {error}")


@cache
def _detector(scan: Scan) -> Detector:
    return Detector.load(scan.weights, point=scan.point, threads=scan.threads)


def files_of(sources: Iterable[Path]) -> Iterator[Path]:
    """Files as they are, and of folders every picture and video in them, sorted."""
    for source in sources:
        if source.is_dir():
            yield from (p for p in sorted(source.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file())
        else:
            yield source


def results(scan: Scan, files: Iterable[Path], workers: int = 1) -> Iterator[Detection | Failure]:
    """What is said of each file; in the order of the files with one worker, as they come with more."""
    if workers <= 1:
        yield from map(scan, files)
        return
    todo, context = iter(files), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        waiting: set[Future] = {pool.submit(scan, path) for path in islice(todo, AHEAD * workers)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            waiting |= {pool.submit(scan, path) for path in islice(todo, len(done))}
            for future in done:
                yield future.result()


def without_done(files: Iterable[Path], log: Path) -> Iterator[Path]:
    """Files that `log`, the JSON lines of a scan that was broken off, does not hold yet. Half a line counts for
    nothing."""
    seen = set()
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            try:
                seen.add(json.loads(line)["file"])
            except (ValueError, KeyError, TypeError):
                continue
    return (path for path in files if str(path) not in seen)


def append(log: Path, emit: Callable[[str], None] | None = None) -> Callable[[str], None]:
    """A function that adds a line to `log`, whole: what a broken line left behind is ended first."""
    if log.exists() and log.stat().st_size:
        with log.open("rb+") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")

    def add(line: str) -> None:
        with log.open("a") as file:
            file.write(line + "\n")
        if emit is not None:
            emit(line)

    return add


def _one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
