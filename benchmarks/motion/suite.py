"""Runs the parts of the suite in turn and gathers their figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Results, machine, write


@dataclass(frozen=True)
class Setting:
    """What a run measures on."""

    folder: Path  # where results, plots and contact sheets go
    quick: bool  # less speech, same figures
    speech_set: Path | None  # folder of `vasari data speech`, for people recorded; without it, the clips that ship
    assets: Path | None  # folder of `vasari data assets`, for more people on the sheet
    skins: Path | None  # folder of finer skins
    portrait: Path  # a portrait of a person who does not exist
    speech: Path  # speech to generate from


def run(setting: Setting, say: Callable[[str], None] = lambda _: None) -> Results:
    """Measure everything and write `results.json` into the folder.

    Raises:
        UnreadableError: the speech set is not one; said before any work.
    """
    from benchmarks.motion import control, guidance, lips, live, liveliness, sheets, voices
    from benchmarks.motion.talk import Talks

    setting.folder.mkdir(parents=True, exist_ok=True)
    talks = Talks.of(setting)
    figures: list[Figure] = []
    for part in (lips, voices, liveliness, control, guidance, sheets):
        say(part.__name__.rsplit(".", 1)[-1])
        figures += part.measure(setting, talks)
    say("live")
    figures += live.measure(setting)
    results = Results(suite="motion", machine=machine(), figures=figures)
    write(results, setting.folder)
    return results
