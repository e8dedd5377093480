"""How a registry of any age becomes one of today, keeping what is in it.

Revision n is the function at place n - 1 of `STEPS`. A step that was released is never changed; the next need gets the
next step. Registries made before there were revisions hold the table `outputs` alone and count as revision 0.
"""

from collections.abc import Callable

from sqlalchemy import Connection, Table, func, insert, inspect, literal, select, text

from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.registry import tables as t

LOCK = 0x7661736172690001  # of PostgreSQL's advisory locks: one migration at a time


def revision(connection: Connection) -> int:
    """The newest step that was run; 0 for a registry that is empty or from before there were revisions."""
    if not inspect(connection).has_table(t.REVISIONS.name):
        return 0
    return int(connection.scalar(select(func.max(t.REVISIONS.c.number))) or 0)


def migrate(connection: Connection) -> None:
    """Run the steps that are missing, inside the caller's transaction, which must hold a write lock on SQLite."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    t.REVISIONS.create(connection, checkfirst=True)
    for number in range(revision(connection) + 1, len(STEPS) + 1):
        STEPS[number - 1](connection)
        connection.execute(insert(t.REVISIONS).values(number=number))


def _outputs(connection: Connection) -> None:
    """What version 0.1.0 made without revisions."""
    _create(connection, t.OUTPUTS)


def _recovery(connection: Connection) -> None:
    """Manifests, bindings, perceptual hashes, tokens. Outputs known so far keep their names by their marks."""
    for table in (t.MANIFESTS, t.BINDINGS, t.PRINTS, t.TOKENS):
        _create(connection, table)
    for index in t.OUTPUTS.indexes:
        index.create(connection, checkfirst=True)
    for algorithm, column in ((PICTURE_ALGORITHM, t.OUTPUTS.c.mark), (SOUND_ALGORITHM, t.OUTPUTS.c.sound_mark)):
        known = select(literal(algorithm), column, t.OUTPUTS.c.manifest).where(t.OUTPUTS.c.manifest != "", column != "")
        connection.execute(insert(t.BINDINGS).from_select(["alg", "value", "label"], known))


def _bound_tokens(connection: Connection) -> None:
    """Roots below which the holder of a token signs. Tokens known so far are bound to the service's own maker."""
    columns = {column["name"] for column in inspect(connection).get_columns(t.TOKENS.name)}
    if t.TOKENS.c.anchors.name not in columns:  # made in this run, as of today
        connection.execute(text("ALTER TABLE tokens ADD COLUMN anchors VARCHAR NOT NULL DEFAULT ''"))


def _create(connection: Connection, table: Table) -> None:
    table.create(connection, checkfirst=True)


STEPS: tuple[Callable[[Connection], None], ...] = (_outputs, _recovery, _bound_tokens)
