"""`vasari keys`: certificates shown, renewed, rotated and revoked by their serial numbers."""

import datetime as dt

import pytest
import typer
from making import picture
from permits import shown
from searching import little_search  # noqa: F401
from typer.testing import CliRunner

from media.errors import KeyMaterialError, UsageError
from provenance import Keys, save_picture, verify
from provenance.trust import certificates as made
from provenance.trust.generations import issuing
from provenance.trust.revocation import FILE, read_revoked
from vasari.commands import keys as command

pytestmark = pytest.mark.usefixtures("little_search")

app = typer.Typer()
app.add_typer(command.app, name="keys")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, ["keys", *map(str, words)], env={"COLUMNS": "200"})

    assert run("create").exit_code == 0
    return run


def states():
    return [(name, state) for name, _, _, _, state in command.states(Keys.open())]


def hexadecimal(certificate):
    return f"{certificate.serial_number:x}"


def test_what_signs_is_revoked_and_another_signs(run):
    old = Keys.open().chain[0]
    path = save_picture("a.png", shown(Keys.open(), picture(), command="data")).path
    result = run("revoke", "--reason", "superseded", "--since", "2026-01-02")
    assert result.exit_code == 0
    assert hexadecimal(old) in result.output
    assert FILE in result.output
    assert "signs from now on" in result.output
    assert verify(path, keys=Keys.open()).credentials.trust == "revoked"
    (listed,) = read_revoked(Keys.open().lists, Keys.open().anchor_pem.decode()).lists
    entry = listed.entries[old.serial_number]
    assert (entry.reason, entry.since) == ("superseded", dt.datetime(2026, 1, 2, tzinfo=dt.UTC))


def test_any_certificate_is_shown_and_revoked_by_its_number(run):
    first = Keys.open().chain[0]
    assert run("rotate").exit_code == 0
    assert states() == [("signing 1", "rotated"), ("signing 2", "signs now"), ("intermediate", "issues")]
    shown = run("show").output
    for certificate in (first, *Keys.open().chain):
        assert hexadecimal(certificate) in shown
    colons = ":".join(f"{first.serial_number:040X}"[k : k + 2] for k in range(0, 40, 2))  # as browsers show it
    result = run("revoke", "--serial", colons)
    assert result.exit_code == 0
    assert "signs from now on" not in result.output
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    assert states()[:2] == [("signing 1", f"revoked {today}, key_compromise"), ("signing 2", "signs now")]
    middle = Keys.open().chain[1]
    assert run("revoke", "--serial", hexadecimal(middle), "--reason", "ca_compromise").exit_code == 0
    assert [state.split(" ")[0] for _, state in states()] == ["revoked", "revoked", "signs", "revoked", "issues"]


def test_a_certificate_is_revoked_by_its_file(run, tmp_path):
    """Earlier versions did not keep what they rotated."""
    lost = made.make_leaf(issuing(Keys.open().folder))
    (tmp_path / "lost.pem").write_bytes(lost.certificate_pem)
    result = run("revoke", "--certificate", "lost.pem")
    assert result.exit_code == 0
    assert "all the same" not in result.output
    (listed,) = read_revoked(Keys.open().lists, Keys.open().anchor_pem.decode()).lists
    assert set(listed.entries) == {lost.certificate.serial_number}
    stranger = Keys.open(tmp_path / "stranger")
    (tmp_path / "theirs.pem").write_bytes(stranger.signer.chain_pem)
    error = run("revoke", "--certificate", "theirs.pem").exception
    assert isinstance(error, KeyMaterialError)
    assert "not issued by this maker" in str(error)
    assert isinstance(run("revoke", "--certificate", "none.pem").exception, KeyMaterialError)
    assert "all the same" in run("revoke", "--serial", "abc123").output


@pytest.mark.parametrize(
    ("words", "kind", "match"),
    [
        (("--serial", "0x"), UsageError, "hexadecimal"), (("--serial", "-5"), UsageError, "hexadecimal"),
        (("--serial", "1", "--certificate", "a.pem"), UsageError, "choose one"),
        (("--reason", "boredom"), KeyMaterialError, "no reason"),
        (("--since", "2999-01-01"), KeyMaterialError, "ahead"),
    ],
)  # fmt: skip
def test_what_cannot_be_revoked_is_said_and_nothing_changes(run, words, kind, match):
    before = Keys.open().chain
    error = run("revoke", *words).exception
    assert isinstance(error, kind)
    assert match in str(error)
    assert "\n" not in str(error)
    assert Keys.open().chain == before
    assert not Keys.open().lists


def test_renewal(run, tmp_path, monkeypatch):
    first = Keys.open().chain[0]
    assert "not in its last week" in run("renew").output
    monkeypatch.setattr(made, "LEAF_DAYS", 3)
    run("rotate")
    monkeypatch.undo()
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    run("revoke", "--serial", hexadecimal(first))
    before = (Keys.open().folder / FILE).read_bytes()
    result = run("renew")
    assert "certificate renewed" in result.output
    assert FILE in result.output
    assert Keys.open().expires > dt.datetime.now(dt.UTC) + dt.timedelta(days=300)
    assert (Keys.open().folder / FILE).read_bytes() != before  # signed anew
    assert states()[0][1].startswith("revoked")


def test_a_key_service_is_renewed_and_revoked_elsewhere(run):
    keys = Keys.open()
    (keys.folder / "chain.pem").write_bytes(keys.signer.chain_pem)
    (keys.folder / "signer.json").write_text('{"command": ["true"], "chain": "chain.pem"}')
    for words in (["renew"], ["rotate"], ["revoke"]):
        assert "command" in str(run(*words).exception)
    assert "behind a command" in run("show").output


def test_names_of_folders_do_not_reach_the_terminal_as_they_are(tmp_path):
    result = CliRunner().invoke(command.app, ["create", "--keys", str(tmp_path / "k\x1b[2J\nroot")], color=True)
    assert result.exit_code == 0
    assert "k\\x1b[2J\\x0aroot: development keys made" in result.output
    assert "\x1b[2J" not in result.output
