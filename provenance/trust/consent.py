"""Consent on file: a small signed JSON that says who may be shown speaking, for what, and until when.

Whoever runs vasari signs with their own key what a person granted them, so the file proves what the maker claimed at
the time and that nobody changed it since; it does not prove that the person agreed. Keep the person's own signature
on paper or in your records. The hash of the consent goes into the credentials of every output made under it.
"""

import base64
import datetime as dt
import hashlib
import json
import os
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from media.atomic import replacing
from media.errors import ConsentError, KeyMaterialError
from media.hashing import canonical, file_sha256
from provenance.trust.certificates import chain_leads_to, load_certificates
from provenance.trust.keys import Keys
from provenance.trust.revocation import read_revoked
from provenance.trust.signers import ready, to_der

HASH = r"^[0-9a-f]{64}$"


class Consent(BaseModel):
    """A consent as it lies in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    subject: str = Field(min_length=1)  # who is shown
    purpose: str = Field(min_length=1)  # what for
    portrait_sha256: str = Field(pattern=HASH)
    valid_until: dt.date  # the last day, UTC
    granted_by: str = Field(min_length=1)  # the person, or who may speak for them
    granted_on: dt.datetime  # UTC
    certificates: str  # PEM, the signer's first
    signature: str = ""  # base64 of r and s over the canonical JSON of all other fields

    @property
    def signed_bytes(self) -> bytes:
        return canonical(self.model_dump(mode="json", exclude={"signature"}))

    @property
    def sha256(self) -> str:
        """Hash over everything, signature included: what the manifest names."""
        return hashlib.sha256(canonical(self.model_dump(mode="json"))).hexdigest()


def grant_consent(
    path: str | os.PathLike[str],
    *,
    portrait: str | os.PathLike[str],
    subject: str,
    purpose: str,
    until: dt.date,
    granted_by: str,
    keys: Keys,
) -> Consent:
    """Write and sign a consent for one portrait.

    Args:
        subject: who is shown. purpose: what they agreed to. until: the last day, UTC. granted_by: who grants it.
        keys: the maker's, who signs it.

    Raises:
        UnreadableError: the portrait cannot be read.
        ConsentError: an empty field, or a date that has passed.
        OutputError: `path` cannot be written.
    """
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    if until < now.date():
        raise ConsentError(f"consent until {until} has already expired; give a day from today on")
    signer = ready(keys.signer)
    try:
        draft = Consent(
            subject=subject.strip(),
            purpose=purpose.strip(),
            portrait_sha256=file_sha256(portrait),
            valid_until=until,
            granted_by=granted_by.strip(),
            granted_on=now,
            certificates=signer.chain_pem.decode(),
        )
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        raise ConsentError(f"consent needs a {str(field).replace('_', ' ')}") from error
    signature = base64.b64encode(signer.sign(draft.signed_bytes)).decode()
    consent = draft.model_copy(update={"signature": signature})
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(consent.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n")
    return consent


def read_consent(path: str | os.PathLike[str], *, keys: Keys) -> Consent:
    """Read a consent and check that it is whole and signed by this maker; dates and portrait are not looked at.

    Nobody but the maker says when a consent was signed, so none counts whose certificate was revoked, however late.

    Raises:
        ConsentError: missing, not a consent, altered, signed by somebody else, or with a certificate that was revoked.
        KeyMaterialError: the maker's list of revoked certificates cannot be read.
    """
    path = Path(path)
    try:
        consent = Consent.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConsentError(f"{path}: consent cannot be read ({error.strerror}); see `vasari consent grant`") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise ConsentError(f"{path}: not a consent file ({where}: {first['msg'].lower()})") from error
    check_signature(consent, keys=keys, source=str(path))
    return consent


def check_signature(consent: Consent, *, keys: Keys, source: str = "consent") -> None:
    """Raise `ConsentError` unless `consent` is whole, and signed by this maker with a certificate that counts.

    A consent bears no time stamp, so what a revoked certificate signed counts no more, whenever it did."""
    if not _signed_by(consent, keys):
        raise ConsentError(f"{source}: the consent was altered or signed by somebody else; have it granted again")
    chain = load_certificates(consent.certificates.encode(), "consent")
    gone = read_revoked(keys.lists, keys.anchor_pem.decode()).of_chain(chain)
    if gone is not None:
        raise ConsentError(
            f"{source}: the consent was signed with a certificate that was revoked ({gone.when:%Y-%m-%d}"
            f"{f', {gone.reason}' if gone.reason else ''}); anybody may have signed it, so have it granted again"
        )


def load_consent(
    path: str | os.PathLike[str],
    *,
    portrait: str | os.PathLike[str],
    keys: Keys,
    today: dt.date | None = None,
) -> Consent:
    """Read a consent and check that it allows to animate `portrait` now.

    Raises:
        ConsentError: as `read_consent`, expired, or for another portrait.
    """
    consent = read_consent(path, keys=keys)
    check_consent(consent, file_sha256(portrait), today=today, source=str(path))
    return consent


def check_consent(
    consent: Consent, portrait_sha256: str, *, today: dt.date | None = None, source: str = "consent"
) -> None:
    """Raise `ConsentError` unless `consent` is for this portrait and has not expired."""
    today = today or dt.datetime.now(dt.UTC).date()
    if consent.valid_until < today:
        raise ConsentError(f"{source}: consent of {consent.subject} expired on {consent.valid_until}; have it renewed")
    if consent.portrait_sha256 != portrait_sha256:
        raise ConsentError(f"{source}: consent is for another portrait file; the picture must be the same to the byte")


def _signed_by(consent: Consent, keys: Keys) -> bool:
    """Whether the signature holds and its certificate leads to this maker's root."""
    try:
        chain = load_certificates(consent.certificates.encode(), "consent")
        root = x509.load_pem_x509_certificate(keys.anchor_pem)
        public = chain[0].public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or not chain_leads_to(chain[0], chain[1:], root):
            return False
        public.verify(to_der(base64.b64decode(consent.signature)), consent.signed_bytes, ec.ECDSA(hashes.SHA256()))
    except (KeyMaterialError, InvalidSignature, ValueError, IndexError):
        return False
    return True
