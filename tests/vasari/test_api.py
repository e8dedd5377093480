"""`import vasari`: the list of names, what each call gives, and that nothing is loaded before it is asked for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import write_sound
from making import clip, voice, write_video
from sitters import EXAMPLES

import vasari
from media import probe, read_sound
from media.errors import ConsentError, UnreadableError, UsageError, VasariError

pytest_plugins = ["command_fixtures"]
NAMES = ["Keys", "Motion", "Permit", "Stream", "Talker", "animate", "detect", "generate", "track", "triage", "verify"]


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))


def test_the_list_is_what_it_is_and_all_of_it_is_there() -> None:
    assert vasari.__all__ == NAMES
    for name in NAMES:
        assert getattr(vasari, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'generation'"):
        _ = vasari.generation


def test_importing_it_loads_nothing() -> None:
    program = (
        "import sys, vasari; print([m for m in ('numpy', 'av', 'torch', 'openvino', 'provenance') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_face_is_made_verified_and_moved(tmp_path: Path, one_thread: None) -> None:
    speech, out, moved = tmp_path / "speech.wav", tmp_path / "out.mp4", tmp_path / "moved.mp4"
    write_sound(speech, read_sound(EXAMPLES / "speech.wav")[8000:17_600])
    seen: list[int] = []
    saved = vasari.generate(EXAMPLES / "portrait.png", speech, out, size=192, progress=seen.append)
    assert (saved.path, saved.frames, seen[-1]) == (out, 15, 15)
    assert vasari.verify(out).exit_code == 0
    assert vasari.triage(out).verdict == "known_maker"
    people = list(vasari.track(out))
    assert len(people) == 15
    assert sum(len(frame) == 1 for frame in people) > 12
    assert vasari.verify(out).label.stated.kind == "off"
    vasari.animate(EXAMPLES / "portrait2.png", out, moved, size=192, label="on")
    labelled = vasari.verify(moved)
    assert (labelled.exit_code, labelled.label.stated.kind, labelled.label.state) == (0, "on", "seen")
    with pytest.raises(UsageError, match="choose one of off, start, on"):
        vasari.generate(EXAMPLES / "portrait.png", speech, tmp_path / "no.mp4", label="always")
    with pytest.raises(UsageError, match="leave the reason out"):
        vasari.animate(EXAMPLES / "portrait.png", out, tmp_path / "no.mp4", label="on", label_reason="why")
    assert probe(moved).has_sound


def test_what_is_not_ours_is_nobodys_and_an_estimate_is_one(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_video(path, clip(1, 12, 256), sound=voice(0.5))
    assert vasari.verify(path).exit_code == 3
    assert not (tmp_path / "keys").exists()  # verifying makes none
    assert vasari.detect(path).verdict in ("synthetic", "nothing_found", "cannot_tell")


def test_errors_are_one_line_and_leave_nothing(tmp_path: Path) -> None:
    speech, somebody = tmp_path / "speech.wav", tmp_path / "somebody.png"
    write_sound(speech, np.zeros(16_000, np.float32))
    somebody.write_bytes((EXAMPLES / "portrait.png").read_bytes() + b"\0")
    before = set(tmp_path.iterdir())
    with pytest.raises(ConsentError, match="needs consent on file"):
        vasari.generate(somebody, speech, tmp_path / "out.mp4")
    for call in (
        lambda: vasari.generate(EXAMPLES / "portrait.png", tmp_path / "none.wav", tmp_path / "out.mp4"),
        lambda: vasari.generate(EXAMPLES / "portrait.png", speech, tmp_path / "out.avi"),
        lambda: vasari.animate(EXAMPLES / "portrait.png", speech, tmp_path / "out.mp4"),
        lambda: vasari.verify(tmp_path / "none.mp4"),
        lambda: list(vasari.track(speech)),
    ):
        with pytest.raises(VasariError) as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(UnreadableError):
        vasari.detect(tmp_path / "none.mp4")
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "keys"}
