"""Lips: shut where they must be, open as they should, in time; on clean sound, in noise, on the telephone."""

from typing import NamedTuple

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.motion.talk import Talks
from benchmarks.suites import Given
from faces.lipsync import SHORTEST, LipSync
from generate import Motion
from generate.acting import mouth_opening
from generate.speech.sounds import band, companded, noise
from lab.performances import perform
from lab.speaking.evaluate import Spoken, closures, lip_corr, lip_lag_ms, true_opening
from media.units import SAMPLES_PER_FRAME

SNR = 10  # decibels of speech over noise


class Row(NamedTuple):
    """What one clip told."""

    group: str
    corr: float
    lag_ms: float
    shut: np.ndarray  # (n,) bool: were the lips shut in each p, b and m?


def spoiled(speech: np.ndarray, how: str, seed: int) -> np.ndarray:
    """Speech (N,) as it is ("clean"), in noise at 10 dB ("noise10"), or through a telephone line ("telephone")."""
    if how == "noise10":
        level = np.sqrt((speech**2).mean()) * 10 ** (-SNR / 20)
        return (speech + level * noise(len(speech), np.random.default_rng(seed))).astype(np.float32)
    if how == "telephone":
        return companded(band(speech.astype(np.float64), 300, 3400)).astype(np.float32)
    return speech


def measure(given: Given, talks: Talks) -> list[Figure]:
    """Figures over all clips; per group and per kind of sound with a suffix; and the score of an apart judge."""
    del given
    motion, made = Motion.load(), dict[str, list[np.ndarray]]()
    everything = [(group, i, clip) for group, clips in talks.groups.items() for i, clip in enumerate(clips)]
    figures: list[Figure] = []
    for how in ("clean", "noise10", "telephone"):
        made[how] = [motion.generate(spoiled(clip.speech, how, i), seed=i).actions for _, i, clip in everything]
        rows = [Row(group, *_judged(clip, lips)) for (group, _, clip), lips in zip(everything, made[how], strict=True)]
        figures += lip_rows(rows, "" if how == "clean" else f"_{how}", goals=how == "clean")
        if how == "clean" and len(talks.groups) > 1:
            for name in talks.groups:
                figures += lip_rows([row for row in rows if row.group == name], f"_{name}", goals=False)
    return figures + _sync([(i, clip) for _, i, clip in everything], made["clean"])


def _judged(clip: Spoken, actions: np.ndarray) -> tuple[float, float, np.ndarray]:
    opening = mouth_opening(actions)
    truth = true_opening(clip.phones, clip.speech)
    return lip_corr(opening, truth), lip_lag_ms(opening, truth), closures(opening, clip.phones)


def lip_rows(rows: list[Row], suffix: str, *, goals: bool) -> list[Figure]:
    """lip_corr, lip_closure_pct and lip_lag_ms of clips, with a suffix; no closures where no p, b or m is said."""
    shut = list(100 * np.concatenate([row.shut for row in rows]).astype(float))
    figures = [mean_figure(f"lip_corr{suffix}", [row.corr for row in rows], "", goal=0.85 if goals else None)]
    if shut or goals:
        figures.append(mean_figure(f"lip_closure_pct{suffix}", shut, "%", goal=95 if goals else None))
    lag = float(np.median([row.lag_ms for row in rows]))
    return [
        *figures,
        Figure(
            name=f"lip_lag_ms{suffix}", value=lag, unit="ms", n=len(rows), better="lower", goal=40 if goals else None
        ),
    ]


def _sync(clips: list[tuple[int, Spoken]], made: list[np.ndarray]) -> list[Figure]:
    """The contrastive score of sound and lips, beside that of true lips, of those a fifth of a second late, and of a
    mouth that stays shut."""
    judge = LipSync.load()
    scores: dict[str, list[tuple[float, float]]] = {"": [], "_truth": [], "_shifted": [], "_shut": []}
    offsets = []
    for (i, clip), actions in zip(clips, made, strict=True):
        if len(clip.speech) < (SHORTEST + 1) * SAMPLES_PER_FRAME:
            continue
        true = perform(clip.phones, clip.speech, seed=i).actions
        shown = {"": actions, "_truth": true, "_shifted": np.roll(true, 5, 0), "_shut": true[:1].repeat(len(true), 0)}
        for name, lips in shown.items():
            sync = judge.score(clip.speech, lips)
            at_zero = float(np.median(sync.distances) - sync.distances[len(sync.distances) // 2])
            scores[name].append((at_zero, float(sync.distances[len(sync.distances) // 2])))
            if not name:
                offsets.append(sync.offset)
    note = "a judge trained apart on performances; at the offset 0"
    figures = [
        mean_figure(f"sync_{what}{name}", [v[i] for v in values], "", better=better, note=note)
        for i, (what, better) in enumerate((("confidence", "higher"), ("distance", "lower")))
        for name, values in scores.items()
    ]
    within = 100 * np.mean([abs(o) <= 1 for o in offsets]) if offsets else None
    return [*figures, Figure(name="sync_within_frame_pct", value=within, unit="%", n=len(offsets))]
