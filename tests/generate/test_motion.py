"""Speech to motion as it ships: the same in a stream as in one piece, causal, steered, sensible on odd input."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __file__ as benchmarks
from faces.actions import ACTION_INDEX
from generate.acting import REST_DISTANCE, SHUT, mouth_opening
from generate.motion import LOOKAHEAD_SAMPLES, TOLERANCE, Controls, Guidance, Motion, MotionClip
from generate.motion.model import WEIGHTS
from lab.speaking.evaluate import lip_figures, read_eval_set
from lab.speaking.toy import toy_clip
from lab.weights import load_weights, save_weights
from media.errors import SpeechError, UsageError, WeightsError

FIELDS = ("actions", "rotation", "translation", "gaze")
SPEECH = Path(benchmarks).parent / "data" / "speech"


@pytest.fixture(scope="module")
def motion() -> Motion:
    return Motion.load()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return toy_clip(np.random.default_rng(0), "train", 0, 25).speech.astype(np.float32) / 32768


@pytest.fixture(scope="module")
def talk() -> np.ndarray:
    """Half a minute of people talking."""
    return np.concatenate([clip.speech for clip in read_eval_set(SPEECH)])[: 30 * 16_000]


HAPPY = Controls(emotion=("happy", 0.5))


@pytest.fixture(scope="module")
def whole(motion: Motion, speech: np.ndarray) -> MotionClip:
    return motion.generate(speech, seed=5, controls=HAPPY)


@pytest.mark.parametrize("size", [100, 640, 1001, 48_000])
def test_streaming_equals_batch(motion: Motion, speech: np.ndarray, whole: MotionClip, size: int) -> None:
    chunks = (speech[i : i + size] for i in range(0, len(speech), size))
    pieces = list(motion.stream(chunks, seed=5, controls=HAPPY))
    assert len(whole) == -(-len(speech) // 640)
    for field in FIELDS:
        joined = np.concatenate([getattr(piece, field) for piece in pieces])
        assert joined.shape == getattr(whole, field).shape
        assert np.abs(joined - getattr(whole, field)).max() < TOLERANCE


def test_frames_come_as_soon_as_the_lookahead_allows(motion: Motion, speech: np.ndarray) -> None:
    given, heard = 0, 0

    def microphone() -> Iterator[np.ndarray]:
        nonlocal heard
        for i in range(0, 32_000, 640):
            heard += 640
            yield speech[i : i + 640]

    for piece in motion.stream(microphone()):
        given += len(piece)
        if heard < 32_000:
            assert heard == given * 640 + LOOKAHEAD_SAMPLES
    assert given == 50


def test_whole_motion_is_causal(motion: Motion, speech: np.ndarray) -> None:
    changed = speech.copy()
    at = 30_000
    changed[at:] = np.random.default_rng(0).normal(0, 0.2, len(changed) - at)
    first, second = motion.generate(speech), motion.generate(changed)
    same = (at - LOOKAHEAD_SAMPLES) // 640
    for field in FIELDS:
        assert np.array_equal(getattr(first, field)[:same], getattr(second, field)[:same])


def test_steering_changes_what_has_not_been_given_out(motion: Motion, talk: np.ndarray) -> None:
    before, after = Controls(), Controls(gaze=(0.3, 0.0), emotion=("happy", 1.0))
    plain = motion.generate(talk[: 10 * 16_000], seed=2)
    session = motion.session(seed=2, controls=before)
    first = session.push(talk[: 5 * 16_000])
    session.steer(after)
    rest = [session.push(talk[5 * 16_000 : 10 * 16_000]), session.finish()]
    for field in FIELDS:
        assert np.abs(getattr(first, field) - getattr(plain, field)[: len(first)]).max() < TOLERANCE
    gaze = np.concatenate([piece.gaze for piece in rest])[50:]
    assert np.median(gaze[:, 0]) == pytest.approx(0.3, abs=0.06)
    smile = np.concatenate([piece.actions for piece in rest])[50:, ACTION_INDEX["mouthSmileLeft"]]
    assert smile.mean() > plain.actions[len(first) + 50 :, ACTION_INDEX["mouthSmileLeft"]].mean() + 0.2


def test_a_curve_of_controls_is_followed(motion: Motion, talk: np.ndarray) -> None:
    clip = motion.generate(talk[: 12 * 16_000], controls=lambda t: Controls(gaze=(0.3 if t > 6 else -0.3, 0.0)))
    assert np.median(clip.gaze[50:145, 0]) == pytest.approx(-0.3, abs=0.06)
    assert np.median(clip.gaze[200:, 0]) == pytest.approx(0.3, abs=0.06)


def test_ranges(motion: Motion) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 40_000).clip(-1, 1).astype(np.float32)
    for name, amount in (("angry", 1.0), ("surprised", 1.0), ("contempt", 0.3)):
        clip = motion.generate(noise, controls=Controls(emotion=(name, amount), intensity=2.0))
        assert clip.actions.min() >= 0
        assert clip.actions.max() <= 1
        assert all(np.isfinite(getattr(clip, field)).all() for field in FIELDS)
        assert np.abs(np.degrees(clip.rotation)).max() < 40


def test_silence_is_a_shut_and_living_mouth(motion: Motion) -> None:
    for level in (0.0, 1e-4, 3e-4):
        quiet = np.random.default_rng(1).normal(0, level, 16_000 * 12).astype(np.float32)
        clip = motion.generate(quiet)
        assert np.quantile(mouth_opening(clip.actions[25:]), 0.98) <= 2 * SHUT, level
        assert clip.rotation.std() > 1e-3
        assert clip.actions[:, ACTION_INDEX["eyeBlinkLeft"]].max() > 0.7


def test_weights_of_an_older_network_are_refused_in_a_line(tmp_path: Path) -> None:
    tensors, card = load_weights(WEIGHTS, "motion")
    del tensors["steps.leak"]
    save_weights(tmp_path / "old.onnx", tensors, card)
    with pytest.raises(WeightsError, match=r"older motion network, without steps\.leak"):
        Motion.load(tmp_path / "old.onnx")


def test_seed_style_and_emotion(motion: Motion, talk: np.ndarray) -> None:
    speech = talk[: 5 * 16_000]
    plain, again, other = (motion.generate(speech, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(getattr(plain, f), getattr(again, f)) for f in FIELDS)
    assert not np.allclose(plain.rotation, other.rotation)
    assert not np.allclose(plain.rotation, motion.generate(speech, seed=1, style=7).rotation)
    happy = motion.generate(speech, seed=1, controls=Controls(emotion=("happy", 1.0)))
    smile = ACTION_INDEX["mouthSmileLeft"]
    assert happy.actions[50:, smile].mean() > plain.actions[50:, smile].mean() + 0.2


def test_the_head_is_where_it_is_held(motion: Motion, talk: np.ndarray) -> None:
    speech = talk[: 8 * 16_000]
    plain = motion.generate(speech, seed=3)
    held = motion.generate(speech, seed=3, controls=Controls(distance=1.5, bias=(0.2, -0.1, 0.05)))
    moved, turned = held.translation - plain.translation, held.rotation - plain.rotation
    assert moved[-1] == pytest.approx((0, 0, -0.5 * REST_DISTANCE), abs=0.02)
    assert turned[-1] == pytest.approx((0.2, -0.1, 0.05), abs=0.01)
    assert np.abs(np.diff(held.translation[:, 2])).max() < 0.3  # it goes there, it does not jump
    assert np.array_equal(held.actions, plain.actions)


def test_eyes_turn_the_lids_and_the_look_they_show(motion: Motion, talk: np.ndarray) -> None:
    clip = motion.generate(talk[: 8 * 16_000], controls=Controls(gaze=(0.35, 0.0)))
    eye = clip.gaze - clip.rotation[:, :2]
    out = clip.actions[:, ACTION_INDEX["eyeLookOutLeft"]]
    assert out == pytest.approx(np.clip(eye[:, 0] / np.radians(30), 0, 1), abs=1e-4)


def test_bad_sound(motion: Motion) -> None:
    with pytest.raises(SpeechError, match=r"0\.10 s"):
        motion.generate(np.zeros(1600, np.float32))
    with pytest.raises(SpeechError):
        list(motion.stream([]))
    with pytest.raises(SpeechError, match="one channel"):
        motion.generate(np.zeros((16_000, 2), np.float32))
    with pytest.raises(SpeechError, match="NaN"):
        motion.generate(np.full(16_000, np.nan, np.float32))
    session = motion.session()
    session.push(np.zeros(0, np.float32))
    session.finish()
    with pytest.raises(SpeechError, match="finished"):
        session.push(np.zeros(640, np.float32))


@pytest.mark.parametrize(
    "control",
    [
        {"distance": 9.0}, {"intensity": 3.0}, {"gaze": (2.0, 0.0)}, {"emotion": ("bored", 1.0)},
        {"bias": (0.0, float("nan"), 0.0)}, {"emotion": {"happy": 0.7, "sad": 0.7}},
    ],
)  # fmt: skip
def test_bad_controls(control: dict) -> None:
    with pytest.raises(UsageError):
        Controls(**control)


@pytest.mark.parametrize("given", [{"sound": -1.0}, {"gaze": 99.0}, {"evaluations": 0}, {"sound": float("nan")}])
def test_bad_guidance(given: dict) -> None:
    with pytest.raises(UsageError, match="must lie"):
        Guidance(**given)


def test_a_twin_goes_its_own_way(motion: Motion, talk: np.ndarray) -> None:
    alone, session = motion.session(seed=4), motion.session(seed=4)
    for part in (alone, session):
        part.push(talk[:32_000])
    twin = session.twin()
    twin.steer(Controls(gaze=(0.4, 0.2)))
    twin.push(np.random.default_rng(0).normal(0, 0.2, 32_000).astype(np.float32))
    first, second = alone.push(talk[32_000:64_000]), session.push(talk[32_000:64_000])
    for field in FIELDS:
        assert np.array_equal(getattr(first, field), getattr(second, field))


def test_memory_does_not_grow(motion: Motion) -> None:
    session = motion.session()
    sizes = []
    for _ in range(4):
        session.push(np.zeros(640 * 60, np.float32))
        sizes.append(session.held)
    assert len(set(sizes)) == 1


def test_shipped_weights_follow_speech_never_heard(motion: Motion) -> None:
    figures = lip_figures(motion.generate, read_eval_set(SPEECH))
    assert figures["clips"] == 9
    assert figures["lip_corr"] > 0.7
    assert figures["lip_closure_pct"] > 70
    assert abs(figures["lip_lag_ms"]) < 40


def test_shipped_weights_carry_their_card() -> None:
    _, card = load_weights(WEIGHTS, "motion")
    assert card.licence == "Apache-2.0"
    assert "asterisk" not in card.data or "CC-BY-SA" in card.data
    assert card.steps > 1000
    assert WEIGHTS.stat().st_size < 6e6
