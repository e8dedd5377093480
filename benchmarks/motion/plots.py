"""Plots that only this suite draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.plots import figure


def confusion(table: np.ndarray, names: Sequence[str]) -> Any:
    """A confusion matrix (N, N) of counts, true classes as rows."""
    drawn, axes = figure(1, 1, (7, 6))
    axis, shares = axes[0, 0], table / np.maximum(table.sum(1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("told by the judge")
    axis.set_ylabel("asked for")
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            if share >= 0.005:
                axis.text(
                    j, i, f"{100 * share:.0f}", ha="center", va="center", color="white" if share > 0.5 else "black"
                )
    return drawn
