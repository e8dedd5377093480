"""`vasari bench`: measure what the product claims; `vasari bench compare`: what moved between two runs."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from benchmarks import SUITES

if TYPE_CHECKING:
    from benchmarks.figures import Results
    from benchmarks.suites import Given
    from benchmarks.sweep import Sweep

EXAMPLES = Path(__file__).parents[2] / "examples"


Suite = StrEnum("Suite", {name: name for name in (*SUITES, "all")})  # type: ignore[misc]
"""What can be measured."""


def measure(name: str, given: "Given") -> "Results":
    """Run one suite; what goes on is said on standard error."""
    from benchmarks.suites import run, suite

    return run(suite(name), given, _sayer(name))


def measure_or_tell(name: str, given: "Given") -> "Results":
    """The same; a suite that lacks what it needs gives its figures without values."""
    from benchmarks.suites import run_or_tell, suite

    return run_or_tell(suite(name), given, _sayer(name))


def _sayer(name: str) -> Callable[[str], None]:
    err = Console(stderr=True)
    return lambda part: err.print(f"{name}: {part}", highlight=False)


London = Annotated[
    Path | None,
    typer.Option(help="Folder of the London set, for figures on real people (doi 10.6084/m9.figshare.5047666)."),
]
Assets = Annotated[
    Path | None, typer.Option(help="Folder made by `vasari data assets`, for exact truth of the renderer.")
]
Moves = Annotated[
    Path | None, typer.Option(help="Video of one face, whose first frame the renderer moves as the others move.")
]
Wild = Annotated[
    Path | None,
    typer.Option(help="Clips that nobody here made or trained on: clips.csv (file, label, source, person)."),
]
Peers = Annotated[
    Path | None,
    typer.Option(help="TOML file of other commands that make talking faces, to be measured beside ours."),
]


def bench(
    suites: Annotated[
        list[Suite], typer.Argument(help="Which suites, or all; `compare A B`: two runs.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results, plots and contact sheets.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Under five minutes a suite on two cores; fewer samples.")
    ] = False,
    london: London = None,
    people: Annotated[
        Path | None, typer.Option(help="Folder made by `vasari data people`, for figures on rendered people.")
    ] = None,
    assets: Assets = None,
    skins: Annotated[Path | None, typer.Option(help="Folder of 2048 pixel skins, beside --assets.")] = None,
    clip: Moves = None,
    speech_set: Annotated[
        Path | None, typer.Option(help="Folder made by `vasari data speech`, for motion on people recorded.")
    ] = None,
    fakes: Annotated[
        Path | None,
        typer.Option(help="Labelled set (`vasari data fakes`): the detector is measured on its test split."),
    ] = None,
    real: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures and videos that nobody altered: false alarms, whom the tracker sees."),
    ] = None,
    wild: Wild = None,
    peers: Peers = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Generation only: folder for a page that shows clips of two entrants side by side, blind."),
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
    from benchmarks.suites import Given
    from media.errors import ConsentError
    from media.threads import cores
    from provenance import Keys, is_nobody

    if not is_nobody(portrait, Keys.open()):
        raise ConsentError(f"{portrait}: benchmarks animate only people who do not exist; use a shipped example")
    given = Given(
        output, portrait, speech, quick, london, people, assets, skins, clip, speech_set, fakes, real, wild, peers,
        pairs, workers=cores(),
    )  # fmt: skip
    if Suite("all") in suites:
        return _measure_all(given)
    for name in dict.fromkeys(wanted.value for wanted in suites):
        own = given if len(set(suites)) == 1 else given.within(name)
        results = measure(name, own)
        Console(width=None if Console().is_terminal else 160).print(table(results))
        typer.echo(f"{own.folder / 'results.json'}: {len(results.figures)} figures")


def _measure_all(given: "Given") -> None:
    """Every suite into a folder of its own; exit code 1 where one failed."""
    from benchmarks.figures import table
    from benchmarks.report import write_report
    from benchmarks.sweep import measure_all
    from media.errors import UnreadableError
    from provenance.exits import EXIT_UNREADABLE

    output = given.folder
    for name, path in vars(given).items():
        if isinstance(path, Path) and name != "folder" and not path.exists():
            raise UnreadableError(f"{path}: does not exist; hours of measuring would end without it")
    jobs: dict[str, Callable[[], Results]] = {
        name: partial(measure_or_tell, name, given.within(name)) for name in SUITES
    }
    out, err = Console(width=None if Console().is_terminal else 160), Console(stderr=True)

    def done(sweep: "Sweep") -> None:
        name, seconds = list(sweep.seconds.items())[-1]
        if name in sweep.failed:
            err.print(f"[red]{name}:[/red] {escape(sweep.failed[name])}", highlight=False, soft_wrap=True)
        else:
            out.print(table(sweep.suites[-1]))
        typer.echo(f"{name}: {seconds:.0f} s")
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
