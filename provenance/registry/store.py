"""The registry itself: a SQLite file beside the keys, or any database that a URL names."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    NullPool,
    case,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from media.errors import MissingExtraError, OutputError, UsageError
from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.registry import tables as t
from provenance.registry.entries import ENVIRONMENT, FILE, Entry, now
from provenance.registry.migrations import STEPS, migrate, revision

PATIENCE = 30.0  # seconds to wait while others write
NAMES = tuple(field.name for field in fields(Entry))


class Registry:
    """Which mark belongs to which output, and what can be recovered of it. Made or brought up to date on first use.

    Any number of processes may write at once: every change is one transaction, and who finds the database busy waits.
    All registries of one place share their connections, within a process.

    Args:
        where: path of a SQLite file, or a database URL ("postgresql+psycopg://user@host/name").

    Raises:
        UsageError: a URL that names no database.
        MissingExtraError: the driver of that database is not installed.
    """

    def __init__(self, where: str | os.PathLike[str]) -> None:
        self.where = str(where)  # as it was given; a URL may hold a password
        self.path: Path | None = None if "://" in self.where else Path(where)
        self._engine: Engine = _engine(self.where if self.path is None else f"sqlite:///{self.path.absolute()}")
        self._ready = False

    def __repr__(self) -> str:
        return f"Registry({self.name!r})"

    @property
    def name(self) -> str:
        """For messages: the path, or the URL without its password."""
        return str(self.path) if self.path else self._engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Let go of connections, those of other registries of this place too; the next use makes new ones."""
        self._engine.dispose()

    def add(self, entry: Entry, *, store: bytes = b"", still: bytes = b"", prints: bytes = b"") -> None:
        """Add an output.

        Args:
            store: its C2PA manifest store, to be found again when it was stripped.
            still, prints: its perceptual hashes, as `provenance.marks.fingerprint` makes them.

        Raises:
            OutputError: the registry cannot be written, or has this mark already.
        """
        with self.writing() as connection:
            connection.execute(insert(t.OUTPUTS).values(asdict(entry)))
            _attach(connection, entry, store, still, prints)

    def settle(self, entry: Entry, *, store: bytes = b"", still: bytes = b"", prints: bytes = b"") -> None:
        """Replace what was said of an output when it began by what is so at its end. Arguments as of `add`."""
        with self.writing() as connection:
            connection.execute(update(t.OUTPUTS).where(t.OUTPUTS.c.mark == entry.mark).values(asdict(entry)))
            _attach(connection, entry, store, still, prints)

    def remove(self, mark: str) -> None:
        """Forget an output that was never finished."""
        with self.writing() as connection:
            connection.execute(delete(t.PRINTS).where(t.PRINTS.c.mark == mark))
            connection.execute(delete(t.OUTPUTS).where(t.OUTPUTS.c.mark == mark))

    def add_manifest(self, label: str, store: bytes, bindings: Iterable[tuple[str, str]], source: str) -> bool:
        """Keep a manifest that somebody else brought, found by `bindings` of (algorithm, value).

        Returns: False when the label is known already: nothing is ever overwritten.
        """
        with self.writing() as connection:
            row = {"label": label, "store": store, "added": now(), "source": source}
            try:
                with connection.begin_nested():  # of two who bring it at once, one is second
                    connection.execute(insert(t.MANIFESTS).values(row))
            except IntegrityError:
                return False
            _bind(connection, label, bindings)
            return True

    def remove_manifest(self, label: str, source: str) -> bool:
        """Forget a manifest that `source` brought, and its bindings. Returns whether there was one."""
        with self.writing() as connection:
            mine = (t.MANIFESTS.c.label == label) & (t.MANIFESTS.c.source == source)
            if not connection.execute(delete(t.MANIFESTS).where(mine)).rowcount:
                return False
            connection.execute(delete(t.BINDINGS).where(t.BINDINGS.c.label == label))
            return True

    def by_mark(self, mark: str) -> Entry | None:
        """The output with this message in its pictures."""
        return next(iter(self._entries(t.OUTPUTS.c.mark == mark)), None)

    def by_sound_mark(self, sound_mark: str) -> list[Entry]:
        """The outputs with this message in their sound, newest first. 24 bits may be shared, if rarely."""
        return self._entries(t.OUTPUTS.c.sound_mark == sound_mark)

    def by_file(self, sha256: str) -> Entry | None:
        """The output that is this file, byte by byte."""
        return next(iter(self._entries(t.OUTPUTS.c.file_sha256 == sha256)), None)

    def by_manifest(self, label: str) -> Entry | None:
        """The output with this C2PA manifest."""
        return next(iter(self._entries(t.OUTPUTS.c.manifest == label)), None)

    def knows_own(self) -> bool:
        """Whether anything was made here, beside what was marked for others."""
        return bool(self.rows(select(t.OUTPUTS.c.mark).where(t.OUTPUTS.c.portrait_sha256 != "").limit(1)))

    def of_kind(self, kind: str) -> list[Entry]:
        """All outputs of a kind, newest first."""
        return self._entries(t.OUTPUTS.c.kind == kind)

    def by_binding(self, alg: str, value: str, limit: int = 10) -> list[str]:
        """Labels of the manifests that this soft binding names, those of outputs first, then as they were brought."""
        brought = func.coalesce(t.MANIFESTS.c.source, "") != ""
        query = (
            select(t.BINDINGS.c.label)
            .outerjoin(t.MANIFESTS, t.MANIFESTS.c.label == t.BINDINGS.c.label)
            .where(t.BINDINGS.c.alg == alg, t.BINDINGS.c.value == value)
            .order_by(case((brought, 1), else_=0), t.MANIFESTS.c.added, t.BINDINGS.c.label)
            .limit(limit)
        )
        return [row.label for row in self.rows(query)]

    def manifest_store(self, label: str) -> bytes | None:
        """The C2PA manifest store whose active manifest has this label, None where none was kept."""
        found = self.rows(select(t.MANIFESTS.c.store).where(t.MANIFESTS.c.label == label))
        return bytes(found[0].store) if found else None

    def prints(self, mark: str) -> bytes | None:
        """The perceptual hashes of an output, None where none were kept."""
        found = self.rows(select(t.PRINTS.c.data).where(t.PRINTS.c.mark == mark))
        return bytes(found[0].data) if found else None

    def stills(self) -> list[tuple[str, bytes]]:
        """(mark, short picture hash) of every output that has one."""
        return [(row.mark, bytes(row.still)) for row in self.rows(select(t.PRINTS.c.mark, t.PRINTS.c.still))]

    def _entries(self, condition: ColumnElement[bool]) -> list[Entry]:
        query = select(*(t.OUTPUTS.c[name] for name in NAMES)).where(condition).order_by(t.OUTPUTS.c.made.desc())
        return [Entry(*row) for row in self.rows(query)]

    def rows(self, query: Any) -> Sequence[Any]:
        """What a query finds; nothing in a registry that was never written.

        Raises:
            OutputError: the registry is damaged or cannot be reached.
        """
        if self.path is not None and not self.path.is_file():
            return []
        with self._plainly("is damaged or cannot be read"):
            self._prepare()
            with self._engine.connect() as connection:
                return connection.execute(query).all()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction. Raises `OutputError` when the registry cannot be written; then nothing of it was."""
        with self._plainly("cannot be written"):
            self._prepare()
            with self._begin() as connection:
                yield connection

    def _prepare(self) -> None:
        """Bring the tables up to date, once for each process."""
        if self._ready:
            return
        with self._engine.connect() as connection:
            found = revision(connection)
        if found > len(STEPS):
            raise OutputError(f"{self.name}: the registry was made by a newer vasari (revision {found}); upgrade")
        if found < len(STEPS):
            with self._begin() as connection:
                migrate(connection)
        self._ready = True

    @contextlib.contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":  # lock first: two that read and then write would block each other
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextlib.contextmanager
    def _plainly(self, what: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
            raise OutputError(f"{self.name}: the registry of marks {what} ({cause[0]})") from error


def open_registry(folder: str | os.PathLike[str]) -> Registry:
    """The registry of a maker whose keys are in `folder`: `$VASARI_REGISTRY` if set, else the file beside the keys."""
    return Registry(os.environ.get(ENVIRONMENT) or Path(folder) / FILE)


def _attach(connection: Connection, entry: Entry, store: bytes, still: bytes, prints: bytes) -> None:
    """Manifest, bindings and hashes of an output."""
    if store and entry.manifest:
        row = {"label": entry.manifest, "store": store, "added": now(), "source": ""}
        connection.execute(insert(t.MANIFESTS).values(row))
    if entry.manifest:
        pictured = entry.mark if entry.kind != "sound" else ""
        values = [(PICTURE_ALGORITHM, pictured), (SOUND_ALGORITHM, entry.sound_mark)]
        _bind(connection, entry.manifest, [(alg, value) for alg, value in values if value])
    if prints:
        connection.execute(insert(t.PRINTS).values({"mark": entry.mark, "still": still, "data": prints}))


def _bind(connection: Connection, label: str, bindings: Iterable[tuple[str, str]]) -> None:
    for alg, value in sorted(set(bindings)):
        connection.execute(insert(t.BINDINGS).values({"alg": alg, "value": value, "label": label}))


_ENGINES: dict[str, Engine] = {}  # one a URL and process, however often a registry is opened
_MAKING = threading.Lock()


def _engine(url: str) -> Engine:
    with _MAKING:
        if url not in _ENGINES:
            _ENGINES[url] = _made(url)
        return _ENGINES[url]


def _after_fork() -> None:
    """A child shares no connection with its parent: it makes its own, and does not close those."""
    global _MAKING
    _MAKING = threading.Lock()  # whoever held it is not in this process
    for engine in _ENGINES.values():
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _made(url: str) -> Engine:
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite"):
        options = {"poolclass": NullPool, "connect_args": {"timeout": PATIENCE}}
    try:
        engine = create_engine(url, **options)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed; run: pip install 'vasari[postgres]'") from error
    except (ArgumentError, SQLAlchemyError, ValueError) as error:
        scheme = url.split("://")[0]
        raise UsageError(f"{scheme}://...: names no database; write postgresql+psycopg://USER@HOST/NAME") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _plain_transactions)
    return engine


def _plain_transactions(connection: Any, _: Any) -> None:
    """Leave BEGIN to us: the driver's own habits differ by version of Python."""
    connection.isolation_level = None
