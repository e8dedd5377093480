"""Decoders under bytes that are meant to break them: whatever they raise becomes one line about the file.

Pillow, PyAV, OpenCV and what they call raise nearly anything on hostile files (TypeError, NotImplementedError,
RuntimeError, MemoryError, struct.error ...), so no list of exceptions is ever complete. Guard the calls that decode,
and nothing of our own.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

from media.errors import UnreadableError, VasariError
from media.words import plain

T = TypeVar("T")
LONGEST = 160  # letters of a reason


@contextlib.contextmanager
def guarded(name: str | os.PathLike[str], what: str = "cannot be read") -> Iterator[None]:
    """Around a call that decodes: any error that is not ours becomes `UnreadableError` "name: what (reason)"."""
    try:
        yield
    except VasariError:
        raise
    except Exception as error:
        raise UnreadableError(f"{os.fspath(name)}: {what} ({reason(error)})") from error


def each(items: Iterable[T], name: str | os.PathLike[str], what: str = "cannot be read") -> Iterator[T]:
    """The same around every step of an iteration, not around what is done with its items."""
    steps = iter(items)
    while True:
        with guarded(name, what):
            try:
                item = next(steps)
            except StopIteration:
                return
        yield item


def reason(error: BaseException) -> str:
    """What an error says, in one line without its number and file name."""
    if isinstance(error, StopIteration):
        return "nothing in it can be decoded"
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return plain((text.splitlines() or [""])[0].strip(), LONGEST).lower()
