"""The session keys that an initialization segment delivers (C2PA 2.4, section 18.25)."""

import datetime as dt
import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.cose import decode, read_signature
from provenance.credentials.jumbf import inside
from provenance.segments.cose import PublicKey, Signed
from provenance.segments.parsing import boxes
from provenance.segments.store import CARRIER

ASSERTION = "c2pa.session-keys"
PURPOSE = bytes(4) + b"manifest\0"  # version and what the box is for
BEFORE = 8 + len(CARRIER) + len(PURPOSE) + 8  # bytes in the carrier before the store
HASHES = frozenset(("sha256", "sha384", "sha512"))
MOST = 64  # keys that are read


@dataclass(frozen=True)
class Delivered:
    """A session key, bound to the signer's certificate."""

    key: PublicKey
    least: int  # number of the first segment that it may sign
    created: int  # seconds since 1970
    ends: int


def store_of(head: bytes) -> bytes:
    """The manifest store of an initialization segment, b"" where it holds none, or several boxes that could (no hash
    covers them, and readers differ in which they take), or is damaged."""
    try:
        found = [box.data for box in boxes(head) if box.kind == b"uuid" and box.data[8:24] == CARRIER]
    except ValueError:
        return b""
    return found[0][BEFORE:] if len(found) == 1 and found[0][24:].startswith(PURPOSE) else b""


def delivered(store: bytes, label: str) -> dict[bytes, Delivered]:
    """The keys by name, of the manifest of this label, which has been validated. Those that are not bound to its
    signer, or are of a kind that is not known here, are left out."""
    try:
        claim = decode(inside(store, label, "c2pa.claim.v2", b"cbor"))
        named = {str(item["url"]).rsplit("/", 1)[-1]: item for item in claim["created_assertions"]}
        if not _is_meant(named.get(ASSERTION), claim, inside(store, label, "c2pa.assertions", ASSERTION)):
            return {}  # beside the claim anybody may put anything
        said = decode(inside(store, label, "c2pa.assertions", ASSERTION, b"cbor"))
        leaf = read_signature(store, label).chain[0].public_bytes(Encoding.DER)
        return {key.key.kid: key for item in said["keys"][:MOST] if (key := _read(item, leaf)) is not None}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error, RecursionError):
        return {}


def _is_meant(item: Any, claim: Any, content: bytes) -> bool:
    """Whether this is the assertion that the claim names, by its hash."""
    alg = None if item is None else item.get("alg") or claim.get("alg") or "sha256"
    return alg in HASHES and hashlib.new(alg, content).digest() == item["hash"]


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
