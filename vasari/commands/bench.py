"""`vasari bench`: measure what the product claims."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

EXAMPLES = Path(__file__).parents[2] / "examples"


class Suite(StrEnum):
    """What can be measured."""

    first_light = "first-light"
    tracker = "tracker"
    renderer = "renderer"
    speed = "speed"
    motion = "motion"
    credentials = "credentials"
    attacks = "attacks"
    detector = "detector"
    watermark = "watermark"


def bench(
    suites: Annotated[list[Suite], typer.Argument(help="Which suites.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results, plots and contact sheets.")],
    quick: Annotated[bool, typer.Option("--quick", help="Under five minutes on two cores; the same figures.")] = False,
    london: Annotated[
        Path | None,
        typer.Option(help="Folder of the London set, for figures on real people (doi 10.6084/m9.figshare.5047666)."),
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="Folder made by `vasari data people`, for figures on rendered people.")
    ] = None,
    assets: Annotated[
        Path | None, typer.Option(help="Folder made by `vasari data assets`, for exact truth of the renderer.")
    ] = None,
    skins: Annotated[Path | None, typer.Option(help="Folder of 2048 pixel skins, beside --assets.")] = None,
    clip: Annotated[
        Path | None, typer.Option(help="Video of one face, whose first frame the renderer moves as the others move.")
    ] = None,
    speech_set: Annotated[
        Path | None, typer.Option(help="Folder made by `vasari data speech`, for motion on people recorded.")
    ] = None,
    fakes: Annotated[
        Path | None,
        typer.Option(help="Labelled set (`vasari data fakes`): the detector is measured on its test split."),
    ] = None,
    real: Annotated[
        Path | None, typer.Option(help="Folder of camera videos that nobody altered, for the detector's false alarms.")
    ] = None,
    portrait: Annotated[Path, typer.Option(help="Portrait of a person who does not exist.")] = EXAMPLES
    / "portrait.png",
    speech: Annotated[Path, typer.Option(help="Speech to generate from.")] = EXAMPLES / "speech.wav",
) -> None:
    """Measure SUITES, print a table, and write results.json and contact sheets into the folder."""
    from benchmarks import attacks, credentials, detector, first_light, motion, renderer, speed, tracker, watermark
    from benchmarks.figures import table
    from media.errors import ConsentError
    from provenance import Keys, is_nobody

    if not is_nobody(portrait, Keys.open()):
        raise ConsentError(f"{portrait}: benchmarks animate only people who do not exist; use a shipped example")
    err = Console(stderr=True)
    for suite in dict.fromkeys(suites):
        folder = output if len(set(suites)) == 1 else output / suite.value

        def say(part: str, suite: Suite = suite) -> None:
            err.print(f"{suite.value}: {part}", highlight=False)

        if suite is Suite.tracker:
            results = tracker.run(tracker.Setting(folder, quick, london, people, portrait), say=say)
        elif suite is Suite.renderer:
            setting = renderer.Setting(folder, quick, london, assets, skins, portrait, clip)
            results = renderer.run(setting, say=say)
        elif suite is Suite.motion:
            results = motion.run(motion.Setting(folder, quick, speech_set, assets, skins, portrait, speech), say=say)
        elif suite is Suite.credentials:
            results = credentials.run(credentials.Setting(folder, quick, portrait, speech), say=say)
        elif suite is Suite.attacks:
            results = attacks.run(attacks.Setting(folder, quick, portrait, speech), say=say)
        elif suite is Suite.detector:
            results = detector.run(detector.Setting(folder, quick, fakes, real), say=say)
        elif suite is Suite.watermark:
            portraits = tuple(dict.fromkeys((portrait, *sorted(EXAMPLES.glob("portrait*.png")))))
            results = watermark.run(watermark.Setting(folder, quick, london, portraits, speech), say=say)
        elif suite is Suite.speed:
            results = speed.run(speed.Setting(folder, quick, portrait, speech), say=say)
        else:
            results = first_light.run(first_light.Setting(folder, quick, london, portrait, speech), say=say)
        Console(width=None if Console().is_terminal else 160).print(table(results))
        typer.echo(f"{folder / 'results.json'}: {len(results.figures)} figures")
