"""How well lips follow speech. Pure functions of mouth openings (T,) at 25 frames a second; see `mouth_opening`."""

import numpy as np

from faces.performances import CLASS_INDEX, SHUT, Phones
from media.units import FPS

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
