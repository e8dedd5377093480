"""`vasari sign`: credentials over a file that others made."""

from pathlib import Path
from typing import Annotated

import typer

from media.errors import UsageError
from vasari.stamping import RemoteUrl, Required, Sidecar, Timestamp, signing_keys, tell


def sign(
    file: Annotated[Path, typer.Argument(help="Picture, video or sound file.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Signed copy, of the same type; not needed with --sidecar.", show_default=False
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title in the credentials (default: the output's name).")] = "",
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
    ] = None,
    timestamp: Timestamp = None,
    required: Required = False,
    sidecar: Sidecar = False,
    remote_url: RemoteUrl = "",
) -> None:
    """Put this maker's credentials over FILE as it is: nothing is decoded, changed or marked.

    The credentials that FILE came with stay in those of the copy. mp4, mov, avi, m4a, wav, mp3, flac, jpg, png, webp,
    gif, tif, dng, avif and heic carry them; those of webm, mkv, ogg and opus are written beside the copy, NAME.c2pa;
    with --sidecar files of every type stay where and as they are.
    """
    from provenance import sign_beside, sign_file

    if output is None and (remote_url or not sidecar):
        raise UsageError(
            "-o OUTPUT is missing: the signed copy, which --remote-url needs too; --sidecar alone needs none"
        )
    opened = signing_keys(keys, timestamp, required)
    if sidecar and (output is None or output.suffix.lower() == ".c2pa"):
        if remote_url:
            raise UsageError(f"{output}: is a sidecar; with --remote-url name the copy that refers to the address")
        signed = sign_beside(file, output, keys=opened, title=title)
    else:
        assert output is not None
        signed = sign_file(file, output, keys=opened, title=title, sidecar=sidecar, remote_url=remote_url)
    typer.echo(f"{signed.path}: signed, {signed.manifest}")
    tell(signed.notes)
