"""What performances do besides speaking: as much as filmed people, with somebody else in the room, by its amounts."""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.motion.movement import FILMED, Movement, averaged, measured
from faces.actions import ACTION_INDEX
from generate.acting import Controls, MotionClip, Style, frame_rms
from lab.performances import Phones, perform
from lab.performances.scenes import conversed
from lab.speaking.toy import toy_clip

SECONDS = 24
NOBODY = Phones.from_names([], [], [])


def talk(seed: int) -> tuple[Phones, np.ndarray]:
    clip = toy_clip(np.random.default_rng(seed), "train", 0, 100)
    return clip.phones, (clip.speech.astype(np.float32) / 32768)[: SECONDS * 16_000]


def moved(intensity: float) -> dict[str, float]:
    rows = []
    for seed in range(6):
        phones, speech = talk(seed)
        asked = Controls(intensity=intensity)
        clip = perform(phones, speech, seed=seed, style=Style.draw(seed), controls=asked)
        rows.append(measured(Movement.of_clip(clip)))
    return averaged(rows)


@pytest.fixture(scope="module")
def lively() -> dict[str, float]:
    return moved(1.0)


HEAD = [name for name in FILMED if name.startswith("head")]


def test_heads_move_as_those_of_filmed_people(lively: dict[str, float]) -> None:
    off = {name: lively[name] / FILMED[name] for name in HEAD}
    assert all(0.7 < ratio < 1.3 for ratio in off.values()), off


def test_a_quarter_of_the_movement_is_somebody_who_holds_still(lively: dict[str, float]) -> None:
    still = moved(0.25)
    assert all(0.15 < still[name] / lively[name] < 0.4 for name in HEAD if name != "head_shift")
    assert still["opening_p95"] == pytest.approx(lively["opening_p95"], rel=0.1)


def listened(other: np.ndarray, seed: int) -> MotionClip:
    return perform(NOBODY, np.zeros(len(other), np.float32), seed=seed, style=Style(), other=other)


def test_listeners_answer_and_idle_faces_do_not() -> None:
    silence = np.zeros(SECONDS * 16_000, np.float32)
    brows, speeds = [], []
    for seed in range(8):
        _, other = talk(seed)
        pair = listened(np.pad(other, (0, len(silence) - len(other))), seed), listened(silence, seed)
        speeds.append([np.abs(np.diff(clip.rotation[:, 1])).mean() for clip in pair])
        brows.append([clip.actions[:, ACTION_INDEX["browInnerUp"]].mean() for clip in pair])
    (nodding, idle), (raised, calm) = np.mean(speeds, 0), np.mean(brows, 0)
    assert nodding > 1.3 * idle
    assert raised > 1.2 * calm


def test_a_face_that_speaks_does_not_answer() -> None:
    phones, speech = talk(0)
    _, other = talk(1)
    other = other[: len(speech)]
    loud = np.flatnonzero(np.abs(speech) > 0.05)
    first, last = loud[0] // 640 + 3, loud[-1] // 640 - 3
    alone, both = (perform(phones, speech, seed=2, other=voice) for voice in (None, other))
    same = np.abs(alone.rotation - both.rotation).max(1) < 1e-6
    assert same[first:last].all() or same[:last].all()


def test_a_conversation_takes_turns() -> None:
    clips = [toy_clip(np.random.default_rng(seed), "train", 0, 10) for seed in range(3)]
    said = [(clip.phones, clip.sound) for clip in clips]
    phones, mine, theirs = conversed(said, np.random.default_rng(3), 40)
    loud = [frame_rms(sound[: 40 * 16_000]) > 0.01 for sound in (mine, theirs)]
    assert min(side.mean() for side in loud) > 0.2
    assert (loud[0] & loud[1]).mean() < 0.05
    assert all(a <= b for a, b in pairwise(phones.starts))
