"""Plots of all suites. They show curves and no faces, and are saved as everything is: marked and signed."""

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
