"""`vasari verify --live`: what a stream's credentials say while it goes on, a line for each finding."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from media.errors import UnreadableError, UsageError
from media.words import as_json, plain

if TYPE_CHECKING:
    from provenance.read.verdict import Credentials
    from provenance.read.watching import Event, Judged


def watch(
    files: list[str], look: "Callable[[Path], Credentials]", wait: float, *, json: bool = False, lines: bool = False
) -> int:
    """Follow one stream to its end, and say what there is to say. Returns the exit code.

    Args:
        look: what the credentials of an initialization segment say.
        wait: as in `sources.stream`.
        json: print one record at the end, and nothing else.
        lines: print one record a finding as it comes, and one at the end.

    Raises:
        UsageError: several files; an address; a terminal.
        UnreadableError: it is no stream of segments.
    """
    from provenance.read.watching import Watch

    if len(files) != 1:
        raise UsageError(f"--live follows one stream; {len(files)} were given")
    name, told = files[0], list[dict[str, Any]]()
    watching = Watch(lambda head: _looked(head, look))
    for event in _findings(name, watching, wait):
        record = {"event": event.what, "segment": event.segment, "breaks": event.breaks, "text": event.text}
        told.append(record)
        if lines:
            typer.echo(as_json(record))
        elif not json:
            typer.echo(plain(event.text))
    judged = watching.judged()
    record = _record(name, judged)
    if json:
        typer.echo(as_json(record | {"events": told}, indent=2))
    elif lines:
        typer.echo(as_json(record))
    else:
        typer.echo(plain(judged.summary))
    return judged.exit_code


def _findings(name: str, watching: Any, wait: float) -> "Iterator[Event]":
    """All of them, in order. What cannot be taken apart once the stream has begun breaks it."""
    from provenance.read.sources import stream
    from provenance.read.watching import Event

    begun = False
    try:
        for piece in stream(name, wait):
            begun = True
            yield from watching.take(piece)
    except UnreadableError as error:
        if not begun:
            raise
        watching.broken += 1
        yield Event("altered", f"cannot be followed further: {error}")
    if not begun:
        raise UnreadableError(f"{name}: nothing came; --live follows a fragmented mp4 or a playlist of segments")


def _looked(head: bytes, look: "Callable[[Path], Credentials]") -> "Credentials":
    """What an initialization segment says, by itself."""
    with tempfile.TemporaryDirectory(prefix="vasari-") as folder:
        path = Path(folder) / "head.mp4"
        path.write_bytes(head)
        return look(path)


def _record(name: str, judged: "Judged") -> dict[str, Any]:
    said = judged.credentials.model_dump() if judged.credentials else None
    return {"file": name, **asdict(judged), "credentials": said}
