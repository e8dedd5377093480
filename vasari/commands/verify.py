"""`vasari verify`: who made it, and is it as they left it?"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from media.errors import UsageError, VasariError
from media.words import as_json, plain, quoted
from vasari.options import (
    Anchors,
    Authorities,
    Engine,
    Engines,
    Fetched,
    Ledger,
    MarkKeys,
    RevokedLists,
    Seconds,
    Workers,
)
from vasari.stamping import exposed, tell
from vasari.watching import watch

if TYPE_CHECKING:
    from provenance import Verdict
    from provenance.read.verdict import Credentials, Mark, Visible

COLOURS = {"known_maker": "green", "nothing_found": "yellow", "tampered": "red"}
KEYLESS = "marks were not looked for: no keys in {}; `vasari keys create` makes some"
Files = Annotated[
    list[str],
    typer.Argument(
        help="Pictures, videos, sound files; folders of them; - for names on standard input; addresses "
        "(https://..., s3://...). With --live one stream: - for standard input, a pipe, a fragmented mp4, a playlist "
        "(.m3u8) or its folder.",
        show_default=False,
    ),
]


def verify(
    files: Files,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON array, one record a file.")] = False,
    lines: Annotated[bool, typer.Option("--jsonl", help="Print one JSON record a line, as they come.")] = False,
    crjson: Annotated[
        bool, typer.Option("--crjson", help="Print one file's crJSON, as C2PA's library gives it.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Follow one live stream: say who signs its segments, and where that breaks.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="With --live: seconds after which what does not grow any more has ended.")
    ] = 5.0,
    output: Ledger = None,
    workers: Workers = None,
    engine: Engines = Engine.local,
    seconds: Seconds = 600,
    keys: MarkKeys = None,
    anchor: Anchors = None,
    revoked: RevokedLists = None,
    timestamp_anchor: Authorities = None,
    fetch: Fetched = None,
) -> None:
    """Tell who made FILES by their credentials, in them or in a sidecar beside them, and marks. Works offline.

    Exit code: 0 made by a known maker and intact; 3 nothing found, or only credentials of somebody not trusted;
    4 tampered or contradictory, removed credentials included; 1 a file could not be read; 2 wrong usage. Of several
    files the worst. A file that cannot be read never stops the others.
    """
    from provenance.exits import worst
    from provenance.trust.keys import default_folder

    if json and lines:
        raise UsageError("--json and --jsonl: choose one")
    folder = key_folder(keys)
    asked = (folder, tuple(anchor or ()), tuple(revoked or ()), tuple(timestamp_anchor or ()), tuple(fetch or ()))
    look = opening(*asked)  # what is wrong with keys and anchors is said at once
    if live:
        if crjson or output or fetch:
            raise UsageError("--live: goes with --json or --jsonl alone; a stream is not kept, listed or fetched")
        raise typer.Exit(watch(files, partial(_stated, *asked[:4]), wait, json=json, lines=lines))
    if crjson:
        raise typer.Exit(_document(files, look, folder, anchor or (), alone=not (json or lines or output)))
    tell(exposed(folder) if folder else ())
    codes = _survey(
        files, asked, json=json, lines=lines, output=output, workers=workers, engine=engine, seconds=seconds
    )
    if folder is None and not json:
        Console(stderr=True).print(KEYLESS.format(default_folder()), highlight=False)
    raise typer.Exit(worst(codes))


def _survey(
    files: list[str],
    asked: tuple[Any, ...],
    *,
    json: bool,
    lines: bool,
    output: Path | None,
    workers: int | None,
    engine: Engine,
    seconds: float,
) -> list[int]:
    """Look at all files and print what there is to say; `asked` as `opening` takes it. Returns their exit codes."""
    from vasari.scanning import deciding, survey

    out, err, records = Console(), Console(stderr=True), list[dict[str, Any]]()

    def show(record: dict[str, Any], verdict: Any, error: VasariError | None) -> None:
        if json:
            records.append(record)
        elif lines:
            typer.echo(as_json(record))
        elif error is not None:
            err.print(f"[red]could not read[/red] {escape(plain(str(error)))}", highlight=False, soft_wrap=True)
        elif output is None:
            out.print(_table(verdict))

    codes = survey(
        files, opening, asked, show,
        what="verifying", workers=workers, engine=engine, seconds=seconds, ledger=output,
        deciding=deciding.verifying(*asked) if output else None, listed=sys.stdin,
    )  # fmt: skip
    if json:
        typer.echo(as_json(records, indent=2))
    elif output is not None and not lines:
        counted = ", ".join(f"{codes.count(code)} with exit code {code}" for code in sorted(set(codes)))
        out.print(f"{escape(str(output))}: {len(codes)} files{f': {counted}' if counted else ''}", highlight=False)
    return codes


def _stated(
    folder: Path | None,
    anchors: tuple[Path, ...],
    revoked: tuple[Path, ...],
    authorities: tuple[Path, ...],
    path: Path,
) -> "Credentials":
    """What the credentials in a file say, with keys and lists as they are now."""
    from provenance import Keys
    from provenance.read.verification import read_credentials, relied_on

    opened = None if folder is None else Keys.open(folder, create=False)
    return read_credentials(path, *relied_on(opened, anchors, revoked, authorities))


def _document(
    files: list[str], look: "Callable[[str], Verdict]", folder: Path | None, anchors: Iterable[Path], *, alone: bool
) -> int:
    """Print the crJSON of a file, an empty document where it has no credentials. Returns the verdict's exit code."""
    from provenance import Keys
    from provenance.credentials.manifest import document
    from provenance.read.verification import read_anchors
    from vasari.scanning import fetched

    if len(files) != 1 or files[0] == "-" or not alone:
        raise UsageError("--crjson prints one document, of one file; give a single file and no other output")
    name, keys = files[0], None if folder is None else Keys.open(folder, create=False)
    with fetched(name) as path:
        code = look(str(path)).exit_code
        found = document(path, read_anchors(keys, anchors))
    if found is None:
        typer.echo(f"{plain(name)}: no credentials in the file", err=True)
    typer.echo(as_json(found or {}, indent=2))
    return code


def key_folder(keys: Path | None) -> Path | None:
    """The folder of keys that is asked for, or the maker's own where there is one."""
    from provenance.trust.keys import default_folder

    folder = keys or default_folder()
    return folder if keys or (folder / "watermark.key").exists() else None


def opening(
    folder: Path | None,
    anchors: tuple[Path, ...] = (),
    revoked: tuple[Path, ...] = (),
    authorities: tuple[Path, ...] = (),
    hosts: tuple[str, ...] = (),
) -> "Callable[[str], Verdict]":
    """What answers the name or address of a file, in whatever process it is asked.

    Raises:
        KeyMaterialError: keys, an anchor or a list cannot be read.
    """
    from media.processes import one_thread

    one_thread()  # what is computed is small: threads that wait for more of it cost more than they save
    from provenance import Keys
    from provenance import verify as verify_file
    from provenance.read.verification import read_anchors
    from provenance.trust.revocation import read_revoked
    from vasari.scanning import fetched
    from vasari.scanning.fetching import shown

    opened = None if folder is None else Keys.open(folder, create=False)
    read_revoked(revoked, read_anchors(opened, anchors))
    read_anchors(None, authorities)

    def look(name: str) -> "Verdict":
        with fetched(name) as path:
            verdict = verify_file(
                path, keys=opened, anchors=anchors, revoked=revoked, authorities=authorities, fetch=hosts
            )
        return verdict if str(path) == name else verdict.model_copy(update={"file": shown(name)})

    return look


def _table(verdict: "Verdict") -> Table:
    """A short table for people."""
    title = escape(plain(verdict.file))
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    colour = COLOURS[verdict.verdict]
    table.add_row("verdict", f"[{colour}]{_lines([verdict.summary])}[/{colour}]")
    table.add_row("because", _lines(verdict.reasons))
    table.add_row("credentials", _lines(_credentials(verdict.credentials)))
    table.add_row("picture mark", _mark_words(verdict.picture_mark, "frames"))
    table.add_row("sound mark", _mark_words(verdict.sound_mark, "s"))
    for track in verdict.other_tracks:
        table.add_row(
            f"{track.kind} {track.number}", _mark_words(track.mark, "frames" if track.kind == "video" else "s")
        )
    if verdict.label:
        table.add_row("visible label", _lines([_label_words(verdict.label)]))
    if notice := verdict.credentials.notice:
        said = f"claimed, {quoted(notice.language)}: {quoted(notice.words, 300)} ({notice.seconds:g} s)"
        table.add_row("spoken notice", _lines([said]))
    if verdict.origin:
        origin = verdict.origin
        table.add_row("registry", _lines([f"`vasari {origin.command}` {origin.made}", origin.manifest]))
    return table


def _lines(lines: Iterable[str]) -> str:
    """Words of whoever it was, as lines of a cell."""
    return escape("\n".join(map(plain, lines)))


def _credentials(credentials: "Credentials") -> list[str]:
    """What they say of themselves, a line each."""
    named = credentials.state in ("valid", "invalid")
    lines = [f"{credentials.state}, {credentials.trust}" if named else credentials.state]
    if credentials.signer:
        lines += [f"signed by {quoted(credentials.signer)}", f"issued by {quoted(credentials.issuer)}"]
    lines += [f"identity {quoted(item.name)} ({item.state})" for item in credentials.identities]
    if credentials.made:
        kind = f" ({credentials.digital_source_type})" if credentials.digital_source_type else ""
        done = "opened" if credentials.action == "c2pa.opened" else "made"
        lines.append(f"{done} {credentials.made} by {quoted(credentials.generator)}{kind}")
    lines += [f"{item.relationship} {quoted(item.title)}: credentials {item.state}" for item in credentials.opened]
    if stamp := credentials.timestamp:
        lines.append(f"time stamp {stamp.time} by {quoted(stamp.authority)} ({stamp.trust})")
    elif named:
        until = f"; they count until {credentials.good_until[:10]}" if credentials.good_until else ""
        lines.append(f"no time stamp{until}")
    return [*lines, *credentials.notes]


def _label_words(label: "Visible") -> str:
    """What is stated and what is seen, in one line."""
    if label.stated.kind == "off":
        return f"none, as stated{f': {quoted(label.stated.reason)}' if label.stated.reason else ''}"
    when = "all the time" if label.stated.kind == "on" else "at the start, and again"
    seen = {"seen": "seen", "removed": "removed or covered", "not_seen": "not seen", "not_checked": "not looked for"}
    looked = f" ({label.looked_at - label.missing} of {label.looked_at} frames)" if label.looked_at else ""
    return f"{label.stated.corner}, {when}: {seen[label.state]}{looked}"


def _mark_words(mark: "Mark", unit: str) -> str:
    chance = f"chance {mark.p_value:.1e}, {mark.looked_at:g} {unit}"
    moved = f"\n{mark.moved}" if mark.moved else ""
    if len(mark.pieces) > 1 or any(piece.start >= 1.0 for piece in mark.pieces):
        moved += "\n" + ", ".join(f"{piece.start:g} to {piece.end:g} s: {piece.message}" for piece in mark.pieces[:8])
    return {
        "found": f"{mark.message} ({chance}){moved}",
        "noticed": f"a mark of this key, too damaged to read ({chance}){moved}",
        "absent": f"none in {mark.looked_at:g} {unit}",
        "no_carrier": "nothing here that could bear one",
        "not_checked": "not looked for",
    }[mark.state]
