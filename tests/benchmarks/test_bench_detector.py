"""What the detector's benchmark does to clips, and what learning one kind of fake teaches of the others."""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.detector import plots
from benchmarks.detector import transfer as between
from benchmarks.detector.alterations import SEVERITIES, alterations
from benchmarks.detector.measures import Scored
from benchmarks.detector.suite import Judged, altered_alarms, said
from benchmarks.detector.transfer import transfer
from lab.labelled import Item
from lab.labelled.crops import Shelf

RNG = np.random.default_rng(0)


def scene(side: int = 96) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side
    smooth = np.stack([200 * x, 120 + 80 * np.sin(9 * y), 60 + 100 * x * y], -1)
    return np.clip(smooth + RNG.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("family", SEVERITIES)
def test_every_level_of_a_perturbation_does_more_than_the_one_before(family):
    frames = [scene()] * 2
    rows = [row for row in alterations(quick=False) if row.family == family]
    changed = []
    for row in rows:
        out = row.change([f.copy() for f in frames])
        assert [f.shape for f in out] == [f.shape for f in frames]
        assert all(f.dtype == np.uint8 for f in out)
        changed.append(float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(out, frames, strict=True)])))
    assert [row.level for row in rows] == [1, 2, 3, 4, 5]
    assert changed[0] > 0
    assert all(b >= 0.9 * a for a, b in pairwise(changed))
    assert changed[-1] > changed[0]


def test_quick_rows_are_among_all_rows_and_names_are_told_apart():
    every, quick = ([row.name for row in alterations(quick=q)] for q in (False, True))
    assert set(quick) < set(every)
    assert len(set(every)) == len(every)
    assert {"crf23", "crf35", "messenger", "blur_3"} <= set(quick)


def judged(label: str, verdict: str) -> Judged:
    item = Item(file="a.mp4", label=label, kind="real" if label == "real" else "talk", split="test")
    return Judged(item, 0.0, verdict)


def test_false_alarms_on_altered_clips_are_of_reals_alone():
    quiet, loud, shy = (judged("real", v) for v in ("nothing_found", "synthetic", "cannot_tell"))
    fake = judged("fake", "synthetic")
    figure = altered_alarms([[loud, quiet, shy, shy], [quiet, None, loud, loud], [fake] * 4, [None] * 4])
    assert figure.value == pytest.approx((1 / 4 + 2 / 3) / 2)
    assert figure.n == 2
    assert altered_alarms([[fake]]).value is None
    assert said([quiet, loud, shy, fake]) == "called made: 1 of 3 reals and 1 of 1 fakes; 1 not told"


def test_chains_keep_every_frame():
    frames = [scene(), scene(), scene()]
    for row in alterations(quick=True):
        if row.family in ("chain", "size"):
            assert len(row.change(frames)) == 3


def shelves(kinds: dict[str, float], split: str, tmp_path, count: int = 12):
    rows = []
    for kind, level in kinds.items():
        for k in range(count):
            label = "real" if kind == "real" else "fake"
            item = Item(file=f"{split}_{kind}_{k}.mp4", label=label, kind=kind, split=split)
            rows.append((item, Shelf(tmp_path / f"{level}", 1)))
    return rows


def test_a_kind_is_known_by_who_learned_it_and_by_who_learned_its_like(tmp_path, monkeypatch):
    class Eyes:
        def features(self, shelf: Shelf) -> np.ndarray:
            kind = float(shelf.path.name)
            return np.array([kind > 0, kind == 3, 0.0]) + 0.3 * RNG.standard_normal(3)

    monkeypatch.setattr(between, "Backbone", Eyes)
    train = shelves({"real": 0, "flow": 1, "mouth": 2}, "train", tmp_path)
    test = shelves({"real": 0, "flow": 1, "mouth": 2, "odd": -1}, "test", tmp_path)
    rows, columns, table = transfer(train, test)
    assert (rows, columns) == (["flow", "mouth"], ["flow", "mouth", "odd"])
    assert (table[:, :2] > 0.9).all()  # both show the same thing
    assert (np.abs(table[:, 2] - 0.5) < 0.35).all()  # this one shows nothing
    assert np.isnan(transfer(shelves({"flow": 1}, "train", tmp_path), test)[2]).all()


def test_plots_are_drawn_from_what_was_said():
    made = np.arange(40) % 4 > 0
    scored = Scored(
        np.where(made, 1.0, -1.0) + RNG.normal(0, 1, 40), made, np.arange(40).astype(str), np.array(["talk"] * 40)
    )
    for drawn in (
        plots.roc({"all": scored}),
        plots.reliability(scored),
        plots.families({"blur": {1: 0.9, 5: 0.6}}, 0.95),
        plots.matrix(["flow"], ["flow", "talk"], np.array([[0.9, np.nan]])),
    ):
        drawn.canvas.draw()
        assert np.asarray(drawn.canvas.buffer_rgba())[..., :3].std() > 5
