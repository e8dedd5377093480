"""What a manifest itself carries about the revocation of the certificates it was signed with."""

import datetime as dt
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.credentials.cose import Signature
from provenance.trust.certificates import issued_by, load_certificates
from provenance.trust.revocation import RevocationList, Revocations, Revoked, read_list


def lookup_chain(signature: Signature, given: Revocations, anchors_pem: str) -> Revoked | None:
    """Why a signature counts no more, None where it does: by the lists that are given, or by what it carries itself."""
    return Revocations((*given.lists, *stapled(signature, anchors_pem).lists)).of_chain(signature.chain)


def stapled(signature: Signature, anchors_pem: str) -> Revocations:
    """The lists and answers of a manifest that are signed by who issued one of its certificates; others are left out.

    Args:
        anchors_pem: root certificates that are trusted; they issued the last of the chain.
    """
    anchors = load_certificates(anchors_pem.encode(), "anchors") if anchors_pem.strip() else []
    issuers = [*signature.chain[1:], *anchors]
    lists = [read_list(der, issuer) for der in signature.lists for issuer in issuers]
    answers = [found for der in signature.ocsp for found in _answers(der, signature.chain, issuers)]
    return Revocations((*(listed for listed in lists if listed is not None), *answers))


def _answers(
    der: bytes, chain: Sequence[x509.Certificate], issuers: Sequence[x509.Certificate]
) -> Iterator[RevocationList]:
    """What an answer (RFC 6960) revokes of the chain."""
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return
        singles = [s for s in response.responses if s.certificate_status is ocsp.OCSPCertStatus.REVOKED]
    except ValueError:
        return
    for single in singles:
        for certificate in chain:
            issuer = next((i for i in issuers if issued_by(certificate, i)), None)
            if issuer is None or single.serial_number != certificate.serial_number or not _spoken(response, issuer):
                continue
            when = single.revocation_time_utc or dt.datetime.now(dt.UTC)
            reason = single.revocation_reason.name if single.revocation_reason else ""
            entry = Revoked.by(issuer, certificate.serial_number, when, reason, None)
            yield RevocationList(issuer, {entry.serial: entry})


def _spoken(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """Whether the issuer signed an answer, or somebody whom it certified for that."""
    return any(_signed(response, one) for one in (issuer, *(c for c in response.certificates if _may(c, issuer))))


def _may(responder: x509.Certificate, issuer: x509.Certificate) -> bool:
    if not issued_by(responder, issuer):
        return False
    try:
        usage = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed(response: ocsp.OCSPResponse, responder: x509.Certificate) -> bool:
    key, algorithm = responder.public_key(), response.signature_hash_algorithm
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        else:
            key.verify(response.signature, response.tbs_response_bytes)  # type: ignore[call-arg, union-attr]
    except (InvalidSignature, TypeError, ValueError, AttributeError):
        return False
    return True
