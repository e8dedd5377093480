"""A file that somebody recorded of a live stream: its credentials are those of its initialization segment and of each
segment behind it, and are judged so. A segment by itself is put behind the initialization segment that lies beside it.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from media.errors import UnreadableError
from media.kinds import SEGMENT, kind_of
from provenance.credentials import manifest
from provenance.read.verdict import Credentials
from provenance.read.watching import CODES, Event, Watch
from provenance.segments.delivered import ASSERTION
from provenance.segments.parsing import LARGEST, Piece, Segments, boxes

PIECE = 1 << 20  # bytes read at a time
LARGEST_HEAD = 4 << 20  # bytes of an initialization segment
JOINED, HEAD, TAIL = "joined.mp4", "head.mp4", "segment.m4s"  # in a folder of ours
MOST = 8  # findings that are told


def is_live(store: dict[str, Any] | None) -> bool:
    """Whether credentials (as `credentials.manifest.read_store` gives them) are those of a live stream."""
    return store is not None and ASSERTION in (store["manifest"].get("assertions") or {})


def read_store(path: Path, anchors_pem: str) -> dict[str, Any] | None:
    """As `credentials.manifest.read_store`; of a recording, with what was found in its segments: "live", in words, and
    among the failures where it is not whole."""
    store = manifest.read_store(path, anchors_pem)
    if not is_live(store):
        parts = _parts(path)
        return store if parts is None else manifest.read_store(parts[0], anchors_pem, segment=parts[1])
    heads: list[dict[str, Any]] = []

    def look(data: bytes) -> Credentials:
        said = of_head(data, anchors_pem) or {"state": "Unreadable", "label": "", "failures": []}
        heads.append(said)
        holds = manifest.holds(said)
        return Credentials(state="valid" if holds else "invalid", trust="untrusted", manifest=said["label"])

    watch, broken, media = Watch(look), list[Event](), False
    try:
        for piece in pieces(path):
            media |= piece.kind != "head"
            broken += [event for event in watch.take(piece) if event.breaks]
    except UnreadableError:
        broken.append(Event("altered", "it cannot be taken apart into segments"))
    if not heads or (watch.keyed and not (media or broken)):  # the initialization segment by itself
        return store
    found, judged = dict(heads[0]), watch.judged()
    number = f"segments {judged.first} to {judged.last}" if judged.whole > 1 else f"segment {judged.first}"
    told = f"{number}, each signed" if judged.whole else "without a whole segment"
    found["live"] = [f"a recording of what was sent live: {told}"]
    if broken or not judged.whole:
        found["live"] += [event.text for event in broken[:MOST]]
        found["state"], found["failures"] = "Invalid", [*found["failures"], CODES["segment" if media else "sessionkey"]]
    return found


@contextlib.contextmanager
def joined(path: Path) -> Iterator[Path]:
    """The file itself; of a segment, one that holds it behind its initialization segment, the only one in its folder.
    Without such a neighbour, or with several, and where it is larger than any segment, the segment itself."""
    short = kind_of(path) == SEGMENT and path.stat().st_size <= LARGEST
    head = _head_beside(path) if short else None
    if head is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="vasari-") as room:
        whole = Path(room) / JOINED
        for name, part in (HEAD, head), (TAIL, path):
            (whole.parent / name).symlink_to(part.resolve())
        whole.write_bytes(head.read_bytes() + path.read_bytes())
        yield whole


def _parts(path: Path) -> tuple[Path, Path] | None:
    """Initialization segment and segment of what `joined` made."""
    parts = path.with_name(HEAD), path.with_name(TAIL)
    return parts if path.name == JOINED and all(part.is_file() for part in parts) else None


def _head_beside(path: Path) -> Path | None:
    found = []
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.is_file() and entry.stat().st_size <= LARGEST_HEAD and _is_head(Path(entry.path)):
                found.append(Path(entry.path))
    return found[0] if len(found) == 1 else None


def _is_head(path: Path) -> bool:
    """Whether a file begins a stream and shows nothing itself."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
        if file.read(8)[4:] != b"ftyp":
            return False
        file.seek(0)
        kinds = {box.kind for box in boxes(file.read())}
        return b"moov" in kinds and not kinds & {b"mdat", b"moof"}
    return False


def of_head(data: bytes, anchors_pem: str) -> dict[str, Any] | None:
    """What the C2PA library says of an initialization segment by itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.mp4"
        path.write_bytes(data)
        return manifest.read_store(path, anchors_pem)


def pieces(path: Path) -> Iterator[Piece]:
    """Of a whole file, in order. Raises `UnreadableError`."""
    segments = Segments(str(path))
    with path.open("rb") as file:
        while data := file.read(PIECE):
            yield from segments.push(data)
    yield from segments.end()
