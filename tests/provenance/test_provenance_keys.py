import datetime as dt
import json
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from making import picture
from PIL import Image

from media.errors import ConsentError, KeyMaterialError
from provenance import Keys, grant_consent, load_consent
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED, EXIT_UNREADABLE, SEVERITY, worst
from provenance.trust.certificates import chain_leads_to

SOON = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


def test_keys_are_made_once_and_kept(tmp_path):
    first = Keys.open(tmp_path / "keys")
    again = Keys.open(tmp_path / "keys")
    assert (first.created, again.created) == (True, False)
    assert first.mark_key == again.mark_key
    assert len(first.mark_key) == 32


def test_private_keys_are_for_their_owner(keys):
    for name in ("root.key", "intermediate.key", "signing/0001.pem", "watermark.key"):
        assert stat.S_IMODE((keys.folder / name).stat().st_mode) == 0o600
    assert b"BEGIN PRIVATE KEY" in (keys.folder / "signing/0001.pem").read_bytes()  # PKCS#8


def test_secrets_are_masked(keys):
    assert keys.mark_key.hex() not in repr(keys)
    assert "key=hidden" in repr(keys.signer)


def test_leaf_follows_the_profile(keys):
    leaf, intermediate = keys.chain
    names = leaf.subject.rfc4514_string() + leaf.issuer.rfc4514_string()
    assert "TEST" in names
    assert "DEVELOPMENT" in names
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.EMAIL_PROTECTION
    ]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= dt.timedelta(days=366)
    root = x509.load_pem_x509_certificate(keys.anchor_pem)
    assert chain_leads_to(leaf, [intermediate], root)
    assert not chain_leads_to(leaf, [], root)


def test_bad_folders_are_refused(tmp_path):
    with pytest.raises(KeyMaterialError, match="vasari keys create"):
        Keys.open(tmp_path / "none", create=False)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me")
    with pytest.raises(KeyMaterialError, match="in use"):
        Keys.open(tmp_path / "full")
    keys = Keys.open(tmp_path / "keys")
    (keys.folder / "watermark.key").write_text("12345")
    with pytest.raises(KeyMaterialError, match="watermark"):
        Keys.open(keys.folder)


def test_keys_that_do_not_belong_together(tmp_path):
    a, b = Keys.open(tmp_path / "a"), Keys.open(tmp_path / "b")
    mine, theirs = (k.folder / "signing/0001.pem" for k in (a, b))
    certificate = mine.read_text().index("-----BEGIN CERTIFICATE")
    mine.write_text(theirs.read_text()[:certificate] + mine.read_text()[certificate:])
    with pytest.raises(KeyMaterialError, match="belong together"):
        Keys.open(a.folder)


def test_a_key_service_is_set_up_by_a_file(tmp_path):
    keys = Keys.open(tmp_path / "keys")
    (keys.folder / "chain.pem").write_bytes(keys.signer.chain_pem)
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(keys.folder / "signing/0001.pem")]
    (keys.folder / "signer.json").write_text(json.dumps({"command": command, "chain": "chain.pem"}))
    assert len(Keys.open(keys.folder).signer.sign(b"data")) == 64
    (keys.folder / "signer.json").write_text("{}")
    with pytest.raises(KeyMaterialError, match=r"signer\.json"):
        Keys.open(keys.folder)


# Consent


@pytest.fixture
def portrait(tmp_path):
    Image.fromarray(picture(1)).save(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


def grant(portrait, keys, until=SOON, **changes):
    words = {"subject": "A. Person", "purpose": "a greeting", "granted_by": "A. Person"} | changes
    return grant_consent(portrait.with_suffix(".json"), portrait=portrait, until=until, keys=keys, **words)


def test_consent_holds(portrait, keys):
    granted = grant(portrait, keys)
    loaded = load_consent(portrait.with_suffix(".json"), portrait=portrait, keys=keys)
    assert loaded == granted
    assert len(loaded.sha256) == 64


def test_consent_expires(portrait, keys):
    grant(portrait, keys)
    file = portrait.with_suffix(".json")
    assert load_consent(file, portrait=portrait, keys=keys, today=SOON)
    with pytest.raises(ConsentError, match="expired"):
        load_consent(file, portrait=portrait, keys=keys, today=SOON + dt.timedelta(days=1))
    with pytest.raises(ConsentError, match="already expired"):
        grant(portrait, keys, until=dt.date(2020, 1, 1))


def test_consent_is_for_one_portrait(portrait, keys, tmp_path):
    grant(portrait, keys)
    Image.fromarray(picture(2)).save(tmp_path / "other.png")
    with pytest.raises(ConsentError, match="another portrait"):
        load_consent(portrait.with_suffix(".json"), portrait=tmp_path / "other.png", keys=keys)


def test_consent_of_another_maker_does_not_count(portrait, keys, tmp_path):
    grant(portrait, Keys.open(tmp_path / "stranger"))
    with pytest.raises(ConsentError, match="signed by somebody else"):
        load_consent(portrait.with_suffix(".json"), portrait=portrait, keys=keys)


@pytest.mark.parametrize(
    ("field", "value"),
    [("subject", "B. Person"), ("valid_until", "2999-01-01"), ("purpose", "anything"), ("signature", "")],
)
def test_altered_consent_is_refused(portrait, keys, field, value):
    grant(portrait, keys)
    file = portrait.with_suffix(".json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    with pytest.raises(ConsentError, match="altered"):
        load_consent(file, portrait=portrait, keys=keys)


def test_missing_and_malformed_consent(portrait, keys, tmp_path):
    with pytest.raises(ConsentError, match="cannot be read"):
        load_consent(tmp_path / "none.json", portrait=portrait, keys=keys)
    for text in ("", "[]", "{}", "no json", '{"subject": 3}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ConsentError, match="not a consent file") as caught:
            load_consent(tmp_path / "bad.json", portrait=portrait, keys=keys)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConsentError, match="needs a purpose"):
        grant(portrait, keys, purpose=" ")


# Exit codes


@given(codes=st.lists(st.sampled_from(SEVERITY)))
def test_worst_does_not_depend_on_order(codes):
    assert worst(codes) == worst(reversed(codes))
    assert worst(codes) in (codes or [EXIT_KNOWN])


def test_worst_order():
    assert worst([EXIT_KNOWN, EXIT_NOTHING]) == EXIT_NOTHING
    assert worst([EXIT_NOTHING, EXIT_UNREADABLE]) == EXIT_UNREADABLE
    assert worst([EXIT_UNREADABLE, EXIT_TAMPERED, EXIT_KNOWN]) == EXIT_TAMPERED
