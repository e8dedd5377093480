"""Open Sound Control: bytes that somebody else's reader reads, in bundles that fit a datagram."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.osc import HEAD, bundles, message

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
VALUES = st.lists(st.one_of(WORDS, st.integers(-(2**31), 2**31 - 1), st.floats(width=32, allow_nan=False)), max_size=9)


def test_a_message_is_the_one_in_the_specification() -> None:
    assert message("/oscillator/4/frequency", 440.0) == b"/oscillator/4/frequency\0,f\0\0" + struct.pack(">f", 440)
    assert message("/foo", 1000, -1, "hello", 1.234, 5.678) == (
        b"/foo\0\0\0\0,iisff\0\0" + struct.pack(">ii", 1000, -1) + b"hello\0\0\0" + struct.pack(">ff", 1.234, 5.678)
    )


@settings(max_examples=60, deadline=None)
@given(WORDS, VALUES)
def test_another_reader_reads_what_was_written(name: str, values: list[object]) -> None:
    osc_message = pytest.importorskip("pythonosc.osc_message")
    read = osc_message.OscMessage(message(f"/{name}", *values))
    assert read.address == f"/{name}"
    assert [type(value) for value in read.params] == [type(value) for value in values]
    assert read.params == values


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, VALUES), max_size=12), st.integers(64, 600))
def test_bundles_hold_all_in_order_and_no_more_than_fits(asked: list[tuple[str, list[object]]], largest: int) -> None:
    osc_bundle = pytest.importorskip("pythonosc.osc_bundle")
    osc_types = pytest.importorskip("pythonosc.parsing.osc_types")
    messages = [message(f"/{name}", *values) for name, values in asked]
    made = list(bundles(messages, largest))
    read = [osc_bundle.OscBundle(data) for data in made]
    assert [one.dgram for bundle in read for one in bundle] == messages
    assert all(bundle.timestamp == osc_types.IMMEDIATELY for bundle in read)
    assert all(len(data) <= largest or bundle.num_contents == 1 for data, bundle in zip(made, read, strict=True))
    for one, after in pairwise(made):  # the next message would not have fitted
        assert len(one) + 4 + _first(after) > largest


def _first(bundle: bytes) -> int:
    """Bytes of its first message."""
    return int(struct.unpack(">i", bundle[len(HEAD) : len(HEAD) + 4])[0])
