"""A time-stamp authority (RFC 3161) on this machine, for tests and benchmarks of credentials."""

import datetime as dt
import hashlib
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = dt.timedelta(days=3000)  # before now and after
POLICY = "1.3.6.1.4.1.99999.1"  # under which it stamps; nobody's
NAME = "TEST ONLY - clock"
_Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


class TimeAuthority:
    """Answers requests for time stamps at `url` until it is closed.

    Attributes:
        anchor_pem: its root certificate.
        asked: how many requests came.
        offset: how far its clock goes wrong.
        broken: answer with what is no time stamp.
    """

    def __init__(self, root: _Pair | None = None) -> None:
        root = root or _certificate("TEST ONLY - root of clocks", None)
        self.anchor_pem = root[0].public_bytes(serialization.Encoding.PEM)
        self.asked, self.offset, self.broken = 0, dt.timedelta(), False
        self._root, self._unit = root, _certificate(NAME, root)
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Nothing is to be said."""

            def do_POST(self) -> None:
                authority.asked += 1
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                answer = b"no stamps today" if authority.broken else authority.stamp(asked)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/stamps"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "TimeAuthority":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Be down from now on."""
        self._server.shutdown()
        self._server.server_close()

    def stamp(self, request: bytes) -> bytes:
        """TimeStampReq -> TimeStampResp, DER (RFC 3161, section 2.4)."""
        asked = tsp.TimeStampReq.load(request)
        now = (dt.datetime.now(dt.UTC) + self.offset).replace(microsecond=0)
        said = {"version": "v1", "policy": POLICY, "message_imprint": asked["message_imprint"],
                "serial_number": secrets.randbits(63), "gen_time": now}  # fmt: skip
        if asked["nonce"].native is not None:
            said["nonce"] = asked["nonce"]
        info = tsp.TSTInfo(said).dump()
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(info, now)})
        return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()

    def _signed(self, info: bytes, now: dt.datetime) -> cms.SignedData:
        unit, root = (asn1_x509.Certificate.load(_der(pair[0])) for pair in (self._unit, self._root))
        essential = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(unit.dump()).digest()})
        attributes = cms.CMSAttributes([
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": now})]},
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [essential]})]},
        ])  # fmt: skip
        named = {"issuer": unit.issuer, "serial_number": unit.serial_number}
        signer = cms.SignerInfo({
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": named}),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self._unit[1].sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
        })  # fmt: skip
        content = {"content_type": "tst_info", "content": core.ParsableOctetString(info)}
        return cms.SignedData({
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": content,
            "certificates": [unit, root],
            "signer_infos": [signer],
        })  # fmt: skip


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _certificate(name: str, issuer: _Pair | None) -> _Pair:
    """A root, or a unit that stamps: critical extended key usage timeStamping alone (RFC 3161, section 2.3)."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "TEST ONLY - vasari clocks"),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])  # fmt: skip
    above, above_key = issuer or (None, key)
    stamps = above is not None
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=not stamps, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=stamps, key_cert_sign=not stamps, crl_sign=not stamps, **usage),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above_key.public_key()), critical=False)
    )
    if stamps:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(above_key, hashes.SHA256()), key
