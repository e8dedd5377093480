"""What may be done to a live stream on its way, and what a watcher has to say of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.streams import apart, definition, signed
from provenance import Keys
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED
from provenance.segments.parsing import boxes

LONG_AGO = 7200  # seconds


@dataclass(frozen=True)
class Streams:
    """What there is to put together: initialization segment, then at least five media segments."""

    one: Sequence[bytes]
    two: Sequence[bytes]  # another of the same maker
    strange: Sequence[bytes]  # of somebody else
    expired: Sequence[bytes]  # whose key was no longer valid from the fourth segment on


@dataclass(frozen=True)
class StreamAttack:
    """One way."""

    name: str
    made: Callable[[Streams], bytes]
    right: int  # exit code that tells the truth
    words: str  # that some finding, or the summary, must hold


def streams(one: Sequence[bytes], two: Sequence[bytes], keys: Keys, stranger: Keys) -> Streams:
    """From two streams of a maker."""
    said = definition()
    times = iter([time.time() - LONG_AGO] * 4)
    expired = signed(one, keys.signer, clock=lambda: next(times, time.time()), valid=3600, said=said)
    return Streams(one, two, signed(one, stranger.signer), expired)


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def _without(data: bytes, *kinds: bytes) -> bytes:
    return b"".join(box.data for box in boxes(data) if box.kind not in kinds)


def _with_signature_of(data: bytes, other: bytes) -> bytes:
    return _without(data, b"emsg") + b"".join(box.data for box in boxes(other) if box.kind == b"emsg")


def _of(parts: Sequence[bytes], *order: int) -> bytes:
    """The head, and these segments, counted from 1."""
    return parts[0] + b"".join(parts[number] for number in order)


def _stripped(s: Streams) -> bytes:
    head, media = apart(s.one)
    return head + b"".join(media)


ATTACKS = (
    StreamAttack("live_untouched", lambda s: b"".join(s.one), EXIT_KNOWN, "from its beginning"),
    StreamAttack("live_joined_late", lambda s: _of(s.one, 3, 4, 5), EXIT_KNOWN, "joined at segment 3"),
    StreamAttack("live_beginning_repeated", lambda s: _of(s.one, 1, 2) + _of(s.one, 3, 4), EXIT_KNOWN, "4 segments"),
    StreamAttack("live_segment_lost", lambda s: _of(s.one, 1, 2, 4, 5), EXIT_TAMPERED, "segment 3 is missing"),
    StreamAttack("live_cut", lambda s: _of(s.one, 1, 5), EXIT_TAMPERED, "segments 2 to 4 are missing"),
    StreamAttack("live_cut_behind_a_changed_beginning", lambda s: _of(s.one, 1, 2) + _flipped(s.one[0], 12) + s.one[5],
                 EXIT_TAMPERED, "segments 3 to 4 are missing"),
    StreamAttack("live_reordered", lambda s: _of(s.one, 1, 3, 2, 4, 5), EXIT_TAMPERED, "out of order"),
    StreamAttack("live_replayed", lambda s: _of(s.one, 1, 2, 3, 2, 4), EXIT_TAMPERED, "comes again"),
    StreamAttack("live_replaced_by_older", lambda s: _of(s.one, 1, 2, 3, 2, 5), EXIT_TAMPERED, "comes again"),
    StreamAttack("live_spliced", lambda s: _of(s.one, 1, 2) + s.two[3] + s.one[4], EXIT_TAMPERED, "of another stream"),
    StreamAttack("live_spliced_with_its_beginning", lambda s: _of(s.one, 1, 2) + _of(s.two, 3, 4), EXIT_TAMPERED,
                 "another stream begins"),
    StreamAttack("live_spliced_by_a_stranger", lambda s: _of(s.one, 1) + b"".join(s.strange), EXIT_TAMPERED,
                 "another stream begins"),
    StreamAttack("live_signature_altered", lambda s: _of(s.one, 1) + _flipped(s.one[2], -30) + s.one[3], EXIT_TAMPERED,
                 "after segment 1"),
    StreamAttack("live_picture_altered", lambda s: _of(s.one, 1) + _flipped(s.one[2], 900) + s.one[3], EXIT_TAMPERED,
                 "segment 2: its bytes were altered"),
    StreamAttack("live_signature_of_another_segment",
                 lambda s: _of(s.one, 1) + _with_signature_of(s.one[2], s.one[3]) + s.one[3], EXIT_TAMPERED, "altered"),
    StreamAttack("live_not_signed", lambda s: _of(s.one, 1) + _without(s.one[2], b"emsg") + s.one[3], EXIT_TAMPERED,
                 "not signed"),
    StreamAttack("live_cut_off", lambda s: _of(s.one, 1, 2) + s.one[3][:5000], EXIT_TAMPERED, "cut off"),
    StreamAttack("live_beginning_altered", lambda s: _flipped(s.one[0], -100) + s.one[1], EXIT_TAMPERED, "do not fit"),
    StreamAttack("live_session_key_expired", lambda s: b"".join(s.expired), EXIT_TAMPERED, "key was not valid"),
    StreamAttack("live_of_a_stranger", lambda s: b"".join(s.strange), EXIT_NOTHING, "not trusted"),
    StreamAttack("live_stripped", _stripped, EXIT_NOTHING, "not signed"),
)  # fmt: skip
"""Nothing is said of marks here: whose face a stripped stream shows, `vasari verify` tells of a recording."""
