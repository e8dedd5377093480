"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write
from faces.london import London
from faces.people import Wardrobe
from media import VideoReader


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
    """Measure everything and write `results.json` into the folder.

    Raises:
        UnreadableError: one of the folders, or the video, is not what it should be; said before any work.
    """
    from benchmarks.renderer import clip, leak, likeness, smiles, truth
    from benchmarks.renderer.judge import Judge

    if setting.london is not None:
        London(setting.london)
    if setting.assets is not None:
        _ = Wardrobe(setting.assets, setting.skins).skins
    if setting.clip is not None:
        VideoReader(setting.clip)
    setting.folder.mkdir(parents=True, exist_ok=True)
    judge, figures = Judge(), list[Figure]()
    for part in (smiles, truth, leak, clip, likeness):
        say(part.__name__.rsplit(".", 1)[-1])
        figures += part.measure(setting, judge)
    results = Results(suite="renderer", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results
