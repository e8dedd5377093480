"""Verifiable segment info (C2PA 2.4, section 19.4): what is signed of a segment, and the `emsg` box that carries it."""

import hashlib
import struct
from dataclasses import dataclass

from media.fragments import full_box
from provenance.credentials.cose import decode
from provenance.segments.cbor import encode
from provenance.segments.parsing import Box, boxes

SCHEME = b"urn:c2pa:verifiable-segment-info"
# The specification names it "fseg"; the one validator of streams that is released (encypher-c2pa 1.7) reads "c2pa"
# alone. One message is carried under both.
VALUES = (b"fseg", b"c2pa")
LONGEST = 64 << 10  # bytes of a message that are read
# Whatever the place of the scheme is counted from: the start of the box, as everywhere else in hashes, or its content,
# as section 19.4.1 has it. Boxes of other schemes are part of what is hashed.
LEFT_OUT = [{"xpath": "/emsg", "data": [{"offset": place, "value": SCHEME}]} for place in (12, 0)]


@dataclass(frozen=True)
class SegmentInfo:
    """What is signed of a segment."""

    number: int  # counts segments from 1, without a gap
    digest: bytes  # SHA-256, see `digest`
    manifest: str  # of which the session key is

    def encoded(self) -> bytes:
        """A `segment-info-map`."""
        hashed = {"exclusions": LEFT_OUT, "alg": "sha256", "hash": self.digest, "name": "segment"}
        return encode({"sequenceNumber": self.number, "bmffHash": hashed, "manifestId": self.manifest})

    @classmethod
    def read(cls, data: bytes) -> "SegmentInfo":
        """Raises `ValueError` for anything else, and for a hash that leaves out more."""
        try:
            said = decode(data)
            hashed, number, manifest = said["bmffHash"], said["sequenceNumber"], said["manifestId"]
            places = [item["xpath"] for item in hashed.get("exclusions") or []]
            right = isinstance(number, int) and number >= 0 and isinstance(manifest, str)
            digest = hashed["hash"]
            if not right or not isinstance(digest, bytes) or set(places) - {"/emsg"} or hashed.get("alg") != "sha256":
                raise ValueError("no segment info that is known here")
            return cls(number, digest, manifest)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error, RecursionError) as error:
            raise ValueError("no segment info") from error


class Digest:
    """SHA-256 over boxes, each behind its place in the segment (section 18.6.2), as they come."""

    def __init__(self) -> None:
        self._hash, self._place = hashlib.sha256(), 0

    def skip(self, count: int) -> None:
        """Bytes that are left out, and yet take place."""
        self._place += count

    def add(self, data: bytes) -> None:
        """Whole boxes. Those that carry segment info are left out."""
        for box in boxes(data):
            if not is_info(box):
                self._hash.update(struct.pack(">Q", self._place + box.start))
                self._hash.update(box.data)
        self._place += len(data)

    def value(self) -> bytes:
        """32 bytes."""
        return self._hash.digest()


def digest(segment: bytes) -> bytes:
    """Of a whole segment. Raises `ValueError` where it is no row of boxes."""
    made = Digest()
    made.add(segment)
    return made.value()


def events(message: bytes, number: int, scale: int, duration: int) -> bytes:
    """The `emsg` boxes, version 0 (ISO/IEC 23009-1, 5.10.3.3): a segment of so many ticks, `scale` a second."""
    times = struct.pack(">IIII", scale, 0, duration, number & 0xFFFFFFFF)
    return b"".join(full_box(b"emsg", 0, 0, SCHEME, b"\0", value, b"\0", times, message) for value in VALUES)


def is_info(box: Box) -> bool:
    """Whether an `emsg` box carries segment info. What has its scheme and another value would be read by nobody here,
    so it is hashed like any other box."""
    scheme, value, _ = _event(box) if box.kind == b"emsg" else (b"", b"", b"")
    return scheme == SCHEME and value in VALUES


def messages(segment: bytes) -> list[bytes]:
    """What the boxes that carry segment info hold, each once. Raises `ValueError` where it is no row of boxes, or one
    holds too much."""
    held = list(dict.fromkeys(_event(box)[2] for box in boxes(segment) if is_info(box)))
    if any(len(message) > LONGEST for message in held):
        raise ValueError("more than a signature")
    return held


def _event(box: Box) -> tuple[bytes, bytes, bytes]:
    """(scheme, value, message) of an `emsg` box, empty where it is damaged."""
    body = box.data[8:]
    try:
        if body[0] == 0:
            scheme, value, rest = body[4:].split(b"\0", 2)
            return scheme, value, rest[16:][: LONGEST + 1]
        if body[0] == 1:
            scheme, value, rest = body[24:].split(b"\0", 2)
            return scheme, value, rest[: LONGEST + 1]
    except (ValueError, IndexError):
        pass
    return b"", b"", b""
