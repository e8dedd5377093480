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
IMPOSTORS = {"tty", "ass", "srt", "webvtt", "subviewer", "microdvd", "ffmetadata", "lrc"}
# Demuxers that read what a file names instead of the file: playlists, descriptions of sessions, patterns of names.
POINTERS = {"hls", "dash", "concat", "sdp", "rtsp", "rtp", "sap", "image2", "vobsub", "lavfi", "imf"}
CLOSED = {"format_whitelist": ",".join(sorted(av.formats_available - POINTERS)), "protocol_whitelist": "file"}
"""Options with which ffmpeg opens a file and nothing that the file names, on this machine or elsewhere."""


def literal(path: str | os.PathLike[str]) -> str:
    """A path as ffmpeg has to be told it: it would take "http:host" or "concat:a" for an address, not a file's name."""
    return f"file:{os.fspath(path)}"


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[av.container.InputContainer]:
    """Open a media file for reading, and no other.

    Raises:
        UnreadableError: missing, empty, truncated beyond use, not a media file, or one that names others to be played.
    """
    path = Path(path)
    check_file(path)
    with guarded(path, "not a sound or video file, or truncated"):
        container = av.open(literal(path), metadata_errors="ignore", options=dict(CLOSED))
    try:
        if IMPOSTORS & set(container.format.name.split(",")):
            raise UnreadableError(f"{path}: not a sound or video file (looks like {container.format.name})")
        yield container
    finally:
        container.close()
