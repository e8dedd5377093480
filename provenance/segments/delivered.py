"""The session keys that an initialization segment delivers (C2PA 2.4, section 18.25)."""

import datetime as dt
import struct
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from provenance.cose import decode, read_signature
from provenance.registry.jumbf import inside
from provenance.segments.cose import PublicKey, Signed
from provenance.segments.parsing import boxes
from provenance.segments.store import CARRIER

ASSERTION = "c2pa.session-keys"
BEFORE = len(b"uuid") + 4 + len(CARRIER) + 4 + len(b"manifest\0") + 8  # bytes in the carrier before the store
MOST = 64  # keys that are read


@dataclass(frozen=True)
class Delivered:
    """A session key, bound to the signer's certificate."""

    key: PublicKey
    least: int  # number of the first segment that it may sign
    created: int  # seconds since 1970
    ends: int


def store_of(head: bytes) -> bytes:
    """The manifest store of an initialization segment, b"" where it holds none or is damaged."""
    try:
        return next(
            (box.data[BEFORE:] for box in boxes(head) if box.kind == b"uuid" and box.data[8:24] == CARRIER), b""
        )
    except ValueError:
        return b""


def delivered(store: bytes, label: str) -> dict[bytes, Delivered]:
    """The keys by name, of the manifest of this label, which has been validated. Those that are not bound to its
    signer, or are of a kind that is not known here, are left out."""
    try:
        claim = decode(inside(store, label, "c2pa.claim.v2", b"cbor"))
        named = {str(item["url"]).rsplit("/", 1)[-1] for item in claim["created_assertions"]}
        if ASSERTION not in named:  # beside the claim anybody may put anything
            return {}
        said = decode(inside(store, label, "c2pa.assertions", ASSERTION, b"cbor"))
        leaf = read_signature(store, label).chain[0].public_bytes(Encoding.DER)
        return {key.key.kid: key for item in said["keys"][:MOST] if (key := _read(item, leaf)) is not None}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error, RecursionError):
        return {}


def _read(said: Any, leaf: bytes) -> Delivered | None:
    """A key, None where its private half did not sign the signer's certificate."""
    try:
        key, binding = PublicKey.read(said["key"]), Signed.of(said["signerBinding"])
        created = int(dt.datetime.fromisoformat(said["createdAt"]).timestamp())
        least, valid = int(said["minSequenceNumber"]), int(said["validityPeriod"])
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
        return None
    if binding.payload not in (b"", leaf) or not binding.by(key, leaf):
        return None
    return Delivered(key, least, created, created + valid)
