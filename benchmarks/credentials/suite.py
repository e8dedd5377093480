"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write
from benchmarks.outputs import maker

CLIPS, CLIPS_QUICK = 12, 2
SECONDS = 3.0  # of each clip


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results go
    quick: bool  # fewer clips, same figures
    portrait: Path  # a portrait of a person who does not exist
    speech: Path  # speech to generate from


def run(setting: Setting, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure everything and write `results.json` into the folder."""
    from benchmarks.credentials import conformance, crashes, recovery, tampered

    setting.folder.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    say("outputs")
    with maker(setting.portrait, setting.speech, CLIPS_QUICK if setting.quick else CLIPS, SECONDS) as made:
        for part in (conformance, tampered, recovery, crashes):
            say(part.__name__.rsplit(".", 1)[-1])
            figures += part.measure(made, setting.quick)
    results = Results(suite="credentials", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results
