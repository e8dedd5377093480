"""A C2PA manifest store in bytes: JUMBF boxes around assertions, a claim (version 2) and the maker's signature.

The library that signs files takes assertions as JSON, which has neither bytes nor tags; the keys of a live session
(C2PA 2.4, section 18.25) are made of them. What is written here is read and checked by that library like any other.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from media.fragments import box
from provenance.segments.cbor import Tag, encode
from provenance.segments.cose import ALG, ES256, SIGNATURE, X5CHAIN, sign1, signed_part
from provenance.trust.certificates import load_certificates

CARRIER = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # type of the box that holds a store (A.5.1)
TYPE = "{}00110010800000aa00389b71"  # of a JUMBF box, behind four letters (ISO 19566-5)
LABELLED = 3  # toggles of a description box: it can be asked for, and has a label
NOT_HASHED = ("/ftyp", "/mfra", "/free", "/skip")  # as `boxes.HASHED_NOT`; the carrier apart
HASH = "c2pa.hash.bmff.v3"
UNSIGNED: Callable[[bytes], bytes] = lambda data: bytes(SIGNATURE)  # noqa: E731
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def new_label() -> str:
    """The identifier of a manifest (section 8.1), unlike any other."""
    return f"urn:c2pa:{uuid.uuid4()}"


def carrier(store: bytes) -> bytes:
    """The box in which an mp4 carries a manifest store: type, version, purpose, no offset of further boxes."""
    return box(b"uuid", CARRIER, bytes(4), b"manifest\0", bytes(8), store)


def signed_store(
    label: str,
    definition: Mapping[str, Any],
    more: Mapping[str, Any],
    digest: bytes,
    chain_pem: bytes,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """A store with one manifest.

    Args:
        label: of `new_label`.
        definition: of `permits.claims.definition`: title, generator, assertions.
        more: further assertions, label -> content, with bytes and tags.
        digest: SHA-256 over the boxes of the file that are not left out, each behind its place (section 18.6.2).
        chain_pem, sign: of the maker's `Signer`; `UNSIGNED` for a store of the same length.

    Raises:
        SigningError: the key could not be used.
    """
    exclusions = [{"xpath": "/uuid", "data": [{"offset": 8, "value": CARRIER}]}, *({"xpath": x} for x in NOT_HASHED)]
    binding = {"exclusions": exclusions, "alg": "sha256", "hash": digest, "name": "initialization segment"}
    contents = [(item["label"], _dated(item["data"])) for item in definition["assertions"]]
    assertions = [_assertion(name, data) for name, data in _numbered([*contents, *more.items(), (HASH, binding)])]
    claim = encode(
        {
            "instanceID": f"xmp:iid:{label.removeprefix('urn:c2pa:')}",
            "claim_generator_info": definition["claim_generator_info"][0],
            "signature": f"self#jumbf=/c2pa/{label}/c2pa.signature",
            "created_assertions": [
                {"url": f"self#jumbf=c2pa.assertions/{name}", "hash": hashlib.sha256(content).digest()}
                for name, content in assertions
            ],
            "dc:title": definition["title"],
            "alg": "sha256",
        }
    )
    parts = [
        _superbox("c2as", "c2pa.assertions", *(box(b"jumb", content) for _, content in assertions)),
        _superbox("c2cl", "c2pa.claim.v2", box(b"cbor", claim)),
        _superbox("c2cs", "c2pa.signature", box(b"cbor", _signature(claim, chain_pem, sign))),
    ]
    return _superbox("c2pa", "c2pa", _superbox("c2ma", label, *parts))


def chain_of(chain_pem: bytes) -> list[bytes]:
    """Certificates as DER, the signer's first."""
    return [one.public_bytes(Encoding.DER) for one in load_certificates(chain_pem, "certificate chain")]


def _signature(claim: bytes, chain_pem: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The maker's COSE_Sign1 over a claim (section 13.2), which is beside it; certificates are part of what is
    signed."""
    chain = chain_of(chain_pem)
    protected = encode({ALG: ES256, X5CHAIN: chain if len(chain) > 1 else chain[0]})
    return sign1(protected, {}, None, sign(signed_part(protected, claim)))


def _dated(data: Any) -> Any:
    """The content of an assertion, with times tagged as such: `when` of actions."""
    if isinstance(data, Mapping):
        return {
            name: Tag(0, value) if name == "when" and isinstance(value, str) and DATE.match(value) else _dated(value)
            for name, value in data.items()
        }
    return [_dated(item) for item in data] if isinstance(data, list) else data


def _numbered(contents: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Labels made unlike each other (section 6.4)."""
    seen: dict[str, int] = {}
    found = []
    for label, data in contents:
        seen[label] = seen.get(label, -1) + 1
        found.append((f"{label}__{seen[label]}" if seen[label] else label, data))
    return found


def _assertion(label: str, data: Any) -> tuple[str, bytes]:
    """The label, and the content of its box, which is what a claim hashes."""
    return label, _described("cbor", label) + box(b"cbor", encode(data))


def _superbox(kind: str, label: str, *content: bytes) -> bytes:
    return box(b"jumb", _described(kind, label), *content)


def _described(kind: str, label: str) -> bytes:
    """A description box."""
    return box(b"jumd", bytes.fromhex(TYPE.format(kind.encode().hex())), bytes([LABELLED]), label.encode(), b"\0")
