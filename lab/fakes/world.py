"""What becomes of a clip before anybody looks at it: phones, editors, networks and screens, in chains of stages.

    world = World.draw(rng)            one to four stages, none in one clip of eight
    frames = world(frames)             what depends on it alone: the same draw does the same
    world.names                        ("graded", "coded h264", "resized")

Reals and fakes draw from the same chains, so that quality says nothing of what was made. Codecs are real encoders
(FFmpeg's, through PyAV), not imitations of them. Stages that move a face within the picture (`whole`) are for clips;
crops of faces take the others.
"""

from dataclasses import dataclass

import numpy as np

from lab.fakes.stages import KINDS, Frames, Values

LENGTHS = (0.12, 0.25, 0.3, 0.2, 0.13)  # shares of chains of 0, 1 ... 4 stages


@dataclass(frozen=True)
class Stage:
    """One draw of a kind."""

    kind: str
    seed: int
    values: Values

    def __call__(self, frames: Frames) -> Frames:
        return KINDS[self.kind].change(frames, self.values, np.random.default_rng(self.seed))

    @property
    def name(self) -> str:
        """ "coded h264"."""
        return f"{self.kind} {self.values['codec']}" if "codec" in self.values else self.kind


@dataclass(frozen=True)
class World:
    """A chain of stages."""

    stages: tuple[Stage, ...] = ()

    @classmethod
    def draw(cls, rng: np.random.Generator, *, whole: bool = False, most: int = 4) -> "World":
        """Any chain, of `most` stages at most; with `whole` also of stages that move faces within the picture."""
        kinds = [name for name, kind in KINDS.items() if whole or not kind.whole]
        share = np.array([KINDS[name].share for name in kinds])
        count = min(most, int(rng.choice(len(LENGTHS), p=LENGTHS)))
        chosen = [str(name) for name in rng.choice(kinds, count, p=share / share.sum())]
        return cls(tuple(Stage(name, int(rng.integers(2**31)), KINDS[name].draw(rng)) for name in chosen))

    def __call__(self, frames: Frames) -> Frames:
        """As many frames of the same size."""
        for stage in self.stages:
            frames = stage(frames)
        return frames

    @property
    def names(self) -> tuple[str, ...]:
        """Of the stages, in order."""
        return tuple(stage.name for stage in self.stages)
