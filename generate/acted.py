"""A stream whose face is also moved by hand: brows, a wink, a smile, lips held as for a vowel."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.moments import Moved
from generate.stream import BEAT, Stream
from media.errors import UsageError

_SIDES = ("Left", "Right")
EXPRESSIONS: dict[str, dict[str, float]] = {
    "brows": {"browInnerUp": 0.8, "browOuterUp": 0.7, "eyeWide": 0.2},
    "frown": {"browDown": 0.8, "eyeSquint": 0.2},
    "wink_left": {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.4},
    "wink_right": {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.4},
    "smile": {"mouthSmile": 0.7, "cheekSquint": 0.4, "mouthDimple": 0.1},
    "AAA": {"jawOpen": 0.6, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15},
    "EEE": {"jawOpen": 0.12, "mouthStretch": 0.5, "mouthSmile": 0.3, "mouthLowerDown": 0.4, "mouthUpperUp": 0.25},
    "WOO": {"jawOpen": 0.1, "mouthPucker": 0.8, "mouthFunnel": 0.45},
}
"""Name -> facial actions at amount 1; a name without its side means both. Sides are the face's own."""
EASE = 0.07  # seconds in which a hand's pull is two thirds there
_SHARE = 1 - np.exp(-BEAT / EASE)


def expression(amounts: Mapping[str, float]) -> np.ndarray:
    """Facial actions (52,) float32 of amounts in [0, 1] of `EXPRESSIONS`; where several move the same, the strongest.

    Raises:
        UsageError: a name is not known, or an amount out of range.
    """
    pulled = np.zeros(len(FACIAL_ACTIONS), np.float32)
    for name, amount in amounts.items():
        if name not in EXPRESSIONS or not 0 <= amount <= 1:
            raise UsageError(f"expression {name!r}: {amount:g}: choose from {', '.join(EXPRESSIONS)}, 0 to 1")
        for action, most in EXPRESSIONS[name].items():
            for full in (action, *(action + side for side in _SIDES)):
                if full in ACTION_INDEX:
                    at = ACTION_INDEX[full]
                    pulled[at] = max(pulled[at], most * amount)
    return pulled


class Acted(Stream):
    """A `Stream` with hands on its face. `act` may be called from any thread."""

    def __init__(self, *given: Any, **chosen: Any) -> None:
        super().__init__(*given, **chosen)
        self._pull = self._held_at = np.zeros(len(FACIAL_ACTIONS), np.float32)
        self._taken, self._marks = 0, deque[int]()
        self.passed: dict[int, int] = {}  # frame -> samples pushed that have been spoken or dropped by its end

    def act(self, amounts: Mapping[str, float]) -> None:
        """Hold the face so from the next frame on; it goes there smoothly. Raises `UsageError` as `expression`."""
        self._pull = expression(amounts)

    def _feed(self, sound: np.ndarray, filled: bool, part: int = 0) -> None:
        super()._feed(sound, filled, part)
        self._taken += part if filled else len(sound)
        self._marks.append(self._taken + self.counts.skipped + self.counts.dropped)

    def _move(self) -> Moved | None:
        moved = super()._move()
        if moved is None:
            return None
        if self._marks:
            self.passed[moved.number] = self._marks.popleft()
        self._held_at = self._held_at + np.float32(_SHARE) * (self._pull - self._held_at)
        actions, *rest = moved.row
        return replace(moved, row=(np.maximum(actions, self._held_at), *rest))
