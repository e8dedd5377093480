"""Speech to motion: causal, the same in a stream as in one piece, sensible on odd input; the recipe trains."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import __file__ as benchmarks
from faces.actions import ACTION_INDEX
from faces.performances import SHUT, mouth_opening
from generate.motion import LOOKAHEAD_SAMPLES, TOLERANCE, Controls, Motion
from generate.motion.model import WEIGHTS
from generate.speech.evaluate import lip_closure_pct, lip_corr, lip_figures, lip_lag_ms, read_eval_set, true_opening
from generate.speech.features import HISTORY, log_mel
from generate.speech.network import DELAY, LipNet
from generate.speech.toy import toy_clip, toy_set
from generate.speech.training import Data, train
from learning import load_weights
from media.errors import SpeechError, UnreadableError, UsageError

FIELDS = ("actions", "rotation", "translation", "gaze")
SPEECH = Path(benchmarks).parent / "data" / "speech"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The network is small: on a busy machine two threads wait for each other longer than one computes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return Motion.load()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return toy_clip(np.random.default_rng(0), "train", 0, 25).speech.astype(np.float32) / 32768


@pytest.mark.parametrize("size", [100, 640, 1001, 48_000])
def test_streaming_equals_batch(motion: Motion, speech: np.ndarray, size: int) -> None:
    whole = motion.generate(speech, seed=5, controls=Controls(emotion=("happy", 0.5)))
    chunks = (speech[i : i + size] for i in range(0, len(speech), size))
    pieces = list(motion.stream(chunks, seed=5, controls=Controls(emotion=("happy", 0.5))))
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


def test_no_frame_depends_on_sound_after_its_lookahead(motion: Motion) -> None:
    sound = torch.randn(HISTORY + 640 * 40, generator=torch.Generator().manual_seed(0)) * 0.1
    sound.requires_grad_(True)
    channels, closure, _, _ = motion._network(log_mel(sound)[None])
    frame = 20
    (channels[0, frame + DELAY].sum() + closure[0, frame + DELAY]).backward()
    assert sound.grad is not None
    last = int(sound.grad.nonzero().max()) - HISTORY
    assert last < (frame + 1) * 640 + LOOKAHEAD_SAMPLES
    assert last >= (frame + 1) * 640


def test_whole_motion_is_causal(motion: Motion, speech: np.ndarray) -> None:
    changed = speech.copy()
    at = 30_000
    changed[at:] = np.random.default_rng(0).normal(0, 0.2, len(changed) - at)
    first, second = motion.generate(speech), motion.generate(changed)
    same = (at - LOOKAHEAD_SAMPLES) // 640
    for field in FIELDS:
        assert np.array_equal(getattr(first, field)[:same], getattr(second, field)[:same])


def test_ranges(motion: Motion) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 40_000).clip(-1, 1).astype(np.float32)
    for name, amount in (("angry", 1.0), ("surprised", 1.0), ("contempt", 0.3)):
        clip = motion.generate(noise, controls=Controls(emotion=(name, amount), intensity=2.0))
        assert clip.actions.min() >= 0
        assert clip.actions.max() <= 1
        assert all(np.isfinite(getattr(clip, field)).all() for field in FIELDS)


def test_silence_is_a_shut_mouth(motion: Motion) -> None:
    for level in (0.0, 1e-4, 3e-4):
        quiet = np.random.default_rng(1).normal(0, level, 16_000 * 8).astype(np.float32)
        opening = mouth_opening(motion.generate(quiet).actions)
        assert opening[25:].max() <= 2 * SHUT, level


def test_seed_and_emotion(motion: Motion, speech: np.ndarray) -> None:
    plain, again, other = (motion.generate(speech, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(getattr(plain, f), getattr(again, f)) for f in FIELDS)
    assert not np.allclose(plain.rotation, other.rotation)
    happy = motion.generate(speech, seed=1, controls=Controls(emotion=("happy", 1.0)))
    smile = ACTION_INDEX["mouthSmileLeft"]
    assert happy.actions[50:, smile].mean() > plain.actions[50:, smile].mean() + 0.3
    assert np.allclose(happy.gaze, plain.gaze)


def test_bad_sound(motion: Motion) -> None:
    with pytest.raises(SpeechError, match=r"0\.10 s"):
        motion.generate(np.zeros(1600, np.float32))
    with pytest.raises(SpeechError):
        list(motion.stream([]))
    with pytest.raises(SpeechError, match="one channel"):
        motion.generate(np.zeros((16_000, 2), np.float32))
    with pytest.raises(SpeechError, match="NaN"):
        motion.generate(np.full(16_000, np.nan, np.float32))


@pytest.mark.parametrize(
    "control", [{"distance": 9.0}, {"intensity": 3.0}, {"gaze": (2.0, 0.0)}, {"emotion": ("bored", 1.0)}]
)
def test_bad_controls(motion: Motion, control: dict) -> None:
    with pytest.raises(UsageError):
        motion.generate(np.zeros(16_000, np.float32), controls=Controls(**control))


def test_memory_does_not_grow_with_the_stream(motion: Motion) -> None:
    from generate.speech.encoder import Ear

    ear = Ear(motion._network)
    sizes = []
    for _ in range(4):
        ear.hear(np.zeros(640 * 50, np.float32))
        assert ear._state is not None
        sizes.append(sum(t.numel() for t in ear._state) + len(ear._loudness) + len(ear._history))
    assert len(set(sizes)) == 1


def test_shipped_weights_follow_speech_never_heard(motion: Motion) -> None:
    clips = read_eval_set(SPEECH)
    figures = lip_figures(motion.generate, clips)
    assert figures["clips"] == 9
    assert figures["lip_corr"] > 0.7
    assert figures["lip_closure_pct"] > 70
    assert abs(figures["lip_lag_ms"]) < 40


def test_shipped_weights_carry_their_card() -> None:
    _, card = load_weights(WEIGHTS, "motion")
    assert card.licence == "Apache-2.0"
    assert "asterisk" in card.data
    assert card.steps > 1000
    assert WEIGHTS.stat().st_size < 5e6


def test_figures_of_known_curves() -> None:
    clip = read_eval_set(SPEECH)[-1]
    truth = true_opening(clip.phones, clip.speech)
    assert lip_corr(truth, truth) == pytest.approx(1.0)
    assert lip_closure_pct(truth, clip.phones) == 100
    assert lip_closure_pct(np.full_like(truth, 0.5), clip.phones) == 0
    assert lip_lag_ms(np.roll(truth, 2), truth) == pytest.approx(80, abs=8)
    assert lip_lag_ms(np.roll(truth, -1), truth) == pytest.approx(-40, abs=8)


def test_missing_evaluation_set(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"phones\.json"):
        read_eval_set(tmp_path)


def test_batches_depend_on_the_step_alone() -> None:
    first, second = Data(toy_set(0), 3, 30, 2), Data(toy_set(0), 3, 30, 2)
    second.batch(0)
    assert torch.equal(first.batch(7).mel, second.batch(7).mel)
    assert not torch.equal(first.batch(7).mel, first.batch(8).mel)


def test_recipe_trains_and_resumes(tmp_path: Path) -> None:
    card = train(None, tmp_path / "whole.safetensors", steps=6, workdir=tmp_path / "a")
    assert {"loss", "lip_corr", "lip_closure_pct", "lip_lag_ms"} <= set(card.figures)
    train(None, tmp_path / "part.safetensors", steps=6, workdir=tmp_path / "b")
    resumed = train(None, tmp_path / "again.safetensors", steps=6, workdir=tmp_path / "b", resume=True)
    assert resumed.sha256 == card.sha256
    network = LipNet(**card.config)
    network.load_state_dict(load_weights(tmp_path / "whole.safetensors", "motion")[0])
    clip = Motion.load(tmp_path / "whole.safetensors").generate(np.zeros(16_000, np.float32))
    assert len(clip) == 25
