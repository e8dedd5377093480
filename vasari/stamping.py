"""Options of commands that sign: who stamps the signature with the time, and where credentials go."""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from media.errors import UsageError

if TYPE_CHECKING:
    from provenance import Keys

OFF = "off"
Timestamp = Annotated[
    str | None,
    typer.Option(
        "--timestamp",
        metavar="URL|off",
        help="Time-stamp authority (RFC 3161) that stamps the signature (default: that of the folder of keys, see "
        "`vasari keys timestamp`). If it gives none, that is said, and the signature goes without.",
        show_default=False,
    ),
]
Required = Annotated[bool, typer.Option("--timestamp-required", help="Write nothing if there is no time stamp.")]
Sidecar = Annotated[
    bool, typer.Option("--sidecar", help="Leave credentials out of the file and write them beside it, NAME.c2pa.")
]
RemoteUrl = Annotated[
    str,
    typer.Option(
        "--remote-url",
        metavar="URL",
        help="Address at which the credentials will lie (https); the copy refers to it. With --sidecar, put "
        "that there.",
        show_default=False,
    ),
]


def signing_keys(folder: Path | None, timestamp: str | None, required: bool) -> "Keys":
    """The maker's keys, with the authority that is asked for.

    Raises:
        KeyMaterialError: as `Keys.open`.
        UsageError: the options clash, or there is no such address.
    """
    from provenance import Keys
    from provenance.trust.timestamps import Authority

    if timestamp == OFF and required:
        raise UsageError("--timestamp off and --timestamp-required: choose one")
    opened = Keys.open(folder)
    tell(exposed(opened.folder))
    kept = opened.authority
    if timestamp == OFF:
        return opened.stamped_by(None)
    if timestamp is not None:
        return opened.stamped_by(Authority(timestamp, required or (kept is not None and kept.required)))
    if required and kept is None:
        raise UsageError("--timestamp-required: no authority is known; add --timestamp URL, or `vasari keys timestamp`")
    return opened.stamped_by(replace(kept, required=True)) if required and kept else opened


def exposed(folder: Path) -> list[str]:
    """Secret keys in a folder that others than their owner may read, a line for people."""
    if os.name != "posix" or not folder.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
        return []
    secret = [path for path in sorted(folder.iterdir()) if path.suffix in (".key", ".retired")]
    signing = folder / "signing"
    if signing.is_dir() and signing.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
        secret += sorted(signing.glob("*.pem"))
    loose = [str(path.relative_to(folder)) for path in secret if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)]
    if not loose:
        return []
    return [f"warning: others on this machine may read {', '.join(loose)} in {folder}: chmod go= {folder}/*"]


def tell(notes: Iterable[str]) -> None:
    """Say on standard error what is not as it was asked for."""
    for note in notes:
        typer.echo(f"  {note}", err=True)
