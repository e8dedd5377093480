"""Plots of all suites. They show curves and no faces, so they are plain pictures."""

from pathlib import Path
from typing import Any

import numpy as np


def save_plot(folder: Path, name: str, figure: Any) -> Path:
    """Save a matplotlib figure as `folder`/`name`.jpg."""
    path = folder / f"{name}.jpg"
    figure.savefig(path, pil_kwargs={"quality": 92})
    return path


def figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, np.ndarray]:
    """A matplotlib figure of `size` inches and its axes (rows, columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=size, dpi=100, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False)


def bars(title: str, values: dict[str, tuple[float, int]], unit: str) -> Any:
    """A bar chart: name -> (value, how many it was measured on)."""
    drawn, axes = figure(1, 1, (7.2, 3.6))
    axis = axes[0, 0]
    shown = axis.bar([f"{name}\nn = {count}" for name, (_, count) in values.items()], [v for v, _ in values.values()])
    axis.bar_label(shown, fmt=f"%.3g {unit}")
    axis.set_title(title, fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    return drawn
