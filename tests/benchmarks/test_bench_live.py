"""The figures about live credentials, on toy streams."""

from types import SimpleNamespace

import pytest
from streams import sent

from benchmarks.attacks import streams, suite
from benchmarks.credentials import live
from provenance import Keys


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("maker")
    return SimpleNamespace(folder=folder, keys=Keys.open(folder / "keys"))


@pytest.fixture(scope="module")
def pair(made: SimpleNamespace) -> tuple[list[bytes], list[bytes]]:
    return sent(made.keys), sent(made.keys, 1)


def test_segments_are_valid_and_attacks_are_caught(made, pair) -> None:
    pytest.importorskip("encypher_c2pa")
    valid, caught = live._valid(made, *pair), live._caught(made, *pair)
    assert (valid.value, valid.n) == (100, sum(len(parts) - 1 for parts in pair))
    assert (caught.value, caught.n) == (100, len(streams.ATTACKS)), caught.note
    broken = [pair[0][0], pair[0][1][:-9] + bytes(9), *pair[0][2:]]
    assert live._valid(made, broken).value == 0


def test_what_is_not_caught_is_named(made, pair, monkeypatch) -> None:
    wrong = streams.StreamAttack("nothing", lambda s: b"".join(s.one), 4, "x")
    monkeypatch.setattr(live, "ATTACKS", (wrong, streams.ATTACKS[0]))
    caught = live._caught(made, *pair)
    assert caught.value == 50
    assert caught.note.endswith("not nothing")


def test_what_it_costs_is_a_share_of_a_frame(made, pair) -> None:
    cost = live._cost(made, pair[0])
    assert cost.value > 0
    assert cost.n == 1500


def test_a_stream_has_a_line_in_the_table(made, pair) -> None:
    scene = SimpleNamespace(made=made)
    given = streams.streams(*pair, made.keys, Keys.open(made.folder / "stranger"))
    lines = {attack.name: suite._watched(attack, given, scene) for attack in streams.ATTACKS[:5]}
    assert all(line.right for line in lines.values())
    assert lines["live_cut"].cells["exit code"] == "4"
    assert lines["live_untouched"].cells["trust"] == "trusted"
