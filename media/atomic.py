"""Write a file whole or not at all: what is not whole has no name, so nothing is left of it, however the process ends.

replacing(path)     what becomes the file
nameless(path)      what is needed on the way there
"""

import contextlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from media.errors import OutputError

# Where Linux shows a process what it has opened: by these paths files without a name can be opened again.
OPENED = Path("/proc/self/fd") if sys.platform == "linux" else None
FIRST = 1 << 20  # bytes without which nothing plays, and which are copied last


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; what is there becomes `path` when the block ends well, and is gone when it does not.

    The path is as that of `nameless`. A file that is replaced keeps its permissions; a new one gets those that the
    folder's owner gives to new files (the process's umask). Only what takes another file's place has a hidden name just
    before, whole.

    Raises:
        OutputError: the folder does not exist or cannot be written to, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder {target.parent} does not exist; make it first")
    hidden = target.with_name(f".{target.stem[:80]}-{secrets.token_hex(6)}{target.suffix}")
    try:
        half, handle = _opened(hidden)
    except OSError as error:
        raise OutputError(f"{target}: cannot write into {target.parent} ({error.strerror})") from error
    try:
        usual = _made_private(half)
        yield half
        with contextlib.suppress(FileNotFoundError):
            usual = stat.S_IMODE(target.stat().st_mode)
        half.chmod(usual)
        if half == hidden or not _linked(half, target):  # a link takes nobody's place
            if half != hidden and not _linked(half, hidden):
                _copied(half, hidden)
            os.replace(hidden, target)
    except OSError as error:
        raise OutputError(f"{target}: could not be written ({error.strerror or error})") from error
    finally:
        _forget(hidden, handle)


@contextlib.contextmanager
def nameless(target: Path) -> Iterator[Path]:
    """Yield the path of a new file in the folder of `target` that has no name there and is gone at the end of the
    block or of the process, whichever is first. The path is for this process alone, has no suffix, and means nothing
    after the block.

    Where the system has no such thing (Windows, macOS), it is a hidden file, removed at the end of the block; a kill
    leaves it.

    Raises:
        OSError: the folder cannot be written to.
    """
    hidden = target.with_name(f".unsigned-{secrets.token_hex(6)}{target.suffix}")
    half, handle = _opened(hidden)
    try:
        _made_private(half)
        yield half
    finally:
        _forget(hidden, handle)


def _opened(hidden: Path) -> tuple[Path, int | None]:
    """A new file without a name, in the folder of `hidden`: a path to it, and what keeps it; else `hidden` itself."""
    if OPENED is not None:
        with contextlib.suppress(OSError):  # not every file system makes files without a name
            return _reopened(os.open(hidden.parent, os.O_RDWR | os.O_TMPFILE, 0o666))  # less what the umask takes
    handle = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    if OPENED is None:
        os.close(handle)
        return hidden, None
    try:
        found = _reopened(handle)
    except OSError:
        return hidden, None
    hidden.unlink()
    return found


def _reopened(handle: int) -> tuple[Path, int]:
    """The path by which an open file is opened again. Raises `OSError` where it cannot be."""
    assert OPENED is not None
    path = OPENED / str(handle)
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError:
        os.close(handle)
        raise
    return path, handle


def _made_private(half: Path) -> int:
    """Let nobody else read it; the permissions that it had."""
    usual = stat.S_IMODE(half.stat().st_mode)
    half.chmod(usual & 0o700)
    return usual


def _linked(half: Path, name: Path) -> bool:
    """Give a file without a name this one; False where it is taken, or the file system cannot."""
    try:
        os.link(half, name, src_dir_fd=0, follow_symlinks=True)  # links are followed only where a folder is given
    except OSError:
        return False
    return True


def _copied(half: Path, hidden: Path) -> None:
    """The same by a copy, which nothing plays before its end."""
    with half.open("rb") as given, hidden.open("xb") as copy:
        given.seek(FIRST)
        copy.seek(FIRST)
        shutil.copyfileobj(given, copy)
        given.seek(0)
        copy.seek(0)
        copy.write(given.read(FIRST))
        copy.flush()
        os.fsync(copy.fileno())
    hidden.chmod(stat.S_IMODE(half.stat().st_mode))


def _forget(hidden: Path, handle: int | None) -> None:
    if handle is not None:
        os.close(handle)
    hidden.unlink(missing_ok=True)
