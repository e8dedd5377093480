"""The suites `renderer` and `speed`: what they compare, and that quick, full and missing data give the same names."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sitters import EXAMPLES, latent

from benchmarks.pictures import face_region, psnr
from benchmarks.renderer import clip, leak, likeness, smiles, truth
from benchmarks.renderer.judge import Judge, Tally
from benchmarks.renderer.suite import SUITE
from benchmarks.speed import peers, stages
from benchmarks.speed.probe import peak_mb
from benchmarks.suites import Given, run
from faces.actions import ACTION_INDEX
from generate import Renderer
from media.errors import UnreadableError


@pytest.fixture
def nothing_given(tmp_path: Path) -> Given:
    return Given(tmp_path, EXAMPLES / "portrait.png", EXAMPLES / "speech.wav", quick=True)


@pytest.mark.parametrize("given", ["london", "assets", "clip"])
def test_what_is_not_there_is_said_before_any_work(given: str, nothing_given: Given, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with pytest.raises(UnreadableError, match="nowhere"):
        run(SUITE, replace(nothing_given, folder=folder, **{given: tmp_path / "nowhere"}))
    assert not folder.exists()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="told by Linux alone")
def test_memory_of_a_process_is_its_own_and_not_that_of_who_started_it() -> None:
    held = np.ones(400 << 17)  # 400 MiB
    command = [sys.executable, "-c", "from benchmarks.speed.probe import peak_mb; print(peak_mb())"]
    told = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 10 < told < 350 < held.nbytes / 2**20 < peak_mb()


def test_psnr_counts_only_what_is_looked_at() -> None:
    a, b = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    b[:4] = 255
    inside = np.zeros((8, 8), bool)
    inside[6:] = True
    assert psnr(a, b, inside) > 70
    assert psnr(a, b, ~inside) == pytest.approx(10 * np.log10(6 / 4), abs=0.01)


def test_the_face_is_where_the_face_is() -> None:
    own = latent()
    points, depth = Renderer(own).geometry(own)
    face = face_region(points, depth, 512)
    x, y = own.pose.centre.round().astype(int)
    assert face[y : y + 40, x - 30 : x + 30].all()  # between the eyes and down the nose
    assert not face[:40].any()
    assert 0.03 < face.mean() < 0.4


@pytest.mark.parametrize("part", [smiles, truth, clip, likeness])
def test_what_was_not_measured_is_named_and_says_what_it_needs(part, nothing_given: Given) -> None:
    figures = part.measure(nothing_given, Judge())
    assert figures
    assert all(f.value is None and "needs --" in f.note for f in figures)
    names = [f.name for f in figures]
    assert len(set(names)) == len(names)
    wanted = {smiles: "smile_identity_copy", truth: "turn30_psnr_db_flow", clip: "clip_psnr_db"}
    assert wanted.get(part, "recogniser_auc_london") in names


def test_figures_have_the_same_names_with_and_without_data() -> None:
    tally = Tally()
    for kind in ("", "_flow", "_copy", "_same_head"):
        tally.add("smile_", kind, dict.fromkeys(smiles.NAMES, 1.0))
    figures = {f.name: f for f in tally.figures("note")}
    missing = {f.name: f for f in smiles.measure(Given(Path(), Path(), Path()), Judge())}
    assert set(figures) == set(missing)
    assert all(figures[name].unit == missing[name].unit for name in figures)
    assert all(figures[name].better == missing[name].better for name in figures)
    assert figures["smile_perceptual_flow"].better == "lower"
    assert "EfficientNet-Lite0" in figures["smile_perceptual"].note


def test_every_part_is_replaced_alone() -> None:
    own, other = latent(), latent(index=1)
    replaced = {part: [c.latent for c in leak.changes(own, other) if c.part == part] for part in leak.PARTS}
    assert all(replaced.values())
    for part, latents in replaced.items():
        for changed in latents:
            same = {
                "identity": changed.identity is own.identity,
                "pose": changed.pose is own.pose,
                "dynamics": np.array_equal(changed.actions, own.actions),
                "appearance": changed.appearance is own.appearance,
            }
            assert [name for name, kept in same.items() if not kept] == [part]


def test_leak_is_a_share_of_the_own_change() -> None:
    own = {"shape": 4.0, "who": 0.5, "pose": 10.0, "actions": 0.05}
    seen = {part: {what: [0.0] for what in leak.SEEN} for part in leak.PARTS}
    for what, part in leak.OWN.items():
        seen[part] = seen[part] | {what: [own[what], np.nan]}  # a face that was not found counts for nothing
    seen["pose"]["shape"] = [1.0, 3.0]
    matrix, owns = leak.matrix_of(seen)
    assert owns == own
    assert matrix["pose", "shape"] == pytest.approx(50)
    assert matrix["pose", "pose"] == pytest.approx(100)
    assert matrix["dynamics", "pose"] == 0


def test_nothing_changes_between_a_picture_and_itself() -> None:
    judge, picture = Judge(), latent().appearance.picture
    track = judge.track(picture)
    same = leak.difference(judge, (picture, track), (picture, track))
    assert all(abs(value) < 0.03 for value in same.values())
    assert all(np.isnan(v) for v in leak.difference(judge, (picture, track), (picture, None)).values())


def test_conditions_are_those_of_the_contract() -> None:
    names = {c.name: c for c in truth.CONDITIONS}
    assert {"turn0", "turn10", "turn20", "turn30", "mouth", "shut", "smile_wide"} <= set(names)
    assert {turn[0] for turn in names["turn30"].turns} == {30, -30}
    assert all(action in ACTION_INDEX for c in truth.CONDITIONS for action, _ in c.actions)


def test_peers_name_their_source() -> None:
    figures = peers.figures()
    assert len({f.name for f in figures}) == len(figures)
    assert all(f.note for f in figures)
    assert all(f.better == ("higher" if f.unit == "frames/s" else "lower") for f in figures)


def test_stages_are_timed_and_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stages, "SECONDS_QUICK", 0.4)
    given = Given(tmp_path, EXAMPLES / "portrait.png", EXAMPLES / "speech.wav", quick=True)
    figures = {f.name: f for f in stages.measure(given)}
    assert all(figures[f"stage_{name}_ms"].value <= figures[f"stage_{name}_ms_p95"].value for name in stages.STAGES)
    assert figures["render_ms"].value > figures["stage_geometry_ms"].value
    assert 0.5 < figures["gflop_frame"].value < 50
    assert 0.5 < figures["parameters_m"].value < 50
    assert figures["render_fps_512"].value > 0
