"""A live stream in a folder, as its playlist lists it (HLS, RFC 8216), read while it grows."""

import re
from dataclasses import dataclass
from pathlib import Path

from media.errors import UnreadableError
from provenance.segments.parsing import LARGEST

SUFFIX = ".m3u8"
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
