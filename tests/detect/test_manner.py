"""Does somebody move as they do: people who differ in how their movements go together, and nothing else."""

import numpy as np
import pytest

from detect.manner import LEAST, NAMES, WINDOW, Manner, features
from media.errors import UnreadableError, UsageError


def talk(seed: int, habit: int, frames: int = 150, place: float = 0.0) -> np.ndarray:
    """Somebody who speaks: some movements go with others, by habit; where the face rests makes no difference."""
    rng, mix = np.random.default_rng(seed), np.random.default_rng(1000 + habit).normal(0, 1, (4, len(NAMES)))
    time = np.arange(frames)[:, None] / 25
    driving = np.sin(2 * np.pi * (rng.uniform(0.4, 3, 4) * time + rng.random(4)))
    return (place + 0.05 * driving @ mix + 0.01 * rng.normal(0, 1, (frames, len(NAMES)))).astype(np.float32)


@pytest.fixture(scope="module")
def ann() -> Manner:
    return Manner.learn([talk(seed, habit=1) for seed in range(24)], basis="her consent")


def test_a_person_is_like_themselves_and_others_are_not(ann: Manner) -> None:
    own = [ann.beside(talk(seed, habit=1)).p for seed in range(100, 140)]
    others = [ann.beside(talk(seed, habit=2 + seed)).p for seed in range(40)]
    assert np.mean(np.array(own) <= 0.1) < 0.25
    assert np.mean(np.array(others) <= 0.1) > 0.9
    assert min(own) >= 1 / 25


def test_where_a_face_rests_says_nothing(ann: Manner) -> None:
    assert ann.beside(talk(7, habit=1, place=0.3)) == ann.beside(talk(7, habit=1))


def test_clips_that_are_too_short_say_nothing_and_teach_nothing(ann: Manner) -> None:
    short = talk(1, habit=1, frames=WINDOW - 1)
    assert features(short).shape == (0, ann.clips.shape[1])
    assert ann.beside(short) is None
    assert ann.beside(short[:0]) is None
    with pytest.raises(UsageError, match=f"2 of 3 clips.*{LEAST} are needed"):
        Manner.learn([talk(1, 1), talk(2, 1), short], basis="public role")
    with pytest.raises(UsageError, match="consent or for their public role"):
        Manner.learn([talk(seed, 1) for seed in range(LEAST)], basis=" ")


def test_a_face_that_holds_still_is_judged_without_a_warning(ann: Manner, recwarn: pytest.WarningsRecorder) -> None:
    found = ann.beside(np.zeros((WINDOW, len(NAMES)), np.float32))
    assert found.above == 0
    assert not recwarn.list


def test_it_survives_its_file_which_holds_no_more(ann: Manner, tmp_path) -> None:
    path = tmp_path / "ann.npz"
    ann.save(path)
    assert Manner.read(path).beside(talk(5, habit=9)) == ann.beside(talk(5, habit=9))
    with np.load(path) as file:
        assert set(file.files) == {"version", "names", "clips", "apart", "spread", "basis"}
        changed = {name: file[name] for name in file.files}
    for name, value in (
        ("version", 9),
        ("names", np.array(["x"])),
        ("spread", np.zeros((2, 2))),
        ("clips", np.zeros(3)),
    ):
        np.savez(path, **changed | {name: value})
        with pytest.raises(UnreadableError, match="detect enroll"):
            Manner.read(path)
    path.write_bytes(b"no archive")
    for broken in (path, tmp_path / "none.npz"):
        with pytest.raises(UnreadableError, match="detect enroll"):
            Manner.read(broken)
