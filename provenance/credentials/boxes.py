"""Top-level boxes of an mp4 (ISO/IEC 14496-12, section 4.2), as far as credentials have to do with them."""

import struct
from dataclasses import dataclass
from pathlib import Path

HASHED_NOT = ("ftyp", "free", "skip", "mfra")  # the exclusions of c2pa.hash.bmff.v3, the manifest's own box apart
HEADER, LARGE_HEADER = 8, 16  # bytes; a box of its header alone holds nothing (ffmpeg writes one before the media)


@dataclass(frozen=True)
class Box:
    """Where a box lies in its file, bytes."""

    name: str
    start: int
    size: int  # with its header
    header: int


def uncovered_boxes(path: Path) -> list[tuple[str, int]]:
    """Top-level boxes outside the hash, (name, bytes); [] for files that are no mp4. `ftyp` is always there and
    is left out unless it is not the first box."""
    return [
        (box.name, box.size)
        for box in top_level_boxes(path)
        if box.name in HASHED_NOT and box.size > HEADER and not (box.name == "ftyp" and box.start == 0)
    ]


def top_level_boxes(path: Path) -> list[Box]:
    """In order; [] for files that are no mp4."""
    boxes: list[Box] = []
    length = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        while position + HEADER <= length:
            file.seek(position)
            size, name = struct.unpack(">I4s", file.read(HEADER))
            header = HEADER
            if size == 1:
                size = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0]
                header = LARGE_HEADER
            elif size == 0:
                size = length - position
            if (not boxes and name != b"ftyp") or size < header:
                break
            boxes.append(Box(name.decode("latin-1"), position, size, header))
            position += size
    return boxes


def with_large_headers(path: Path) -> bool:
    """Give media data a header of 16 bytes, in place, where an empty box before it leaves room; nothing else moves.

    Media are hashed in leaves of a tree, and validators disagree about where the first leaf of an `mdat` with a header
    of 8 bytes begins (measured: c2pa-python 0.38 signs what encypher-c2pa 1.7 calls a mismatch). With a header of 16
    bytes they agree.

    Returns: whether the media data of the file, in one piece, have such a header now.
    """
    boxes = top_level_boxes(path)
    media = [(before, box) for before, box in zip([None, *boxes], boxes, strict=False) if box.name == "mdat"]
    able = len(media) == 1
    with path.open("r+b") as file:
        for before, box in media:
            if box.header == LARGE_HEADER:
                continue
            if before is None or before.name not in ("free", "wide") or before.size != HEADER:
                able = False
                continue
            file.seek(before.start)
            file.write(struct.pack(">I4sQ", 1, b"mdat", box.size + HEADER))
    return able
