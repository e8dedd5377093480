"""Plots of the suite: how many are caught at which price, whether probabilities hold, what alterations cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from benchmarks.detector.measures import Scored, chance
from benchmarks.plots import figure


def roc(curves: Mapping[str, Scored]) -> Any:
    """Share of fakes caught against share of reals accused (a logarithm), a line a kind."""
    drawn, axes = figure(1, 1, (7, 5))
    axis = axes[0, 0]
    for name, scored in curves.items():
        if scored.both:
            false, true, _ = roc_curve(scored.made, scored.logits)
            axis.step(np.maximum(false, 1e-3), true, where="post", label=name, lw=2.5 if name == "all" else 1)
    axis.set(xscale="log", xlim=(1e-3, 1), ylim=(0, 1.02), xlabel="reals accused", ylabel="fakes caught")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower right")
    return drawn


def reliability(scored: Scored, bins: int = 10) -> Any:
    """Share of fakes among clips of about the same probability, at even odds; and how many there are."""
    drawn, axes = figure(1, 1, (5, 5))
    axis, p = axes[0, 0], chance(scored.logits)
    place = np.minimum((p * bins).astype(int), bins - 1)
    axis.plot((0, 1), (0, 1), color="grey", lw=1)
    for k in range(bins):
        rows = place == k
        if rows.any():
            w = scored.weights[rows]
            axis.scatter(p[rows].mean(), (w * scored.made[rows]).sum() / w.sum(), s=20 + 4 * rows.sum(), color="C0")
    axis.set(xlabel="probability that was said", ylabel="share of fakes", xlim=(0, 1), ylim=(0, 1))
    axis.grid(alpha=0.3)
    return drawn


def families(levels: Mapping[str, Mapping[int, float]], untouched: float) -> Any:
    """AUC against severity, a line a family of perturbations; severity 0 is the clip as it was."""
    drawn, axes = figure(1, 1, (7, 5))
    axis = axes[0, 0]
    for name, values in levels.items():
        axis.plot([0, *values], [untouched, *values.values()], marker="o", ms=3, label=name)
    axis.set(xlabel="severity (DeeperForensics-1.0)", ylabel="AUC", xticks=range(6))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower left")
    return drawn


def matrix(rows: Sequence[str], columns: Sequence[str], table: np.ndarray) -> Any:
    """AUC (R, C): trained on rows, tested on columns."""
    drawn, axes = figure(1, 1, (1.5 + 0.8 * len(columns), 1.5 + 0.6 * len(rows)))
    axis = axes[0, 0]
    axis.imshow(table, cmap="viridis", vmin=0.5, vmax=1)
    axis.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axis.set_yticks(range(len(rows)), rows)
    axis.set_xlabel("tested on")
    axis.set_ylabel("trained on")
    for i, j in np.ndindex(table.shape):
        if np.isfinite(table[i, j]):
            axis.text(
                j, i, f"{table[i, j]:.2f}", ha="center", va="center", color="white" if table[i, j] < 0.8 else "black"
            )
    return drawn
