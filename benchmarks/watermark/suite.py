"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results and plots go
    quick: bool  # fewer clips, pictures and strengths
    london: Path | None  # folder of the London Set: its test people beside those who do not exist, but for a quick run
    portraits: tuple[Path, ...]  # people who do not exist
    speech: Path  # speech to generate from and to mark


def run(setting: Setting, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure everything and write `results.json` into the folder."""
    from benchmarks.watermark import forging, peers, pictures, sound, unmarked
    from benchmarks.watermark.clips import unmarked_clips

    setting.folder.mkdir(parents=True, exist_ok=True)
    say("clips")
    clips = unmarked_clips(setting)
    figures: list[Figure] = []
    for part in (pictures, forging, peers):
        say(part.__name__.rsplit(".", 1)[-1])
        figures += part.measure(setting, clips)
    say("unmarked")
    figures += unmarked.measure(setting)
    say("sound")
    figures += sound.measure(setting)
    results = Results(suite="watermark", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results
