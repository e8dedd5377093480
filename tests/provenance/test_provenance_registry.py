"""The registry: what is written is found, by any number of writers, in registries of any age, on either database."""

import multiprocessing
import os
import secrets
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, create_mock_engine, insert, select, text, update
from sqlalchemy.dialects import postgresql

from media.errors import MissingExtraError, OutputError, UsageError
from provenance.permits import claims
from provenance.registry import ENVIRONMENT, FILE, Entry, Registry, open_registry, tables
from provenance.registry.migrations import STEPS
from provenance.registry.tokens import check_token, list_tokens, new_token, revoke_token

WRITERS, EACH = 6, 15


def entry(number: int, **fields: object) -> Entry:
    values = {
        "mark": f"{number:016x}",
        "sound_mark": f"{number:06x}",
        "manifest": f"urn:c2pa:{number}",
        "manifest_sha256": "1",
        "file_sha256": f"file {number}",
        "made": "2026-01-01T00:00:00+00:00",
        "kind": "video",
        "command": "generate",
        "portrait_sha256": "3",
        "nobody": 0,
    }
    return Entry(**{**values, **fields})


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """A place for an empty registry: a file, or a schema of its own in $VASARI_TEST_POSTGRES, the URL of a database."""
    if request.param == "sqlite":
        yield tmp_path / FILE
        return
    server = os.environ.get("VASARI_TEST_POSTGRES")
    if not server:
        pytest.skip("no server: set VASARI_TEST_POSTGRES to the URL of a PostgreSQL database that tests may write to")
    pytest.importorskip("psycopg")
    schema, engine = f"test_{secrets.token_hex(6)}", create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def registry(where):
    opened = Registry(where)
    yield opened
    opened.close()


def inside(registry, statement):
    """Do something that the registry itself would not."""
    with registry.writing() as connection:
        connection.execute(text(statement))


def test_all_of_an_output_is_found_again(registry):
    assert registry.by_mark("0" * 16) is None
    assert registry.path is None or not registry.path.exists()  # asking makes no file
    made = entry(1)
    registry.add(made, store=b"jumb", still=b"s", prints=b"prints")
    assert registry.by_mark(made.mark) == registry.by_file("file 1") == registry.by_manifest("urn:c2pa:1") == made
    assert registry.by_sound_mark("000001") == registry.of_kind("video") == [made]
    assert registry.manifest_store("urn:c2pa:1") == b"jumb"
    assert registry.by_binding(claims.PICTURE_ALGORITHM, made.mark) == ["urn:c2pa:1"]
    assert registry.by_binding(claims.SOUND_ALGORITHM, made.sound_mark) == ["urn:c2pa:1"]
    assert registry.by_binding("io.nobody", made.mark) == []
    assert registry.prints(made.mark) == b"prints"
    assert registry.stills() == [(made.mark, b"s")]


def test_a_mark_is_used_once_and_nothing_of_the_second_stays(registry):
    registry.add(entry(1))
    with pytest.raises(OutputError, match=r"UNIQUE|unique"):
        registry.add(entry(1, manifest="urn:c2pa:2"), store=b"jumb")
    assert registry.manifest_store("urn:c2pa:2") is None
    assert registry.by_mark(entry(1).mark).manifest == "urn:c2pa:1"


def test_live_outputs_are_settled(registry):
    registry.add(entry(1, manifest="", file_sha256="", kind="live"))
    assert registry.by_binding(claims.PICTURE_ALGORITHM, entry(1).mark) == []
    registry.settle(entry(1, kind="live"), store=b"jumb")
    assert registry.by_binding(claims.PICTURE_ALGORITHM, entry(1).mark) == ["urn:c2pa:1"]
    assert registry.of_kind("live") == [entry(1, kind="live")]


def test_manifests_of_others_are_never_overwritten(registry):
    registry.add(entry(1), store=b"ours")
    assert not registry.add_manifest("urn:c2pa:1", b"theirs", [], "them")
    assert registry.add_manifest("urn:c2pa:2", b"theirs", [("a.b", "v"), ("a.b", "v")], "them")
    assert registry.manifest_store("urn:c2pa:1") == b"ours"
    assert registry.by_binding("a.b", "v") == ["urn:c2pa:2"]
    assert not registry.remove_manifest("urn:c2pa:2", "somebody else")
    assert not registry.remove_manifest("urn:c2pa:1", "them")
    assert registry.remove_manifest("urn:c2pa:2", "them")
    assert registry.by_binding("a.b", "v") == []


def test_a_registry_from_before_revisions_keeps_its_outputs(where):
    names = [column.name for column in tables.OUTPUTS.columns]
    old, first = entry(7), Registry(where)
    types = {"nobody": "INTEGER NOT NULL", "mark": "TEXT PRIMARY KEY"}
    columns = ", ".join(f"{name} {types.get(name, 'TEXT NOT NULL')}" for name in names)
    with first._begin() as connection:  # as version 0.1.0 made it
        connection.execute(text(f"CREATE TABLE outputs ({columns})"))
        connection.execute(text("CREATE INDEX outputs_sound ON outputs (sound_mark)"))
        values = {name: getattr(old, name) for name in names}
        connection.execute(text(f"INSERT INTO outputs VALUES ({', '.join(f':{name}' for name in names)})"), values)
    first.close()
    registry = Registry(where)
    assert registry.by_mark(old.mark) == old
    assert registry.by_binding(claims.PICTURE_ALGORITHM, old.mark) == [old.manifest]
    assert registry.manifest_store(old.manifest) is None
    registry.add(entry(8), store=b"jumb")
    again = Registry(where)
    assert again.by_mark(old.mark) == old
    registry.close()
    again.close()


def test_a_registry_of_a_newer_vasari_is_left_alone(registry, where):
    registry.add(entry(1))
    inside(registry, f"INSERT INTO revisions VALUES ({len(STEPS) + 1})")
    newer = Registry(where)
    with pytest.raises(OutputError, match="newer vasari"):
        newer.add(entry(2))
    newer.close()


def test_damage_is_said_in_one_line(tmp_path):
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    for use in (lambda r: r.by_mark("0" * 16), lambda r: r.add(entry(1))):
        with pytest.raises(OutputError) as caught:
            use(Registry(tmp_path / FILE))
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)


def test_a_server_that_is_down_is_said_in_one_line():
    pytest.importorskip("psycopg")
    registry = Registry("postgresql+psycopg://somebody:secret@127.0.0.1:9/name")
    for use in (lambda: registry.by_mark("0" * 16), lambda: registry.add(entry(1))):
        with pytest.raises(OutputError) as caught:
            use()
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


def write(where: Path | str, writer: int) -> None:
    registry = Registry(where)
    for k in range(EACH):
        registry.add(entry(writer * 1000 + k), store=bytes(2000), still=b"s", prints=bytes(500))
    brought = [registry.add_manifest(f"urn:c2pa:shared {k}", b"x", [("a.b", f"{k}")], str(writer)) for k in range(EACH)]
    sys.exit(100 + sum(brought))


def test_writers_at_once_lose_nothing(where):
    """Processes that all find no registry, make one together, and write into it; of what several bring, one counts."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write, args=(where, k)) for k in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(120)
    assert sum(process.exitcode - 100 for process in writers) == EACH
    registry = Registry(where)
    expected = {entry(w * 1000 + k).mark for w in range(WRITERS) for k in range(EACH)}
    assert {found.mark for found in registry.of_kind("video")} == expected
    assert {mark for mark, _ in registry.stills()} == expected
    assert all(registry.manifest_store(found.manifest) for found in registry.of_kind("video"))
    assert all(len(registry.by_binding("a.b", f"{k}")) == 1 for k in range(EACH))
    registry.close()


def test_the_same_tables_and_statements_compile_for_postgresql():
    dialect, made = postgresql.dialect(), []
    engine = create_mock_engine("postgresql://", lambda sql, *_: made.append(str(sql.compile(dialect=dialect))))
    tables.METADATA.create_all(engine, checkfirst=False)
    ddl = "\n".join(made)
    assert "store BYTEA NOT NULL" in ddl
    assert {f"CREATE TABLE {name} " in ddl for name in tables.METADATA.tables} == {True}
    for table in tables.METADATA.sorted_tables:
        for statement in (select(table), insert(table), update(table).values({table.columns[0].name: "x"})):
            assert table.name in str(statement.compile(dialect=dialect))


def test_where_the_registry_is(tmp_path, monkeypatch):
    assert open_registry(tmp_path).path == tmp_path / FILE
    monkeypatch.setenv(ENVIRONMENT, f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    elsewhere = open_registry(tmp_path)
    elsewhere.add(entry(1))
    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not (tmp_path / FILE).exists()
    for url, error in (("nothing://x", UsageError), ("://", UsageError)):
        with pytest.raises(error) as caught:
            Registry(url)
        assert "\n" not in str(caught.value)
    try:
        shown = repr(Registry("postgresql+psycopg://user:secret@nowhere/name"))
    except MissingExtraError as error:
        shown = str(error)
        assert "vasari[postgres]" in shown
    assert "secret" not in shown


def test_tokens_are_kept_as_hashes_and_can_be_revoked(registry):
    secret = new_token(registry, "laptop", days=30)
    with registry.writing() as connection:
        assert secret not in str(connection.execute(select(tables.TOKENS)).all())
    assert check_token(registry, secret) == "laptop"
    assert (
        check_token(registry, secret + "x") is check_token(registry, "") is check_token(registry, "y" * 10**6) is None
    )
    for name, days in (("laptop", None), ("", None), ("../x", None), ("x" * 65, None), ("y", 0)):
        with pytest.raises(UsageError):
            new_token(registry, name, days=days)
    revoke_token(registry, "laptop")
    assert check_token(registry, secret) is None
    with pytest.raises(UsageError, match="no token"):
        revoke_token(registry, "laptop")
    assert [token.name for token in list_tokens(registry)] == ["laptop"]


def test_tokens_expire(registry, monkeypatch):
    secret = new_token(registry, "guest", days=1)
    monkeypatch.setattr("provenance.registry.tokens.now", lambda: "2999-01-01T00:00:00+00:00")
    assert check_token(registry, secret) is None
