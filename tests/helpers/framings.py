"""Twelve pictures that frame a head as strangers' pictures do, composed of the portraits that ship; and what finds
streaks in a frame."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from sitters import latent, portrait, tracked, tracker

from faces import Track
from generate.refiner import person_in

DEEP = 6  # rows from a border that a streak is at least long
WIDE = 16  # columns of a border that are judged together
WAIST = 480  # row of a portrait from which its body is drawn
TEXTURED = 2.0  # mean step from column to column, of 255, from which a stretch of a border is textured
ALIKE = 0.15  # mean step from row to row, as a share of that from column to column, below which it is a streak


@dataclass(frozen=True)
class Head:
    """One person in a picture."""

    eyes: tuple[int, int]  # pixels: between the eyes
    unit: float  # pixels between the eyes
    roll: float = 0.0  # degrees, clockwise
    who: int = 0  # which portrait


FRAMINGS: dict[str, tuple[tuple[int, int], tuple[Head, ...]]] = {  # width and height; heads
    "left": ((640, 480), (Head((95, 215), 85),)),
    "right": ((640, 480), (Head((545, 215), 85, who=1),)),
    "top": ((640, 480), (Head((320, 105), 85, who=2),)),
    "bottom": ((640, 480), (Head((320, 330), 85),)),
    "upper left": ((640, 480), (Head((95, 105), 85, who=1),)),
    "upper right": ((640, 480), (Head((545, 105), 85, who=2),)),
    "lower left": ((640, 480), (Head((95, 330), 85),)),
    "lower right": ((640, 480), (Head((545, 330), 85, who=1),)),
    "tiny in a landscape": ((1280, 720), (Head((900, 420), 22, who=2),)),
    "larger than the picture": ((300, 300), (Head((150, 120), 112),)),
    "tilted": ((440, 600), (Head((230, 250), 80, roll=30, who=1),)),
    "two people": ((720, 480), (Head((520, 215), 78, who=2), Head((190, 190), 66))),
}


@cache
def framing(name: str) -> np.ndarray:
    """One of the twelve, uint8 RGB; shared, so do not write into it."""
    (width, height), heads = FRAMINGS[name]
    picture = background(width, height, seed=len(name))
    for head in reversed(heads):
        _lay(picture, head)
    picture = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    picture.setflags(write=False)
    return picture


@cache
def found(name: str) -> Track:
    """The largest face of one of the twelve."""
    return tracker().portrait(framing(name))[0]


def background(width: int, height: int, *, seed: int) -> np.ndarray:
    """Something that is textured everywhere and the same in every direction: float32 RGB (H, W, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), rng.uniform(90, 150, 3), np.float32)
    for cells, depth in ((90, 30), (24, 18), (7, 14), (2, 10)):
        size = (width // cells + 2, height // cells + 2)
        noise = rng.normal(0, depth, (size[1], size[0], 1)) + rng.normal(0, depth / 3, (size[1], size[0], 3))
        picture += cv2.resize(noise.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 0, 255)


@cache
def _person(who: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A portrait's person with a body below: float32 RGB (H, W, 3), share (H, W), eyes (2,), unit."""
    appearance, parameters = latent(512, who).appearance, tracked(who).parameters
    factor = parameters.scale / appearance.unit
    left, top = parameters.centre - factor * appearance.rest.centre
    matrix = np.array([[factor, 0, left], [0, factor, top]])
    share = cv2.warpAffine(person_in(appearance), matrix, portrait(who).shape[1::-1])[:WAIST]
    picture, below = portrait(who)[:WAIST].astype(np.float32), 1200
    clothed = share[-1] > 0.5
    body = background(picture.shape[1], below, seed=who + 50)
    body += picture[-12:][:, clothed].mean((0, 1)) - body.mean((0, 1))
    share = np.vstack([share, np.repeat(clothed[None].astype(np.float32), below, 0)])
    return np.vstack([picture, body]), share, parameters.centre, parameters.scale


def _lay(picture: np.ndarray, head: Head) -> None:
    """Lay somebody into a picture, in place."""
    person, share, eyes, unit = _person(head.who)
    factor, angle = head.unit / unit, np.radians(head.roll)
    turn = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.hstack([turn, (np.array(head.eyes) - turn @ eyes)[:, None]])
    size = picture.shape[1::-1]
    if factor < 0.7:
        person = cv2.GaussianBlur(person, (0, 0), 0.45 / factor)
    person = cv2.warpAffine(person, matrix, size, flags=cv2.INTER_CUBIC)
    share = cv2.warpAffine(share, matrix, size)[..., None]
    picture += share * (person - picture)


def streaks(frame: np.ndarray) -> int:
    """In how many places the border of a uint8 RGB frame (H, W, 3) is repeated inwards: stretches of `WIDE` columns
    that differ from each other, over `DEEP` rows that do not."""
    grey = frame.astype(np.float32).mean(-1)
    count = 0
    for edge in (grey, grey[::-1], grey.T, grey.T[::-1]):
        strip = edge[: DEEP + 1, : edge.shape[1] // WIDE * WIDE]
        inwards = _stretches(np.abs(np.diff(strip, axis=0)))
        along = _stretches(np.abs(np.diff(strip, axis=1, append=strip[:, -1:])))
        count += int(((along > TEXTURED) & (inwards < ALIKE * along)).sum())
    return count


def _stretches(steps: np.ndarray) -> np.ndarray:
    """Mean over rows and over each `WIDE` columns."""
    means: np.ndarray = steps.mean(0).reshape(-1, WIDE).mean(1)
    return means
