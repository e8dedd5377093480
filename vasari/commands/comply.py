"""`vasari comply`: what a provider keeps on file of a release, in one signed report."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from media.errors import UsageError
from vasari.options import Anchors, Authorities, Keys, LabelKind, RevokedLists
from vasari.stamping import Required, Timestamp, signing_keys, tell

Worn = Annotated[
    LabelKind | None,
    typer.Option(
        help="Which visible label your outputs bear, for the report (default: what vasari does unasked).",
        show_default=False,
    ),
]
Spoken = Annotated[
    str | None,
    typer.Option(
        metavar="[LANGUAGE]",
        help="Language of the spoken notice that your outputs begin with, for the report (default: none).",
        show_default=False,
    ),
]


def comply(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="New folder for report.json and report.html.", show_default=False),
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(help="A results.json of `vasari bench`, or its folder. Repeatable.", show_default=False),
    ] = None,
    tests: Annotated[
        Path | None, typer.Option(help="Outcome of the tests: a junit XML file.", show_default=False)
    ] = None,
    label: Worn = None,
    notice: Spoken = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Say whether a report is as it was signed, instead.", show_default=False),
    ] = None,
    keys: Keys = None,
    timestamp: Timestamp = None,
    required: Required = False,
    anchor: Anchors = None,
    revoked: RevokedLists = None,
    timestamp_anchor: Authorities = None,
) -> None:
    """Gather into one signed report what is installed, whose keys sign, what was measured and tested, and which duty
    of the EU, California and India is met, by which figure.

    --label and --notice say how outputs are made where that is not the default. Nothing is invented: what was not
    given is "not measured". Facts with their sources, no legal advice.

    Exit code of --check: 0 as a trusted maker signed it; 3 by somebody not trusted, or expired, or revoked; 4 altered;
    1 a file is missing.
    """
    if (output is None) == (check is None):
        raise UsageError("give -o FOLDER to write a report, or --check FOLDER to look at one")
    if check is not None:
        if results or tests or label or notice or timestamp or required:
            raise UsageError("--check goes with --keys, --anchor, --revoked and --timestamp-anchor alone")
        raise typer.Exit(_check(check, keys, anchor or [], revoked or [], timestamp_anchor or []))
    assert output is not None
    if anchor or revoked or timestamp_anchor:
        raise UsageError("--anchor, --revoked and --timestamp-anchor go with --check alone")
    from vasari.compliance.binding import bind, check_folder
    from vasari.compliance.gathering import gather

    check_folder(output)
    opened = signing_keys(keys, timestamp, required)
    report = gather(opened, results=results or (), tests=tests, label=label, notice=notice or "")
    notes = bind(report, output, opened)
    counts = Counter(duty.state for duty in report.duties)
    typer.echo(f"{output}: report.html, report.json, signed; {', '.join(f'{n} {s}' for s, n in counts.items())}")
    for duty in report.duties:
        if duty.state in ("not met", "yours to do"):
            typer.echo(f"  {duty.state}: {duty.duty} ({duty.where}): {duty.how}")
    tell(notes)


def _check(
    folder: Path, keys: Path | None, anchors: list[Path], revoked: list[Path], authorities: list[Path]
) -> int:  # fmt: skip
    """Say whether a report holds, in one line. Returns the exit code."""
    from media.words import plain, quoted
    from provenance import Keys as Opened
    from provenance.exits import EXIT_KNOWN
    from provenance.make.papers import PaperError
    from vasari.commands.verify import key_folder
    from vasari.compliance.binding import check

    found = key_folder(keys)
    opened = None if found is None else Opened.open(found, create=False)
    try:
        holds = check(folder, opened, anchors=anchors, revoked=revoked, authorities=authorities)
    except PaperError as error:
        typer.echo(plain(str(error)), err=True)
        return error.code
    said, version = holds.credentials, holds.report.versions.get("vasari", "")
    stamp = said.timestamp
    when = f"stamped {stamp.time} by {quoted(stamp.authority)}" if stamp else f"made {said.made}, no time stamp"
    typer.echo(f"{folder}: report on vasari {plain(version)}, unaltered, signed by {quoted(said.signer)}, {when}")
    return EXIT_KNOWN
