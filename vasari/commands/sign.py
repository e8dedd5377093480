"""`vasari sign`: credentials over a file that others made."""

from pathlib import Path
from typing import Annotated

import typer

from vasari.stamping import Required, Timestamp, signing_keys, tell


def sign(
    file: Annotated[Path, typer.Argument(help="Picture, video or sound file.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Signed copy, of the same type.", show_default=False)],
    title: Annotated[str, typer.Option(help="Title in the credentials (default: the output's name).")] = "",
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
    ] = None,
    timestamp: Timestamp = None,
    required: Required = False,
) -> None:
    """Put this maker's credentials over FILE as it is: nothing is decoded, changed or marked.

    The credentials that FILE came with stay in those of the copy. mp4, mov, m4a, wav, mp3, jpg, png, webp, gif, tif,
    avif, heic.
    """
    from provenance import sign_file

    signed = sign_file(file, output, keys=signing_keys(keys, timestamp, required), title=title)
    typer.echo(f"{signed.path}: signed, {signed.manifest}")
    tell(signed.notes)
