"""Bytes of an mp4 that the C2PA hash leaves out by design, so that a verdict can say that they may have changed."""

import struct
from pathlib import Path

HASHED_NOT = ("ftyp", "free", "skip", "mfra")  # the exclusions of c2pa.hash.bmff.v3, the manifest's own box apart
HEADER = 8  # bytes; a box of its header alone holds nothing (ffmpeg writes one before the media)


def uncovered_boxes(path: Path) -> list[str]:
    """Top-level boxes outside the hash, as "name (n bytes)"; [] for files that are no mp4. `ftyp` is always there and
    is left out unless it is not the first box."""
    found = []
    for index, (name, size) in enumerate(top_level_boxes(path)):
        if name in HASHED_NOT and size > HEADER and not (name == "ftyp" and index == 0):
            found.append(f"box '{name}' ({size} bytes)")
    return found


def top_level_boxes(path: Path) -> list[tuple[str, int]]:
    """(name, size in bytes) of every top-level box (ISO 14496-12, section 4.2); [] for files that are no mp4."""
    boxes: list[tuple[str, int]] = []
    length = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        while position + 8 <= length:
            file.seek(position)
            size, name = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0]
            elif size == 0:
                size = length - position
            if (not boxes and name != b"ftyp") or size < 8:
                break
            boxes.append((name.decode("latin-1"), size))
            position += size
    return boxes
