"""A new watermark key: new marks bear it, old marks are still read, whichever way a file comes in."""

import multiprocessing
import stat

import pytest
import typer
from making import clip, picture, remux, voice
from permits import shown
from searching import little_search  # noqa: F401
from typer.testing import CliRunner

from media.errors import KeyMaterialError, UsageError
from provenance import Keys, mark_file, save_picture, save_video, verify
from provenance.marks.identity import key_id
from provenance.read.identification import identify
from provenance.registry import open_registry
from provenance.trust.generations import write
from provenance.trust.keys import RETIRED
from vasari.commands import keys as command

pytestmark = pytest.mark.usefixtures("little_search")


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    """Keys that were rotated twice, and an output from before, between and after."""
    folder = tmp_path_factory.mktemp("maker")
    keys, outputs = Keys.open(folder / "keys"), []
    for number in range(3):
        outputs.append(save_video(folder / f"{number}.mp4", shown(keys, clip(number, 75), voice(3.0))))
        if number < 2:
            keys = keys.rotate_mark_key()
    return folder, keys, outputs


def test_new_outputs_bear_the_new_key_and_old_marks_are_read(maker):
    _, keys, outputs = maker
    assert len({keys.mark_key, *keys.retired}) == 3
    for output, key in zip(outputs, reversed(keys.mark_keys), strict=True):
        verdict = verify(output.path, keys=keys)
        assert (verdict.exit_code, verdict.agreement) == (0, "agree")
        marks = verdict.picture_mark, verdict.sound_mark
        assert [mark.key for mark in marks] == [verdict.credentials.binding_key] * 2 == [key_id(key)] * 2


def test_stripped_outputs_are_recovered_under_old_keys_and_new(maker, tmp_path):
    _, keys, outputs = maker
    for output in outputs[::2]:  # the oldest key, and that of new marks
        bare = remux(output.path, tmp_path / output.path.name)
        verdict = verify(bare, keys=keys)
        assert (verdict.exit_code, verdict.origin.manifest) == (4, output.manifest)
        found = identify(bare, keys, open_registry(keys.folder), algorithms=("io.vasari.mark.picture.1",))
        assert [item.label for item in found] == [output.manifest]


def test_a_mark_of_an_older_key_is_not_laid_over(maker, tmp_path):
    _, keys, outputs = maker
    with pytest.raises(UsageError, match="bears this maker's mark already"):
        mark_file(outputs[0].path, tmp_path / "b.mp4", keys=keys)


def test_secrets_stay_secret(maker):
    _, keys, _ = maker
    assert stat.S_IMODE((keys.folder / RETIRED).stat().st_mode) == 0o600
    assert stat.S_IMODE((keys.folder / "watermark.key").stat().st_mode) == 0o600
    assert not any(key.hex() in repr(keys) for key in keys.mark_keys)


def _rotate(folder):
    Keys.open(folder, create=False).rotate_mark_key()


def test_of_rotations_at_once_no_key_is_lost(tmp_path):
    keys = Keys.open(tmp_path / "keys")
    processes = [multiprocessing.get_context("fork").Process(target=_rotate, args=[keys.folder]) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(set(Keys.open(keys.folder).mark_keys)) == 7
    assert Keys.open(keys.folder).retired[-1] == keys.mark_key


def test_killed_between_both_files_nothing_is_lost(tmp_path, monkeypatch):
    keys = Keys.open(tmp_path / "keys")

    def failing(path, *rest):
        if path.name == "watermark.key":
            raise OSError(28, "No space left")
        write(path, *rest)

    monkeypatch.setattr("provenance.trust.keys.write", failing)
    with pytest.raises(KeyMaterialError, match="No space"):
        keys.rotate_mark_key()
    monkeypatch.undo()
    assert Keys.open(keys.folder).mark_keys == (keys.mark_key,)  # it is retired and in use: that is one key
    rotated = Keys.open(keys.folder).rotate_mark_key()
    assert rotated.retired == (keys.mark_key,)
    (keys.folder / RETIRED).write_text("abc\n")
    with pytest.raises(KeyMaterialError, match=RETIRED):
        Keys.open(keys.folder)


def test_command(tmp_path):
    app = typer.Typer()
    app.add_typer(command.app, name="keys")
    keys = Keys.open(tmp_path / "keys")
    result = CliRunner().invoke(app, ["keys", "rotate", "--watermark", "--keys", str(keys.folder)])
    assert result.exit_code == 0
    rotated = Keys.open(keys.folder)
    assert key_id(rotated.mark_key) in result.output
    assert rotated.chain[0] == keys.chain[0]
    shown = CliRunner().invoke(app, ["keys", "show", "--keys", str(keys.folder)], env={"COLUMNS": "200"}).output
    assert key_id(keys.mark_key) in shown
    assert keys.mark_key.hex() not in shown + result.output


def test_pictures_too(tmp_path):
    keys = Keys.open(tmp_path / "keys")
    old = save_picture(tmp_path / "a.png", shown(keys, picture(), command="data"))
    keys = keys.rotate_mark_key()
    assert verify(old.path, keys=keys).picture_mark.message == old.mark
