"""Certificates that count no more: lists that an authority signs (RFC 5280, section 5).

A list is a PEM file that holds the list and the certificate of the authority that signed it; that authority must be
an anchor that is trusted, or stand directly below one. Lists are given, never fetched.

Credentials without a trusted time stamp cannot show that they were signed before the revocation, so they count no
more. Where a list says since when a key has been astray (invalidityDate), stamps have to be from before that.
"""

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from media.errors import KeyMaterialError
from provenance.certificates import Issued, load_certificates

FILE = "revoked.pem"  # a maker's own list, in the folder of keys
NEXT = dt.timedelta(days=365)  # until when a list says that it is looked after
_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


@dataclass(frozen=True)
class Revoked:
    """One certificate on a list."""

    issuer: str  # common name
    serial: int
    when: dt.datetime  # UTC
    reason: str  # as RFC 5280 names it, "key_compromise"; "" where the list gives none
    since: dt.datetime | None = None  # when the key went astray, UTC, where the list says so

    @property
    def bound(self) -> dt.datetime:
        """What was signed before this counts, if a trusted time stamp says so; UTC."""
        return min(self.when, self.since) if self.since else self.when


def read_revoked(paths: Iterable[str | os.PathLike[str]], anchors_pem: str) -> dict[tuple[str, int], Revoked]:
    """What the lists in these files hold, by common name of the issuer and serial number.

    Raises:
        KeyMaterialError: a file cannot be read, holds no list, or one that no trusted authority signed.
    """
    anchors = load_certificates(anchors_pem.encode(), "anchors") if anchors_pem.strip() else []
    found: dict[tuple[str, int], Revoked] = {}
    for path in paths:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise KeyMaterialError(f"{path}: list of revoked certificates cannot be read ({error.strerror})") from error
        lists = _LIST.findall(data)
        if not lists:
            raise KeyMaterialError(f"{path}: holds no list of revoked certificates in PEM form")
        known = [*anchors, *(load_certificates(data, str(path)) if b"BEGIN CERTIFICATE" in data else [])]
        for pem in lists:
            found |= {(entry.issuer, entry.serial): entry for entry in _entries(pem, str(path), known, anchors)}
    return found


def _entries(pem: bytes, source: str, known: list[x509.Certificate], anchors: list[x509.Certificate]) -> list[Revoked]:
    try:
        listed = x509.load_pem_x509_crl(pem)
    except ValueError as error:
        raise KeyMaterialError(f"{source}: the list of revoked certificates is damaged ({error})") from error
    signers = [c for c in known if c.subject == listed.issuer and _signed(listed, c)]
    if not any(_trusted(signer, anchors) for signer in signers):
        raise KeyMaterialError(f"{source}: the list is not signed by an authority that is trusted here")
    issuer = _common_name(listed.issuer)
    return [
        Revoked(issuer, entry.serial_number, entry.revocation_date_utc, _reason(entry), _since(entry))
        for entry in listed
    ]


def _signed(listed: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return listed.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError, InvalidSignature):
        return False


def _trusted(authority: x509.Certificate, anchors: list[x509.Certificate]) -> bool:
    if authority in anchors:
        return True
    for anchor in anchors:
        try:
            authority.verify_directly_issued_by(anchor)
        except (TypeError, ValueError, InvalidSignature):
            continue
        return True
    return False


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
    except x509.ExtensionNotFound:
        return ""


def _since(entry: x509.RevokedCertificate) -> dt.datetime | None:
    try:
        return entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc
    except x509.ExtensionNotFound:
        return None


def _common_name(name: x509.Name) -> str:
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[0].value) if values else ""


def make_list(authority: Issued, revoked: Mapping[tuple[str, int], Revoked]) -> bytes:
    """PEM of a list that `authority` signs, and of its certificate.

    Args:
        revoked: all that it has ever revoked, the new ones included.
    """
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + NEXT)
    )
    for entry in revoked.values():
        item = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.when)
        if entry.reason:
            item = item.add_extension(x509.CRLReason(x509.ReasonFlags[entry.reason]), critical=False)
        if entry.since:
            since = entry.since.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
            item = item.add_extension(x509.InvalidityDate(since), critical=False)
        builder = builder.add_revoked_certificate(item.build())
    signed = builder.sign(authority.key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM) + authority.certificate_pem
