"""What the desk's process does with real files, and how `vasari desk` is started."""

import html

import pytest
from command_line import vasari, write_sound
from looks import noise_model
from making import picture, voice
from PIL import Image

pytest.importorskip("fastapi")

from detect.detector import Detector
from media.errors import UnreadableError
from provenance import Keys, mark_file
from vasari.desk import looking
from vasari.desk.looking import STEPS, Opening, Task, opening


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture
def look(keys, monkeypatch):
    """All steps, one after the other, as `Jobs` asks for them."""
    monkeypatch.setattr(looking, "_loaded", lambda profile: Detector(noise_model()))
    one = opening(Opening(keys.folder, (), None, 60.0, 1 << 20))

    def all_steps(path, name="shown.png"):
        told = {}
        for step in STEPS:
            told |= one(Task(path, step, name, "", told.pop("facts", None)))
        return told

    return all_steps


def test_a_picture_of_ours_is_told_with_history_and_match(look, keys, tmp_path):
    Image.fromarray(picture(3, 512)).save(tmp_path / "taken.png")
    mark_file(tmp_path / "taken.png", tmp_path / "clip.png", keys=keys)
    (tmp_path / "clip.png").rename(tmp_path / "clip")  # what was uploaded has no name of its own
    told = look(tmp_path / "clip")
    triage = told["triage"]
    assert (triage["verdict"], triage["file"], triage["detection"]["file"]) == ("known_maker", "shown.png", "shown.png")
    assert told["media"] == {"kind": "picture", "width": 512, "height": 512, "duration": 0.0}
    assert [part["relationship"] for part in told["history"]["parts"]] == ["parentOf"]
    assert [match["command"] for match in told["matches"]] == ["mark"]
    assert triage["summary"] in html.unescape(told["report"])
    assert str(tmp_path) not in str(told)


def test_a_sound_has_no_pages_and_a_stranger_no_history(look, tmp_path):
    told = look(write_sound(tmp_path / "a.wav", voice(1.0)))
    assert (told["report"], told["history"], told["matches"]) == ("", None, [])
    assert told["triage"]["summary"] == "No maker known; there are no pictures to look at."


def test_what_cannot_be_read_is_told_by_the_name_it_came_with(look, tmp_path):
    (tmp_path / "clip").write_bytes(b"nothing")
    with pytest.raises(UnreadableError) as caught:
        look(tmp_path / "clip", "evil.mp4")
    assert str(caught.value).startswith("evil.mp4: ")
    assert str(tmp_path) not in str(caught.value)


def test_others_are_let_in_with_a_token_alone(tmp_path, keys):
    token, short = tmp_path / "token", tmp_path / "short"
    token.write_text("t" * 20)
    short.write_text("t")
    for arguments, words in (
        (("--host", "0.0.0.0"), "others could ask, too; give --token"),
        (("--host", "desk.example"), "others could ask, too"),
        (("--token", short), "at least 16 letters; this one has 1"),
        (("--token", tmp_path / "none"), "cannot be read"),
        (("--sources", "/etc"), "no beginning of an address"),
        (("--sources", "file:///etc/"), "no beginning of an address"),
        (("--host", "192.0.2.1", "--token", token), "cannot listen there"),
    ):
        done = vasari("desk", "--no-open", "--keys", keys.folder, *arguments)
        assert done.code == 2, done.err
        assert words in done.line
