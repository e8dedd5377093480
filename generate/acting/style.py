"""How somebody speaks, apart from what they say: a handful of numbers that stay the same through a performance."""

import math
from dataclasses import dataclass

import numpy as np

TRAITS = ("sway", "nod", "brows", "blinks", "glances", "articulation", "smile", "slant")
_LIMIT = 2.0  # deviations: nobody is stranger than this
_SPREAD = {"sway": 0.30, "nod": 0.35, "brows": 0.40, "blinks": 0.25, "glances": 0.25, "articulation": 0.10}
_SMILE = 0.05  # mouthSmile of a resting smile, a deviation
_SLANT = 0.06  # share by which one side of the face moves more than the other, a deviation


@dataclass(frozen=True)
class Style:
    """A way of speaking: `traits` (8,) in the order of `TRAITS`, each in standard deviations from the usual."""

    traits: tuple[float, ...] = (0.0,) * len(TRAITS)

    @classmethod
    def draw(cls, seed: int) -> "Style":
        """The style with this seed."""
        numbers = np.random.default_rng([seed, 0x57E]).normal(0, 1, len(TRAITS))
        return cls(tuple(float(n) for n in np.clip(numbers, -_LIMIT, _LIMIT)))

    def times(self, trait: str) -> float:
        """By how much more (above 1) or less than usual: of sway, nod, brows, blinks, glances, articulation."""
        return math.exp(_SPREAD[trait] * self.traits[TRAITS.index(trait)])

    @property
    def smile(self) -> float:
        """mouthSmile that the face rests in."""
        return max(0.0, _SMILE * self.traits[TRAITS.index("smile")])

    @property
    def slant(self) -> float:
        """Share by which the left side of the face moves more than the right."""
        return _SLANT * self.traits[TRAITS.index("slant")]

    def vector(self) -> np.ndarray:
        """(8,) float32."""
        return np.array(self.traits, np.float32)
