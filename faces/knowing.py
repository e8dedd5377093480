"""Knowing a person again, and getting to know the shape of their head, while a video runs."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from faces.fit import FaceParameters, fit_person
from faces.landmarks import Reading, crop_matrix, warp_crop

SIDE = 24  # pixels a side of the crop that an appearance is taken from
GRID = 8  # cells a side of an appearance
LOOKS = 5  # the best looks at a person, from which the shape of the head is fitted
LEARNING = (1, 4, 10, 25)  # frames seen after which the shape is fitted anew; then it is kept
ITERATIONS = 4  # of each of these fits, which start from what is known
BLEND = 6  # frames over which a new shape replaces the old one
HABIT = 0.1  # share of a new look in what a person is remembered to look like


_AT = (np.mgrid[:GRID, :GRID] + 0.5) / GRID - 0.5
_OVAL = (_AT[0] / 0.46) ** 2 + (_AT[1] / 0.36) ** 2 < 1


def appearance(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """What a face looks like in few numbers, (N * 3,) float32: an upright crop in Lab, its lightness freed from
    brightness and contrast, the N cells of it that lie on the face."""
    crop = warp_crop(picture, crop_matrix(points, SIDE, 1.15), SIDE)
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    cells = cv2.resize(lab, (GRID, GRID), interpolation=cv2.INTER_AREA)[_OVAL]
    light = cells[:, 0] - cells[:, 0].mean()
    cells[:, 0] = light / max(float(light.std()), 1.0)
    cells[:, 1:] /= 12.0
    return cells.ravel()


def unlike(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two appearances: 0.06 to 0.2 between two expressions of one person in one light, 0.2 to 0.33 in
    another light, 0.24 to 0.8 between two people (30 volunteers who are trained on)."""
    return float(np.sqrt(np.square(a - b).mean()))


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
    remembered: np.ndarray | None = None  # appearance
    seen: int = 0  # frames
    shape: tuple[np.ndarray, np.ndarray] | None = None  # identity (K,), detail (V, 3)
    old: tuple[np.ndarray, np.ndarray] | None = None  # what `shape` replaces
    blended: int = BLEND  # frames since it began to

    def meet(self, picture: np.ndarray, reading: Reading, parameters: FaceParameters, quality: float) -> None:
        """Take in a look: a uint8 RGB picture, what was read of the face in it, the head that was fitted to that."""
        self.seen += 1
        self.blended += 1
        if quality > 0.3 or self.remembered is None:
            here = appearance(picture, reading.points)
            self.remembered = here if self.remembered is None else self.remembered + HABIT * (here - self.remembered)
        if self.seen <= LEARNING[-1]:
            looks = [*self.looks, Look(quality, reading, parameters)]
            self.looks = sorted(looks, key=lambda look: -look.quality)[:LOOKS]
        if self.seen in LEARNING:
            self.learn()

    def learn(self) -> None:
        """Fit the shape of the head to the best looks."""
        readings = [look.reading for look in self.looks]
        fits = fit_person(
            [r.points for r in readings],
            [r.sigma for r in readings],
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
