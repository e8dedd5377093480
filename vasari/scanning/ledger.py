"""Answers as JSON lines in a file that grows, so that what was interrupted can be gone on with."""

import contextlib
import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from media.atomic import replacing
from media.errors import OutputError
from provenance.credentials.elsewhere import SUFFIX, beside
from vasari.scanning.deciding import Deciding, differing
from vasari.scanning.fetching import is_remote

try:
    import fcntl  # not on every system
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

STAMP = "seen"  # what a line adds to an answer: size and time of change of the file that was looked at
DECIDED = "decided_by"  # and what decided it besides that file


class Ledger:
    """JSON lines, one a file, each with the fields `file`, `decided_by` and, for local files, `seen`: [bytes,
    nanoseconds] of the file, then of each sidecar beside it.

    Opened again, it goes on: a last line that was cut off is dropped; an answer is `known` if its file has not changed
    since, no certificate that it rests on has expired, and it was decided by the same. Of a file that is asked about
    again the new answer takes the old one's place.

    Args:
        path: made where it is missing.
        deciding: what decides answers now (`scanning.deciding`).

    Raises:
        OutputError: it cannot be written, another process writes it, or it is something else.
    """

    def __init__(self, path: Path, deciding: Deciding | None = None) -> None:
        self.path = path
        self.deciding = dict(deciding or {})
        self.outdated = 0  # answers that were decided by something else
        self._known: dict[str, tuple[Any, int]] = {}
        self._twice = False  # lines that others take the place of
        others: Counter[str] = Counter()
        try:
            self._file = path.open("a+", encoding="utf-8")
            self._hold()
            self._file.seek(0)
            whole = 0
            for line in iter(self._file.readline, ""):
                if not line.endswith("\n"):
                    break
                row = json.loads(line)
                name, code, difference = row["file"], int(row["exit_code"]), self._difference(row)
                self._twice |= self._known.pop(name, None) is not None
                if difference:
                    others.update(difference)
                    self._known[name] = (None, -1)
                else:
                    self._known[name] = (row.get(STAMP), code)
                whole = self._file.tell()
            self._file.truncate(whole)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._file.close()
            raise OutputError(f"{path}: is no list of answers; give the name of a new file") from error
        self.outdated = sum(code == -1 for _, code in self._known.values())
        self.reasons = [name for name, _ in others.most_common()]

    def known(self, name: str) -> int | None:
        """The exit code of a file that has its answer; None for others, and where it may be another by now."""
        stamp, code = self._known.get(name, (None, -1))
        return code if code != -1 and stamp == _stamp(name) else None

    def add(self, row: Mapping[str, Any]) -> None:
        """One more answer; it is in the file when this returns."""
        name = str(row["file"])
        stamp = _stamp(name)
        line = {**row, **({STAMP: stamp} if stamp else {}), **({DECIDED: self.deciding} if self.deciding else {})}
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error
        self._twice |= name in self._known
        self._known[name] = (stamp, int(row["exit_code"]))

    def _difference(self, row: Mapping[str, Any]) -> list[str]:
        given = row.get(DECIDED)
        names = ["version"] if self.deciding and given is None else differing(given or {}, self.deciding)
        return names + ["a certificate that has expired"] * _ended(row)

    def _hold(self) -> None:
        """Two that write one list would lose each other's answers."""
        if fcntl is None:  # pragma: no cover
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise OutputError(f"{self.path}: is being written by another process; give another file") from error
        except OSError:  # file systems without locks
            return

    def _tidy(self) -> None:
        """Leave the last line of each file alone."""
        last: dict[str, int] = {}
        with self.path.open("rb") as file:
            for number, line in enumerate(file):
                last[json.loads(line)["file"]] = number
        keep = set(last.values())
        with replacing(self.path) as temporary, self.path.open("rb") as file, temporary.open("wb") as tidy:
            tidy.writelines(line for number, line in enumerate(file) if number in keep)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._twice and self.path.is_file():
            with contextlib.suppress(OSError, OutputError, ValueError, KeyError):  # then the old lines stay
                self._tidy()
        with contextlib.suppress(OSError):
            self._file.close()


def _stamp(name: str) -> list[int] | None:
    if is_remote(name):
        return None
    path = Path(name)
    places = dict.fromkeys([path, beside(path), path.with_suffix(SUFFIX)]) if path.name else [path]
    found: list[int] = []
    for place in places:
        try:
            known = os.stat(place)
        except OSError:
            if place == path:
                return None
            continue
        found += [known.st_size, known.st_mtime_ns]
    return found


def _ended(row: Mapping[str, Any]) -> bool:
    """Whether the trust that an answer of `verify` or `triage` tells of had its time."""
    until = row.get("provenance", row).get("credentials", {}).get("good_until", "")
    return bool(until) and dt.datetime.fromisoformat(until) < dt.datetime.now(dt.UTC)
