"""A certificate authority for development: root, intermediate and leaf, ES256, as C2PA's certificate profile asks.

Nothing it makes is meant to be believed by anyone else, and its names say so. They end with some digits of the
authority's key, so that no two installations share a name. A studio that publishes gets a
certificate of the C2PA programme and signs through a key service (`signers.CommandSigner`).

The profile (C2PA 2.4, section 14.5): X.509 v3; the leaf is no authority, has key usage digitalSignature alone, an
extended key usage that is not `any` (emailProtection here), an authority key identifier; the chain is sent without
the root.
"""

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from media.errors import KeyMaterialError

DEVELOPMENT = "TEST ONLY - vasari development"  # organisation in all names of certificates that are made here
LEAF_DAYS = 365  # validators of the C2PA programme accept at most 366
AUTHORITY_DAYS = 3650
RENEW_BEFORE = dt.timedelta(days=7)
SKEW = dt.timedelta(hours=1)  # clocks differ; a certificate is valid from a little before it was made


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """PKCS#8, not encrypted: the folder's permissions guard it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make_root() -> Issued:
    """A self-signed root."""
    return _issue("root - trust nothing it signs", None, authority_depth=1)


def make_intermediate(root: Issued) -> Issued:
    """An authority that the root signs and that signs leaves."""
    return _issue("intermediate", root, authority_depth=0)


def make_leaf(intermediate: Issued) -> Issued:
    """The certificate that signs claims."""
    return _issue("signer", intermediate, authority_depth=None)


def _issue(role: str, issuer: Issued | None, authority_depth: int | None) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    named_after = issuer.key if issuer and authority_depth is None else key  # who signs is told by who vouches for it
    name = f"vasari DEVELOPMENT TEST {role} {key_digits(named_after.public_key())}"
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    signing_key = issuer.key if issuer else key
    now = dt.datetime.now(dt.UTC)
    leaf = authority_depth is None
    end = now + dt.timedelta(days=LEAF_DAYS if leaf else AUTHORITY_DAYS)
    if issuer:
        end = min(end, issuer.certificate.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(end - SKEW)
        .add_extension(x509.BasicConstraints(ca=not leaf, path_length=authority_depth), critical=True)
        .add_extension(_usage(leaf), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if leaf:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    return Issued(builder.sign(signing_key, hashes.SHA256()), key)


def key_digits(key: ec.EllipticCurvePublicKey) -> str:
    """Eight hexadecimal digits that tell a key from others."""
    return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()[:8]


def _usage(leaf: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=leaf,
        key_cert_sign=not leaf,
        crl_sign=not leaf,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def load_certificates(pem: bytes, source: str) -> list[x509.Certificate]:
    """All certificates of a PEM file.

    Raises:
        KeyMaterialError: there is none, or they cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise KeyMaterialError(f"{source}: holds no certificate in PEM form ({error})") from error


def load_key(pem: bytes, source: str) -> ec.EllipticCurvePrivateKey:
    """An unencrypted PKCS#8 private key on the curve P-256.

    Raises:
        KeyMaterialError: it is something else.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyMaterialError(f"{source}: not a private key in unencrypted PEM form") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise KeyMaterialError(f"{source}: ES256 needs a key on the curve P-256")
    return key


def chain_leads_to(leaf: x509.Certificate, chain: list[x509.Certificate], root: x509.Certificate) -> bool:
    """Whether `leaf` was issued through certificates of `chain` by `root`. Dates are not looked at."""
    current = leaf
    for _ in range(len(chain) + 1):
        if issued_by(current, root):
            return True
        above = next((c for c in chain if c != current and issued_by(current, c)), None)
        if above is None:
            return False
        current = above
    return False


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the key of `issuer` signed `certificate`, under its name. Dates are not looked at."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):  # according to what differs
        return False
    return True
