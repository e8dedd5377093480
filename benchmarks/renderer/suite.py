"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results and contact sheets go
    quick: bool  # fewer people, same figures
    london: Path | None  # folder of the London set; without it, figures on real people are not measured
    assets: Path | None  # folder of `vasari data assets`; without it, exact truth is not measured
    skins: Path | None  # folder of finer skins; those of the assets by default
    portrait: Path  # a portrait of a person who does not exist
    clip: Path | None  # a video of one face; without it, figures on videos are not measured


def run(setting: Setting, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure everything and write `results.json` into the folder."""
    from benchmarks.renderer import clip, leak, likeness, smiles, truth
    from benchmarks.renderer.judge import Judge

    setting.folder.mkdir(parents=True, exist_ok=True)
    judge, figures = Judge(), list[Figure]()
    for part in (smiles, truth, leak, clip, likeness):
        say(part.__name__.rsplit(".", 1)[-1])
        figures += part.measure(setting, judge)
    results = Results(suite="renderer", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results
