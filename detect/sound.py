"""Are lips and sound together? It is told and decides nothing: what was copied from file to file is often a few frames
off, and sound that fits nowhere may be music, noise or another speaker (`faces.lipsync`)."""

from dataclasses import dataclass

import numpy as np

from faces.lipsync import SHORTEST, LipSync
from media.units import SAMPLES_PER_FRAME

QUIET = 0.004  # root mean square under which there is nothing to hear
STILL = 0.004  # deviation of the lips' actions under which they do not speak


@dataclass(frozen=True)
class Hearing:
    """How lips and sound go together."""

    offset: int  # frames by which the lips come late (+) or early (-)
    confidence: float  # how much better they fit there than elsewhere


def hear(judge: LipSync, sound: np.ndarray, actions: np.ndarray) -> Hearing | None:
    """Compare T frames of facial actions (T, 52) with their sound (640 T,), float32; None where nothing can be said."""
    frames = min(len(sound) // SAMPLES_PER_FRAME, len(actions))
    if frames < SHORTEST:
        return None
    heard, shown = sound[: frames * SAMPLES_PER_FRAME], actions[:frames]
    if float(np.sqrt(np.square(heard).mean())) < QUIET or float(shown.std(0).mean()) < STILL:
        return None
    found = judge.score(heard, shown)
    return Hearing(found.offset, found.confidence)
