"""Certificates that count no more, and new ones."""

import datetime as dt
import multiprocessing

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from making import picture
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401

from media.errors import ConsentError, KeyMaterialError
from provenance import Keys, grant_consent, load_consent, save_picture, verify
from provenance.trust.certificates import Issued, make_intermediate, make_root
from provenance.trust.generations import issuing
from provenance.trust.revocation import FILE, Revoked, common_name, make_list, read_revoked

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture
def keys(tmp_path):
    return Keys.open(tmp_path / "keys")


def saved(tmp_path, keys, name):
    return save_picture(tmp_path / name, shown(keys, picture(), command="data")).path


def test_rotation_keeps_what_was_signed(tmp_path, keys):
    old = saved(tmp_path, keys, "old.png")
    rotated = keys.rotate()
    assert rotated.chain[0].serial_number != keys.chain[0].serial_number
    assert rotated.mark_key == keys.mark_key
    new = saved(tmp_path, rotated, "new.png")
    assert [verify(path, keys=rotated).exit_code for path in (old, new)] == [0, 0]


def test_what_a_revoked_certificate_signed_counts_no_more(tmp_path, keys):
    old = saved(tmp_path, keys, "old.png")
    first = keys.revoke("key_compromise")
    keys = Keys.open(keys.folder)
    new = saved(tmp_path, keys, "new.png")
    verdict = verify(old, keys=keys)
    assert (verdict.exit_code, verdict.credentials.state, verdict.credentials.trust) == (3, "valid", "revoked")
    assert "key_compromise" in verdict.credentials.revoked
    assert "was revoked" in verdict.summary
    assert verify(new, keys=keys).exit_code == 0

    second = keys.revoke("superseded")  # the list grows
    keys = Keys.open(keys.folder)
    assert [verify(path, keys=keys).exit_code for path in (old, new)] == [3, 3]
    (listed,) = read_revoked(keys.lists, keys.anchor_pem.decode()).lists
    assert set(listed.entries) == {first.serial, second.serial}
    assert first.issuer == second.issuer


def test_the_public_learns_of_it_from_the_list(tmp_path, keys):
    old, root = saved(tmp_path, keys, "old.png"), keys.folder / "root.pem"
    keys.revoke()
    assert verify(old, anchors=[root]).exit_code == 0  # nothing is fetched
    assert verify(old, anchors=[root], revoked=[keys.folder / FILE]).exit_code == 3


def test_only_a_trusted_authority_revokes(tmp_path, keys):
    """Else anybody could make an honest maker unknown."""
    stranger = Keys.open(tmp_path / "stranger")
    stranger.revoke()
    anchor = keys.anchor_pem.decode()
    with pytest.raises(KeyMaterialError, match="trusted"):
        read_revoked(stranger.lists, anchor)
    root = make_root()
    entry = Revoked("x", keys.chain[0].serial_number, keys.chain[0].not_valid_before_utc, "")
    (tmp_path / "namesake.pem").write_bytes(make_list(make_intermediate(root), {("x", entry.serial): entry}))
    with pytest.raises(KeyMaterialError, match="trusted"):
        verify(saved(tmp_path, keys, "a.png"), keys=keys, revoked=[tmp_path / "namesake.pem"])


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"],
    ids=["empty", "text", "broken"],
)
def test_files_that_are_no_list_are_named(tmp_path, keys, content):
    (tmp_path / "list.pem").write_bytes(content)
    with pytest.raises(KeyMaterialError, match=r"list\.pem"):
        read_revoked([tmp_path / "list.pem"], keys.anchor_pem.decode())
    with pytest.raises(KeyMaterialError, match="cannot be read"):
        read_revoked([tmp_path / "none.pem"], keys.anchor_pem.decode())


def test_a_list_that_was_altered_is_refused(tmp_path, keys):
    keys.revoke()
    lines = (keys.folder / FILE).read_bytes().split(b"\n")
    lines[3] = lines[3][::-1]
    (tmp_path / "list.pem").write_bytes(b"\n".join(lines))
    with pytest.raises(KeyMaterialError):
        read_revoked([tmp_path / "list.pem"], keys.anchor_pem.decode())


def test_reasons_and_commands(tmp_path, keys):
    with pytest.raises(KeyMaterialError, match="no reason"):
        keys.revoke("boredom")
    chain = keys.folder / "chain.pem"
    chain.write_bytes(keys.signer.chain_pem)
    (keys.folder / "signer.json").write_text('{"command": ["true"], "chain": "chain.pem"}')
    with pytest.raises(KeyMaterialError, match="command"):
        Keys.open(keys.folder).revoke()
    Image.fromarray(picture()).save(tmp_path / "plain.png")
    assert verify(tmp_path / "plain.png").exit_code == 3


def test_a_list_counts_for_what_its_own_key_issued(tmp_path, keys):
    """Names and numbers may agree: another maker's list, or that of a namesake below the same root, changes nothing."""
    path = saved(tmp_path, keys, "a.png")
    other = Keys.open(tmp_path / "other")
    leaf, now = keys.chain[0], dt.datetime.now(dt.UTC).replace(microsecond=0)
    entry = Revoked(common_name(leaf.issuer), leaf.serial_number, now, "key_compromise")
    theirs, mine = issuing(other.folder), issuing(keys.folder)
    for number, (authority, code) in enumerate([
        (theirs, 0), (issuing(other.folder, "root"), 0), (issuing(keys.folder, "root"), 0), (mine, 3),
        (namesake(mine, issuing(keys.folder, "root")), 0),
    ]):  # fmt: skip
        file = tmp_path / f"{number}.pem"
        file.write_bytes(make_list(authority, {(entry.issuer, entry.serial): entry}))
        verdict = verify(path, keys=keys, anchors=[other.folder / "root.pem"], revoked=[file])
        assert verdict.exit_code == code, number


def namesake(like, root):
    """Another authority of the same name that the same root issued."""
    key, old = ec.generate_private_key(ec.SECP256R1()), like.certificate
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, key.public_key(), 7, old.not_valid_before_utc, old.not_valid_after_utc
    )
    return Issued(builder.sign(root.key, hashes.SHA256()), key)


def test_what_was_taken_off_a_list_or_is_of_another_issuer_counts(tmp_path, keys):
    path, mine = saved(tmp_path, keys, "a.png"), issuing(keys.folder)
    entry = Revoked("", keys.chain[0].serial_number, dt.datetime.now(dt.UTC), "remove_from_crl")
    (tmp_path / "list.pem").write_bytes(make_list(mine, {0: entry}))
    assert verify(path, keys=keys, revoked=[tmp_path / "list.pem"]).exit_code == 0


def test_a_list_that_was_to_be_renewed_counts_and_that_is_said(tmp_path, keys, monkeypatch):
    path = saved(tmp_path, keys, "a.png")
    rotated = keys.rotate()
    new = saved(tmp_path, rotated, "new.png")
    monkeypatch.setattr("provenance.trust.revocation.NEXT", dt.timedelta(0))
    rotated.revoke(serial=keys.chain[0].serial_number)
    monkeypatch.undo()
    keys = Keys.open(keys.folder)
    old = verify(path, keys=keys)
    assert old.exit_code == 3
    fresh = verify(new, keys=keys)
    assert fresh.exit_code == 0
    for verdict in (old, fresh):
        assert any("was to be renewed by" in note for note in verdict.credentials.notes)
    keys.renew()
    assert not verify(new, keys=keys).credentials.notes
    assert verify(path, keys=keys).exit_code == 3


def test_after_a_rotation_the_old_certificate_can_be_revoked(tmp_path, keys):
    old = saved(tmp_path, keys, "old.png")
    rotated = keys.rotate()
    new = saved(tmp_path, rotated, "new.png")
    entry = rotated.revoke(serial=keys.chain[0].serial_number)
    assert entry.serial == keys.chain[0].serial_number
    now = Keys.open(keys.folder)
    assert now.chain == rotated.chain  # what signs is not hit
    assert [verify(path, keys=now).exit_code for path in (old, new)] == [3, 0]


def test_revoked_twice_the_first_day_and_the_earliest_loss_count(keys):
    since = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    first = keys.revoke("superseded", since)
    again = Keys.open(keys.folder).revoke("key_compromise", serial=first.serial)
    (listed,) = read_revoked(keys.lists, keys.anchor_pem.decode()).lists
    assert (again.when, listed.entries[first.serial].since) == (first.when, since)
    assert listed.entries[first.serial].reason == "key_compromise"


def _revoke(folder, serial):
    Keys.open(folder, create=False).revoke(serial=serial)


def test_of_revocations_at_once_none_is_lost(keys):
    context = multiprocessing.get_context("fork")
    serials = set(range(100, 106))
    crew = [context.Process(target=_revoke, args=(keys.folder, serial)) for serial in serials]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
        assert process.exitcode == 0
    (listed,) = read_revoked(keys.lists, keys.anchor_pem.decode()).lists
    assert set(listed.entries) == serials


def test_consents_follow(tmp_path, keys):
    """Whoever stole a key signs consents with it, before the revocation and after it."""
    face = tmp_path / "face.png"
    face.write_bytes(b"any picture")
    words = {"portrait": face, "subject": "V", "purpose": "x", "granted_by": "nobody"}
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)
    grant_consent(tmp_path / "early.json", until=until, keys=keys, **words)
    keys.revoke()
    grant_consent(tmp_path / "late.json", until=until, keys=keys, **words)  # a copy of the key that was stolen
    mine = Keys.open(keys.folder)
    for name in ("early.json", "late.json"):
        with pytest.raises(ConsentError, match=r"revoked.*granted again"):
            load_consent(tmp_path / name, portrait=face, keys=mine)
    grant_consent(tmp_path / "again.json", until=until, keys=mine, **words)
    assert load_consent(tmp_path / "again.json", portrait=face, keys=mine)
    mine.revoke(serial=mine.chain[1].serial_number)
    with pytest.raises(ConsentError, match="revoked"):
        load_consent(tmp_path / "again.json", portrait=face, keys=Keys.open(keys.folder))
