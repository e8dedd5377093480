"""Whose an error is, and how it is told, while an output is written.

pulled(items), foreign(), callers()   what the caller's own code raises passes through as it was raised
plainly(target, unsigned)             ours: a full disk is said in words, and temporary files are never named
Sink(file)                            keeps why it could not be written to
owned(values)                         pixels and samples of our own, that nobody changes under our hands
"""

import contextlib
import errno
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from media.errors import OutputError


class ForeignError(Exception):
    """Carries what the caller's own code raised past everything that words our errors."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def foreign() -> Iterator[None]:
    """What is raised inside is the caller's own error, to be told as it is (by `callers`)."""
    try:
        yield
    except Exception as error:
        raise ForeignError(error) from error


@contextlib.contextmanager
def callers() -> Iterator[None]:
    """Let the caller's own errors out as they were raised."""
    try:
        yield
    except ForeignError as carried:
        raise carried.error from carried.error.__cause__


def pulled(items: Iterable[Any]) -> Generator[Any, None, None]:
    """The same items; what their maker raises is the caller's own."""
    with foreign():
        coming = iter(items)
    try:
        while True:
            with foreign():
                try:
                    item = next(coming)
                except StopIteration:
                    return
            yield item
    finally:
        if hasattr(coming, "close"):  # a generator that is broken off would go on holding what it holds
            with contextlib.suppress(Exception):
                coming.close()


def owned(values: Any) -> np.ndarray:
    """A copy of pixels or samples: what is looked at, marked and encoded is one and the same, whatever their maker does
    with the array afterwards."""
    with foreign():
        return np.array(values, order="C")


@contextlib.contextmanager
def plainly(target: Path, unsigned: Path | None = None) -> Iterator[None]:
    """Say plainly when the disk is full, whichever library noticed, and never name the temporary file."""
    try:
        yield
    except OutputError as error:
        raise OutputError(str(error).replace(str(unsigned or target), str(target))) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else (error.strerror or str(error))
        raise OutputError(f"{target}: could not be written ({reason})") from error


class Sink:
    """A file that is written to, and why that failed: the library keeps it to itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """As the file does."""
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
