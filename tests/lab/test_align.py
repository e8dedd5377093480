"""Forced alignment: the best way through what must be said, and a recipe that trains."""

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from generate.acting import CLASS_INDEX
from lab.networks.aligner import AlignerNet
from lab.performances.align import FRAME, LEAST, PAD, SURE, Aligner, align
from lab.performances.speechset import Clip
from lab.performances.synthesisers import Espeak
from lab.recipes import aligner
from lab.speaking.evaluate import read_eval_set
from lab.speaking.toy import toy_set
from media.errors import UsageError

SPEECH = Path(__file__).parents[2] / "benchmarks" / "data" / "speech"
A, P, SIL = CLASS_INDEX["a"], CLASS_INDEX["p"], CLASS_INDEX["sil"]


def said(*spans: tuple[int, int]) -> np.ndarray:
    """Likelihoods of classes for so many frames each, silence before and after."""
    row = [SIL] * PAD + [phone for phone, count in spans for _ in range(count)] + [SIL] * PAD
    scores = np.full((len(row), len(CLASS_INDEX)), -8.0)
    scores[np.arange(len(row)), row] = 0
    return scores


def test_phones_are_found_where_they_sound() -> None:
    scores = said((P, 8), (A, 12), (SIL, 10), (A, 5), (P, 9))
    found, likely = align(scores, [[P, A], [A, P]], 44 * FRAME)
    assert likely == 0
    assert list(found.classes) == [P, A, SIL, A, P]
    np.testing.assert_allclose(found.starts / FRAME, [0, 8, 20, 30, 35], atol=1e-6)
    np.testing.assert_allclose(found.ends / FRAME, [8, 20, 30, 35, 44], atol=1e-6)


def test_the_path_is_the_best_of_all() -> None:
    """Against every way there is to place three phones in a few frames."""
    rng = np.random.default_rng(3)
    count = 12
    scores = rng.normal(0, 1, (2 * PAD + count, len(CLASS_INDEX)))
    scores[:PAD, SIL] = scores[-PAD:, SIL] = 50
    word = [P, A, CLASS_INDEX["t"]]
    found, _ = align(scores, [word], count * FRAME)

    def value(first: int, second: int, third: int, end: int) -> float:
        parts = [(SIL, 0, first), (P, first, second), (A, second, third), (word[2], third, end), (SIL, end, count)]
        return sum(scores[PAD + a : PAD + b, phone].sum() for phone, a, b in parts)

    ways = [w for w in product(range(count + 1), repeat=4) if all(b - a >= LEAST for a, b in pairwise(w))]
    best = max(ways, key=lambda w: value(*w))
    spoken = found.classes != SIL
    at = np.append(found.starts[spoken], found.ends[spoken][-1]) / FRAME
    assert tuple(at.round().astype(int)) == best


def test_what_does_not_fit_is_refused() -> None:
    assert align(said((A, 1))[: 2 * PAD + 1], [[P, A] * 10], FRAME) is None


def test_shipped_weights_find_the_times_of_voices() -> None:
    """Phones of the benchmark's synthesised clips, given their order alone, begin within 30 ms for the most part."""
    network = Aligner.load(Espeak.__new__(Espeak))
    errors = []
    for clip in read_eval_set(SPEECH):
        phones = clip.phones
        words = [[int(phone)] for phone in phones.classes if phone != SIL]
        found, likely = align(network.likelihoods(clip.speech), words, len(clip.speech) / 16_000)
        assert likely > SURE
        assert (np.diff(found.starts) > 0).all()
        told, true = found.starts[found.classes != SIL], phones.starts[phones.classes != SIL]
        if len(told) == len(true):
            errors.append(np.abs(told - true))
    assert (np.concatenate(errors) < 0.03).mean() > 0.7


def test_recipe_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spelling:
        def phonemes(self, text: str, code: str) -> list[str]:
            return ["p", "a", ""] if code == "en-us" else []

    def toy(_: Path) -> list[Clip]:
        timed = [replace(c, voice=replace(c.voice, source="espeak-ng")) for c in toy_set(0)]
        recorded = replace(timed[0].voice, source="recorded", language="en")
        return [*timed, replace(timed[0], voice=recorded, text="pa")]

    monkeypatch.setattr(aligner, "load_speech_set", toy)
    monkeypatch.setattr(aligner, "Espeak", Spelling)
    card = aligner.train(tmp_path, tmp_path / "w.onnx", steps=6, workdir=tmp_path / "run")
    assert {"near_pct", "error_ms"} <= set(card.figures)
    Aligner.load(Spelling(), tmp_path / "w.onnx")
    with pytest.raises(UsageError, match="--data"):
        aligner.train(None, tmp_path / "w.onnx", workdir=tmp_path / "run")


def test_a_network_hears_as_far_as_it_says() -> None:
    """Half a second either way, and no further."""
    import torch

    net = AlignerNet(8).eval()
    mel = torch.zeros(1, 80, 200, requires_grad=True)
    with torch.no_grad():
        for norm in net.norms:  # the statistics of a norm are of all frames; they are not what is looked at
            norm.forward = lambda x: x
    net(mel)[0, 100].sum().backward()
    reached = mel.grad.abs().sum((0, 1)).nonzero().flatten()
    assert 100 - reached.min() <= 50
    assert reached.max() - 100 <= 50
