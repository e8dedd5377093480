"""Runs the detector over a labelled set's test split and gathers figures."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.detector import measures, plots
from benchmarks.detector.alterations import alterations
from benchmarks.detector.baselines import SpectrumMachine
from benchmarks.detector.judging import Said, said_of, said_of_people
from benchmarks.detector.judging import detector as shipped
from benchmarks.detector.measures import Scored, figure
from benchmarks.detector.transfer import transfer
from benchmarks.figures import Figure, mean_figure
from benchmarks.plots import save_plot
from benchmarks.suites import Given, Parts, Suite
from detect.detector import Detector
from lab.fakes.kinds import UNSEEN
from lab.labelled import open_set
from lab.labelled.crops import Shelf, cut_all
from lab.labelled.manifest import REAL, SOUND_KINDS, ClipSet, Item, check_splits
from media import VideoReader
from media.errors import UnreadableError
from media.processes import each

# How many clips at most: judged, altered, learned by the baseline, timed.
QUICK = {"clips": 36, "altered": 6, "learned": 16, "timed": 4}
FULL = {"clips": 100_000, "altered": 40, "learned": 400, "timed": 16}
ALTERED_FRAMES = 26  # of each clip that is altered
GOALS = {"auc": 0.95, "tpr_fpr1": 0.95, "auc_unseen_kind": 0.95, "auc_drop_crf35": 0.03, "ece": 0.03}


@dataclass(frozen=True)
class Judged:
    """One clip and what was said of it."""

    item: Item
    logit: float
    verdict: str  # at the detector's operating point

    @property
    def told(self) -> bool:
        """Not abstained from."""
        return self.verdict != "cannot_tell"

    @property
    def alarmed(self) -> bool:
        return self.verdict == "synthetic"


def parts(given: Given) -> Parts:
    """Raises `UnreadableError` where the labelled set is none, before any work."""
    assert given.fakes is not None
    clips, detector, limits = open_set(given.fakes), Detector.load(), QUICK if given.quick else FULL
    check_splits(clips.items)
    items = chosen(clips.of("test"), limits["clips"])
    tasks = [(item, clips.path(item)) for item in items]
    judged: list[Judged] = []

    def judge() -> list[Figure]:
        judged.extend(j for j in each(_judge, tasks, given.workers) if j is not None)
        _drawn(judged, given.folder)
        return _main(judged, len(items))

    yield "test clips", judge
    yield "speed", lambda: [_speed(detector, [path for _, path in tasks], limits["timed"])]
    yield "alterations", lambda: _altered(clips, judged, limits, given)
    yield "baselines", lambda: _baselines(clips, judged, given, limits["learned"])
    yield "transfer between kinds", lambda: _transfer(clips, judged, given, limits["learned"])
    if given.real is not None:
        yield "camera videos", partial(_camera, detector, given.real)


def chosen(items: list[Item], most: int) -> list[Item]:
    """At most `most` items, whole sittings, the same ones every time."""
    by_sitting: dict[str, list[Item]] = {}
    for item in items:
        by_sitting.setdefault(item.sitting or item.file, []).append(item)
    found: list[Item] = []
    for sitting in by_sitting.values():
        if found and len(found) + len(sitting) > most:
            break
        found += sitting
    return found


def _judge(task: tuple[Item, Path]) -> Judged | None:
    """What is said of the person of whom most is seen; None where nobody is."""
    item, path = task
    return _judged(item, said_of(path))


def _judged(item: Item, said: Said) -> Judged | None:
    return None if said.logit is None else Judged(item, said.logit, said.verdict)


def scored(judged: list[Judged], values: np.ndarray | None = None) -> Scored:
    """Of clips, by the fused logit or by other values (N,)."""
    logits = np.array([j.logit for j in judged]) if values is None else values
    return Scored(
        logits,
        np.array([j.item.is_fake for j in judged]),
        np.array([j.item.person or j.item.file for j in judged]),
        np.array([j.item.kind for j in judged]),
    )


def _main(judged: list[Judged], count: int) -> list[Figure]:
    """In all, by kind, by slice."""
    every = scored(judged)
    pictured = every.only(~np.isin(every.kinds, list(SOUND_KINDS)))
    seen = pictured.only(~np.isin(pictured.kinds, list(UNSEEN)))
    clips = f"{int((~seen.made).sum())} real and {int(seen.made.sum())} fake clips of people never seen"
    figures = [
        figure("auc", measures.auc, seen, goal=GOALS["auc"], note=f"{clips}; kinds trained on"),
        figure("partial_auc", measures.partial_auc, seen, note="up to 10% false alarms, chance is 0.5"),
        figure("average_precision", measures.average_precision, seen, note="even odds"),
        figure("eer", measures.equal_error, seen, better="lower"),
        figure("ece", measures.calibration_error, seen, goal=GOALS["ece"], better="lower", note="even odds"),
        figure("brier", measures.brier, seen, better="lower", note="even odds"),
        figure(
            "auc_unseen_kind", measures.auc, pictured.of_kinds(*UNSEEN), goal=GOALS["auc_unseen_kind"],
            note=f"{', '.join(sorted(UNSEEN))}: never trained or calibrated on",
        ),
    ]  # fmt: skip
    for kind in sorted(set(every.kinds) - {REAL}):
        figures.append(
            figure(f"auc_{kind}", measures.auc, every.of_kinds(kind), note=f"{(every.kinds == kind).sum()} clips")
        )
    for source in sorted({j.item.source for j in judged}):
        rows = np.array([j.item.source == source for j in judged])
        part = every.only(rows & ~np.isin(every.kinds, [*SOUND_KINDS, *UNSEEN]))
        figures.append(figure(f"auc_{source}", measures.auc, part, note=f"{rows.sum()} clips"))
    for name, made, goal, better in (
        ("tpr_fpr1", True, GOALS["tpr_fpr1"], "higher"),
        ("fpr_at_fpr1", False, 0.01, "lower"),
    ):
        own = [j for j in judged if j.item.is_fake == made and j.item.kind not in SOUND_KINDS | UNSEEN]
        note = f"called synthetic; {sum(not j.told for j in own)} of {len(own)} not told"
        figures.append(mean_figure(name, [float(j.alarmed) for j in own], "", goal=goal, better=better, note=note))
    figures.append(_slices(judged))
    told = np.mean([j.told for j in judged]) if judged else 0.0
    figures.append(Figure(name="told_pct", value=100 * float(told), unit="%", n=count, note="not abstained from"))
    return figures


def _speed(detector: Detector, paths: list[Path], most: int) -> Figure:
    """Frames a second of about `most` clips one after the other, spread over the set."""
    timed, rates = paths[:: max(1, len(paths) // most)], []
    for path in [*timed[:1], *timed]:  # the first loads the networks
        with contextlib.suppress(UnreadableError):
            rates.append(detector.detect(path).frames_per_second)
    return mean_figure(
        "video_fps", rates[1:], "frames/s", goal=25, note="decoding and tracking included, one clip at a time"
    )


def _slices(judged: list[Judged]) -> Figure:
    """Widest difference of AUC between women and men, younger and older."""
    every = scored(judged)
    parts = {}
    for name in ("sex", "age"):
        values = np.array([getattr(j.item, name) for j in judged])
        for value in np.unique(values[values != ""]):
            parts[value] = every.only((values == value) & ~np.isin(every.kinds, [*SOUND_KINDS, *UNSEEN]))
    wide, note = measures.gap(parts, measures.auc)
    value = None if np.isnan(wide) else wide
    return Figure(name="slice_gap", value=value, unit="", better="lower", n=len(parts), note=f"AUC: {note}")


def _judge_altered(task: tuple[Item, Path], quick: bool) -> list[Judged | None]:
    """What is said of a clip after each alteration."""
    item, path = task
    frames = _frames(path)
    rows = (shipped().gatherer.watch(row.change(frames)).people for row in alterations(quick))
    return [_judged(item, said_of_people(people)) for people in rows]


def _altered(clips: ClipSet, judged: list[Judged], limits: Mapping[str, int], given: Given) -> list[Figure]:
    """AUC after alterations, pictures alone and on the same clips, and what is said of them; a plot of levels."""
    kept, most = [j for j in judged if j.item.kind not in (SOUND_KINDS | UNSEEN)], limits["altered"]
    reals, fakes = ([j for j in kept if j.item.is_fake == made] for made in (False, True))
    used = [*reals[: most // 3], *fakes[: most - most // 3]]
    found: dict[str, Scored] = {}
    levels: dict[str, dict[int, float]] = {}
    tasks = [(j.item, clips.path(j.item)) for j in used]
    seen = list(each(partial(_judge_altered, quick=given.quick), tasks, given.workers))
    figures: list[Figure] = []
    for k, row in enumerate(alterations(given.quick)):
        own = [judged for one in seen if (judged := one[k]) is not None]
        found[row.name] = part = scored(own)
        figures.append(figure(f"auc_{row.name}", measures.auc, part, note=said(own)))
        if row.level and part.both:
            levels.setdefault(row.family, {})[row.level] = measures.auc(part)
    figures.append(altered_alarms(seen))
    both = found["crf23"].both and found["crf35"].both
    drop = measures.auc(found["crf23"]) - measures.auc(found["crf35"]) if both else None
    if both and not given.quick:
        save_plot(given.folder, "alterations", plots.families(levels, measures.auc(scored(used))))
    note = f"AUC at CRF 23 less that at CRF 35, coded once more, {len(used)} clips"
    goal = GOALS["auc_drop_crf35"]
    return [
        *figures,
        Figure(name="auc_drop_crf35", value=drop, unit="", goal=goal, better="lower", n=len(used), note=note),
    ]


def said(judged: list[Judged]) -> str:
    """Verdicts on clips, counted."""
    counts = []
    for name, fakes in (("reals", False), ("fakes", True)):
        own = [j for j in judged if j.item.is_fake == fakes]
        counts.append(f"{sum(j.alarmed for j in own)} of {len(own)} {name}")
    return f"called made: {' and '.join(counts)}; {sum(not j.told for j in judged)} not told"


def altered_alarms(seen: list[list[Judged | None]]) -> Figure:
    """How often an altered real is called made, over all alterations."""
    reals = [[j for j in one if j is not None and not j.item.is_fake] for one in seen]
    rates = [float(np.mean([j.alarmed for j in one])) for one in reals if one]
    note = f"altered real clips that are called made, over {max(map(len, reals), default=0)} alterations"
    return mean_figure("altered_false_alarms", rates, "", goal=0.01, better="lower", note=note)


def _frames(path: Path) -> list[np.ndarray]:
    """The first ones, of even size."""
    frames = islice(VideoReader(path), ALTERED_FRAMES)
    return [np.ascontiguousarray(f[: f.shape[0] // 2 * 2, : f.shape[1] // 2 * 2]) for f in frames]


def _transfer(clips: ClipSet, judged: list[Judged], given: Given, most: int) -> list[Figure]:
    """Which kinds of fake are alike to a learner: a matrix, and the means on and off its diagonal."""
    rng = np.random.default_rng(4)
    items = [i for i in clips.of("train") if i.kind not in SOUND_KINDS]
    chosen = [items[k] for k in rng.permutation(len(items))[: 4 * most]]
    rows = [
        [(i, s) for i, s in zip(part, _cut(clips, part, given), strict=True) if len(s)]
        for part in (chosen, [j.item for j in judged if j.item.kind not in SOUND_KINDS])
    ]
    trained, tested, table = transfer(*rows)
    save_plot(given.folder, "transfer", plots.matrix(trained, tested, table))
    same = np.array([[row == column for column in tested] for row in trained])
    note = f"logistic regression on ImageNet features, {len(rows[0])} training clips; trained on one kind, tested on "
    return [
        Figure(name=name, value=float(np.nanmean(values)) if np.isfinite(values).any() else None, unit="",
               n=int(np.isfinite(values).sum()), note=note + what)
        for name, values, what in (
            ("transfer_same_kind", table[same], "the same"), ("transfer_other_kind", table[~same], "another"))
    ]  # fmt: skip


def _cut(clips: ClipSet, items: list[Item], given: Given) -> list[Shelf]:
    return cut_all(clips, items, given.folder / "crops", 2, workers=given.workers)


def _drawn(judged: list[Judged], folder: Path) -> None:
    every = scored(judged)
    kinds = sorted(set(every.kinds) - {REAL} - SOUND_KINDS)
    pictured = every.only(~np.isin(every.kinds, list(SOUND_KINDS | UNSEEN)))
    if pictured.both:
        save_plot(folder, "roc", plots.roc({"all": pictured} | {k: every.of_kinds(k) for k in kinds}))
        save_plot(folder, "reliability", plots.reliability(pictured))


def _baselines(clips: ClipSet, judged: list[Judged], given: Given, most: int) -> list[Figure]:
    """Chance, and spectra before a support vector machine, on the same test clips."""
    kept = [j for j in judged if j.item.kind not in (SOUND_KINDS | UNSEEN)]
    every = scored(kept, np.random.default_rng(1).standard_normal(len(kept)))
    figures = [figure("auc_baseline_random", measures.auc, every, note="chance")]
    train = [i for i in clips.of("train") if i.kind not in SOUND_KINDS]
    rng = np.random.default_rng(2)
    reals, fakes = ([i for i in train if i.is_fake == f] for f in (False, True))
    learned = [group[k] for group in (reals, fakes) for k in rng.permutation(len(group))[: most // 2]]
    crops = _cut(clips, learned, given)
    pairs = [(s.crops(), i.is_fake) for s, i in zip(crops, learned, strict=True) if len(s)]
    shelves = _cut(clips, [j.item for j in kept], given)
    tested = [(s.crops(), j) for s, j in zip(shelves, kept, strict=True) if len(s)]
    name, note = "auc_baseline_spectrum_svm", f"Durall et al. 2020, learned from {len(pairs)} training clips"
    if len({made for _, made in pairs}) < 2 or not tested:
        return [*figures, Figure(name=name, value=None, unit="", n=0, note="needs training clips of both classes")]
    svm = SpectrumMachine([c for c, _ in pairs], np.array([made for _, made in pairs]))
    values = np.array([svm.score(c) for c, _ in tested])
    return [*figures, figure(name, measures.auc, scored([j for _, j in tested], values), note=note)]


def _camera(detector: Detector, folder: Path) -> list[Figure]:
    """False alarms among files that a camera took and nobody altered: of whole files, and of the second around each
    look."""
    alarms, untold, whole, started, frames = [], 0, [], time.perf_counter(), 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            detection = detector.detect(path)
        except UnreadableError:
            continue
        if not any(p.logit is not None for p in detection.people):
            continue
        frames += detection.frames
        whole.append(float(detection.verdict == "synthetic"))
        untold += detection.verdict == "cannot_tell"
        for person in detection.people:
            limit = 2.0 if person.threshold is None else person.threshold
            alarms += [float(look.probability >= limit) for look in person.looks]
    rate = frames / max(time.perf_counter() - started, 1e-6)
    note = f"{len(whole)} files with faces, {untold} of them not told, {rate:.0f} frames/s"
    return [
        mean_figure("camera_false_alarms", whole, "", goal=0.01, better="lower", note=note),
        mean_figure("camera_seconds_alarmed", alarms, "", better="lower", note="seconds around single looks"),
    ]


SUITE = Suite(
    "detector",
    parts,
    needs={"fakes": "`vasari data fakes -o FAKES`"},
    promised={
        "auc": "higher", "tpr_fpr1": "higher", "fpr_at_fpr1": "lower", "ece": "lower", "auc_unseen_kind": "higher",
        "auc_drop_crf35": "lower", "slice_gap": "lower", "video_fps": "higher",
    },
)  # fmt: skip
