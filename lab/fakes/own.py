"""What our own generator makes of a picture: the same face in a moment of somebody's performance. In memory alone.

    change = talked(rng)           one draw: a moment, painted, or carried along by geometry with less paint or none
    made = change(picture, mesh)

These pictures teach the detector and are never saved: what is saved goes through a permit, marks and credentials.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from faces import Tracker
from generate import FaceLatent, Painter, Talker
from generate.acting import EMOTIONS, Controls, MotionClip, Style
from generate.acting.visemes import CLASSES
from lab.fakes.masks import LIPS, blended, hull_mask
from lab.performances import perform
from lab.performances.phones import Phones
from media.units import SAMPLE_RATE

PHONES, LENGTH = 12, (0.05, 0.14)  # of a performance, and seconds of each
LOUD = 0.1  # of the voice that moves head and brows
GEOMETRY = 0.25  # share of the draws that are painted with less than full strength
MOUTH = 0.3  # share of the draws of which only the mouth is kept


def talked(rng: np.random.Generator) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """One draw: uint8 RGB (H, W, 3) and its mesh points (478, 2) in pixels -> the same size, made. A picture in which
    the tracker finds nobody comes back as it is."""
    mouth, grow, soft = rng.random() < MOUTH, float(rng.uniform(1, 1.35)), float(rng.uniform(0.01, 0.03))
    moment = _moment(rng, still=mouth)
    paint = float(rng.uniform(0, 1)) if rng.random() < GEOMETRY else 1.0

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        tracks = _tracker().track(picture)
        if not tracks:
            return picture
        high, wide = picture.shape[:2]
        below, right = max(0, wide - high), max(0, high - wide)  # a latent shows a square
        whole = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT_101)
        latent = FaceLatent.from_parameters(whole, tracks[0].parameters)
        made = _drawn(latent, moment, paint)[:high, :wide]
        if not mouth:
            return made
        return blended(picture, made, hull_mask(picture.shape, mesh[list(LIPS)], grow, soft * picture.shape[0]))

    return change


def _drawn(latent: FaceLatent, moment: MotionClip, paint: float) -> np.ndarray:
    plain = None if paint == 1 else next(Talker(latent, None).frames([moment]))
    if paint == 0 and plain is not None:
        return plain
    painted = next(Talker(latent, _painter()).frames([moment]))
    return painted if plain is None else cv2.addWeighted(painted, paint, plain, 1 - paint, 0)


def _moment(rng: np.random.Generator, *, still: bool) -> MotionClip:
    """One frame of a performance of sounds that mean nothing; `still`: the head stays where it is."""
    ends = np.cumsum(rng.uniform(*LENGTH, PHONES))
    names = [str(name) for name in rng.choice(CLASSES, PHONES)]
    phones = Phones.from_names(names, [0.0, *ends[:-1]], list(ends))
    voice = (LOUD * rng.standard_normal(int(ends[-1] * SAMPLE_RATE))).astype(np.float32)
    gaze = rng.normal(0, (0.12, 0.06)).clip(-0.3, 0.3)
    asked = Controls(
        gaze=(float(gaze[0]), float(gaze[1])), emotion={str(rng.choice(EMOTIONS)): float(rng.uniform(0, 0.7))}
    )
    seed = int(rng.integers(2**31))
    clip = perform(phones, voice, seed=seed, style=Style.draw(seed), controls=asked)
    at = int(rng.integers(len(clip)))
    held = np.zeros((1, 3), np.float32)
    turned, moved = (held, held) if still else (clip.rotation[at : at + 1], clip.translation[at : at + 1])
    return MotionClip(clip.actions[at : at + 1], turned, moved, clip.gaze[at : at + 1])


@cache
def _tracker() -> Tracker:
    return Tracker(threads=1)


@cache
def _painter() -> Painter:
    return Painter(threads=1)
