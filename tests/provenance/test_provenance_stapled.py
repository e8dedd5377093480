"""The certificates of a signature, and answers about their revocation that a manifest carries itself."""

import contextlib
import datetime as dt
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st
from making import picture
from PIL import Image
from searching import little_search  # noqa: F401

from provenance import Keys, sign_beside, verify
from provenance.credentials import manifest
from provenance.credentials.cose import Signature, decode, from_cose, read_signature
from provenance.credentials.jumbf import _box, _boxes, _label, inside
from provenance.trust.certificates import make_leaf
from provenance.trust.generations import issuing
from provenance.trust.revocation import Revoked, make_list

pytestmark = pytest.mark.usefixtures("little_search")

STATUS = ocsp.OCSPCertStatus
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.binary(max_size=40) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)


def encoded(value) -> bytes:
    """CBOR."""

    def head(kind, count):
        if count < 24:
            return bytes([kind << 5 | count])
        size = next(n for n in (1, 2, 4, 8) if count < 1 << 8 * n)
        return bytes([kind << 5 | 23 + size.bit_length()]) + count.to_bytes(size, "big")

    if value is None or isinstance(value, bool):
        return {True: b"\xf5", False: b"\xf4", None: b"\xf6"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encoded, value))
    return head(5, len(value)) + b"".join(encoded(part) for pair in value.items() for part in pair)


@given(DATA)
def test_data_is_read_as_it_was_written(value):
    assert decode(encoded(value)) == value
    assert decode(b"\xd2" + encoded(value)) == value  # behind a tag


@pytest.mark.parametrize(
    ("data", "value"),
    [("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("bf6161016162820203ff", {"a": 1, "b": [2, 3]}),
     ("5f42010243030405ff", b"\1\2\3\4\5"), ("7f657374726561646d696e67ff", "streaming"), ("fb3ff199999999999a", None)],
)  # fmt: skip
def test_lengths_may_be_left_open(data, value):
    """Examples of RFC 8949, appendix A; what is read otherwise could hide a certificate."""
    assert decode(bytes.fromhex(data)) == value


@given(DATA, st.integers(0, 60), st.binary(max_size=60))
def test_damage_is_no_more_than_an_error(value, cut, noise):
    for data in (encoded(value)[:cut], noise, b"\x81" * 3000):
        with contextlib.suppress(ValueError, IndexError, TypeError, struct.error):
            decode(data)
    assert read_signature(noise, "x") == Signature()


def test_no_certificate_can_be_hidden_behind_another(tmp_path):
    """Readers differ in which header they take the certificates from."""
    keys = Keys.open(tmp_path / "keys")
    leaf, middle = (certificate.public_bytes(Encoding.DER) for certificate in keys.chain)
    other = make_leaf(issuing(keys.folder)).certificate.public_bytes(Encoding.DER)
    for protected, beside in (
        ({33: [leaf, middle]}, {33: other}), ({"x5chain": [leaf, middle]}, {33: other}),
        ({33: other}, {33: [leaf, middle]}), ({33: other, "x5chain": [leaf, middle]}, {}),
        ({}, {"x5chain": [leaf, middle], 33: [other, middle]}),
    ):  # fmt: skip
        chain = from_cose(encoded([encoded(protected), beside, None, b""])).chain
        assert set(keys.chain) < set(chain)
        assert len(chain) == 3
    twice = b"\xa2" + encoded("x5chain") + encoded(leaf) + encoded("x5chain") + encoded(other)
    with pytest.raises(ValueError, match="twice"):
        from_cose(b"\x84" + encoded(twice) + encoded({}) + encoded(None) + encoded(b""))


@pytest.fixture
def signed(tmp_path):
    """Keys, a picture, and the credentials beside it."""
    keys = Keys.open(tmp_path / "keys")
    Image.fromarray(picture()).save(tmp_path / "a.png")
    return keys, tmp_path / "a.png", sign_beside(tmp_path / "a.png", keys=keys).path


def staple(sidecar, path, **values):
    """Put answers beside the signature, which does not cover them."""
    store = sidecar.read_bytes()
    label = manifest.label_of(path, store)
    protected, beside, payload, signature = decode(inside(store, label, "c2pa.signature", b"cbor"))
    changed = encoded([protected, {**beside, "rVals": values}, payload, signature])

    def swapped(content, names):
        out = b""
        for kind, box in _boxes(content):
            if kind == b"jumb" and _label(box) == names[0]:
                box = swapped(box, names[1:])
            out += _box(kind, b"\xd2" + changed if kind == names[0] else box)
        return out

    sidecar.write_bytes(_box(b"jumb", swapped(_boxes(store)[0][1], [label, "c2pa.signature", b"cbor"])))


def answer(keys, status, signer, of=None):
    revoked = status is STATUS.REVOKED
    now = dt.datetime.now(dt.UTC)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=of or keys.chain[0], issuer=keys.chain[1], algorithm=hashes.SHA256(), cert_status=status,
        this_update=now, next_update=now + dt.timedelta(days=1), revocation_time=now if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )  # fmt: skip
    certificate = signer.certificate
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).certificates([certificate])
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_the_whole_chain_is_known(signed):
    keys, path, sidecar = signed
    assert list(manifest.read_store(path, "", sidecar.read_bytes())["signature"].chain) == keys.chain


def test_an_answer_that_says_revoked_counts(signed):
    keys, path, sidecar = signed
    middle = issuing(keys.folder)
    assert verify(path, keys=keys).exit_code == 0
    staple(sidecar, path, ocspVals=[answer(keys, STATUS.GOOD, middle)])
    assert verify(path, keys=keys).exit_code == 0
    staple(
        sidecar, path, ocspVals=[b"nonsense", answer(keys, STATUS.GOOD, middle), answer(keys, STATUS.REVOKED, middle)]
    )
    verdict = verify(path, keys=keys)
    assert (verdict.exit_code, verdict.credentials.trust) == (3, "revoked")
    assert "key_compromise" in verdict.credentials.revoked


def test_answers_of_others_do_not_count(signed, tmp_path):
    """Else whoever passes a file on could make its maker unknown."""
    keys, path, sidecar = signed
    stranger = issuing(Keys.open(tmp_path / "stranger").folder)
    another = make_leaf(issuing(keys.folder))  # issued by the right authority, but not to answer
    staple(sidecar, path, ocspVals=[
        answer(keys, STATUS.REVOKED, stranger), answer(keys, STATUS.REVOKED, another),
        answer(keys, STATUS.REVOKED, issuing(keys.folder), of=another.certificate),
    ])  # fmt: skip
    assert verify(path, keys=keys).exit_code == 0


def test_lists_beside_the_signature_count_too(signed):
    keys, path, sidecar = signed

    def listed(by):
        entry = Revoked("", keys.chain[1].serial_number, dt.datetime.now(dt.UTC).replace(microsecond=0), "")
        return x509.load_pem_x509_crl(make_list(by, {0: entry})).public_bytes(Encoding.DER)

    staple(sidecar, path, crlVals=[listed(issuing(keys.folder))])  # an intermediate says nothing of itself
    assert verify(path, keys=keys).exit_code == 0
    staple(sidecar, path, crlVals=[listed(issuing(keys.folder, "root"))])
    assert verify(path, keys=keys).credentials.trust == "revoked"


def test_a_signature_whose_certificates_cannot_be_told_is_not_trusted(signed, monkeypatch):
    """Nobody could say that none of them was revoked."""
    keys, path, _ = signed
    monkeypatch.setattr("provenance.credentials.manifest.read_signature", lambda *_: Signature())
    assert verify(path, keys=keys).credentials.trust == "untrusted"
