"""What a film costs as it gets longer and larger: time should be linear, memory flat."""

from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.plots import figure, save_plot
from benchmarks.speed.probe import probe
from benchmarks.suites import Given

LENGTHS, LENGTHS_QUICK = (1.0, 10.0, 100.0, 1000.0), (1.0, 10.0)  # seconds of speech
SIZES = (256, 512, 1024)  # pixels a side
SIZED = 4.0  # seconds of speech at each size


def measure(given: Given) -> list[Figure]:
    """length_N_fps and length_N_mb, size_N_fps and size_N_mb; and the plot `scaling`."""
    lengths = {n: _made(given, n, 512) for n in (LENGTHS_QUICK if given.quick else LENGTHS)}
    sizes = {n: _made(given, SIZED, n) for n in SIZES}
    save_plot(given.folder, "scaling", _drawn(lengths, sizes))
    made = [("length", f"{n:g} s of speech", f"{n:g}", found) for n, found in lengths.items()]
    made += [("size", f"{n} pixels a side", f"{n}", found) for n, found in sizes.items()]
    return [
        one
        for kind, note, name, found in made
        for one in (
            Figure(name=f"{kind}_{name}_fps", value=found["fps"], unit="frames/s", n=found["frames"], note=note),
            Figure(name=f"{kind}_{name}_mb", value=found["peak_memory_mb"], unit="MB", better="lower", note=note),
        )
    ]


def _made(given: Given, seconds: float, size: int) -> dict:
    return probe(given.portrait, given.speech, given.folder / "scaling.mp4", seconds, size)


def _drawn(lengths: dict[float, dict], sizes: dict[int, dict]) -> Any:
    drawn, axes = figure(1, 4, (15, 3.2))
    for pair, found, what in ((axes[0, :2], lengths, "seconds of speech"), (axes[0, 2:], sizes, "pixels a side")):
        at = np.array(list(found), float)
        spent = [row["frames"] / row["fps"] for row in found.values()]
        for axis, values, name in zip(
            pair, (spent, [r["peak_memory_mb"] for r in found.values()]), ("seconds", "peak memory, MB"), strict=True
        ):
            axis.plot(at, values, "o-")
            axis.set_xlabel(what)
            axis.set_title(name, fontsize=10)
            axis.set_ylim(0)
            axis.spines[["top", "right"]].set_visible(False)
            if what.startswith("seconds"):
                axis.set_xscale("log")
        if what.startswith("seconds"):
            pair[0].set_yscale("log")
            pair[0].set_ylim(auto=True)
    return drawn
