import json

import pytest
import typer
from making import picture
from permits import shown
from PIL import Image
from searching import little_search  # noqa: F401
from typer.testing import CliRunner

from media.errors import ConsentError, KeyMaterialError, UsageError
from provenance import Keys, save_picture
from vasari.commands import consent, keys, verify

pytestmark = pytest.mark.usefixtures("little_search")

app = typer.Typer()
app.command()(verify.verify)
app.add_typer(keys.app, name="keys")
app.add_typer(consent.app, name="consent")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture()).save("portrait.png")

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


def test_verify_speaks_to_people_and_to_programs(run, tmp_path):
    assert run("keys", "create").exit_code == 0
    save_picture("made.png", shown(Keys.open(), picture(1), command="data"))
    result = run("verify", "made.png")
    assert result.exit_code == 0
    assert "intact" in result.output
    (tmp_path / "text.jpg").write_text("hello")
    result = run("verify", "made.png", "portrait.png", "text.jpg", "--json")
    records = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [record["exit_code"] for record in records] == [0, 3, 1]
    assert [record["schema_version"] for record in records] == [2, 2, 1]  # verdicts; what could not be read
    assert "text.jpg" in records[2]["error"]
    assert run("verify", "portrait.png").exit_code == 3
    assert run("verify").exit_code == 2


def test_verify_without_keys_makes_none(run, tmp_path):
    result = run("verify", "portrait.png")
    assert result.exit_code == 3
    assert not (tmp_path / "keys").exists()
    assert isinstance(run("verify", "portrait.png", "--keys", "nowhere").exception, KeyMaterialError)


def test_keys_are_shown_without_secrets(run, tmp_path):
    assert isinstance(run("keys", "show").exception, KeyMaterialError)
    assert "made" in run("keys", "create").output
    assert "nothing changed" in run("keys", "create").output
    shown = run("keys", "show").output
    assert "DEVELOPMENT" in shown
    assert Keys.open().mark_key.hex() not in shown
    assert run("keys", "export-anchor", "-o", "anchor.pem").exit_code == 0
    assert (tmp_path / "anchor.pem").read_bytes() == Keys.open().anchor_pem


def test_consent_is_granted_and_shown(run):
    words = ("consent", "grant", "portrait.png", "-o", "c.json", "--subject", "A. Person", "--purpose", "a greeting")
    assert run(*words, "--until", "2999-12-31").exit_code == 0
    shown = run("consent", "show", "c.json", "--portrait", "portrait.png")
    assert shown.exit_code == 0
    assert "A. Person" in shown.output
    assert isinstance(run(*words, "--until", "tomorrow").exception, UsageError)
    assert isinstance(run(*words, "--until", "2001-01-01").exception, ConsentError)
