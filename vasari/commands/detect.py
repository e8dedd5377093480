"""`vasari detect`: how likely is it that a face was made, where and when?"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import UsageError, VasariError
from media.words import as_json, plain
from vasari.options import (
    Engine,
    Engines,
    Ledger,
    Longest,
    OperatingPoint,
    PersonFile,
    Point,
    ProfileFile,
    ReportFolder,
    Seconds,
    Workers,
)

if TYPE_CHECKING:
    from detect.result import Detection

COLOURS = {"synthetic": "red", "nothing_found": "green", "cannot_tell": "yellow"}
SPANS = 8  # segments that are told at most


Files = Annotated[
    list[str],
    typer.Argument(
        help="Videos, pictures, folders of them; addresses (https://..., s3://...); - for names on standard input. "
        "With --live: one source.",
        show_default=False,
    ),
]
Live = Annotated[
    bool, typer.Option("--live", help="Watch a video while it comes: - for standard input, a named pipe, rtsp://...")
]


def detect(
    files: Files,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record a line, a line a file.")] = False,
    report: ReportFolder = None,
    point: Point = OperatingPoint.fpr_1,
    output: Ledger = None,
    workers: Workers = None,
    engine: Engines = Engine.local,
    seconds: Seconds = 3600,
    longest: Longest = None,
    weights: Annotated[Path | None, typer.Option(help="Weight file of `vasari train detector`.")] = None,
    profile: ProfileFile = None,
    person: PersonFile = None,
    live: Live = False,
    every: Annotated[float, typer.Option(min=0.2, help="With --live: seconds between two judgements.")] = 2.0,
    memory: Annotated[float, typer.Option(min=0.2, help="With --live: seconds that are looked back on.")] = 20.0,
) -> None:
    """Estimate for every face in FILES how likely it was made. An estimate, never proof: `vasari verify` has facts.

    A face is called synthetic when it looks more made than 99 in 100 comparable faces known to be real; where too few
    comparable ones are known, the answer is that it cannot be told. `vasari detect calibrate FOLDER -o PROFILE` learns
    what real looks like where you are; --profile then compares with that. `vasari detect enroll CLIPS -o PERSON` learns
    how one person moves; --person then says whether a clip moves like them.

    Exit code: 5 a file looks synthetic; 3 nothing found, or it cannot be told; 1 a file could not be read; 2 wrong
    usage. Of several files the worst. A file that cannot be read never stops the others.

    With --live a line each few seconds, of what was seen lately, until the video ends or is broken off (Ctrl-C); exit
    code 5 if it ever looked synthetic. Sound is not listened to.
    """
    from provenance.exits import worst
    from vasari.scanning import deciding, survey

    if live:
        if len(files) != 1 or report or output or person:
            raise UsageError("detect --live: give one source, and none of --report, --output and --person")
        raise typer.Exit(worst(watch(files[0], point.value, weights, profile, every, memory, json)))
    asked = (report, point.value, longest, weights, profile, person, 1 if workers or engine is Engine.ray else 0)
    decided = deciding.detecting(weights, point.value, longest, profile, person) if output else None
    opening(*asked)  # what is wrong with weights or folder is said at once
    out, err = Console(), Console(stderr=True)

    def show(record: dict[str, Any], detection: Any, error: VasariError | None) -> None:
        if json:
            typer.echo(as_json(record))
        elif error is not None:
            err.print(f"[red]could not read[/red] {escape(plain(str(error)))}", highlight=False, soft_wrap=True)
        else:
            tell(out, detection)

    codes = survey(
        files, opening, asked, show,
        what="detecting", workers=workers, engine=engine, seconds=seconds, ledger=output,
        deciding=decided, listed=sys.stdin,
    )  # fmt: skip
    raise typer.Exit(worst(codes))


def opening(
    report: Path | None,
    point: str,
    longest: float | None,
    weights: Path | None,
    profile: Path | None,
    person: Path | None,
    threads: int,
) -> "Callable[[str], Detection]":
    """What looks at a file, in whatever process it is asked; with `report`, a page for each goes there.

    Raises:
        WeightsError: the weights cannot be read.
        UnreadableError, UsageError: profile or person are none, or the profile is of other weights.
        OutputError: the folder of reports cannot be made.
    """
    from detect.detector import WEIGHTS, Detector
    from detect.report import report_folder, write_report
    from vasari.scanning import fetched

    detector = Detector.load(weights or WEIGHTS, point=point, threads=threads, profile=profile, person=person)
    folder = None if report is None else report_folder(report)

    def look(name: str) -> "Detection":
        with fetched(name) as path:
            detection, evidence = detector.look(path, keep=folder is not None, longest=longest)
        detection = detection.model_copy(update={"file": name})
        if folder is not None:
            write_report(folder, detection, evidence)
        return detection

    return look


def watch(
    source: str, point: str, weights: Path | None, profile: Path | None, every: float, memory: float, json: bool
) -> Iterator[int]:
    """Print what can be said of a video while it comes; the exit code of each judgement."""
    from detect.detector import WEIGHTS, Detector
    from detect.result import SAYS
    from media import LiveReader

    detector = Detector.load(weights or WEIGHTS, point=point, profile=profile)
    name = "standard input" if source == "-" else source
    frames = LiveReader(sys.stdin.buffer if source == "-" else source)
    out = Console()
    with contextlib.suppress(KeyboardInterrupt):
        for found in detector.watch(frames, name, every=every, memory=memory):
            if json:
                typer.echo(found.model_dump_json())
            else:
                why = f": {found.reason}" if found.verdict == "cannot_tell" else ""
                words = f"[{COLOURS[found.verdict]}]{SAYS[found.verdict]}[/]{chance(found)}{escape(plain(why))}"
                out.print(f"{found.seconds:8.1f} s  {words}", highlight=False, soft_wrap=True)
            sys.stdout.flush()
            yield found.exit_code
    if frames.broken:
        Console(stderr=True).print(f"{escape(plain(name))}: ended early ({escape(frames.broken)})", highlight=False)


def tell(out: Console, detection: "Detection") -> None:
    """A line or a few for people."""
    from detect.result import SAYS, beside, likeness

    colour, words = COLOURS[detection.verdict], SAYS[detection.verdict]
    why = f": {detection.reason}" if detection.verdict == "cannot_tell" else ""
    line = f"[bold]{escape(plain(detection.file))}[/bold]  [{colour}]{words}[/{colour}]{chance(detection)}"
    line += escape(plain(why))
    out.print(line, highlight=False, soft_wrap=True)
    for person in detection.people if len(detection.people) > 1 else ():
        words = SAYS[person.verdict] + (f": {person.reason}" if person.reason else "")
        more = "".join(f"; {line}" for line in (beside(person), likeness(person)) if line)
        out.print(f"  person {person.person}: {escape(words)}{chance(person)}{more}", highlight=False, soft_wrap=True)
    judged = [person for person in detection.people if person.compared is not None]
    if len(judged) == 1:
        for line in filter(None, (beside(judged[0]), likeness(judged[0]))):
            out.print(f"  {line}", highlight=False, soft_wrap=True)
    spans = [
        f"{s.start:.1f} to {s.end:.1f} s" for p in detection.people if p.verdict == "synthetic" for s in p.segments
    ]
    if spans:
        more = " ..." if len(spans) > SPANS else ""
        out.print(f"  when: {', '.join(spans[:SPANS])}{more}", highlight=False, soft_wrap=True)


def chance(judged: Any) -> str:
    """Probability and interval of a `Detection` or one of its people, in words."""
    if judged.probability is None or judged.interval is None:
        return ""
    low, high = judged.interval
    return f", {judged.probability:.0%} (95%: {low:.0%} to {high:.0%})"
