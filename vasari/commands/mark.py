"""`vasari mark`: marks in a file that others made, and credentials over it."""

from pathlib import Path
from typing import Annotated

import typer

from vasari.options import Keys as KeysFolder
from vasari.stamping import RemoteUrl, Required, Sidecar, Timestamp, signing_keys, tell


def mark(
    file: Annotated[Path, typer.Argument(help="Picture, video or sound file.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Marked copy: .png, .jpg, .webp, .avif, .gif, .tif; .mp4, .mov, .mkv, .webm; .m4a, .mp3, .wav, .flac, "
            ".opus, .ogg.",
            show_default=False,
        ),
    ],
    crf: Annotated[int, typer.Option(min=0, max=40, help="Quality of a video, x264's CRF; lower is better.")] = 18,
    quality: Annotated[int, typer.Option(min=30, max=100, help="Quality of a JPEG or WebP.")] = 95,
    title: Annotated[str, typer.Option(help="Title in the credentials (default: the output's name).")] = "",
    again: Annotated[bool, typer.Option("--again", help="Replace a mark of this maker that is in FILE.")] = False,
    notice: Annotated[
        str | None,
        typer.Option(
            metavar="[LANGUAGE]",
            help="Sound files only: say before the sound that AI made it, in en (default) or another language of "
            "`generate --notice`; spoken by espeak-ng, stated in the credentials.",
            show_default=False,
        ),
    ] = None,
    keys: KeysFolder = None,
    timestamp: Timestamp = None,
    required: Required = False,
    sidecar: Sidecar = False,
    remote_url: RemoteUrl = "",
) -> None:
    """Mark FILE, which others made, in picture and sound, and put this maker's credentials over the copy.

    A video keeps its size, frame rate and times, sound its rate and channels; both are coded again. The credentials
    that FILE came with stay in those of the copy, and do not say that it was generated. `vasari sign` changes nothing.
    """
    from provenance import Notice, mark_file
    from vasari.progress import frames_bar

    spoken = None if notice is None else Notice.of(notice, "voice")
    opened = signing_keys(keys, timestamp, required)
    with frames_bar("marking", None) as progress:
        marked = mark_file(
            file, output, keys=opened, crf=crf, quality=quality, title=title, again=again, notice=spoken,
            sidecar=sidecar, remote_url=remote_url, progress=progress,
        )  # fmt: skip
    typer.echo(f"{marked.saved.path}: marked in {' and '.join(marked.borne)}, signed, {marked.saved.manifest}")
    tell(marked.notes)
