"""Clips to mark: people who do not exist, speaking, and test people of the London Set, moved a little. They never leave
this process."""

import cv2
import numpy as np

from benchmarks.suites import Given
from faces import Tracker
from generate import FaceLatent, Motion, Painter, Talker
from lab.pictures.hosts import moving
from lab.pictures.london import London
from media import SAMPLE_RATE, read_picture, read_sound
from media.units import FPS

SECONDS = 4  # of every clip; most rows use the first two
SIDE = 512
Clip = list[np.ndarray]  # frames, uint8 RGB (H, W, 3)


def unmarked_clips(given: Given) -> list[Clip]:
    """Clips of 4 s at 512x512, those of people who do not exist first; a quick run has no others."""
    sound, motion, painter = read_sound(given.speech), Motion.load(), Painter()
    length, clips = SECONDS * SAMPLE_RATE, []
    for number, path in enumerate(given.portraits):
        picture = read_picture(path)
        track, _ = Tracker().portrait(picture)
        talker = Talker(FaceLatent.encode(picture, track, size=SIDE), painter)
        for seed in range(1 if given.quick else 3):
            start = ((3 * number + seed) * SAMPLE_RATE) % max(1, len(sound) - length)
            piece = np.resize(sound[start : start + length], length)
            clips.append(list(talker.frames([motion.generate(piece, seed=100 + 10 * number + seed)])))
    if given.london and not given.quick:
        clips += [
            moving(np.random.default_rng(int(person.id)), _square(person.picture("neutral")), SECONDS * FPS)
            for person in London(given.london).test
        ]
    return clips


def _square(picture: np.ndarray) -> np.ndarray:
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    return cv2.resize(picture[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
