"""What the hash of a signature leaves out of a file, by name. Anybody may change it, and the signature still holds. And
how many manifest stores lie in a file, where one may.

Cameras leave out EXIF at times, so that it can be completed later, and C2PA allows any bytes. So what lies there is
told, and where it is more than metadata the signature does not vouch for what is seen or heard, however valid it is.
"""

import base64
import contextlib
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from media.kinds import kind_of
from provenance.credentials.boxes import top_level_boxes, uncovered_boxes
from provenance.credentials.manifest import STORE
from provenance.read.statements import assertions
from provenance.read.verdict import Uncovered
from provenance.segments.store import CARRIER

MANIFEST = "manifest"
METADATA = frozenset({"EXIF", "XMP", "IPTC", "comment", "text", "time of change"})
_CHUNKS = {b"caBX": MANIFEST, b"eXIf": "EXIF", b"tEXt": "text", b"iTXt": "text", b"zTXt": "text",
           b"tIME": "time of change", b"iCCP": "colour profile"}  # fmt: skip
_RIFF = {b"C2PA": MANIFEST, b"EXIF": "EXIF", b"XMP ": "XMP", b"_PMX": "XMP", b"LIST": "text", b"bext": "text",
         b"iXML": "text", b"ICCP": "colour profile"}  # fmt: skip
_BOXES = {"APP1": "EXIF", "eXIf": "EXIF", "COM": "comment", "APP13": "IPTC", "tEXt": "text", "iTXt": "text",
          "zTXt": "text", "tIME": "time of change", "EXIF": "EXIF", "XMP ": "XMP"}  # fmt: skip
FREE = ("/ftyp", "/free", "/skip", "/mfra")  # `credentials.boxes.uncovered_boxes` tells whether they hold anything
HEAD = 4096  # bytes of a box within which a store begins
PURPOSES = (b"manifest", b"original", b"update")  # of boxes that hold one
POINTER = 8  # bytes of an offset, which a container (TIFF) has to change when a manifest is put into it
ROOM = 1.05, 4096  # share and bytes by which a container may lengthen a manifest that it holds in pieces


@dataclass(frozen=True)
class Part:
    """A stretch of a file."""

    name: str
    start: int
    end: int


def uncovered(path: Path, content: Mapping[str, Any]) -> list[Uncovered]:
    """What the hash that the active manifest holds leaves out of the file, the manifest itself apart.

    Args:
        content: the active manifest, as `credentials.manifest.read_store` gives it.
    """
    found: dict[str, int] = {}
    loose: set[str] = set()  # boxes that are left out by their name
    for label, said in assertions(content):
        if label.startswith("c2pa.hash.data"):
            for name, size in _by_place(path, said.get("exclusions") or []):
                found[name] = found.get(name, 0) + size
        elif label.startswith("c2pa.hash.bmff"):
            loose |= set(_by_box(said))
        elif label.startswith("c2pa.hash.boxes"):
            loose |= set(_by_name(said))
    told = [Uncovered(what=name, size=size, metadata=name in METADATA) for name, size in sorted(found.items())]
    told += [Uncovered(what=name, size=0, metadata=name in METADATA) for name in sorted(loose)]
    return told + [Uncovered(what=f"box '{name}'", size=size, metadata=True) for name, size in uncovered_boxes(path)]


def stores(path: Path) -> int:
    """How many manifest stores lie where a reader may look for one; 0 for files of kinds that are not taken apart here.
    Each signature leaves its own out, and those of an mp4 leave out all: who adds one changes what they cover as little
    as who changes a note. Two that belong together ("original" and "update") count as one."""
    starts = {box.start + box.header for box in top_level_boxes(path) if box.name == "uuid"}
    parts = [part for part in _parts(path) if part.name == MANIFEST]
    purposes = []
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            head = file.read(HEAD)
            purpose = head[20:40].partition(b"\0")[0]
            if head.startswith(CARRIER) and (purpose in PURPOSES or STORE in head):
                purposes.append(purpose)
        if kind_of(path) == "image/jpeg":  # whose segments may hold other JUMBF, or more of the store before
            parts = [part for part in parts if STORE in _between(file, part)]
    return 1 if sorted(purposes) == [b"original", b"update"] else len(purposes) + len(parts)


def _between(file: BinaryIO, part: Part) -> bytes:
    file.seek(part.start)
    return file.read(part.end - part.start)


def _by_place(path: Path, exclusions: list[Mapping[str, int]]) -> Iterator[tuple[str, int]]:
    """(name, bytes) of what lies at these places, in this file as it is now."""
    parts = list(_parts(path))
    for item in exclusions:
        start, end = int(item.get("start", 0)), int(item.get("start", 0)) + int(item.get("length", 0))
        end = min(end, path.stat().st_size)
        if not parts:
            if end - start > POINTER and not _is_manifest(path, start, end):
                yield f"bytes {start} to {end}", end - start
            continue
        for part in parts:
            size = min(end, part.end) - max(start, part.start)
            if size > 0 and part.name != MANIFEST:
                yield part.name, size


def _is_manifest(path: Path, start: int, end: int) -> bool:
    """Of a container whose parts are not known here: whether a stretch is hardly longer than the manifest in it, as it
    is or as a drawing writes it, in letters (base64)."""
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(min(end - start, 1 << 16))
    size, at = end - start, head.find(STORE)
    if at < 0:
        with contextlib.suppress(ValueError):
            head, size = base64.b64decode(head[: len(head) // 4 * 4], validate=True), size * 3 // 4
            at = head.find(STORE)
    if at < 12:
        return False
    (length,) = struct.unpack(">I", head[at - 12 : at - 8])  # of the box around it; its type, then the inner length
    return bool(size <= length * ROOM[0] + ROOM[1])


def _by_box(said: Mapping[str, Any]) -> Iterator[str]:
    """Boxes of an mp4 that are left out and may hold what is seen or heard."""
    merkle = bool(said.get("merkle"))
    for item in said.get("exclusions") or []:
        place = str(item.get("xpath", ""))
        if place in FREE or (place == "/uuid" and item.get("data")) or (place == "/mdat" and merkle):
            continue
        yield "XMP" if place == "/uuid" else f"box '{place}'"


def _by_name(said: Mapping[str, Any]) -> Iterator[str]:
    """The same of a hash over boxes by name (general boxes hash)."""
    for box in said.get("boxes") or []:
        names = [str(name) for name in box.get("names") or []]
        if box.get("excluded") and names != ["C2PA"]:
            yield from (_BOXES.get(name, f"part '{name}'") for name in names)


def _parts(path: Path) -> Iterator[Part]:
    """What a file consists of, from its first byte to its last; nothing for kinds that are not taken apart here."""
    read = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _riff, "audio/wav": _riff, "video/x-msvideo": _riff}
    of = read.get(kind_of(path))
    if of is None:
        return
    rest = "media data" if of is _riff else "picture data"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        for part in of(data):
            if part.start > at:
                yield Part(rest, at, part.start)
            yield part
            at = part.end
        if at < len(data):
            yield Part(rest, at, len(data))


def _jpeg(data: mmap.mmap) -> Iterator[Part]:
    """Segments of metadata before the first scan; all else is the picture."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        if data[at + 1] in (0xFF, 0x01) or 0xD0 <= data[at + 1] <= 0xD8:  # fill bytes, segments without a length
            at += 1 if data[at + 1] == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        end, content = at + 2 + length, data[at + 4 : at + 64]
        name = _segment(data[at + 1], content)
        if name and end <= len(data):
            yield Part(name, at, end)
        at = end


def _segment(marker: int, content: bytes) -> str:
    if marker == 0xE1 and content.startswith(b"Exif\0"):
        return "EXIF"
    if marker == 0xE1 and content.startswith(b"http://ns.adobe.com/"):
        return "XMP"
    if marker == 0xE2 and content.startswith(b"ICC_PROFILE"):
        return "colour profile"
    return {0xEB: MANIFEST if content.startswith(b"JP") else "", 0xED: "IPTC", 0xFE: "comment"}.get(marker, "")


def _png(data: mmap.mmap) -> Iterator[Part]:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if kind in _CHUNKS and end <= len(data):
            yield Part(_CHUNKS[kind], at, end)
        at = end


def _riff(data: mmap.mmap) -> Iterator[Part]:
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack("<4sI", data[at : at + 8])
        end = at + 8 + length + length % 2
        if kind in _RIFF and end <= len(data):
            yield Part(_RIFF[kind], at, end)
        at = end
