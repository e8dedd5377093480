"""Do the lips belong to the sound? Only a clear answer counts: lips that fit the sound well, but at another time.

Sound that fits nowhere says nothing here: it may be music, noise or another speaker (`faces.lipsync`).
"""

from dataclasses import dataclass

import numpy as np

from faces.lipsync import SHORTEST, LipSync
from media.units import SAMPLES_PER_FRAME

QUIET = 0.004  # root mean square under which there is nothing to hear
STILL = 0.004  # deviation of the lips' actions under which they do not speak
NEAR = 2  # frames by which lips and sound may be apart in what nobody touched
FAR = 5  # frames from which they clearly are


@dataclass(frozen=True)
class Hearing:
    """How lips and sound go together."""

    offset: int  # frames by which the lips come late (+) or early (-)
    confidence: float  # how much better they fit there than elsewhere
    score: float  # 0: together, or nothing to be said; towards 1: clearly apart


def hear(judge: LipSync, sound: np.ndarray, actions: np.ndarray) -> Hearing | None:
    """Compare T frames of facial actions (T, 52) with their sound (640 T,), float32; None where nothing can be said."""
    frames = min(len(sound) // SAMPLES_PER_FRAME, len(actions))
    if frames < SHORTEST:
        return None
    heard, shown = sound[: frames * SAMPLES_PER_FRAME], actions[:frames]
    if float(np.sqrt(np.square(heard).mean())) < QUIET or float(shown.std(0).mean()) < STILL:
        return None
    found = judge.score(heard, shown)
    apart = float(np.clip((abs(found.offset) - NEAR) / (FAR - NEAR), 0, 1))
    return Hearing(found.offset, found.confidence, apart * max(0.0, found.confidence))
