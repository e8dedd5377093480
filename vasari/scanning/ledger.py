"""Answers as JSON lines in a file that grows, so that what was interrupted can be gone on with."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from media.errors import OutputError
from vasari.scanning.fetching import is_remote

STAMP = "seen"  # what a line adds to an answer: size and time of change of the file that was looked at


class Ledger:
    """JSON lines, one a file, each with the field `file` and, for local files, `seen`: [bytes, nanoseconds].

    Opened again, it goes on: a last line that was cut off is dropped; files that have not changed since are `known`.

    Args:
        path: made where it is missing.

    Raises:
        OutputError: it cannot be written, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, tuple[Any, int]] = {}
        try:
            self._file = path.open("a+", encoding="utf-8")
            self._file.seek(0)
            whole = 0
            for line in iter(self._file.readline, ""):
                if not line.endswith("\n"):
                    break
                row = json.loads(line)
                self._known[row["file"]] = (row.get(STAMP), int(row["exit_code"]))
                whole = self._file.tell()
            self._file.truncate(whole)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutputError(f"{path}: is no list of answers; give the name of a new file") from error

    def known(self, name: str) -> int | None:
        """The exit code of a file that has its answer and has not changed since; None for others."""
        stamp, code = self._known.get(name, (None, None))
        return code if code is not None and stamp == _stamp(name) else None

    def add(self, row: Mapping[str, Any]) -> None:
        """One more answer; it is in the file when this returns."""
        stamp = _stamp(str(row["file"]))
        line = {**row, **({STAMP: stamp} if stamp else {})}
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def _stamp(name: str) -> list[int] | None:
    if is_remote(name):
        return None
    try:
        found = os.stat(name)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
