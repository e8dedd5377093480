"""What the picture mark is trained on: short clips, each with a layout of chips and bits of its own."""

from dataclasses import dataclass

import numpy as np

from lab.pictures import hosts
from provenance.marks.chips import Chips
from provenance.marks.code import PICTURE

SIDES, SHARES = (192, 256, 384, 512), (0.25, 0.35, 0.25, 0.15)  # sizes of the clips, pixels, and how often each
CLIP = 3  # frames


@dataclass(frozen=True)
class Sample:
    """One clip to be marked, before marking."""

    clip: list[np.ndarray]  # uint8 RGB (S, S, 3) each
    chips: Chips
    coded: np.ndarray  # float32 (288,) of -1 and +1
    seed: int  # of the journey


@dataclass(frozen=True)
class Batches:
    """Step -> clips to train on, by the seed and the step alone."""

    seed: int
    samples: int
    photographs: hosts.Photographs | None

    def __call__(self, step: int) -> list[Sample]:
        rng = np.random.default_rng((self.seed, step))
        return [draw_sample(rng, self.photographs) for _ in range(self.samples)]


def draw_sample(rng: np.random.Generator, photographs: hosts.Photographs | None, side: int | None = None) -> Sample:
    """A clip of a photograph, or of a drawn picture; of `side` pixels, or of a size drawn from `SIDES`."""
    side = side or int(rng.choice(SIDES, p=SHARES))
    photograph = photographs is not None and photographs.pictures and rng.random() < 0.65
    picture = photographs.draw(rng, side) if photograph else hosts.drawn(rng, side)
    coded = rng.choice(np.array([-1.0, 1.0], np.float32), PICTURE.coded_bits)
    chips = Chips.random(rng, PICTURE.coded_bits)
    return Sample(hosts.moving(rng, picture, CLIP), chips, coded, int(rng.integers(1 << 62)))
