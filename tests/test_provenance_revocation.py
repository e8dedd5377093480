"""Certificates that count no more, and new ones."""

import pytest
from making import picture
from PIL import Image

from media.errors import KeyMaterialError
from provenance import Claim, Keys, save_picture, verify
from provenance.certificates import make_intermediate, make_root
from provenance.revocation import FILE, Revoked, make_list, read_revoked


@pytest.fixture
def keys(tmp_path):
    return Keys.open(tmp_path / "keys")


def saved(tmp_path, keys, name):
    return save_picture(tmp_path / name, picture(), claim=Claim("data", nobody=True), keys=keys).path


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
