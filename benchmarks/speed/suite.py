"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results go
    quick: bool  # less speech, same figures
    portrait: Path  # a portrait of a person who does not exist
    speech: Path  # speech to generate from


def run(setting: Setting, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure everything and write `results.json` into the folder."""
    from benchmarks.speed import peers, stages, whole

    setting.folder.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    for part in (whole, stages):
        say(part.__name__.rsplit(".", 1)[-1])
        figures += part.measure(setting)
    results = Results(suite="speed", machine=machine(), figures=[*figures, *peers.figures()])
    write(results, setting.folder)
    return results
