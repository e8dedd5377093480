"""The speech encoder: causal, the same frame by frame and in one piece; figures of lips; the recipe trains."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import __file__ as benchmarks
from generate.motion import LOOKAHEAD_SAMPLES
from generate.speech import Ear, SpeechEncoder
from generate.speech.encoder import WEIGHTS
from generate.speech.stepping import DELAY, SteppingLips
from lab.mel import log_mel
from lab.networks.speech import LipNet
from lab.recipes.speech import Data, train
from lab.reference import load_network
from lab.speaking.evaluate import lip_closure_pct, lip_corr, lip_lag_ms, read_eval_set, true_opening
from lab.speaking.toy import toy_clip, toy_set
from lab.weights import load_weights
from media.errors import UnreadableError
from media.mel import HISTORY, MelSteps

SPEECH = Path(benchmarks).parent / "data" / "speech"


@pytest.fixture(scope="module")
def encoder() -> SpeechEncoder:
    return SpeechEncoder.load()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return toy_clip(np.random.default_rng(0), "train", 0, 25).speech.astype(np.float32) / 32768


def test_features_step_by_step_are_those_of_the_whole(speech: np.ndarray) -> None:
    sound = speech[: len(speech) // 640 * 640]
    whole = log_mel(torch.from_numpy(np.concatenate([np.zeros(HISTORY, np.float32), sound])))
    steps = MelSteps()
    stepped = np.concatenate([steps.step(sound[i : i + 640]) for i in range(0, len(sound), 640)])
    assert np.abs(stepped.T - whole.numpy()).max() < 1e-3


def test_the_stepping_encoder_is_the_network(encoder: SpeechEncoder, speech: np.ndarray) -> None:
    sound = speech[: len(speech) // 640 * 640]
    with torch.no_grad():
        mel = log_mel(torch.from_numpy(np.concatenate([np.zeros(HISTORY, np.float32), sound])))
        channels, logits, _, _ = load_network(WEIGHTS, "speech")(mel[None])
    stepping = SteppingLips(encoder.weights)
    stepped = [stepping.step(sound[i : i + 640]) for i in range(0, len(sound), 640)]
    assert np.abs(np.array([lips for lips, _ in stepped]) - channels[0].numpy()).max() < 1e-3
    assert np.abs(np.array([logit for _, logit in stepped]) - logits[0].numpy()).max() < 1e-2


def test_pieces_do_not_matter(encoder: SpeechEncoder, speech: np.ndarray) -> None:
    sound = speech[: len(speech) // 640 * 640]
    whole = Ear(encoder).hear(sound)
    ear = Ear(encoder)
    pieces = [ear.hear(sound[i : i + 1920]) for i in range(0, len(sound), 1920)]
    for part, pieced in zip(whole, zip(*pieces, strict=True), strict=True):
        assert np.array_equal(part, np.concatenate(pieced))


def test_no_frame_depends_on_sound_after_its_lookahead() -> None:
    sound = torch.randn(HISTORY + 640 * 40, generator=torch.Generator().manual_seed(0)) * 0.1
    sound.requires_grad_(True)
    channels, closure, _, _ = load_network(WEIGHTS, "speech")(log_mel(sound)[None])
    frame = 20
    (channels[0, frame + DELAY].sum() + closure[0, frame + DELAY]).backward()
    assert sound.grad is not None
    last = int(sound.grad.nonzero().max()) - HISTORY
    assert last < (frame + 1) * 640 + LOOKAHEAD_SAMPLES
    assert last >= (frame + 1) * 640


def test_memory_does_not_grow(encoder: SpeechEncoder) -> None:
    ear = Ear(encoder)
    sizes = []
    for _ in range(4):
        ear.hear(np.zeros(640 * 50, np.float32))
        sizes.append(ear.held)
    assert len(set(sizes)) == 1


def test_shipped_weights_carry_their_card() -> None:
    _, card = load_weights(WEIGHTS, "speech")
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
    card = train(None, tmp_path / "whole.onnx", steps=6, workdir=tmp_path / "a")
    assert {"loss", "lip_corr", "lip_closure_pct", "lip_lag_ms"} <= set(card.figures)
    train(None, tmp_path / "part.onnx", steps=6, workdir=tmp_path / "b")
    resumed = train(None, tmp_path / "again.onnx", steps=6, workdir=tmp_path / "b", resume=True)
    assert resumed.sha256 == card.sha256
    network = LipNet(**card.config)
    network.load_state_dict(load_weights(tmp_path / "whole.onnx", "speech")[0])
    assert len(Ear(SpeechEncoder.load(tmp_path / "whole.onnx")).hear(np.zeros(16_000, np.float32))[0]) == 23
