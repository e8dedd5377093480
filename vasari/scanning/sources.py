"""Which files are meant: names, folders, patterns of addresses, lists on standard input."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

from media.errors import UnreadableError
from vasari.scanning.fetching import is_remote, remote_files

MOVING = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".3gp")
HEARD = (".m4a", ".mp3", ".wav", ".flac", ".ogg", ".opus", ".aac")
STILL = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic")
MEDIA = frozenset((*MOVING, *HEARD, *STILL))
"""Suffixes that are looked at in folders. A file that is named outright is looked at whatever it is called."""


def sources(
    arguments: Iterable[str | os.PathLike[str]],
    trouble: Callable[[str, UnreadableError], None],
    listed: TextIO | None = None,
) -> Iterator[str]:
    """Names of files, one at a time, in the order they are meant: a million of them need no memory.

    Args:
        arguments: a file; a folder, gone through in order of name with what is below it, hidden names and links to
            folders left out; "-", names from `listed`, one a line or with zero bytes between; an address such as
            s3://bucket/folder/*.mp4 or https://host/a.mp4, as fsspec knows them.
        trouble: called with an argument or folder, and why it holds nothing: no media, no permission, no such bucket.
        listed: standard input.

    Raises:
        UsageError: fsspec, or its driver for an address, is not installed.
    """
    for argument in (os.fspath(given) for given in arguments):
        if argument == "-":
            yield from _lines(listed) if listed is not None else ()
        elif is_remote(argument):
            try:
                yield from remote_files(argument, MEDIA)
            except UnreadableError as error:
                trouble(argument, error)
        elif os.path.isdir(argument):
            empty = True
            for name in _below(argument, trouble):
                empty = False
                yield name
            if empty:
                trouble(argument, UnreadableError(f"{argument}: the folder holds no picture, video or sound"))
        else:
            yield argument


def _below(folder: str, trouble: Callable[[str, UnreadableError], None]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        trouble(folder, UnreadableError(f"{folder}: the folder cannot be read ({error.strerror})"))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, trouble)
        elif Path(entry.name).suffix.lower() in MEDIA and entry.is_file():
            yield entry.path


def _lines(listed: TextIO) -> Iterator[str]:
    """Lines or, from `find -print0`, what zero bytes separate. A list may begin with a byte order mark."""
    for number, line in enumerate(listed):
        line = line.removeprefix("\ufeff") if number == 0 else line
        yield from (name for name in line.rstrip("\r\n").split("\0") if name)
