"""Boxes of a fragmented mp4 (ISO/IEC 14496-12): one moof and one mdat for every packet, ready the moment it is coded.

A muxer would hold packets back until it knows what follows, and would remember every fragment for an index at the end.
"""

import re
import struct
from dataclasses import dataclass

SYNC, DELTA = 0x02000000, 0x01010000  # sample flags: depends on none; depends on others and is no sync sample
TFHD_FLAGS = 0x020000  # offsets count from the moof
TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400  # data offset; duration, size and flags of the sample
START_CODE = re.compile(rb"\x00{2,3}\x01")
MOOF_SIZE = 100  # bytes of a moof with one track and one sample; the data lie 8 bytes behind it


def with_lengths(stream: bytes) -> bytes:
    """H.264 as encoders give it, units behind start codes (Annex B), as mp4 wants it: each behind its length."""
    units = START_CODE.split(stream)[1:]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of this kind."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True)
class Sample:
    """One coded frame of picture or sound; times in the track's own units, nothing is shown out of order."""

    track: int  # 1, 2 ...
    time: int  # of decoding and showing, 0 or later
    duration: int
    sync: bool  # can be decoded without those before
    data: bytes


def fragment(sequence: int, sample: Sample) -> bytes:
    """A whole fragment that holds one sample. `sequence` counts fragments of all tracks from 1."""
    flags = SYNC if sample.sync else DELTA
    offset = MOOF_SIZE + 8
    run = struct.pack(">IiIII", 1, offset, sample.duration, len(sample.data), flags)
    moof = box(
        b"moof",
        full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF)),
        box(
            b"traf",
            full_box(b"tfhd", 0, TFHD_FLAGS, struct.pack(">I", sample.track)),
            full_box(b"tfdt", 1, 0, struct.pack(">Q", sample.time)),
            full_box(b"trun", 0, TRUN_FLAGS, run),
        ),
    )
    assert len(moof) == MOOF_SIZE
    return moof + box(b"mdat", sample.data)
