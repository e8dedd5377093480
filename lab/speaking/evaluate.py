"""How well lips follow speech. Pure functions of mouth openings (T,) at 25 frames a second; see `mouth_opening`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generate.acting import CLASS_INDEX, SHUT, MotionClip, lips_to_actions, mouth_opening
from lab.performances import Phones, lip_frames
from lab.performances.vocals import KIND_INDEX, Vocals
from media.errors import UnreadableError
from media.sound import read_sound
from media.units import FPS, SAMPLES_PER_FRAME

LARGEST_LAG = 10  # frames, either way


def lip_corr(opening: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's correlation of two openings (T,); 0 where one of them never changes."""
    a, b = np.maximum(opening, 0) - np.maximum(opening, 0).mean(), np.maximum(truth, 0) - np.maximum(truth, 0).mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 1e-9 else 0.0


def closures(opening: np.ndarray, phones: Phones, shut: float = SHUT) -> np.ndarray:
    """For each p, b or m inside the clip: were the lips shut in some frame that overlaps it? (n,) bool."""
    hits = []
    for phone, start, end in zip(phones.classes, phones.starts, phones.ends, strict=True):
        first, last = int(start * FPS), int(np.ceil(end * FPS - 1e-6))
        if phone == CLASS_INDEX["p"] and last <= len(opening):
            hits.append(bool((opening[first : max(last, first + 1)] <= shut).any()))
    return np.array(hits, bool)


def lip_closure_pct(opening: np.ndarray, phones: Phones, shut: float = SHUT) -> float:
    """Share in % of the p, b and m sounds during which the lips are shut; NaN where there is none."""
    hits = closures(opening, phones, shut)
    return float(100 * hits.mean()) if len(hits) else float("nan")


def lip_lag_ms(opening: np.ndarray, truth: np.ndarray) -> float:
    """By how many milliseconds `opening` comes late (+) or early (-): peak of the cross-correlation."""

    def at(lag: int) -> float:
        if lag >= 0:
            return lip_corr(opening[lag:], truth[: len(truth) - lag])
        return lip_corr(opening[:lag], truth[-lag:])

    values = np.array([at(lag) for lag in range(-LARGEST_LAG, LARGEST_LAG + 1)])
    best = int(values.argmax())
    shift = 0.0
    if 0 < best < len(values) - 1:
        left, middle, right = values[best - 1 : best + 2]
        bend = left - 2 * middle + right
        shift = 0.5 * (left - right) / bend if abs(bend) > 1e-9 else 0.0
    return float((best - LARGEST_LAG + shift) * 1000 / FPS)


@dataclass(frozen=True)
class Spoken:
    """One clip of an evaluation set."""

    name: str
    language: str
    speech: np.ndarray  # (N,) float32 mono 16 kHz in [-1, 1]
    phones: Phones
    manner: str = "speech"  # of `lab.performances.vocal_styles`


def read_eval_set(folder: Path | str) -> list[Spoken]:
    """The clips of a folder with `phones.json` and one sound file a clip, as `benchmarks/data/speech` holds them.

    Of each: name, language, phones ([class, start, end] in seconds), and where there are any, manner and vocals
    ([kind, start, end, amount], see `lab.performances.vocals`).

    Raises:
        UnreadableError: the list or a sound file is missing or damaged.
    """
    path = Path(folder) / "phones.json"
    try:
        rows = json.loads(path.read_text("utf-8"))["clips"]
        timed = [Phones.from_names(*_columns(row["phones"], 3), _vocals(row.get("vocals", []))) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"{path}: not a list of clips with timed phones ({error})") from error
    sounds = [read_sound(Path(folder) / f"{row['name']}.flac") for row in rows]
    return [
        Spoken(row["name"], row["language"], sound, phones, row.get("manner", "speech"))
        for row, sound, phones in zip(rows, sounds, timed, strict=True)
    ]


def _columns(rows: list[list], count: int) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(count)]


def _vocals(rows: list[list]) -> Vocals:
    kinds, *numbers = _columns(rows, 4)
    parts = [np.asarray(column, np.float64) for column in numbers]
    return Vocals(np.array([KIND_INDEX[kind] for kind in kinds], np.int64), *parts)


def true_opening(phones: Phones, speech: np.ndarray) -> np.ndarray:
    """Mouth opening (T,) of the performance model, T = ceil(N / 640): what the lips should do."""
    frames = -(-len(speech) // SAMPLES_PER_FRAME)
    return mouth_opening(lips_to_actions(*lip_frames(phones, frames, speech)))


def lip_figures(generate: Callable[[np.ndarray], MotionClip], clips: list[Spoken]) -> dict[str, float]:
    """lip_corr (mean over clips), lip_closure_pct (over all p, b, m), lip_lag_ms (median over clips) and their n.

    Args:
        generate: speech (N,) -> motion, for instance `Motion.load().generate`.
    """
    correlations, lags, hits = [], [], []
    for clip in clips:
        opening = mouth_opening(generate(clip.speech).actions)
        truth = true_opening(clip.phones, clip.speech)
        correlations.append(lip_corr(opening, truth))
        lags.append(lip_lag_ms(opening, truth))
        hits.append(closures(opening, clip.phones))
    shut = np.concatenate(hits)
    return {
        "lip_corr": float(np.mean(correlations)),
        "lip_closure_pct": float(100 * shut.mean()),
        "lip_lag_ms": float(np.median(lags)),
        "clips": float(len(clips)),
        "closures": float(len(shut)),
    }
