"""The contrastive score of sound and lips: finds offsets, refuses what is too short; its recipe trains."""

from pathlib import Path

import numpy as np
import pytest
import torch

from faces.lipsync import OFFSETS, LipSync, compared
from lab.performances import perform
from lab.performances.speechset import Clip
from lab.recipes import lipsync
from lab.speaking.evaluate import read_eval_set
from lab.speaking.toy import toy_set
from media.errors import SpeechError, UsageError

SPEECH = Path(__file__).parents[2] / "benchmarks" / "data" / "speech"


@pytest.mark.parametrize("late", [-7, 0, 3])
def test_the_offset_of_shifted_points_is_found(late: int) -> None:
    points = torch.nn.functional.normalize(torch.randn(120, 16, generator=torch.Generator().manual_seed(0)), dim=-1)
    sync = compared(points.numpy(), points.roll(late, 0).numpy())
    assert sync.offset == late
    assert sync.distance == pytest.approx(0, abs=1e-3)
    assert sync.confidence > 1
    assert len(sync.distances) == 2 * OFFSETS + 1


def test_true_lips_score_better_than_late_or_shut_ones() -> None:
    judge = LipSync.load()
    scores = []
    for clip in read_eval_set(SPEECH)[:6]:
        speech = np.tile(clip.speech, 2)
        true = np.tile(perform(clip.phones, clip.speech).actions[: len(clip.speech) // 640], (2, 1))
        middle = OFFSETS
        scores.append([judge.score(speech, a).distances[middle] for a in (true, np.roll(true, 6, 0), true * 0)])
    near, late, shut = np.mean(scores, 0)
    assert near < late - 0.1
    assert near < shut - 0.1


def test_too_short_is_refused() -> None:
    judge = LipSync.load()
    with pytest.raises(SpeechError, match="at least"):
        judge.score(np.zeros(16_000, np.float32), np.zeros((25, 52), np.float32))


def test_recipe_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def toy(_: Path) -> list[Clip]:
        return toy_set(0)

    monkeypatch.setattr(lipsync, "load_speech_set", toy)
    card = lipsync.train(tmp_path, tmp_path / "w.onnx", steps=3, workdir=tmp_path / "run")
    assert {"loss", "in_sync_pct", "confidence"} <= set(card.figures)
    LipSync.load.__wrapped__(LipSync, tmp_path / "w.onnx")
    with pytest.raises(UsageError, match="--data"):
        lipsync.train(None, tmp_path / "w.onnx", workdir=tmp_path / "run")
