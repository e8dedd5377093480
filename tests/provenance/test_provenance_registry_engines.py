"""One engine a database and process: opening a registry for every file opens no connections of its own."""

import multiprocessing
import threading

import pytest
from sqlalchemy import QueuePool, create_engine, event, text

from media.errors import UsageError
from provenance.registry import Entry, Registry, now, open_registry, store


def entry(mark: str) -> Entry:
    return Entry(mark, "", "", "", mark, now(), "picture", "data", "", 1)


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    """Engines that keep their connections, as those of a server do; how many were made."""
    made: list[int] = []

    def create(url, **_):
        engine = create_engine(url, poolclass=QueuePool)
        event.listen(engine, "connect", lambda *_: made.append(1))
        return engine

    monkeypatch.setattr(store, "create_engine", create)
    monkeypatch.setattr(store, "_ENGINES", {})
    return made


def test_however_often_it_is_opened_there_is_one_engine(tmp_path, pooled):
    for number in range(20):
        open_registry(tmp_path).add(entry(f"{number:016x}"))
    assert len(store._ENGINES) == 1
    assert len(pooled) == 1
    other = Registry(tmp_path / "other.sqlite")
    other.add(entry("a"))
    assert len(store._ENGINES) == 2
    with pytest.raises(UsageError):
        Registry("nonsense://")
    assert len(store._ENGINES) == 2


def test_of_threads_at_once_one_makes_it(tmp_path, pooled):
    gate, engines = threading.Barrier(16), set()

    def open_it():
        gate.wait()
        engines.add(id(Registry(tmp_path / "r.sqlite")._engine))

    threads = [threading.Thread(target=open_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engines) == 1


def _child(registry, queue):
    before = registry._engine.pool.checkedin()  # connections that it would have taken over
    with registry._engine.connect() as connection:
        found = connection.execute(text("select count(*) from outputs")).scalar()
    queue.put((before, found, registry.by_mark("a") is not None))


def test_a_forked_process_makes_connections_of_its_own(tmp_path, pooled):
    registry = Registry(tmp_path / "r.sqlite")
    registry.add(entry("a"))
    assert registry._engine.pool.checkedin() == 1
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(registry, queue))
    child.start()
    assert queue.get(timeout=30) == (0, 1, True)
    child.join()
    assert registry._engine.pool.checkedin() == 1  # the parent's is still its own
    registry.add(entry("b"))
    assert len(pooled) == 1


def test_let_go_of_it_works_again(tmp_path, pooled):
    one, other = Registry(tmp_path / "r.sqlite"), Registry(tmp_path / "r.sqlite")
    one.add(entry("a"))
    other.close()
    assert one.by_mark("a")
    assert len(pooled) == 2
