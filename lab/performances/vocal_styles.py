"""Ways to use a voice besides plain speech, each made out of speech whose phones are known."""

from collections.abc import Callable, Mapping

import numpy as np

from lab.performances.breathing import breathed, shouted, whispered
from lab.performances.laughter import laughed
from lab.performances.singing import sung
from lab.performances.synthesisers import Utterance
from media.errors import UsageError

SPEECH = "speech"
CHANGES: dict[str, Callable[[Utterance, np.random.Generator], Utterance | None]] = {
    "song": sung,
    "laughter": laughed,
    "breath": breathed,
    "whisper": whispered,
    "shout": shouted,
}
MANNERS: tuple[str, ...] = (SPEECH, *CHANGES)
SHARES: dict[str, float] = {"song": 0.12, "laughter": 0.06, "breath": 0.12, "whisper": 0.04, "shout": 0.04}
"""Of the synthesised clips of a set; the rest is speech."""
BREATHING = {"song": 0.5, "shout": 0.5, "whisper": 0.4, "laughter": 0.0}  # share in which breaths are heard as well


def check_shares(shares: Mapping[str, float]) -> None:
    """Raises:
    UsageError: a manner is not known, a share lies outside [0, 1], or they add up to more than 1.
    """
    for name, share in shares.items():
        if name not in MANNERS:
            raise UsageError(f"manner '{name}': not known; choose of {', '.join(MANNERS)}")
        if not 0 <= share <= 1:
            raise UsageError(f"manner '{name}:{share:g}': the share must lie between 0 and 1")
    if sum(shares.values()) > 1 + 1e-6:
        raise UsageError(f"manners {dict(shares)}: the shares add up to more than 1")


def draw_manner(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    """One of `MANNERS`; what the shares leave over is speech."""
    told = {name: shares.get(name, 0.0) for name in CHANGES}
    chances = np.array([max(0.0, 1 - sum(told.values())), *told.values()])
    return MANNERS[rng.choice(len(MANNERS), p=chances / chances.sum())]


def changed(said: Utterance, manner: str, rng: np.random.Generator) -> Utterance | None:
    """`said` in another of `MANNERS`; None where this utterance cannot be.

    Raises:
        MissingExtraError: the vocoder is not installed.
    """
    if manner == SPEECH:
        return said
    result = CHANGES[manner](said, rng)
    if result is not None and rng.random() < BREATHING.get(manner, 0.0):
        result = breathed(result, rng)
    return result
