"""What stands beside the signature of a manifest: the certificates it was made with, and what is stapled to it.

The library that checks signatures tells the name and number of the first certificate alone; revocation needs them all.
A signature is a COSE_Sign1 (RFC 9052) in the box `c2pa.signature`: its headers hold the certificates (`x5chain`, RFC
9360) and answers about their revocation (`rVals`, C2PA 2.4, section 14.5). Nothing here is checked; the library did.
"""

import struct
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from provenance.credentials.jumbf import inside

CHAIN = (33, "x5chain")  # as RFC 9360 has it, and as it was written before
DEEPEST = 200  # levels of data within data
_ENDED = object()


@dataclass(frozen=True)
class Signature:
    """Of a manifest; empty where it cannot be taken apart."""

    chain: tuple[x509.Certificate, ...] = ()  # the signer's first, then who issued it; each once
    ocsp: tuple[bytes, ...] = ()  # stapled answers of RFC 6960, DER
    lists: tuple[bytes, ...] = ()  # stapled lists of revoked certificates, DER


def read_signature(store: bytes, label: str) -> Signature:
    """The signature of the manifest of this label in a manifest store."""
    try:
        return from_cose(inside(store, label, "c2pa.signature", b"cbor"))
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, struct.error):
        return Signature()


def from_cose(data: bytes) -> Signature:
    """Of a COSE_Sign1. All certificates in it are told, wherever and under whatever name: it must not be possible to
    show the library those of one signer and us those of another.

    Raises:
        ValueError, TypeError, AttributeError, IndexError, struct.error: it is none.
    """
    protected, unprotected, *_ = decode(data)
    headers = [decode(protected) if protected else {}, unprotected]
    found = [header[name] for header in headers for name in CHAIN if name in header]
    der = [one for part in found for one in ([part] if isinstance(part, bytes) else part)]
    stapled = [header["rVals"] for header in headers if "rVals" in header]
    ocsp, lists = ([one for part in stapled for one in part.get(name, ())] for name in ("ocspVals", "crlVals"))
    return Signature(
        tuple(x509.load_der_x509_certificate(one) for one in dict.fromkeys(der)),
        tuple(one for one in ocsp if isinstance(one, bytes)),
        tuple(one for one in lists if isinstance(one, bytes)),
    )


def decode(data: bytes) -> Any:
    """One item of CBOR (RFC 8949) as Python has it; tags are left out, what is neither number nor text is None.

    Raises:
        ValueError, IndexError, struct.error: it is none, or is cut off.
    """
    return _item(data, 0, 0)[0]


def _item(data: bytes, place: int, depth: int) -> tuple[Any, int]:
    """What begins at `place`, and where it ends."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    kind, short = data[place] >> 5, data[place] & 31
    count, place = _argument(data, place + 1, short)
    if kind in (0, 1):
        return (count if kind == 0 else -1 - count), place
    if kind in (2, 3):
        if count is None:
            parts, place = _several(data, place, None, depth)
            return (b"" if kind == 2 else "").join(parts), place
        if place + count > len(data):
            raise ValueError("cut off")
        piece = data[place : place + count]
        return (piece if kind == 2 else piece.decode("utf-8", "replace")), place + count
    if kind == 4:
        return _several(data, place, count, depth)
    if kind == 5:
        items, place = _several(data, place, None if count is None else 2 * count, depth)
        pairs = dict(zip(items[::2], items[1::2], strict=True))
        if 2 * len(pairs) != len(items):
            raise ValueError("one name twice")  # readers differ in which of them they take
        return pairs, place
    if kind == 6:
        return _item(data, place, depth + 1)
    return {20: False, 21: True, 31: _ENDED}.get(short), place


def _argument(data: bytes, place: int, short: int) -> tuple[Any, int]:
    """The number behind the first byte, None where the end is marked instead; and where it ends."""
    if short < 24:
        return short, place
    if short < 28:
        size = 1 << (short - 24)
        return int.from_bytes(struct.unpack_from(f"{size}s", data, place)[0], "big"), place + size
    if short < 31:
        raise ValueError("reserved")
    return None, place


def _several(data: bytes, place: int, count: int | None, depth: int) -> tuple[list[Any], int]:
    """So many items, or all until the end is marked."""
    found: list[Any] = []
    while count is None or len(found) < count:
        item, place = _item(data, place, depth + 1)
        if item is _ENDED:
            break
        found.append(item)
    return found, place
