"""What every suite returns and how it is shown: figures with goals, as a table and as JSON."""

import datetime as dt
import math
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import psutil
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from media.atomic import replacing
from provenance.trust.timestamps import utc

SCHEMA_VERSION = 1


class Figure(BaseModel):
    """One measured number. `value` is None where it could not be measured, and `note` says why."""

    name: str
    value: float | None
    unit: str
    goal: float | None = None
    better: Literal["higher", "lower"] = "higher"
    n: int = 1  # how many independent things it was measured on
    interval: tuple[float, float] | None = None  # 95% bootstrap interval of the mean
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a value."""
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal


class Results(BaseModel):
    """All figures of one run."""

    schema_version: int = SCHEMA_VERSION
    suite: str
    made: str = ""  # when it ended, UTC, "2026-11-23T12:00:00Z"; "" of earlier versions
    machine: dict[str, str | int | float]
    figures: list[Figure]


def now() -> str:
    """UTC, as results tell it."""
    return utc(dt.datetime.now(dt.UTC))


def machine() -> dict[str, str | int | float]:
    """What the run ran on."""
    return {
        "processor": _processor(),
        "instructions": _instructions(),
        "cores": psutil.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(psutil.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _instructions() -> str:
    """Those that networks run faster with, of this processor."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return ""
    names = {"avx2": "AVX2", "avx_vnni": "VNNI", "avx512f": "AVX-512", "avx512_vnni": "AVX-512 VNNI",
             "avx512_bf16": "AVX-512 bf16", "amx_tile": "AMX"}  # fmt: skip
    return ", ".join(shown for word, shown in names.items() if word in words)


def mean_figure(name: str, values: Sequence[float], unit: str, *, seed: int = 0, **more) -> Figure:
    """Mean of values with its 95% bootstrap interval."""
    data = np.array([v for v in values if math.isfinite(v)], float)
    if not len(data):
        return Figure(name=name, value=None, unit=unit, n=0, **more)
    rng = np.random.default_rng(seed)
    means = data[rng.integers(0, len(data), (1000, len(data)))].mean(1)
    low, high = (float(q) for q in np.quantile(means, (0.025, 0.975)))
    return Figure(name=name, value=float(data.mean()), unit=unit, n=len(data), interval=(low, high), **more)


def wilson(values: Sequence[float]) -> tuple[float, float]:
    """95% interval of a share (Wilson 1927); values in [0, 1], at least one: hits and misses, or ties as a half."""
    count, share = len(values), float(np.mean(values))
    z2 = 1.96**2 / count
    middle, half = share + z2 / 2, 1.96 * np.sqrt(share * (1 - share) / count + z2 / 4 / count)
    low, high = (float(np.clip((middle + sign * half) / (1 + z2), 0, 1)) for sign in (-1, 1))
    return low, high


def table(results: Results) -> Table:
    """For people."""
    machine = results.machine
    out = Table(
        title=f"{results.suite} on {machine['processor']} ({machine.get('instructions', '')}), "
        f"{machine['cores']} cores",
        title_justify="left",
    )
    for column in ("figure", "value", "goal", "n", "95%", "note"):
        out.add_column(column, justify="right" if column in ("value", "goal", "n") else "left")
    for f in results.figures:
        value = "not measured" if f.value is None else f"{f.value:.4g} {f.unit}"
        sign = "" if f.goal is None else ("≥ " if f.better == "higher" else "≤ ") + f"{f.goal:g}"
        colour = {True: "green", False: "red", None: "white"}[f.met]
        span = "" if f.interval is None else f"{f.interval[0]:.4g} to {f.interval[1]:.4g}"
        out.add_row(escape(f.name), f"[{colour}]{escape(value)}[/]", sign, str(f.n), span, escape(f.note))
    return out


def write(results: Results, folder: Path) -> Path:
    """`folder`/results.json."""
    path = folder / "results.json"
    with replacing(path) as temporary:
        temporary.write_text(results.model_dump_json(indent=2))
    return path
