"""What a person wears and holds."""

from dataclasses import dataclass

import numpy as np

from lab.people.glasses import Glasses, random_glasses
from lab.people.headwear import Headwear, random_headwear
from lab.people.held import Held, random_held
from lab.people.solids import Solid, Torso, random_torso


@dataclass(frozen=True)
class Outfit:
    torso: Torso
    glasses: Glasses | None
    headwear: Headwear | None
    held: Held | None

    def solids(self, mesh: np.ndarray, head: np.ndarray) -> list[Solid]:
        """Everything solid, for mesh points (468, 3) and vertices (V, 3) of the resting head."""
        worn = [self.torso.solid()]
        if self.glasses is not None:
            worn.append(self.glasses.frame(mesh))
        if self.headwear is not None:
            worn += self.headwear.solids(head)
        if self.held is not None:
            worn += self.held.solids(mesh, head)
        return worn


def random_outfit(rng: np.random.Generator, tone: np.ndarray, *, calm: bool = False) -> Outfit:
    """Clothes for a person whose skin has the colour `tone` (3,); with `calm` nothing that hides the face."""
    torso = random_torso(rng)
    glasses = random_glasses(rng) if rng.random() < 0.22 else None
    headwear = random_headwear(rng) if rng.random() < 0.15 else None
    held = random_held(rng, tone) if rng.random() < 0.12 else None
    return Outfit(torso, None, None, None) if calm else Outfit(torso, glasses, headwear, held)
