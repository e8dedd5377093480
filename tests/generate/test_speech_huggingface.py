"""Speech models of the user's own: real loading code, on a tiny model with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from generate.motion import Motion
from generate.speech.huggingface import HOP, HuggingFaceEncoder, LipHead
from lab.recipes.speech import train
from media.errors import WeightsError

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=["Wav2Vec2", "Hubert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param)
    config = getattr(transformers, f"{request.param}Config")(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    torch.manual_seed(0)
    getattr(transformers, f"{request.param}Model")(config).save_pretrained(path)
    return path


def test_two_states_a_frame(folder: Path) -> None:
    encoder = HuggingFaceEncoder(folder)
    assert encoder.states(torch.randn(2, 25 * 640)).shape == (2, 50, 16)


def test_pieces_do_not_matter_and_every_frame_is_answered(folder: Path) -> None:
    motion = Motion.load(encoder=HuggingFaceEncoder(folder))
    speech = np.random.default_rng(0).normal(0, 0.1, 100 * 640 + 77).astype(np.float32)
    whole = motion.generate(speech)
    pieces = list(motion.stream(speech[i : i + 5000] for i in range(0, len(speech), 5000)))
    assert len(whole) == 101
    assert np.abs(np.concatenate([p.actions for p in pieces]) - whole.actions).max() < 1e-4


def test_answers_wait_for_a_hop_and_memory_is_bounded(folder: Path) -> None:
    ear = HuggingFaceEncoder(folder).listen()
    counts = [len(ear.hear(np.zeros(640, np.float32))[0]) for _ in range(20 * HOP)]
    assert set(counts) == {0, HOP}
    held = ear.held
    for _ in range(10 * HOP):
        ear.hear(np.zeros(640, np.float32))
    assert ear.held == held


def test_recipe_trains_a_head(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "head.safetensors"
    card = train(None, out, steps=2, workdir=tmp_path / "run", encoder=folder)
    assert card.model == "speech-head"
    assert HuggingFaceEncoder.load(folder, out).head.config == {"hidden": 16}


def test_refusals(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"config\.json"):
        HuggingFaceEncoder(tmp_path)
    with pytest.raises(WeightsError, match="trained on 8"):
        HuggingFaceEncoder(folder, LipHead(8))
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1}')
    with pytest.raises(WeightsError):
        HuggingFaceEncoder(tmp_path)
