"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results, plots and contact sheets go
    quick: bool  # fewer samples, same figures
    london: Path | None  # folder of the London set; without it, figures on real people are not measured
    people: Path | None  # folder that `vasari data people` wrote; without it, rendered truth is not measured
    portrait: Path  # a portrait of a person who does not exist


def run(setting: Setting, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure everything and write `results.json` into the folder."""
    from benchmarks.tracker import finding, london, motion, speed, truth

    setting.folder.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    for part in (london, truth, finding, motion, speed):
        say(part.__name__.rsplit(".", 1)[-1])
        figures += part.measure(setting)
    results = Results(suite="tracker", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results
