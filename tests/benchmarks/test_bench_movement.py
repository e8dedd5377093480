"""Measures of movement and of listening: known motions give known figures, filmed or performed."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from sitters import EXAMPLES

from benchmarks.motion import filmed, listening, movement
from benchmarks.motion.movement import Movement
from benchmarks.motion.suite import SUITE
from benchmarks.suites import Given
from faces.actions import ACTION_INDEX
from generate.acting import GAP, MotionClip
from generate.motion.space import HEAD_WIDTH

FRAMES = 250
TIMES = np.arange(FRAMES) / 25


def clip_of(**fields: np.ndarray) -> MotionClip:
    empty = {"actions": 52, "rotation": 3, "translation": 3, "gaze": 2}
    return MotionClip(**{name: fields.get(name, np.zeros((FRAMES, size), np.float32)) for name, size in empty.items()})


def figures(clip: MotionClip, rms: np.ndarray | None = None) -> dict[str, float]:
    return movement.measured(Movement.of_clip(clip), rms)


def test_a_still_face_does_not_move_and_its_lips_touch() -> None:
    found = figures(clip_of())
    assert all(found[name] == pytest.approx(0, abs=1e-9) for name in found if name != "lid_range")
    assert found["lid_range"] == pytest.approx(0, abs=1e-9)


def test_a_head_that_swings_deviates_and_moves_as_it_swings() -> None:
    rotation = np.zeros((FRAMES, 3), np.float32)
    rotation[:, 1] = np.radians(5 * np.sin(2 * np.pi * 0.4 * TIMES))
    found = figures(clip_of(rotation=rotation))
    assert found["head_pitch_dev_deg"] == pytest.approx(5 / np.sqrt(2), rel=0.05)
    assert found["head_pitch_speed_deg_s"] == pytest.approx(4 * 5 * 0.4, rel=0.05)
    assert found["head_yaw_dev_deg"] == pytest.approx(0, abs=1e-6)


def test_a_head_that_is_shifted_is_shifted_by_pupils_distances() -> None:
    translation = np.zeros((FRAMES, 3), np.float32)
    translation[:, 0] = 0.1 * np.sign(np.sin(2 * np.pi * 0.1 * TIMES + 0.1))
    assert figures(clip_of(translation=translation))["head_shift"] == pytest.approx(0.1 * HEAD_WIDTH, rel=0.05)


def test_an_opening_jaw_opens_the_lips() -> None:
    actions = np.zeros((FRAMES, 52), np.float32)
    actions[:, ACTION_INDEX["jawOpen"]] = 0.4
    mm = 36 * GAP["jawOpen"] * 0.4
    assert figures(clip_of(actions=actions))["opening_p50"] == pytest.approx(mm / 62, rel=0.15)


def test_loudness_is_followed_at_any_small_lag() -> None:
    loud = np.abs(np.sin(2 * np.pi * 0.7 * TIMES))
    actions = np.zeros((FRAMES, 52), np.float32)
    actions[:, ACTION_INDEX["jawOpen"]] = 0.3 * np.roll(loud, 2)
    assert figures(clip_of(actions=actions), loud)["loudness_corr"] > 0.99
    rng = np.random.default_rng(0)
    assert abs(figures(clip_of(actions=actions), rng.random(FRAMES))["loudness_corr"]) < 0.5


def test_lips_that_come_a_little_late_are_the_same_lips() -> None:
    rng = np.random.default_rng(1)
    opening = np.abs(movement.smoothed(rng.normal(size=FRAMES)))
    assert filmed.best_corr(opening, np.roll(opening, 2)) > 0.95
    assert filmed.best_corr(opening, np.roll(opening, 40)) < 0.7
    assert filmed.best_corr(opening, np.zeros(FRAMES)) == 0.0


def test_nods_are_counted_and_shakes_are_not() -> None:
    rotation = np.zeros((FRAMES, 3), np.float32)
    for at in (50, 120, 200):
        rotation[at - 6 : at + 7, 1] = np.radians(3) * np.hanning(13)
    assert listening.nods(clip_of(rotation=rotation), 0) == pytest.approx(18)
    assert listening.nods(clip_of(rotation=rotation[:, [1, 0, 2]]), 0) == 0


def test_an_answer_is_what_differs() -> None:
    rotation = np.zeros((FRAMES, 3), np.float32)
    rotation[100:, 0] = np.radians(2)
    apart = listening.difference(clip_of(), clip_of(rotation=rotation))
    assert apart[:100].max() == 0
    assert apart[100:].min() == pytest.approx(2, rel=1e-5)


def test_every_part_of_the_suite_can_be_called(tmp_path: Path) -> None:
    given = Given(tmp_path, EXAMPLES / "portrait.png", EXAMPLES / "speech.wav", quick=True)
    parts = dict(SUITE.parts(given))
    assert {"movement", "listening", "filmed", "lips", "live"} <= set(parts)
    for part in parts.values():
        inspect.signature(part.func).bind(*part.args)
