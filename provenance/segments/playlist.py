"""A live stream in a folder: a playlist of segments (HLS, RFC 8216), written while it is sent, read while it grows."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from media.atomic import replacing
from media.errors import OutputError, UnreadableError, UsageError
from provenance.outlets import Outlet
from provenance.segments.parsing import LARGEST

SUFFIX = ".m3u8"
FIRST = "init.mp4"
TARGET = 1  # seconds of a segment at most, rounded
LONGEST = 16 << 20  # bytes of a playlist that are read
MAP = re.compile(r'#EXT-X-MAP:URI="([^"]*)"')
TAG = re.compile(r"#EXT[A-Z0-9-]*")
# Whoever plays a playlist must be shown what was judged: of other tags, parts of files, keys and what else is to be
# played come.
TAGS = frozenset(("#EXTM3U", "#EXTINF", *(f"#EXT-X-{name}" for name in (
    "VERSION", "TARGETDURATION", "PLAYLIST-TYPE", "INDEPENDENT-SEGMENTS", "MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE",
    "DISCONTINUITY", "PROGRAM-DATE-TIME", "BITRATE", "MAP", "ENDLIST",
))))  # fmt: skip
MEANT = re.compile(r"[?#%:\\]|\{\$")  # what players read in an address, and a file's name may hold


class Playlist(Outlet):
    """Segments as files beside a playlist, each there before the playlist names it; nothing is ever taken off the list.

    Args:
        path: of the playlist. Its folder holds nothing else, and is made where it is missing.

    Raises:
        UsageError: the folder holds something, or it is an address.
        OutputError: it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if "://" in str(path):
            raise UsageError(f"{path}: a playlist is not sent to an address; name it in a new folder of this machine")
        self._path, self._folder = Path(path), Path(path).absolute().parent
        self._made = not self._folder.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if any(self._folder.iterdir()):
                raise UsageError(f"{path}: {self._folder} holds something already; name a playlist in a new folder")
        except OSError as error:
            raise OutputError(f"{path}: its folder cannot be made ({error.strerror})") from error
        self._data, self._names = bytearray(), list[tuple[str, float]]()
        super().__init__(_Gathered(self._data), str(path))

    def cut(self, seconds: float) -> None:
        if not self._data:
            return
        name = f"{len(self._names):06d}.m4s" if self._names else FIRST
        with replacing(self._folder / name) as file:
            file.write_bytes(self._data)
        self._data.clear()
        self._names.append((name, seconds))
        self._write(ended=False)

    def settle(self, signed: Path) -> None:
        self._write(ended=True)

    def take_back(self) -> None:
        for name in (*(name for name, _ in self._names), self._path.name):
            (self._folder / name).unlink(missing_ok=True)
        if self._made:
            with suppress(OSError):  # somebody else put something there
                self._folder.rmdir()

    def _write(self, *, ended: bool) -> None:
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{TARGET}", "#EXT-X-PLAYLIST-TYPE:EVENT"]
        lines += ["#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-MEDIA-SEQUENCE:1", f'#EXT-X-MAP:URI="{FIRST}"']
        for name, seconds in self._names[1:]:
            lines += [f"#EXTINF:{seconds:.3f},", name]
        lines += ["#EXT-X-ENDLIST"] if ended else []
        with replacing(self._path) as file:
            file.write_text("\n".join(lines) + "\n")


class _Gathered:
    """Takes what is written until a segment is whole."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        """All of it."""
        self._data += data


@dataclass(frozen=True)
class Listed:
    """What a playlist says."""

    files: list[tuple[str, str]]  # (initialization segment, media segment), names as they stand there
    ended: bool  # no more comes


def read(path: Path) -> Listed:
    """Raises `UnreadableError` for what is no playlist of segments, or cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1).decode("utf-8", "replace")
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
    if not text.startswith("#EXTM3U") or len(text) > LONGEST:
        raise UnreadableError(f"{path}: is no playlist (HLS); give that of the segments, or a fragmented mp4")
    if "#EXT-X-STREAM-INF" in text:
        raise UnreadableError(f"{path}: lists streams, not segments; give the playlist of one of them")
    head, files, ended = "", [], False
    for line in (line.strip(" \t\r") for line in text.split("\n")):
        tag, found = TAG.match(line), MAP.fullmatch(line)
        if tag and (tag[0] not in TAGS or (tag[0] == "#EXT-X-MAP" and not found)):
            raise UnreadableError(f"{path}: holds {line[:60]!r}, which is not read here; list whole segments")
        if found:
            head = found[1]
        elif line and not line.startswith("#"):
            files.append((head, line))
        ended |= line == "#EXT-X-ENDLIST"
    return Listed(files, ended)


def beside(path: Path, name: str) -> bytes | None:
    """A file that a playlist names, None where it is gone.

    Raises:
        UnreadableError: it lies elsewhere than in the playlist's folder, or is too large.
    """
    folder = path.absolute().parent.resolve()
    target = folder / name
    if "://" in name or not target.resolve().is_relative_to(folder):
        raise UnreadableError(f"{path}: names {name[:100]!r}, which does not lie in its folder; nothing is fetched")
    if MEANT.search(name):
        raise UnreadableError(f"{path}: names {name[:100]!r}, which players do not read as a file's name; rename it")
    if target.exists() and not target.is_file():
        return None
    try:
        with target.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError:
        return None
    if len(data) > LARGEST:
        raise UnreadableError(f"{target}: a segment of more than {LARGEST >> 20} MiB")
    return data
