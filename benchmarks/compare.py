"""`vasari bench compare`: what moved between two runs, and whether it is outside the noise.

With intervals in both runs, the difference of the means is set against the combined standard error, sqrt(a^2 + b^2),
where a and b are the bootstrap standard errors, read off the 95% intervals as width / (2 * 1.96). Outside is beyond
1.96 of it: of 20 figures that nothing happened to, one. Runs on the same people err together, so this errs towards
"within the noise". Without intervals the noise is not known: outside is what moved by more than a tolerance, a share
of the larger of both values, or what reached or lost its goal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.markup import escape
from rich.table import Table

from benchmarks.figures import Figure, Results
from benchmarks.sweep import Sweep

FORMER = {
    "fps_512": "speed", "peak_memory_mb": "speed", "load_s": "speed", "landmark_nme_pct": "tracker",
    "landmark_nme_pct_mean_face": "tracker", "painter_psnr_db": "renderer", "flow_psnr_db": "renderer",
    "copy_psnr_db": "renderer", "painter_ssim": "renderer", "flow_ssim": "renderer", "copy_ssim": "renderer",
    "lip_corr": "motion/lip_corr_shipped", "lip_closure_pct": "motion/lip_closure_pct_shipped",
    "message_rate_clean": "watermark", "mark_psnr_db": "watermark", "mark_false_positives": "watermark",
}  # fmt: skip
"""Figures of the suite first-light, which is no more: where each of them is now."""
Z = 1.96  # two-sided 95% of a normal distribution
TOLERANCE = 0.1  # share of the larger value; timings on shared cores move by this much


@dataclass(frozen=True)
class Change:
    """One figure in both runs."""

    suite: str
    before: Figure
    after: Figure
    tolerance: float = TOLERANCE

    @property
    def difference(self) -> float:
        """After less before."""
        return _measured(self.after) - _measured(self.before)

    @property
    def error(self) -> float | None:
        """Combined standard error; None where a run has no interval."""
        if self.before.interval is None or self.after.interval is None:
            return None
        return math.hypot(*((high - low) / (2 * Z) for low, high in (self.before.interval, self.after.interval)))

    @property
    def goal(self) -> Literal["reached", "lost", ""]:
        """Whether it crossed its goal, that of the later run: a goal that was moved is no change of the figure."""
        earlier = self.before.model_copy(update={"goal": self.after.goal, "better": self.after.better})
        if earlier.met == self.after.met:
            return ""
        return "reached" if self.after.met else "lost"

    @property
    def outside(self) -> bool:
        """Whether it moved by more than the noise; see the module."""
        size = max(abs(_measured(self.before)), abs(_measured(self.after)))
        moved = abs(self.difference)
        if self.error is not None:
            return moved > max(Z * self.error, 1e-9 * size)  # intervals of no width: more than rounding
        return moved > self.tolerance * size or self.goal != ""

    @property
    def verdict(self) -> Literal["better", "worse", "same"]:
        """By `better` of the later run."""
        if not self.outside:
            return "same"
        return "better" if (self.difference > 0) == (self.after.better == "higher") else "worse"


@dataclass
class Comparison:
    """All that is in either of two runs."""

    changes: list[Change] = field(default_factory=list)
    only_before: list[str] = field(default_factory=list)  # SUITE/figure, or SUITE
    only_after: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def of(self, verdict: str, suite: str | None = None) -> list[Change]:
        """Changes with a verdict, of one suite or of all, those that moved furthest first."""
        found = [c for c in self.changes if c.verdict == verdict and suite in (None, c.suite)]
        return sorted(found, key=_strength, reverse=True)


def compare(before: Sweep | Results, after: Sweep | Results, tolerance: float = TOLERANCE) -> Comparison:
    """Set every figure of one run beside the same of another.

    Args:
        tolerance: share of the larger value that a figure without intervals may move by.
    """
    first, second = _suites(before), _suites(after)
    found = Comparison(warnings=_warnings(before, after))
    found.only_before += [name for name in first if name not in second]
    found.only_after += [name for name in second if name not in first]
    for suite in (name for name in first if name in second):
        old, new = ({f.name: f for f in run[suite].figures} for run in (first, second))
        for name in dict.fromkeys([*old, *new]):
            a, b = old.get(name), new.get(name)
            if a and b and a.value is not None and b.value is not None:
                if a.unit == b.unit:
                    found.changes.append(Change(suite, a, b, tolerance))
                else:
                    found.warnings.append(f"{suite}/{name}: in {a.unit or 'no unit'}, then in {b.unit or 'no unit'}")
            elif a and a.value is not None:
                found.only_before.append(f"{suite}/{name}")
            elif b and b.value is not None:
                found.only_after.append(f"{suite}/{name}")
    resized = sum(c.before.n != c.after.n for c in found.changes)
    if resized:
        found.warnings.append(f"{resized} of {len(found.changes)} figures are of samples of another size")
    return found


def table(changes: Sequence[Change]) -> Table:
    """For people: what moved, and what the noise is."""
    out = Table()
    for column in ("figure", "before", "after", "moved", "noise", "verdict"):
        out.add_column(column, justify="left" if column in ("figure", "verdict") else "right")
    for c in changes:
        colour = {"better": "green", "worse": "red", "same": "white"}[c.verdict]
        noise = "no interval" if c.error is None else f"± {Z * c.error:.3g}"
        said = f"[{colour}]{c.verdict}[/]" + (f", goal {c.goal}" if c.goal else "")
        values = (f"{_measured(f):.4g} {f.unit}".strip() for f in (c.before, c.after))
        out.add_row(escape(f"{c.suite}/{c.after.name}"), *map(escape, values), f"{c.difference:+.3g}", noise, said)
    return out


def summary(found: Comparison) -> list[str]:
    """One line for each suite, and one for what chance alone does."""
    lines = []
    for suite in dict.fromkeys(c.suite for c in found.changes):
        counts = {verdict: len(found.of(verdict, suite)) for verdict in ("better", "worse", "same")}
        lines.append(f"{suite}: {counts['better']} better, {counts['worse']} worse, {counts['same']} within the noise")
    by_interval = [c for c in found.changes if c.error is not None]
    if by_interval:
        moved, chance = sum(c.outside for c in by_interval), len(by_interval) / 20
        lines.append(f"by intervals: {moved} of {len(by_interval)} moved; chance alone would move up to {chance:.0f}")
    return lines


def _measured(figure: Figure) -> float:
    if figure.value is None:
        raise ValueError(f"{figure.name} was not measured")
    return figure.value


def _strength(change: Change) -> float:
    """How far it moved: in noise where that is known, else in tolerances."""
    size = max(abs(_measured(change.before)), abs(_measured(change.after)))
    noise = change.tolerance * size if change.error is None else Z * change.error
    return abs(change.difference) / noise if noise else math.inf if change.difference else 0.0


def _suites(run: Sweep | Results) -> dict[str, Results]:
    """By name; figures of a suite that is no more under the suites where they are now."""
    found = {results.suite: results for results in (run.suites if isinstance(run, Sweep) else [run])}
    former = found.pop("first-light", None)
    for figure in former.figures if former is not None else ():
        suite, _, name = FORMER.get(figure.name, "").partition("/")
        own = found.get(suite)
        if own is None and suite:
            assert former is not None
            own = found[suite] = former.model_copy(update={"suite": suite, "figures": []})
        renamed = figure.model_copy(update={"name": name or figure.name})
        if own is not None and renamed.name not in {f.name for f in own.figures}:
            own.figures.append(renamed)
    return found


def _warnings(before: Sweep | Results, after: Sweep | Results) -> list[str]:
    found = []
    for what in ("processor", "cores"):
        a, b = before.machine.get(what), after.machine.get(what)
        if a != b:
            found.append(f"{what}: {a}, then {b}; speeds do not compare")
    first, second = _suites(before), _suites(after)
    for suite in (name for name in first if name in second):
        loads = [float(run[suite].machine.get("load", 0)) for run in (first, second)]
        if abs(loads[0] - loads[1]) > 1:
            found.append(f"{suite}: load {loads[0]:g}, then {loads[1]:g}; timings may differ for that alone")
    if isinstance(before, Sweep) and isinstance(after, Sweep) and before.quick != after.quick:
        found.append("one run is --quick, the other is not; figures are of other samples")
    for run, when in ((before, "before"), (after, "after")):
        if isinstance(run, Sweep):
            found += [f"{name} failed {when}: {why}" for name, why in run.failed.items()]
    return found
