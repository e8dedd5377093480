"""The suites about credentials and attacks, on small drawn clips."""

from pathlib import Path

import numpy as np
import pytest
from making import clip, voice
from permits import permit
from searching import little_search  # noqa: F401

from benchmarks.attacks import suite as attacks
from benchmarks.attacks.rows import ROWS, Scene
from benchmarks.credentials import conformance, recovery, tampered
from benchmarks.outputs import Maker
from benchmarks.tampering import covered, flipped, remuxed
from media import probe
from provenance import Keys

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder = tmp_path_factory.mktemp("maker")
    keys = Keys.open(folder / "keys")
    clips = [(clip(seed, frames=50), voice(2.0, seed)) for seed in (1, 2)]
    return Maker(folder, keys, permit(keys), clips)


def test_every_kind_of_output_conforms_and_a_second_validator_agrees(made: Maker) -> None:
    pytest.importorskip("encypher_c2pa")
    figures = {figure.name: figure for figure in conformance.measure(made, True)}
    assert figures["rubric_passed"].value == figures["rubric_total"].value == 31
    assert figures["rubric_passed"].n == 11
    assert figures["integrity_passed"].value == figures["integrity_total"].value == 6, figures["integrity_passed"].note
    assert figures["second_validator_agrees"].value == 100, figures["second_validator_agrees"].note
    assert figures["second_validator_agrees"].n == 22


def test_tampering_is_caught(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tampered, "FLIPS_QUICK", 3)
    (caught,) = tampered.measure(made, True)
    assert (caught.value, caught.n) == (100, 76), caught.note


def test_recovery_counts_what_is_found(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "WAYS", {"remux": remuxed, "gone": lambda source, target: noise(target)})
    values = {figure.name: figure.value for figure in recovery.measure(made, True)}
    assert values == {"recovered_pct": 50, "recovered_remux_pct": 100, "recovered_gone_pct": 0}


def noise(target: Path) -> Path:
    from benchmarks.tampering import write

    frames = np.random.default_rng(0).integers(0, 256, (30, 128, 128, 3), np.uint8)
    return write(target, list(frames), None)


def test_the_table_tells_right_from_wrong(made: Maker) -> None:
    scene, rows = Scene(made), {row.name: row for row in ROWS}
    lines = {
        name: attacks._line(rows[name], scene)
        for name in ("untouched", "untouched_asked_by_a_stranger", "bit_flipped", "sound_of_another_output",
                     "others_marked", "others_marked_and_coded", "signed_again_by_a_stranger",
                     "signed_by_a_namesake_for_the_public")
    }  # fmt: skip
    assert [name for name, line in lines.items() if not line.right] == []
    assert lines["bit_flipped"].cells["integrity"] == "invalid"
    wrong = attacks._line(attacks.Row("wrong", lambda s: s.one, (3,), ()), scene)
    assert not wrong.right
    attacks._draw([*lines.values(), wrong], made.folder / "table.png")
    assert probe(made.folder / "table.png").width > 600


def test_flips_hit_what_is_covered(made: Maker) -> None:
    path = made.video("flips.mp4")
    whole = path.read_bytes()
    spans = covered(path)
    for place in (0.0, 0.3, 0.999):
        changed = flipped(path, path.with_stem("other"), place).read_bytes()
        where = [at for at, (a, b) in enumerate(zip(whole, changed, strict=True)) if a != b]
        assert len(where) == 1
        assert any(start <= where[0] < end for start, end in spans)
