"""`vasari detect`: how likely is it that a face was made, where and when?"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import UsageError

if TYPE_CHECKING:
    from detect.result import Detection, Failure

COLOURS = {"synthetic": "red", "nothing_found": "green", "cannot_tell": "yellow"}
WORDS = {"synthetic": "looks synthetic", "nothing_found": "nothing found", "cannot_tell": "cannot tell"}


class Point(StrEnum):
    """Operating points, set on calibration data."""

    fpr_1 = "fpr_1"
    fpr_01 = "fpr_01"


def detect(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Videos, pictures or folders; - reads names from standard input.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record a line, a line a file.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page a file with timeline and pictures; opens offline.")
    ] = None,
    point: Annotated[
        Point, typer.Option(help="fpr_1: one false alarm in a hundred; fpr_01: one in a thousand.")
    ] = Point.fpr_1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that look at files.")] = 1,
    log: Annotated[
        Path | None, typer.Option(help="Add the JSON lines to this file, and leave out what is in it already.")
    ] = None,
    longest: Annotated[
        float | None, typer.Option(min=0.1, help="Look at this many seconds of each video at most.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weight file of `vasari train detector`.")] = None,
) -> None:
    """Estimate for every face in FILES how likely it was made. An estimate, never proof: `vasari verify` has facts.

    Exit code: 5 at least one file looks synthetic; 3 nothing found or cannot tell; 1 a file could not be read; 2 wrong
    usage. Of several files the worst.
    """
    from detect.detector import WEIGHTS
    from detect.result import Detection
    from detect.scan import Scan, append, files_of, results, without_done
    from provenance.exits import EXIT_NOTHING, EXIT_SYNTHETIC, EXIT_UNREADABLE, worst

    names = _names(files or [])
    scan = Scan(weights or WEIGHTS, point.value, longest, threads=0 if workers == 1 else 1)
    out, err = Console(), Console(stderr=True)
    todo = files_of(names)
    keep = None
    if log is not None:
        todo, keep = without_done(todo, log), append(log)
    found = _reported(scan, todo, report) if report is not None else results(scan, todo, workers)
    code = EXIT_NOTHING
    for result in found:
        line = result.model_dump_json()
        if keep is not None:
            keep(line)
        if isinstance(result, Detection):
            code = worst([code, EXIT_SYNTHETIC if result.verdict == "synthetic" else EXIT_NOTHING])
        else:
            code = worst([code, EXIT_UNREADABLE])
        if json:
            typer.echo(line)
        else:
            _say(out, err, result)
    raise typer.Exit(code)


def _names(files: list[Path]) -> list[Path]:
    """The files that are meant; "-" stands for a list on standard input."""
    if not files:
        raise UsageError("give files or folders, or - for a list on standard input")
    names = []
    for file in files:
        names += [Path(line) for line in sys.stdin.read().splitlines() if line] if str(file) == "-" else [file]
    return names


def _reported(scan, todo, folder: Path):
    """Results one by one, each with its page."""
    from detect.detector import Detector
    from detect.report import write_report
    from detect.result import Failure
    from media.errors import VasariError

    detector = Detector.load(scan.weights, point=scan.point)
    folder.mkdir(parents=True, exist_ok=True)
    for path in todo:
        try:
            detection, evidence = detector.look(path, keep=True, longest=scan.longest)
        except VasariError as error:
            yield Failure(file=str(path), error=str(error))
            continue
        write_report(folder, detection, evidence)
        yield detection


def _say(out: Console, err: Console, result: "Detection | Failure") -> None:
    """A line or two for people."""
    if not hasattr(result, "verdict"):
        err.print(f"[red]could not read[/red] {escape(result.error)}", highlight=False, soft_wrap=True)
        return
    colour, words = COLOURS[result.verdict], WORDS[result.verdict]
    chance = ""
    if result.probability is not None and result.interval is not None:
        low, high = result.interval
        chance = f", {result.probability:.0%} (95%: {low:.0%} to {high:.0%})"
    why = f": {result.reason}" if result.verdict == "cannot_tell" else ""
    out.print(
        f"[bold]{escape(result.file)}[/bold]  [{colour}]{words}[/{colour}]{chance}{escape(why)}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for person in result.people if len(result.people) > 1 else ():
        words = WORDS[person.verdict] if not person.reason else f"cannot tell: {person.reason}"
        chance = "" if person.probability is None else f" {person.probability:.0%}"
        out.print(f"  person {person.person}:{chance} {escape(words)}", highlight=False)
    spans = [f"{s.start:.1f} to {s.end:.1f} s" for p in result.people for s in p.segments if p.verdict == "synthetic"]
    if spans:
        out.print(f"  when: {', '.join(spans[:8])}{' ...' if len(spans) > 8 else ''}", highlight=False)
