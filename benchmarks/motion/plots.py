"""Plots of the suite. They show curves and no faces, and are saved as everything is: marked and signed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sheets import save_nobody


def save_plot(folder: Path, name: str, figure: Any) -> Path:
    """Save a matplotlib figure as `folder`/`name`.jpg."""
    figure.canvas.draw()
    return save_nobody(folder, name, np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())


def figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, np.ndarray]:
    """A matplotlib figure of `size` inches and its axes (rows, columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=size, dpi=100, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False)


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
