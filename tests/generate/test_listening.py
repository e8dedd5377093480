"""A face that listens: what the other speaker says changes it in the streams as in one piece, and only then."""

import numpy as np
import pytest

from generate.motion import TOLERANCE, Motion, MotionClip
from lab.speaking.toy import toy_clip
from media.errors import SpeechError

FIELDS = ("actions", "rotation", "translation", "gaze")
SILENCE = np.zeros(8 * 16_000, np.float32)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return Motion.load()


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    """The other speaker: two seconds of silence, then talk."""
    talk = toy_clip(np.random.default_rng(1), "train", 0, 30).speech.astype(np.float32) / 32768
    return np.concatenate([SILENCE[:32_000], talk])[: len(SILENCE)]


def apart(one: MotionClip, two: MotionClip) -> np.ndarray:
    """Largest difference in each frame."""
    gaps = [np.abs(getattr(one, field) - getattr(two, field)).max(1) for field in FIELDS]
    return np.max(gaps, axis=0)


def test_an_other_who_says_nothing_changes_nothing(motion: Motion) -> None:
    assert apart(motion.generate(SILENCE, seed=3), motion.generate(SILENCE, seed=3, other=SILENCE)).max() == 0


def test_the_other_is_heard_from_when_they_speak(motion: Motion, other: np.ndarray) -> None:
    gap = apart(motion.generate(SILENCE, seed=3), motion.generate(SILENCE, seed=3, other=other))
    assert gap[:50].max() == 0
    assert gap[75:].max() > 0.01


@pytest.fixture(scope="module")
def whole(motion: Motion, other: np.ndarray) -> MotionClip:
    return motion.generate(SILENCE, seed=4, other=other)


@pytest.mark.parametrize("size", [333, 640, 40_000])
def test_pieces_equal_the_whole(motion: Motion, other: np.ndarray, whole: MotionClip, size: int) -> None:
    heard = (other[i : i + size] for i in range(0, len(other), size))
    pieces = list(motion.stream([SILENCE], seed=4, other=heard))
    joined = MotionClip(*(np.concatenate([getattr(piece, field) for piece in pieces]) for field in FIELDS))
    assert apart(whole, joined).max() < TOLERANCE


def test_a_stream_asks_for_no_more_of_the_other_than_it_was_given(motion: Motion, other: np.ndarray) -> None:
    asked = 0

    def heard():
        nonlocal asked
        for i in range(0, len(other), 640):
            asked += 640
            yield other[i : i + 640]

    frames = motion.stream((SILENCE[:640] for _ in range(10_000)), seed=4, other=heard())
    for _, _ in zip(frames, range(20), strict=False):
        pass
    assert asked <= 24 * 640


def test_what_cannot_be_heard_is_refused(motion: Motion) -> None:
    session = motion.session()
    with pytest.raises(SpeechError, match="not numbers"):
        session.hear(np.full(10, np.nan, np.float32))
    with pytest.raises(SpeechError, match="one channel"):
        session.hear(np.zeros((10, 2), np.float32))
    session.push(SILENCE[:6400])
    session.finish()
    with pytest.raises(SpeechError, match="after the end"):
        session.hear(SILENCE[:640])


def test_what_is_remembered_of_the_other_is_what_waits(motion: Motion, other: np.ndarray) -> None:
    session = motion.session()
    session.hear(other[:64_000])
    before = session.held
    for _ in range(104):
        session.push(SILENCE[:640])
    assert session.held <= before - 64_000 + 640
