"""`vasari triage`: credentials, marks and detection in one verdict."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import VasariError
from media.words import as_json, plain
from vasari.options import (
    Anchors,
    Authorities,
    Engine,
    Engines,
    Fetched,
    Ledger,
    Longest,
    MarkKeys,
    OperatingPoint,
    Point,
    ProfileFile,
    ReportFolder,
    RevokedLists,
    Seconds,
    Workers,
)  # fmt: skip

if TYPE_CHECKING:
    from detect.triage import Triage

COLOURS = {"known_maker": "green", "nothing_found": "yellow", "tampered": "red", "synthetic": "red"}
Files = Annotated[
    list[str],
    typer.Argument(
        help="Pictures, videos, sound files; folders of them; addresses (https://..., s3://...); - for names on "
        "standard input.",
        show_default=False,
    ),
]


def triage(
    files: Files,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record a line, a line a file.")] = False,
    report: ReportFolder = None,
    point: Point = OperatingPoint.fpr_1,
    output: Ledger = None,
    workers: Workers = None,
    engine: Engines = Engine.local,
    seconds: Seconds = 3600,
    longest: Longest = None,
    profile: ProfileFile = None,
    keys: MarkKeys = None,
    anchor: Anchors = None,
    revoked: RevokedLists = None,
    timestamp_anchor: Authorities = None,
    fetch: Fetched = None,
) -> None:
    """One verdict on each of FILES: credentials and marks first, which are facts, then the detector, an estimate.

    Exit code: 0 made by a known maker and intact; 3 nothing found; 4 tampered or contradictory; 5 looks synthetic by
    detection alone; 1 a file could not be read; 2 wrong usage. Of several files the worst.
    """
    from provenance.exits import worst
    from vasari.commands.verify import key_folder
    from vasari.scanning import deciding, survey

    asked = (
        key_folder(keys),
        tuple(anchor or ()),
        tuple(revoked or ()),
        tuple(timestamp_anchor or ()),
        tuple(fetch or ()),
        report,
        point.value,
        longest,
        profile,
        1 if workers or engine is Engine.ray else 0,
    )
    decided = None
    if output:
        decided = deciding.verifying(*asked[:5]) | deciding.detecting(None, point.value, longest, profile)
    opening(*asked)  # what is wrong with keys, anchors, weights or folder is said at once
    out, err = Console(), Console(stderr=True)

    def show(record: dict[str, Any], verdict: Any, error: VasariError | None) -> None:
        if json:
            typer.echo(as_json(record))
        elif error is not None:
            err.print(f"[red]could not read[/red] {escape(plain(str(error)))}", highlight=False, soft_wrap=True)
        else:
            _print(out, verdict)

    codes = survey(
        files, opening, asked, show,
        what="triage", workers=workers, engine=engine, seconds=seconds, ledger=output, listed=sys.stdin,
        deciding=decided,
    )  # fmt: skip
    raise typer.Exit(worst(codes))


def _print(out: Console, verdict: "Triage") -> None:
    """A few lines for people."""
    colour = COLOURS[verdict.verdict]
    name, summary = escape(plain(verdict.file)), escape(plain(verdict.summary))
    out.print(f"[bold]{name}[/bold]  [{colour}]{summary}[/{colour}]", soft_wrap=True, highlight=False)
    for line in verdict.findings:
        out.print(f"  {escape(plain(line))}", soft_wrap=True, highlight=False)


def opening(
    folder: Path | None,
    anchors: tuple[Path, ...],
    revoked: tuple[Path, ...],
    authorities: tuple[Path, ...],
    hosts: tuple[str, ...],
    report: Path | None,
    point: str,
    longest: float | None,
    profile: Path | None,
    threads: int,
) -> "Callable[[str], Triage]":
    """What judges a file, in whatever process it is asked.

    Raises:
        KeyMaterialError: keys, an anchor or a list cannot be read.
        WeightsError: the detector's weights cannot be read.
        OutputError: the folder of reports cannot be made.
    """
    from detect.detector import Detector
    from detect.report import report_folder, write_report
    from detect.triage import join
    from vasari.commands.verify import opening as verifying
    from vasari.scanning import fetched
    from vasari.scanning.fetching import shown

    verify = verifying(folder, anchors, revoked, authorities, hosts)
    detector = Detector.load(point=point, threads=threads, profile=profile)
    pages = None if report is None else report_folder(report)

    def look(name: str) -> "Triage":
        with fetched(name) as path:
            facts = verify(str(path))
            if str(path) != name:
                facts = facts.model_copy(update={"file": shown(name)})
            if facts.kind in ("sound", "other"):
                return join(facts, None)
            detection, evidence = detector.look(path, keep=pages is not None, longest=longest)
        verdict = join(facts, detection.model_copy(update={"file": facts.file}))
        if pages is not None and verdict.detection is not None:
            told = [verdict.summary, *verdict.contradictions, *verdict.findings]
            write_report(pages, verdict.detection, evidence, told, settled=verdict.settled)
        return verdict

    return look
