"""Write a file whole or not at all."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from media.errors import OutputError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it onto `path` when the block ends well, remove it when it does not.

    The temporary file keeps the suffix of `path`, so that encoders that look at names work. A file that is replaced
    keeps its permissions; a new one gets those that the folder's owner gives to new files (the process's umask).

    Raises:
        OutputError: the folder does not exist or cannot be written to, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder {target.parent} does not exist; make it first")
    temporary = target.with_name(f".{target.stem[:80]}-{secrets.token_hex(6)}{target.suffix}")
    try:
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))  # less what the umask takes
        usual = stat.S_IMODE(temporary.stat().st_mode)
        temporary.chmod(usual & 0o700)  # nobody else reads what is half written
    except OSError as error:
        raise OutputError(f"{target}: cannot write into {target.parent} ({error.strerror})") from error
    try:
        yield temporary
        with contextlib.suppress(FileNotFoundError):
            usual = stat.S_IMODE(target.stat().st_mode)
        temporary.chmod(usual)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"{target}: could not be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)
