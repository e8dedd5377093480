"""`vasari verify`: who made it, and is it as they left it?"""

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from media.errors import UnreadableError

if TYPE_CHECKING:
    from provenance import Verdict
    from provenance.verdict import Mark

COLOURS = {"known_maker": "green", "nothing_found": "yellow", "tampered": "red"}


def verify(
    files: Annotated[list[Path], typer.Argument(help="Pictures, videos or sound files.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON array, one record a file.")] = False,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Folder of keys that read marks and anchor trust (default: $VASARI_KEYS or ~/.config/vasari/keys)."
        ),
    ] = None,
    anchor: Annotated[
        list[Path] | None, typer.Option(help="PEM file with a root certificate to trust as well. Repeatable.")
    ] = None,
) -> None:
    """Tell who made FILES by their credentials and marks. Works offline.

    Exit code: 0 made by a known maker and intact; 3 nothing found, or only credentials of somebody not trusted;
    4 tampered or contradictory, removed credentials included; 1 a file could not be read; 2 wrong usage. Of several
    files the worst.
    """
    from provenance import Keys
    from provenance import verify as verify_file
    from provenance.exits import EXIT_UNREADABLE, worst
    from provenance.keys import default_folder

    folder = keys or default_folder()
    opened = Keys.open(folder, create=False) if keys or (folder / "watermark.key").exists() else None
    out, err = Console(), Console(stderr=True)
    records: list[dict[str, object]] = []
    codes = []
    for file in files:
        try:
            verdict = verify_file(file, keys=opened, anchors=anchor or ())
        except UnreadableError as error:
            codes.append(EXIT_UNREADABLE)
            records.append({"schema_version": 1, "file": str(file), "exit_code": EXIT_UNREADABLE, "error": str(error)})
            if not json:
                err.print(f"[red]could not read[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
            continue
        codes.append(verdict.exit_code)
        records.append(verdict.model_dump(mode="json"))
        if not json:
            out.print(_table(verdict))
    if json:
        typer.echo(jsonlib.dumps(records, indent=2, ensure_ascii=False))
    elif opened is None:
        err.print(f"marks were not looked for: no keys in {folder}; `vasari keys create` makes some", highlight=False)
    raise typer.Exit(worst(codes))


def _table(verdict: "Verdict") -> Table:
    """A short table for people."""
    table = Table(title=escape(verdict.file), title_justify="left", title_style="bold", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    colour = COLOURS[verdict.verdict]
    table.add_row("verdict", f"[{colour}]{escape(verdict.summary)}[/{colour}]")
    table.add_row("because", escape("\n".join(verdict.reasons)))
    credentials = verdict.credentials
    words = credentials.state if credentials.state == "absent" else f"{credentials.state}, {credentials.trust}"
    if credentials.signer:
        words += f"\nsigned by {credentials.signer}\nissued by {credentials.issuer}"
    if credentials.made:
        words += f"\nmade {credentials.made} by {credentials.generator} ({credentials.digital_source_type})"
    table.add_row("credentials", escape("\n".join([words, *credentials.notes])))
    table.add_row("picture mark", _mark_words(verdict.picture_mark, "frames"))
    table.add_row("sound mark", _mark_words(verdict.sound_mark, "s"))
    if verdict.origin:
        origin = verdict.origin
        table.add_row("registry", f"`vasari {origin.command}` {origin.made}\n{origin.manifest}")
    return table


def _mark_words(mark: "Mark", unit: str) -> str:
    chance = f"chance {mark.p_value:.1e}, {mark.looked_at:g} {unit}"
    return {
        "found": f"{mark.message} ({chance})",
        "noticed": f"a mark of this key, too damaged to read ({chance})",
        "absent": f"none in {mark.looked_at:g} {unit}",
        "no_carrier": "nothing here that could bear one",
        "not_checked": "not looked for",
    }[mark.state]
