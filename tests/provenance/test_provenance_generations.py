"""Generations of signing keys: renewed under a lock, by the signer or by name, whole at any moment."""

import contextlib
import datetime as dt
import logging
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest
from making import picture
from permits import shown

from media.errors import KeyMaterialError
from provenance import Keys, grant_consent, load_consent, save_picture, verify
from provenance.trust import certificates as made
from provenance.trust.generations import FOLDER, current, generations, issuing, renewed, succeed
from provenance.trust.revocation import FILE

SOON = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)


@pytest.fixture
def keys(tmp_path):
    return Keys.open(tmp_path / "keys")


@pytest.fixture
def last_week(tmp_path, monkeypatch):
    """Keys whose certificate has three days to go."""
    monkeypatch.setattr(made, "LEAF_DAYS", 3)
    opened = Keys.open(tmp_path / "keys")
    monkeypatch.undo()
    return opened


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"}


def as_before(folder):
    """The same folder as earlier versions laid it out."""
    pem = (folder / FOLDER / "0001.pem").read_bytes()
    key, _, rest = pem.partition(b"-----BEGIN CERTIFICATE")
    (folder / "leaf.key").write_bytes(key)
    (folder / "leaf.pem").write_bytes((b"-----BEGIN CERTIFICATE" + rest).partition(b"-----END CERTIFICATE-----\n")[0]
                                      + b"-----END CERTIFICATE-----\n")  # fmt: skip
    shutil.rmtree(folder / FOLDER)
    (folder / "lock").unlink(missing_ok=True)
    return folder


def test_a_key_and_its_certificate_are_one_file_for_their_owner(keys):
    path = keys.folder / FOLDER / "0001.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().count(b"BEGIN CERTIFICATE") == 2
    assert path.read_bytes().count(b"BEGIN PRIVATE KEY") == 1
    digest = bytes(32)
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(path)]
    assert subprocess.run(command, input=digest, capture_output=True, check=True).stdout[0] == 0x30  # as docs promise


def test_no_two_installations_share_a_name(keys, tmp_path):
    other = Keys.open(tmp_path / "other")
    for mine, theirs in zip(keys.chain, other.chain, strict=True):
        assert mine.subject != theirs.subject
        assert "DEVELOPMENT TEST" in mine.subject.rfc4514_string()
    assert issuing(keys.folder, "root").certificate.subject != issuing(other.folder, "root").certificate.subject


def test_reading_writes_nothing_and_renews_nothing(last_week, tmp_path):
    saved = save_picture(tmp_path / "a.png", shown(last_week.rotate(), picture(), command="data"))
    monkey = Keys.open(last_week.folder, create=False)
    before = contents(last_week.folder)
    for path in [last_week.folder, last_week.folder / FOLDER]:
        path.chmod(0o500)
    try:
        assert verify(saved.path, keys=Keys.open(last_week.folder, create=False)).exit_code == 0
        assert Keys.open(last_week.folder).expires == monkey.expires
    finally:
        for path in [last_week.folder, last_week.folder / FOLDER]:
            path.chmod(0o700)
    assert contents(last_week.folder) == before


def test_the_signer_renews_in_the_last_week_and_old_outputs_stay_valid(last_week, tmp_path):
    assert Keys.open(last_week.folder).expires == last_week.expires
    saved = save_picture(tmp_path / "a.png", shown(last_week, picture(), command="data"))
    now = Keys.open(last_week.folder)
    assert now.expires > last_week.expires + dt.timedelta(days=300)
    assert verify(saved.path, keys=now).exit_code == 0
    portrait = tmp_path / "p.png"
    portrait.write_bytes(b"any picture")
    grant_consent(
        tmp_path / "c.json", portrait=portrait, subject="A", purpose="b", until=SOON, granted_by="A", keys=last_week
    )
    assert load_consent(tmp_path / "c.json", portrait=portrait, keys=now)
    assert Keys.open(last_week.folder).expires == now.expires  # it was renewed once, not twice
    assert [g.signs for g in generations(last_week.folder)] == [False, True]


def test_renewal_by_name_waits_for_the_last_week(last_week):
    renewed_keys = last_week.renew()
    assert renewed_keys.expires > last_week.expires
    assert renewed_keys.renew().chain == renewed_keys.chain


def test_a_certificate_that_cannot_be_renewed_goes_on_signing(last_week, caplog):
    (last_week.folder / "intermediate.key").unlink()
    with caplog.at_level(logging.WARNING):
        assert last_week.signer.ready() is last_week.signer
    assert "could not be renewed" in caplog.text


def test_an_intermediate_that_ends_first_is_no_reason_to_renew_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "AUTHORITY_DAYS", 3)
    keys = Keys.open(tmp_path / "keys")
    assert renewed(keys.folder).chain_pem == keys.signer.chain_pem


def test_an_old_private_key_does_not_lie_around(keys):
    rotated = keys.rotate().rotate()
    files = sorted((keys.folder / FOLDER).iterdir())
    assert [path.name for path in files] == ["0001.pem", "0002.pem", "0003.pem"]
    assert [b"PRIVATE KEY" in path.read_bytes() for path in files] == [False, False, True]
    assert rotated.generations[0].certificate.serial_number == keys.chain[0].serial_number


@pytest.mark.parametrize("change", ["rotate", "revoke", "renew"])
def test_folders_of_earlier_versions_open_and_are_taken_over(tmp_path, change, monkeypatch):
    monkeypatch.setattr(made, "LEAF_DAYS", 3)
    new = Keys.open(tmp_path / "keys")
    monkeypatch.undo()
    old = Keys.open(as_before(new.folder), create=False)
    assert not (old.folder / FOLDER).exists()
    assert old.chain == new.chain
    assert [(g.number, g.signs) for g in old.generations] == [(0, True)]
    old.signer.sign(b"data")
    getattr(old, change)()
    taken = Keys.open(old.folder, create=False)
    assert taken.chain[0] != old.chain[0]
    assert [(g.number, g.signs) for g in taken.generations] == [(0, False), (1, True)]
    assert taken.generations[0].chain == tuple(old.chain)
    assert not (old.folder / "leaf.key").exists()


def _open(gate, folder, queue):
    gate.wait()
    try:
        Keys.open(folder, create=False).signer.ready().sign(b"data")
        queue.put("")
    except BaseException as error:
        queue.put(repr(error))


@pytest.mark.parametrize("before", [False, True], ids=["new", "earlier"])
def test_processes_at_once_renew_once_and_none_fails(last_week, before):
    folder = as_before(last_week.folder) if before else last_week.folder
    context = multiprocessing.get_context("fork")
    gate, queue = context.Barrier(8), context.Queue()
    crew = [context.Process(target=_open, args=(gate, folder, queue)) for _ in range(8)]
    for process in crew:
        process.start()
    assert [queue.get(timeout=60) for _ in crew] == [""] * 8
    for process in crew:
        process.join()
    assert len(Keys.open(folder, create=False).generations) == 2


def _rotate_for_ever(folder):
    while True:
        Keys.open(folder, create=False).rotate()


def _read_for_a_while(folder, queue):
    until = time.monotonic() + 3
    while time.monotonic() < until:
        try:
            Keys.open(folder, create=False).signer.sign(b"data")
        except BaseException as error:
            queue.put(repr(error))
            return
    queue.put("")


def test_who_reads_while_others_rotate_and_are_killed_finds_whole_keys(keys):
    as_before(keys.folder)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    readers = [context.Process(target=_read_for_a_while, args=(keys.folder, queue)) for _ in range(2)]
    for reader in readers:
        reader.start()
    kills = 0
    while any(reader.is_alive() for reader in readers):
        writer = context.Process(target=_rotate_for_ever, args=(keys.folder,))
        writer.start()
        time.sleep(0.02 + 0.01 * (kills % 7))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        kills += 1
        assert Keys.open(keys.folder, create=False).signer.sign(b"data")
    assert [queue.get(timeout=10) for _ in readers] == ["", ""]
    assert kills > 5
    final = Keys.open(keys.folder, create=False).rotate()
    assert sum(generation.signs for generation in final.generations) == 1
    assert not list((keys.folder / FOLDER).glob(".*"))  # what killed writers left
    assert len({generation.certificate.serial_number for generation in final.generations}) == len(final.generations)


@pytest.mark.parametrize("calls", range(1, 6))
def test_killed_at_any_write_the_folder_opens(keys, monkeypatch, calls):
    """The writes of `succeed` are left out from the Nth on, as a kill would."""
    import provenance.trust.generations as home

    as_before(keys.folder)
    count, write = [0], home.write

    def dying(*arguments):
        count[0] += 1
        if count[0] >= calls:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(home, "write", dying)
    with contextlib.suppress(KeyboardInterrupt):
        succeed(keys.folder)
    monkeypatch.undo()
    assert current(keys.folder).sign(b"data")
    rotated = Keys.open(keys.folder, create=False).rotate()
    assert keys.chain[0].serial_number in {g.certificate.serial_number for g in rotated.generations}
    assert sum(g.signs for g in rotated.generations) == 1


def test_a_full_disk_is_said_and_nothing_is_lost(keys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("provenance.trust.generations.os.fsync", full)
    for change in (keys.rotate, keys.rotate_mark_key, keys.revoke):
        with pytest.raises(KeyMaterialError, match="No space left"):
            change()
    monkeypatch.undo()
    again = Keys.open(keys.folder, create=False)
    assert (again.chain, again.mark_keys, again.lists) == (keys.chain, keys.mark_keys, [])
    assert not list(keys.folder.rglob(".*"))


def test_damage_is_named(keys):
    path = keys.folder / FOLDER / "0001.pem"
    whole = path.read_bytes()
    path.write_bytes(whole[whole.index(b"-----BEGIN CERT") :])
    with pytest.raises(KeyMaterialError, match=r"0001\.pem.*no private key.*backup"):
        Keys.open(keys.folder)
    path.write_bytes(whole[: whole.index(b"-----BEGIN CERT")])
    with pytest.raises(KeyMaterialError, match=r"0001\.pem"):
        Keys.open(keys.folder)


@pytest.mark.parametrize("before", [False, True], ids=["new", "earlier"])
def test_revoking_the_intermediate_revokes_all_below_and_signs_with_another(keys, tmp_path, before):
    def save(name, maker):
        return save_picture(tmp_path / name, shown(maker, picture(), command="data")).path

    keys = Keys.open(as_before(keys.folder)) if before else keys
    first = save("first.png", keys)
    rotated = keys if before else keys.rotate()
    second = save("second.png", rotated)
    entry = rotated.revoke("ca_compromise", serial=rotated.chain[1].serial_number)
    assert entry.issuer.startswith("vasari DEVELOPMENT TEST root")
    now = Keys.open(keys.folder, create=False)
    assert now.chain[1] != keys.chain[1]
    third = save("third.png", now)
    assert [verify(path, keys=now).exit_code for path in (first, second, third)] == [3, 3, 0]
    public = {"anchors": [keys.folder / "root.pem"], "revoked": [keys.folder / FILE]}
    assert [verify(path, **public).exit_code for path in (first, second, third)] == [3, 3, 0]
    again = now.revoke("superseded")  # the new intermediate signs lists of its own; the old lists stay
    assert again.issuer != entry.issuer
    last = Keys.open(keys.folder, create=False)
    assert [verify(path, keys=last).exit_code for path in (first, second, third)] == [3, 3, 3]
    with pytest.raises(KeyMaterialError, match="revoked, and all it issued"):
        last.revoke(serial=keys.chain[0].serial_number)
    with pytest.raises(KeyMaterialError, match="root's"):
        last.revoke(serial=issuing(keys.folder, "root").certificate.serial_number)
