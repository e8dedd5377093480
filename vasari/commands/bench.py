"""`vasari bench`: measure what the product claims; `vasari bench compare`: what moved between two runs."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperCommand

from media.threads import cores

if TYPE_CHECKING:
    from benchmarks.figures import Results
    from benchmarks.sweep import Sweep

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
    generation = "generation"
    every = "all"


class BenchCommand(TyperCommand):
    """`vasari bench SUITE...`, and `vasari bench compare A B`, which takes other arguments.

    A group of commands cannot stand here: its own arguments would swallow the name of the command.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse as the other command where its name comes first."""
        if args[:1] != ["compare"]:
            return super().make_context(info_name, args, parent, **extra)
        comparing = typer.Typer(add_completion=False)
        comparing.command()(compare)
        return typer.main.get_command(comparing).make_context(f"{info_name} compare", args[1:], parent, **extra)


@dataclass(frozen=True)
class Given:
    """What a run measures on, as given at the door."""

    quick: bool
    london: Path | None
    people: Path | None
    assets: Path | None
    skins: Path | None
    clip: Path | None
    speech_set: Path | None
    fakes: Path | None
    real: Path | None
    peers: Path | None
    portrait: Path
    speech: Path


def measure(suite: Suite, folder: Path, given: Given) -> "Results":
    """Run one suite; what goes on is said on standard error."""
    err = Console(stderr=True)

    def say(part: str) -> None:
        err.print(f"{suite.value}: {part}", highlight=False)

    g, quick = given, given.quick
    if suite is Suite.tracker:
        from benchmarks import tracker

        return tracker.run(tracker.Setting(folder, quick, g.london, g.people, g.portrait), say=say)
    if suite is Suite.renderer:
        from benchmarks import renderer

        setting = renderer.Setting(folder, quick, g.london, g.assets, g.skins, g.portrait, g.clip)
        return renderer.run(setting, say=say)
    if suite is Suite.motion:
        from benchmarks import motion

        talking = motion.Setting(folder, quick, g.speech_set, g.assets, g.skins, g.portrait, g.speech)
        return motion.run(talking, say=say)
    if suite is Suite.credentials:
        from benchmarks import credentials

        return credentials.run(credentials.Setting(folder, quick, g.portrait, g.speech), say=say)
    if suite is Suite.attacks:
        from benchmarks import attacks

        return attacks.run(attacks.Setting(folder, quick, g.portrait, g.speech), say=say)
    if suite is Suite.detector:
        from benchmarks import detector

        return detector.run(detector.Setting(folder, quick, g.fakes, g.real, workers=cores()), say=say)
    portraits = tuple(dict.fromkeys((g.portrait, *sorted(EXAMPLES.glob("portrait*.png")))))
    if suite is Suite.generation:
        from benchmarks import generation

        return generation.run(generation.Setting(folder, quick, portraits, g.assets, g.skins, g.peers), say=say)
    if suite is Suite.watermark:
        from benchmarks import watermark

        return watermark.run(watermark.Setting(folder, quick, g.london, portraits, g.speech), say=say)
    if suite is Suite.speed:
        from benchmarks import speed

        return speed.run(speed.Setting(folder, quick, g.portrait, g.speech), say=say)
    from benchmarks import first_light

    return first_light.run(first_light.Setting(folder, quick, g.london, g.portrait, g.speech), say=say)


def bench(
    suites: Annotated[
        list[Suite], typer.Argument(help="Which suites, or all; `compare A B`: two runs.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results, plots and contact sheets.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Under five minutes a suite on two cores; fewer samples.")
    ] = False,
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
    peers: Annotated[
        Path | None,
        typer.Option(help="TOML file of other commands that make talking faces, to be measured beside ours."),
    ] = None,
    portrait: Annotated[Path, typer.Option(help="Portrait of a person who does not exist.")] = EXAMPLES
    / "portrait.png",
    speech: Annotated[Path, typer.Option(help="Speech to generate from.")] = EXAMPLES / "speech.wav",
) -> None:
    """Measure SUITES, print a table, and write results.json and contact sheets into the folder.

    `all` runs every suite into a folder of its own, goes on when one fails, and writes report.html beside results.json.
    `vasari bench compare A B` says what moved between two runs (`vasari bench compare --help`).
    """
    from benchmarks.figures import table
    from media.errors import ConsentError
    from provenance import Keys, is_nobody

    if not is_nobody(portrait, Keys.open()):
        raise ConsentError(f"{portrait}: benchmarks animate only people who do not exist; use a shipped example")
    given = Given(quick, london, people, assets, skins, clip, speech_set, fakes, real, peers, portrait, speech)
    if Suite.every in suites:
        _measure_all(output, given)
        return
    for suite in dict.fromkeys(suites):
        folder = output if len(set(suites)) == 1 else output / suite.value
        results = measure(suite, folder, given)
        Console(width=None if Console().is_terminal else 160).print(table(results))
        typer.echo(f"{folder / 'results.json'}: {len(results.figures)} figures")


def _measure_all(output: Path, given: Given) -> None:
    """Every suite into a folder of its own; exit code 1 where one failed."""
    from benchmarks.detector import without_fakes
    from benchmarks.figures import table
    from benchmarks.report import write_report
    from benchmarks.sweep import measure_all
    from media.errors import UnreadableError
    from provenance.exits import EXIT_UNREADABLE

    for path in (p for p in vars(given).values() if isinstance(p, Path)):
        if not path.exists():
            raise UnreadableError(f"{path}: does not exist; hours of measuring would end without it")
    jobs: dict[str, Callable[[], Results]] = {
        suite.value: partial(measure, suite, output / suite.value, given) for suite in Suite if suite is not Suite.every
    }
    if given.fakes is None:
        jobs[Suite.detector.value] = partial(without_fakes, output / Suite.detector.value)
    out, err = Console(width=None if Console().is_terminal else 160), Console(stderr=True)

    def done(sweep: "Sweep") -> None:
        suite, seconds = list(sweep.seconds.items())[-1]
        if suite in sweep.failed:
            err.print(f"[red]{suite}:[/red] {escape(sweep.failed[suite])}", highlight=False, soft_wrap=True)
        else:
            out.print(table(sweep.suites[-1]))
        typer.echo(f"{suite}: {seconds:.0f} s")
        write_report(sweep, output)

    sweep = measure_all(jobs, output, given.quick, done=done, trouble=lambda text: err.print(escape(text)))
    figures = sum(len(results.figures) for results in sweep.suites)
    minutes = sum(sweep.seconds.values()) / 60
    typer.echo(f"{output / 'report.html'}, {output / 'results.json'}: {figures} figures, {minutes:.1f} minutes")
    if sweep.failed:
        typer.echo(f"failed: {', '.join(sweep.failed)}", err=True)
        raise typer.Exit(EXIT_UNREADABLE)


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="Folder or results.json of the earlier run.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The same of the later run.")],
    tolerance: Annotated[
        float, typer.Option(min=0, help="How much a figure without intervals may move, as a share of its value.")
    ] = 0.1,
    fail: Annotated[bool, typer.Option("--fail", help="Exit code 1 when a figure got worse beyond the noise.")] = False,
) -> None:
    """What moved between two runs of `vasari bench`, of one suite or of all, and whether it is outside the noise.

    Where both runs have 95% intervals: the difference against the combined bootstrap standard error, outside beyond
    1.96 of it. Elsewhere: outside is what moved by more than --tolerance, or reached or lost its goal.
    """
    from benchmarks import compare as comparing
    from benchmarks.sweep import read_results
    from media.errors import UsageError
    from provenance.exits import EXIT_UNREADABLE

    found = comparing.compare(read_results(before), read_results(after), tolerance)
    if not found.changes:
        raise UsageError(f"{before}, {after}: no figure is in both; give two runs of the same suite, or of all")
    err = Console(stderr=True)
    for warning in found.warnings:
        err.print(escape(warning), highlight=False, soft_wrap=True)
    moved = [*found.of("worse"), *found.of("better")]
    if moved:
        Console(width=None if Console().is_terminal else 160).print(comparing.table(moved))
    for line in comparing.summary(found):
        typer.echo(line)
    for name, names in (("A", found.only_before), ("B", found.only_after)):
        if names:
            typer.echo(f"only in {name}: {', '.join(names)}")
    if fail and found.of("worse"):
        raise typer.Exit(EXIT_UNREADABLE)
