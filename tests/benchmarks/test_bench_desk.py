"""The suite that sits before the desk: what it needs, and how it reads what the page says."""

from pathlib import Path

import pytest
from command_line import PORTRAIT, SPEECH

from benchmarks.desk import suite
from benchmarks.suites import Given, run
from media.errors import MissingExtraError


def test_without_a_browser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(suite.shutil, "which", lambda name: None)
    with pytest.raises(MissingExtraError, match="Chromium"):
        run(suite.SUITE, Given(tmp_path, PORTRAIT, SPEECH))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("said", "told"), [("180 ms", 180.0), ("1.2 s", 1200.0)])
def test_times_are_read_as_the_page_writes_them(said: str, told: float) -> None:
    assert suite._milliseconds(said) == pytest.approx(told)


def test_beats_are_told_from_video_and_other_words() -> None:
    beat = '{"kind": "beat", "frame": 40, "held": 3}'
    found = [word for said in (b"\x00moof", '{"kind": "ready"}', beat) for word in suite._beat(said)]
    assert [(word["frame"], word["held"]) for word in found] == [(40, 3)]
