"""Which frames of a video are read for its mark."""

from pathlib import Path

import numpy as np
import pytest
from making import clip, picture, write_video

from media.probing import probe
from provenance.marks.picture import PictureMarker, PictureReader
from provenance.read.reading import RATE, read_picture_mark

KEY = bytes(range(32))
MESSAGE = 0x0123456789ABCDEF
SECONDS = 4


@pytest.fixture
def read(monkeypatch):
    """The brightness of every frame that a reader has counted."""
    counted: list[np.ndarray] = []
    count = PictureReader.count

    def counting(self: PictureReader, bright: np.ndarray) -> None:
        counted.append(bright)
        count(self, bright)

    monkeypatch.setattr(PictureReader, "count", counting)
    return counted


def looked_at(path: Path, frames: list[np.ndarray]):
    """All over, but without a search."""
    write_video(path, frames, options={"preset": "ultrafast", "crf": "18"})
    mark, _ = read_picture_mark(path, probe(path), [KEY], search=False, whole=True)
    assert mark.looked_at == SECONDS * RATE
    return mark


def test_of_frames_that_show_the_same_every_other_is_read(read, tmp_path):
    assert looked_at(tmp_path / "a.mp4", clip(1, 25 * SECONDS)).state == "absent"
    assert len(read) == SECONDS * RATE / 2


def test_what_is_shown_for_a_moment_is_read(read, tmp_path):
    """An insert of a fifth of a second may be all that bears a mark."""
    frames = clip(1, 25 * SECONDS)
    for at in (25, 75):  # one frame in five is looked at, every other of those would wait
        frames[at : at + 5] = [255 - frame for frame in frames[at : at + 5]]
    looked_at(tmp_path / "a.mp4", frames)
    usual = float(np.mean([bright.mean() for bright in read]))
    assert sum(abs(float(bright.mean()) - usual) > 0.1 for bright in read) == 2


def test_all_frames_are_read_where_there_is_a_mark(read, tmp_path):
    marker = PictureMarker(MESSAGE, KEY)
    frames = [marker.mark(picture(1, 256)) for _ in range(25 * SECONDS)]
    assert looked_at(tmp_path / "a.mp4", frames).state == "found"
    assert len(read) == SECONDS * RATE
