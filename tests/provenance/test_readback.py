"""What is written is read back before it is signed: marked stronger where it must be, refused where it cannot be."""

import secrets
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from making import clip, picture, voice
from permits import shown
from PIL import Image

from media import VideoReader, read_sound
from media.encode import Encoder, LiveEncoder
from media.errors import OutputError, UsageError
from provenance import Keys, mark_file, save_picture, save_video, verify
from provenance.make.encoding import OwnMarks
from provenance.make.readback import PATIENCE, LiveWatch, proved, read_back, strengthened


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


def wall(size: int) -> np.ndarray:
    return np.full((size, size, 3), 128, np.uint8)


def black(size: int) -> np.ndarray:
    return np.zeros((size, size, 3), np.uint8)


def night(size: int) -> np.ndarray:
    return (picture(1, size) * 0.06).astype(np.uint8)


def cartoon(size: int) -> np.ndarray:
    drawn = np.full((size, size, 3), (240, 220, 160), np.uint8)
    cv2.circle(drawn, (size // 2, size // 2), size // 3, (255, 200, 80), -1)
    cv2.circle(drawn, (size // 2, size // 2), size // 3, (0, 0, 0), 3)
    return drawn


def noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


@pytest.mark.parametrize("content", [wall, black, night, cartoon])
@pytest.mark.parametrize(
    ("size", "frames", "crf", "preset"),
    [(512, 25, 20, "veryfast"), (256, 25, 40, "ultrafast"), (192, 3, 30, "medium"), (128, 1, 35, "veryfast")],
)
def test_whatever_is_shown_its_mark_can_be_read(
    tmp_path: Path, content: Callable[[int], np.ndarray], size: int, frames: int, crf: int, preset: str
) -> None:
    """At any size, quality, speed and length that the encoder takes."""
    message, key, path = secrets.randbits(64), secrets.token_bytes(32), tmp_path / "a.mp4"
    marks, still = OwnMarks(message, key), content(size)
    with Encoder(path, (size, size), sound=False, crf=crf, preset=preset) as coder:
        for _ in range(frames):
            coder.write(marks.frame(still))

    def again(number: int) -> str:
        return strengthened(path, message, key, number, room=path, crf=crf, preset=preset)

    borne = proved(path, message, key, again)
    assert (borne.picture, borne.sound) == (True, None)
    assert len(list(VideoReader(path))) == frames
    assert read_back(path, message ^ 1, key).picture is False


def test_what_can_bear_no_mark_is_refused(tmp_path: Path) -> None:
    message, key, path = secrets.randbits(64), secrets.token_bytes(32), tmp_path / "a.mp4"
    with Encoder(path, (128, 128), sound=False, crf=20) as coder:
        coder.write(OwnMarks(message, key).frame(noise(128)))
    with pytest.raises(UsageError, match=r"128x128 pixels are too small for it; nothing was written"):
        proved(
            path,
            message,
            key,
            lambda number: strengthened(path, message, key, number, room=path, crf=20, preset="veryfast"),
        )
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("size", "crf", "preset"),
    [(512, 51, "veryfast"), (128, 30, "veryfast"), (384, 44, "medium"), (160, 51, "ultrafast")],
)
def test_no_save_ends_with_a_mark_that_nobody_can_read(
    tmp_path: Path, keys: Keys, size: int, crf: int, preset: str
) -> None:
    sound = voice(3.2)
    saved = save_video(tmp_path / "a.mp4", shown(keys, clip(1, 80, size), sound), crf=crf, preset=preset)
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.picture_mark.state, verdict.sound_mark.state) == (0, "found", "found")
    assert verdict.agreement == "agree"
    assert crf < 51 or any("times as strongly" in note for note in saved.notes)
    assert len(list(VideoReader(saved.path))) == 80
    heard = read_sound(saved.path)
    assert np.corrcoef(heard[: len(sound)], sound[: len(heard)])[0, 1] > 0.9  # coded twice, in its place


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
@pytest.mark.parametrize("size", [128, 512])
def test_pictures_too(tmp_path: Path, keys: Keys, name: str, size: int) -> None:
    saved = save_picture(tmp_path / name, shown(keys, picture(2, size)), quality=1)
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.picture_mark.message) == (0, saved.mark)


def test_sound_too_short_for_a_mark_is_not_promised_to_bear_one(tmp_path: Path, keys: Keys) -> None:
    saved = save_video(tmp_path / "a.mp4", shown(keys, clip(1, 8), voice(0.3)))
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.picture_mark.state, verdict.credentials.sound_binding) == (0, "found", "")
    assert saved.notes == ("the sound bears no mark of its own: it is too short, or has no voice",)


def test_marks_of_others_are_laid_stronger_too(tmp_path: Path, keys: Keys) -> None:
    Image.fromarray(picture(1, 128)).save(tmp_path / "theirs.png")
    marked = mark_file(tmp_path / "theirs.png", tmp_path / "a.jpg", keys=keys, quality=2)
    assert marked.borne == ("picture",)
    assert any("times as strongly" in note for note in marked.notes)
    assert verify(marked.saved.path, keys=keys).picture_mark.message == marked.saved.mark


def watched(frames: list[np.ndarray], marks: OwnMarks, watch: LiveWatch) -> int:
    """How many frames were sent until the watch stopped it."""
    sent = 0
    coder = LiveEncoder(watch.give, frames[0].shape[1::-1], sound=False)
    try:
        for frame in frames:
            coder.write(marks.frame(frame))
            sent += 1
            if sent % 25 == 0:
                watch.wait()  # here frames come faster than 25 a second
        coder.close()
    finally:
        watch.close()
    return sent


def test_live_video_stops_where_its_mark_cannot_be_read() -> None:
    message, key = secrets.randbits(64), secrets.token_bytes(32)
    frames = clip(1, 120, 256)
    watch = LiveWatch(message, key)
    assert watched(frames, OwnMarks(message, key), watch) == 120
    assert watch.lost == ""
    watch = LiveWatch(message, key)
    with pytest.raises(OutputError, match="could not be read for 2"):
        watched(frames, OwnMarks(message ^ 1, key), watch)
    watch = LiveWatch(message, key)
    seen = SimpleNamespace(frame=lambda frame: frame)
    with pytest.raises(OutputError, match="the stream was stopped"):
        watched(frames, seen, watch)  # type: ignore[arg-type]
    assert watch._frames <= (PATIENCE + 1) * 25
