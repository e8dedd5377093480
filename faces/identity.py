"""Knowing a person again, and getting to know the shape of their head, while a video runs."""

from dataclasses import dataclass, field, replace

import numpy as np

from faces.fit import FaceParameters, fit_person
from faces.landmarks import Reading
from faces.likeness import likeness, unlike

LOOKS = 5  # the best looks at a person, from which the shape of the head is fitted
LEARNING = (1, 4, 10, 25)  # frames seen after which the shape is fitted anew; then it is kept
ITERATIONS = 4  # of each of these fits, which start from what is known
BLEND = 6  # frames over which a new shape replaces the old one
FACETS = 6  # likenesses of a person that are remembered: turned, laughing, in another light
NEW_FACET = 0.65  # unlikeness to all that are remembered from which a look becomes one more
STRANGE_FACET = 1.6  # unlikeness at which it may be somebody else who came before this face
HABIT = 0.15  # share of a new look in the likeness that it is nearest to
PERIOD = 5  # frames between two looks that are taken in, after the first second


@dataclass(frozen=True)
class Look:
    """One look at a person."""

    quality: float  # 0 to 1
    reading: Reading
    parameters: FaceParameters  # what was fitted to it then


@dataclass
class Acquaintance:
    """A person of a video: looks, and the shape of the head as far as it is known."""

    number: int  # counted from 1
    looks: list[Look] = field(default_factory=list)  # the best, best first
    facets: list[np.ndarray] = field(default_factory=list)  # likenesses
    seen: int = 0  # frames
    shape: tuple[np.ndarray, np.ndarray] | None = None  # identity (K,), detail (V, 3)
    old: tuple[np.ndarray, np.ndarray] | None = None  # what `shape` replaces
    blended: int = BLEND  # frames since it began to

    def meet(self, picture: np.ndarray, reading: Reading, parameters: FaceParameters, quality: float) -> None:
        """Take in a look: a uint8 RGB picture, what was read of the face in it, the head that was fitted to that."""
        self.seen += 1
        self.blended += 1
        if not self.facets or (quality > 0.3 and (self.seen <= LEARNING[-1] or self.seen % PERIOD == 0)):
            self._remember(likeness(picture, reading.points))
        if self.seen <= LEARNING[-1]:
            looks = [*self.looks, Look(quality, reading, parameters)]
            self.looks = sorted(looks, key=lambda look: -look.quality)[:LOOKS]
        if self.seen in LEARNING:
            self.learn()

    def _remember(self, here: np.ndarray) -> None:
        away = [unlike(here, facet) for facet in self.facets]
        if not away or NEW_FACET < min(away) < STRANGE_FACET:
            self.facets = [*self.facets, here][-FACETS:]
        elif min(away) <= NEW_FACET:
            nearest = int(np.argmin(away))
            self.facets[nearest] = self.facets[nearest] + HABIT * (here - self.facets[nearest])

    def unlike(self, here: np.ndarray) -> float:
        """Distance of a likeness from what is remembered of this person; mostly below 1 where it is theirs."""
        return min((unlike(here, facet) for facet in self.facets), default=np.inf)

    def learn(self) -> None:
        """Fit the shape of the head to the best looks."""
        readings = [look.reading for look in self.looks]
        fits = fit_person(
            [r.points for r in readings],
            [r.sigma for r in readings],
            closeups=[r.closeup for r in readings],
            start=[look.parameters for look in self.looks],
            iterations=ITERATIONS,
        )
        self.old, self.blended = self.known_shape(), 0 if self.shape is not None else BLEND
        self.shape = fits[0].parameters.identity, fits[0].parameters.detail

    def known_shape(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Identity and detail to fit with now."""
        if self.shape is None or self.old is None or self.blended >= BLEND:
            return self.shape
        part = self.blended / BLEND
        return tuple(a + part * (b - a) for a, b in zip(self.old, self.shape, strict=True))

    def worn(self, parameters: FaceParameters) -> FaceParameters:
        """The same pose and actions on this person's head."""
        shape = self.known_shape()
        return parameters if shape is None else replace(parameters, identity=shape[0], detail=shape[1])
