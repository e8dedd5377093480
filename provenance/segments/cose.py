"""COSE (RFC 9052) of live streams: signatures by session keys, and the keys as an assertion delivers them."""

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.credentials.cose import decode
from provenance.segments.cbor import Tag, encode
from provenance.trust.signers import to_der

ALG, KID, IAT, X5CHAIN = 1, 4, 6, 33  # header parameters; `iat` as RFC 8392 numbers it
ES256, EDDSA = -7, -8
SIGN1 = 18  # tag of a COSE_Sign1
SIGNATURE = 64  # bytes, of both algorithms


def signed_part(protected: bytes, payload: bytes) -> bytes:
    """What a COSE_Sign1 signs (`Sig_structure`, section 4.4)."""
    return encode(["Signature1", protected, b"", payload])


def sign1(protected: bytes, unprotected: dict[Any, Any], payload: bytes | None, signature: bytes) -> bytes:
    """A COSE_Sign1 with its tag; `payload` None where it is elsewhere."""
    return encode(Tag(SIGN1, [protected, unprotected, payload, signature]))


@dataclass(frozen=True)
class SessionKey:
    """The private half, for one stream: Ed25519."""

    private: Ed25519PrivateKey
    kid: bytes  # its name, unlike any other

    def sign(self, payload: bytes, *, iat: int) -> bytes:
        """A COSE_Sign1 over `payload`, which is in it, and the time, seconds since 1970."""
        protected = encode({ALG: EDDSA, IAT: iat})
        return sign1(protected, {KID: self.kid}, payload, self.private.sign(signed_part(protected, payload)))

    def binding(self, certificate: bytes) -> list[Any]:
        """The items of a COSE_Sign1 over the certificate of the maker (DER), which is in it."""
        protected = encode({ALG: EDDSA})
        return [protected, {}, certificate, self.private.sign(signed_part(protected, certificate))]

    def public(self) -> dict[int, Any]:
        """As a COSE_Key (RFC 9053, section 7.2)."""
        return {1: 1, 2: self.kid, 3: EDDSA, -1: 6, -2: self.private.public_key().public_bytes_raw()}


@dataclass(frozen=True)
class Signed:
    """What a COSE_Sign1 holds; nothing of it is checked yet."""

    protected: bytes
    alg: int
    kid: bytes
    iat: int | None
    payload: bytes  # b"" where it is elsewhere
    signature: bytes

    @classmethod
    def read(cls, data: bytes) -> "Signed":
        """Raises `ValueError` for anything else."""
        try:
            return cls.of(decode(data))
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError) as error:
            raise ValueError("no COSE_Sign1") from error

    @classmethod
    def of(cls, items: Any) -> "Signed":
        """The same of what `decode` gave."""
        protected, unprotected, payload, signature = items
        header = decode(protected)
        alg, kid, iat = header[ALG], unprotected.get(KID, b""), header.get(IAT)
        right = (isinstance(alg, int), isinstance(kid, bytes), iat is None or (isinstance(iat, int) and iat >= 0))
        if not all(right) or not isinstance(signature, bytes) or not isinstance(payload, bytes | None):
            raise ValueError("no COSE_Sign1")
        return cls(protected, alg, kid, iat, payload or b"", signature)

    def by(self, key: "PublicKey", payload: bytes | None = None) -> bool:
        """Whether this key signed it, or `payload`, where that is elsewhere."""
        data = signed_part(self.protected, self.payload if payload is None else payload)
        return self.alg == key.alg and key.verifies(self.signature, data)


@dataclass(frozen=True)
class PublicKey:
    """The public half, as it was delivered: Ed25519, or ECDSA on P-256."""

    kid: bytes
    alg: int
    key: Ed25519PublicKey | ec.EllipticCurvePublicKey

    @classmethod
    def read(cls, said: Any) -> "PublicKey":
        """Of a COSE_Key, decoded. Raises `ValueError` for a key of another kind."""
        try:
            kid, kty, curve, alg = said[2], said[1], said[-1], said.get(3)
            if not isinstance(kid, bytes) or not kid:
                raise ValueError("a session key without a name")
            if (kty, curve) == (1, 6) and alg in (EDDSA, None):
                return cls(kid, EDDSA, Ed25519PublicKey.from_public_bytes(said[-2]))
            if (kty, curve) == (2, 1) and alg in (ES256, None):
                point = b"\x04" + said[-2] + said[-3]
                return cls(kid, ES256, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("no COSE_Key") from error
        raise ValueError("a session key of a kind that is not known here")

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether it made this signature, r and s of 32 bytes each or Ed25519's."""
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, data)
            else:
                self.key.verify(to_der(signature), data, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True
