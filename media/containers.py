"""Opening audio and video files with PyAV, with errors that a person can read."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import av

from media.errors import UnreadableError
from media.guard import guarded, reason
from media.pictures import check_file

__all__ = ["opened", "reason"]

# Demuxers that accept any bytes at all: text is not video, however hard ffmpeg tries.
IMPOSTORS = {"tty", "ass", "srt", "webvtt", "subviewer", "microdvd", "ffmetadata", "concat", "image2", "lrc"}


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[av.container.InputContainer]:
    """Open a media file for reading.

    Raises:
        UnreadableError: missing, empty, truncated beyond use, or not a media file.
    """
    path = Path(path)
    check_file(path)
    with guarded(path, "not a sound or video file, or truncated"):
        container = av.open(str(path), metadata_errors="ignore")
    try:
        if IMPOSTORS & set(container.format.name.split(",")):
            raise UnreadableError(f"{path}: not a sound or video file (looks like {container.format.name})")
        yield container
    finally:
        container.close()
