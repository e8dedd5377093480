"""Who holds the private key: this machine, or a key service behind a command."""

import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from media.errors import SigningError
from provenance.trust.certificates import load_certificates

HALF = 32  # bytes of r and of s on P-256


class Signer(Protocol):
    """Signs with ES256 (ECDSA on P-256 over SHA-256)."""

    @property
    def chain_pem(self) -> bytes:
        """Certificates in PEM form, leaf first, then intermediates, without the root."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Signature over `data`: r and s, 32 bytes each, big-endian (IEEE P1363).

        Raises:
            SigningError: the key could not be used.
        """
        ...


@runtime_checkable
class Renewing(Signer, Protocol):
    """A signer whose certificate is ours to renew."""

    def ready(self) -> Signer:
        """The signer to use from now on, another than this where its certificate is about to expire."""
        ...


def ready(signer: Signer) -> Signer:
    """The signer to use for what is to be signed now; what it signs goes with its own certificates."""
    return signer.ready() if isinstance(signer, Renewing) else signer


@dataclass(frozen=True, repr=False)
class LocalSigner:
    """Signs with a private key in this process."""

    key: ec.EllipticCurvePrivateKey
    chain_pem: bytes

    def sign(self, data: bytes) -> bytes:
        return to_p1363(self.key.sign(data, ec.ECDSA(hashes.SHA256())))

    def __repr__(self) -> str:
        return "LocalSigner(key=hidden)"


@dataclass(frozen=True)
class CommandSigner:
    """Signs by a command that speaks to a key service, so that the private key never comes near.

    The command gets the SHA-256 digest, 32 raw bytes, on its standard input and answers with the signature on its
    standard output: DER, or r and s of 32 bytes each. With a local key this is
    `openssl pkeyutl -sign -inkey signing/0001.pem`; cloud key services have the like.
    """

    command: Sequence[str]
    chain_pem: bytes
    timeout: float = 30.0  # seconds

    def sign(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).digest()
        words = shlex.join(self.command)
        try:
            done = subprocess.run(list(self.command), input=digest, capture_output=True, timeout=self.timeout)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SigningError(f"signing command `{words}`: {error}") from error
        if done.returncode:
            last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise SigningError(f"signing command `{words}` failed with exit code {done.returncode}: {last}")
        try:
            signature = done.stdout if len(done.stdout) == 2 * HALF else to_p1363(done.stdout)
            self._check(digest, signature)
        except (ValueError, InvalidSignature) as error:
            raise SigningError(
                f"signing command `{words}`: what it wrote is no signature by its certificate"
            ) from error
        return signature

    def _check(self, digest: bytes, signature: bytes) -> None:
        leaf = load_certificates(self.chain_pem, "certificate chain")[0]
        public = leaf.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError("not an elliptic curve certificate")
        public.verify(to_der(signature), digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def to_p1363(der: bytes) -> bytes:
    """DER signature -> r and s, 32 bytes each. Raises ValueError for anything else."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(HALF, "big") + s.to_bytes(HALF, "big")


def to_der(signature: bytes) -> bytes:
    """r and s, 32 bytes each -> DER. Raises ValueError for another length."""
    if len(signature) != 2 * HALF:
        raise ValueError(f"signature of {len(signature)} bytes; 64 were needed")
    return encode_dss_signature(int.from_bytes(signature[:HALF], "big"), int.from_bytes(signature[HALF:], "big"))
