"""CBOR (RFC 8949) as claims, keys and signatures are written; `credentials.cose.decode` reads it."""

import struct
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tag:
    """A tagged item: 0 before a time (RFC 3339), 18 before a COSE_Sign1."""

    number: int
    item: Any


def encode(item: Any) -> bytes:
    """One item: whole numbers, bytes, text, lists, maps in their order, true, false, None and tags.

    Raises:
        TypeError: it is none of these.
    """
    if item is None or isinstance(item, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[item]
    if isinstance(item, int):
        return _head(0, item) if item >= 0 else _head(1, -1 - item)
    if isinstance(item, float):
        return b"\xfb" + struct.pack(">d", item)
    if isinstance(item, bytes):
        return _head(2, len(item)) + item
    if isinstance(item, str):
        text = item.encode()
        return _head(3, len(text)) + text
    if isinstance(item, list | tuple):
        return _head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, dict):
        return _head(5, len(item)) + b"".join(encode(name) + encode(value) for name, value in item.items())
    if isinstance(item, Tag):
        return _head(6, item.number) + encode(item.item)
    raise TypeError(f"{type(item).__name__} cannot be written as CBOR")


def _head(kind: int, count: int) -> bytes:
    """The first byte and the number behind it, as short as can be."""
    if count < 24:
        return bytes([kind << 5 | count])
    for more, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if count < 1 << 8 * size:
            return bytes([kind << 5 | more]) + count.to_bytes(size, "big")
    raise TypeError(f"{count} is too large for CBOR")
