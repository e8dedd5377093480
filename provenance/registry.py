"""Which mark belongs to which output: a local SQLite file beside the keys.

It is what turns a mark that survived into a name after the credentials were stripped, offline. It holds hashes, not
people.
"""

import datetime as dt
import os
import sqlite3
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from media.errors import OutputError

FILE = "registry.sqlite"


@dataclass(frozen=True)
class Entry:
    """One output."""

    mark: str  # the 64-bit message, 16 hexadecimal digits
    sound_mark: str  # the 24 bits that its sound carries, 6 hexadecimal digits, "" without sound
    manifest: str  # label of its C2PA manifest, urn:c2pa:...; "" for a live output that was never closed
    manifest_sha256: str  # of the manifest store's bytes; "" as above
    file_sha256: str  # of the finished file; "" as above
    made: str  # ISO 8601, UTC
    kind: str  # "video", "picture", or "live": a video that was also sent while it was made
    command: str  # what made it
    portrait_sha256: str
    nobody: int  # 1: it shows a person who does not exist


COLUMNS = ", ".join(field.name for field in fields(Entry))


class Registry:
    """The registry in one file; made on first writing."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def add(self, entry: Entry) -> None:
        """Add an output. Raises `OutputError` when the registry cannot be written."""
        marks = ", ".join("?" * len(fields(Entry)))
        self._change(f"INSERT INTO outputs ({COLUMNS}) VALUES ({marks})", astuple(entry))

    def settle(self, entry: Entry) -> None:
        """Replace what was said of an output when it began by what is so at its end."""
        names = [field.name for field in fields(Entry)]
        values = ", ".join(f"{name} = ?" for name in names)
        self._change(f"UPDATE outputs SET {values} WHERE mark = ?", (*astuple(entry), entry.mark))

    def remove(self, mark: str) -> None:
        """Forget an output that was never finished."""
        self._change("DELETE FROM outputs WHERE mark = ?", (mark,))

    def _change(self, statement: str, values: tuple[object, ...]) -> None:
        connection = self._connect()
        try:
            with connection:
                connection.execute(statement, values)
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: the registry of marks cannot be written ({error})") from error
        finally:
            connection.close()

    def by_mark(self, mark: str) -> Entry | None:
        """The output with this message in its pictures."""
        return next(iter(self._select("mark = ?", mark)), None)

    def by_sound_mark(self, sound_mark: str) -> list[Entry]:
        """The outputs with this message in their sound, newest first. 24 bits may be shared, if rarely."""
        return self._select("sound_mark = ?", sound_mark)

    def by_file(self, sha256: str) -> Entry | None:
        """The output that is this file, byte by byte."""
        return next(iter(self._select("file_sha256 = ?", sha256)), None)

    def _select(self, where: str, value: str) -> list[Entry]:
        if not self.path.is_file():
            return []
        connection = self._connect()
        try:
            rows = connection.execute(f"SELECT {COLUMNS} FROM outputs WHERE {where} ORDER BY made DESC", (value,))
            return [Entry(*row) for row in rows]
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: the registry of marks is damaged ({error})") from error
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        types = {"nobody": "INTEGER NOT NULL", "mark": "TEXT PRIMARY KEY"}
        columns = ", ".join(f"{f.name} {types.get(f.name, 'TEXT NOT NULL')}" for f in fields(Entry))
        try:
            connection = sqlite3.connect(self.path, timeout=30.0)
            connection.execute(f"CREATE TABLE IF NOT EXISTS outputs ({columns})")
            connection.execute("CREATE INDEX IF NOT EXISTS outputs_sound ON outputs (sound_mark)")
            connection.commit()
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: the registry of marks cannot be opened ({error})") from error
        return connection


def now() -> str:
    """The time as entries carry it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
