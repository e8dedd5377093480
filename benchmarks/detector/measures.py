"""Measures of detection with intervals: people are resampled, not clips, since clips of one person are alike."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from benchmarks.figures import Figure

RESAMPLED = 300
BINS = 10  # of the calibration error, each as full as the others
Measure = Callable[["Scored"], float]


@dataclass(frozen=True)
class Scored:
    """N clips with what was said of them."""

    logits: np.ndarray  # (N,)
    made: np.ndarray  # (N,) bool
    people: np.ndarray  # (N,) names
    kinds: np.ndarray  # (N,) names

    def only(self, rows: np.ndarray) -> "Scored":
        """Some of the clips."""
        return Scored(self.logits[rows], self.made[rows], self.people[rows], self.kinds[rows])

    def of_kinds(self, *kinds: str) -> "Scored":
        """The reals and the fakes of some kinds."""
        return self.only(~self.made | np.isin(self.kinds, kinds))

    @property
    def both(self) -> bool:
        """Whether there are reals and fakes."""
        return bool(self.made.any() and not self.made.all())

    @property
    def weights(self) -> np.ndarray:
        """Reals and fakes weigh the same: probabilities are those of even odds."""
        share = self.made.mean()
        return np.where(self.made, 0.5 / share, 0.5 / (1 - share))


def auc(s: Scored) -> float:
    """Area under the receiver operating characteristic."""
    return float(roc_auc_score(s.made, s.logits))


def partial_auc(s: Scored) -> float:
    """The same up to a tenth of false alarms, scaled so that chance is a half (McClish 1989)."""
    return float(roc_auc_score(s.made, s.logits, max_fpr=0.1))


def average_precision(s: Scored) -> float:
    """Area under precision and recall, at even odds."""
    return float(average_precision_score(s.made, s.logits, sample_weight=s.weights))


def equal_error(s: Scored) -> float:
    """Where as many reals are taken for fakes as fakes for reals."""
    false, true, _ = roc_curve(s.made, s.logits)
    at = int(np.argmin(np.abs(false - (1 - true))))
    return float((false[at] + 1 - true[at]) / 2)


def brier(s: Scored) -> float:
    """Mean squared error of the probability, at even odds."""
    return float(brier_score_loss(s.made, chance(s.logits), sample_weight=s.weights))


def calibration_error(s: Scored) -> float:
    """Expected calibration error (Naeini et al. 2015) at even odds, in bins of equal weight."""
    p, w = chance(s.logits), s.weights / s.weights.sum()
    order = np.argsort(p)
    bins = np.minimum((np.cumsum(w[order]) * BINS).astype(int), BINS - 1)
    error = 0.0
    for k in range(BINS):
        rows = order[bins == k]
        if len(rows):
            error += abs(float((w[rows] * (p[rows] - s.made[rows])).sum()))
    return error


def chance(logits: np.ndarray) -> np.ndarray:
    """Logit -> probability."""
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def figure(name: str, measure: Measure, scored: Scored, *, unit: str = "", **more) -> Figure:
    """One measure with its 95% interval; not measured where a class is missing."""
    people = len(np.unique(scored.people))
    if not scored.both:
        return Figure(name=name, value=None, unit=unit, n=0, note="needs reals and fakes", **more)
    interval = between(measure, scored)
    return Figure(name=name, value=measure(scored), unit=unit, n=people, interval=interval, **more)


def between(measure: Measure, scored: Scored) -> tuple[float, float]:
    """95% bootstrap interval over people."""
    rng, names = np.random.default_rng(0), np.unique(scored.people)
    rows = {name: np.flatnonzero(scored.people == name) for name in names}
    values = []
    for _ in range(RESAMPLED):
        again = scored.only(np.concatenate([rows[n] for n in rng.choice(names, len(names))]))
        if again.both:
            values.append(measure(again))
    low, high = np.quantile(values, (0.025, 0.975)) if values else (np.nan, np.nan)
    return float(low), float(high)


def gap(parts: dict[str, Scored], measure: Measure) -> tuple[float, str]:
    """Widest difference of a measure between parts that have both classes, and between which."""
    values = {name: measure(part) for name, part in parts.items() if part.both}
    if len(values) < 2:
        return float("nan"), ""
    low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    return values[high] - values[low], f"{high} {values[high]:.3f}, {low} {values[low]:.3f}"
