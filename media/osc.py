"""Open Sound Control 1.0 (https://opensoundcontrol.stanford.edu/spec-1_0.html): messages as bytes, for one datagram.

Strings, 32-bit whole numbers and 32-bit floats are all that is sent here, and that is these few lines; nothing is read.
"""

import struct
from collections.abc import Iterable, Iterator

HEAD = b"#bundle\0" + struct.pack(">Q", 1)  # time tag 1: at once
SIZED = 4  # bytes before each message of a bundle that tell its length


def message(address: str, *values: str | int | float) -> bytes:
    """A message to `address` ("/a/b"). Text goes as a string (ASCII), int as int32, float as float32."""
    tags, body = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, body = f"{tags}s", body + _padded(value)
        elif isinstance(value, int):
            tags, body = f"{tags}i", body + struct.pack(">i", value)
        else:
            tags, body = f"{tags}f", body + struct.pack(">f", value)
    return _padded(address) + _padded(tags) + body


def bundles(messages: Iterable[bytes], largest: int) -> Iterator[bytes]:
    """Messages in bundles of at most `largest` bytes each, in their order; a longer message has one to itself."""
    bundle = HEAD
    for one in messages:
        if bundle != HEAD and len(bundle) + SIZED + len(one) > largest:
            yield bundle
            bundle = HEAD
        bundle += struct.pack(">i", len(one)) + one
    if bundle != HEAD:
        yield bundle


def _padded(text: str) -> bytes:
    """ASCII, ended by one to four zeros, in whole words of four bytes."""
    data = text.encode("ascii")
    return data + b"\0" * (4 - len(data) % 4)
