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
TRACK = 44  # bytes of a moof before the number of its track
MOOF_SIZE = 100  # bytes of a moof with one track and one sample; the data lie 8 bytes behind it


def with_lengths(stream: bytes) -> bytes:
    """H.264 as encoders give it, units behind start codes (Annex B), as mp4 wants it: each behind its length."""
    units = START_CODE.split(stream)[1:]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def with_start_codes(sample: bytes) -> bytes:
    """The way back."""
    units, at = [], 0
    while at < len(sample):
        (size,) = struct.unpack_from(">I", sample, at)
        units.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def parameter_sets(head: bytes) -> bytes:
    """What decoders of H.264 are told first, out of the beginning of an mp4 (its `avcC` box), behind start codes; empty
    where there is none."""
    _, found, said = head.partition(b"avcC")
    if not found:
        return b""
    sets, at = [], 5  # behind version, profile and the size of lengths; then counts, and sets behind their lengths
    for mask in (0x1F, 0xFF):
        count, at = said[at] & mask, at + 1
        for _ in range(count):
            (size,) = struct.unpack_from(">H", said, at)
            sets.append(said[at + 2 : at + 2 + size])
            at += 2 + size
    return b"".join(b"\x00\x00\x00\x01" + one for one in sets)


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


def sample_of(data: bytes) -> Sample | None:
    """What `fragment` was given; None for other boxes."""
    if data[4:8] != b"moof":
        return None
    (track,), (time,) = struct.unpack_from(">I", data, TRACK), struct.unpack_from(">Q", data, TRACK + 16)
    duration, _, flags = struct.unpack_from(">III", data, MOOF_SIZE - 12)
    return Sample(track, time, duration, flags == SYNC, data[MOOF_SIZE + 8 :])
