"""Certificates that count no more: lists that an authority signs (RFC 5280, section 5), and stapled answers.

A list is a PEM file that holds the list and the certificate of the authority that signed it; that authority must be
an anchor that is trusted, or stand directly below one. Lists are given, never fetched. A list counts for what its own
key issued and for nothing else: names and serial numbers are chosen by whoever issues, so they prove nothing. The
whole chain of a signature is looked up: what an intermediate issued counts no more when its root revokes it.

What a manifest carries itself (`rVals`: answers of RFC 6960, and lists) counts where it says "revoked" and is signed by
who issued the certificate; where it says "good" it is no news.

Credentials without a trusted time stamp cannot show that they were signed before the revocation, so they count no
more. Where a list says since when a key has been astray (invalidityDate), stamps have to be from before that.
"""

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from media.errors import KeyMaterialError
from provenance.trust.certificates import Issued, issued_by, load_certificates

FILE = "revoked.pem"  # a maker's own lists, in the folder of keys
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

    @classmethod
    def by(
        cls, issuer: x509.Certificate, serial: int, when: dt.datetime, reason: str, since: dt.datetime | None
    ) -> Self:
        return cls(common_name(issuer.subject), serial, when, reason, since)

    @property
    def bound(self) -> dt.datetime:
        """What was signed before this counts, if a trusted time stamp says so; UTC."""
        return min(self.when, self.since) if self.since else self.when


@dataclass(frozen=True)
class RevocationList:
    """What one authority has revoked."""

    authority: x509.Certificate  # whose key signed the list
    entries: Mapping[int, Revoked]  # by serial number
    until: dt.datetime | None = None  # when the next was promised, UTC

    def find(self, certificate: x509.Certificate) -> Revoked | None:
        """The entry of a certificate, where the key that signed this list issued it."""
        entry = self.entries.get(certificate.serial_number)
        return entry if entry is not None and issued_by(certificate, self.authority) else None


@dataclass(frozen=True)
class Revocations:
    """All lists that count here."""

    lists: tuple[RevocationList, ...] = ()

    def of_chain(self, chain: Sequence[x509.Certificate]) -> Revoked | None:
        """Why a signature with these certificates counts no more, None where it does: of several reasons that which
        reaches back the furthest."""
        found = (listed.find(certificate) for certificate in chain for listed in self.lists)
        return min((entry for entry in found if entry is not None), key=lambda entry: entry.bound, default=None)

    def entry(self, issuer: x509.Certificate, serial: int) -> Revoked | None:
        """The entry of a serial number on the lists of this issuer's key."""
        found = (
            listed.entries[serial]
            for listed in self.lists
            if serial in listed.entries and listed.authority.public_key() == issuer.public_key()
        )
        return min(found, key=lambda entry: entry.bound, default=None)

    def stale(self, chain: Sequence[x509.Certificate]) -> list[str]:
        """What is to be said of lists that are for certificates of this chain and were to be renewed by now."""
        return [
            f"the list of certificates that '{common_name(listed.authority.subject)}' revoked was to be renewed by "
            f"{listed.until:%Y-%m-%d}; later revocations are not on it"
            for listed in self.overdue()
            if listed.until and any(issued_by(c, listed.authority) for c in chain)
        ]

    def overdue(self) -> list[RevocationList]:
        """Lists that were to be renewed by now."""
        now = dt.datetime.now(dt.UTC)
        return [listed for listed in self.lists if listed.until and listed.until < now]


def read_revoked(paths: Iterable[str | os.PathLike[str]], anchors_pem: str) -> Revocations:
    """The lists in these files.

    Raises:
        KeyMaterialError: a file cannot be read, holds no list, or one that no trusted authority signed.
    """
    anchors = load_certificates(anchors_pem.encode(), "anchors") if anchors_pem.strip() else []
    found: list[RevocationList] = []
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
            listed = _parsed(pem, str(path))
            trusted = (c for c in known if _signed(listed, c) and _trusted(c, anchors))
            authority = next(trusted, None)
            if authority is None:
                raise KeyMaterialError(f"{path}: the list is not signed by an authority that is trusted here")
            found.append(_read(listed, authority))
    return Revocations(tuple(found))


def _parsed(pem: bytes, source: str) -> x509.CertificateRevocationList:
    try:
        return x509.load_pem_x509_crl(pem)
    except ValueError as error:
        raise KeyMaterialError(f"{source}: the list of revoked certificates is damaged ({error})") from error


def read_list(der: bytes, authority: x509.Certificate) -> RevocationList | None:
    """A list that `authority` signed; None for anything else."""
    try:
        listed = x509.load_der_x509_crl(der)
    except ValueError:
        return None
    return _read(listed, authority) if _signed(listed, authority) else None


def _read(listed: x509.CertificateRevocationList, authority: x509.Certificate) -> RevocationList:
    entries = {}
    for item in listed:
        reason = _reason(item)
        if reason == "remove_from_crl" or _of_another_issuer(item):
            continue
        entry = Revoked.by(authority, item.serial_number, item.revocation_date_utc, reason, _since(item))
        entries[entry.serial] = entry
    return RevocationList(authority, entries, listed.next_update_utc)


def _signed(listed: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        named = listed.issuer == authority.subject
        return named and listed.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError, InvalidSignature):
        return False


def _trusted(authority: x509.Certificate, anchors: list[x509.Certificate]) -> bool:
    return authority in anchors or any(issued_by(authority, anchor) for anchor in anchors)


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


def _of_another_issuer(entry: x509.RevokedCertificate) -> bool:
    """On an indirect list (RFC 5280, section 5.3.3); whoever issued that certificate has to revoke it."""
    try:
        entry.extensions.get_extension_for_class(x509.CertificateIssuer)
    except x509.ExtensionNotFound:
        return False
    return True


def common_name(name: x509.Name) -> str:
    """ "" where it has none."""
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[0].value) if values else ""


def make_list(authority: Issued, revoked: Mapping[Any, Revoked]) -> bytes:
    """PEM of a list that `authority` signs, and of its certificate.

    Args:
        revoked: all that it has ever revoked, the new ones included; by whatever keys.
    """
    now = dt.datetime.now(dt.UTC)
    key = authority.certificate.public_key()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + NEXT)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)  # type: ignore[arg-type]
        .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
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


def with_entry(
    before: bytes, authorities: Sequence[Issued], issuer: x509.Certificate | None = None, entry: Revoked | None = None
) -> bytes:
    """A file of lists with one more entry, on the list of `issuer`; that list and all others that these authorities can
    sign are signed anew. Lists of authorities that are gone stay as they are.

    Args:
        before: the file as it was, b"" for none.
    """
    lists = [(pem, _parsed(pem, FILE)) for pem in _LIST.findall(before)]
    certificates = load_certificates(before, FILE) if lists else []
    parts = []
    for authority in authorities:
        own = [listed for _, listed in lists if _signed(listed, authority.certificate)]
        entries = {e.serial: e for listed in own for e in _read(listed, authority.certificate).entries.values()}
        if entry is not None and issuer == authority.certificate:
            before_this = entries.get(entry.serial)
            entries[entry.serial] = replace(entry, since=entry.since or (before_this.since if before_this else None))
        if entries:
            parts.append(make_list(authority, entries))
    for pem, listed in lists:
        if not any(_signed(listed, authority.certificate) for authority in authorities):
            signers = (c for c in certificates if _signed(listed, c))
            parts.append(pem + b"\n" + b"".join(c.public_bytes(Encoding.PEM) for c in list(signers)[:1]))
    return b"".join(parts)
