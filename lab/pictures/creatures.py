"""Drawn animals: heads with eyes, ears, muzzle and fur that are nobody's face, for a tracker to refuse."""

import cv2
import numpy as np

from lab.pictures.photographs import random_background, smooth_noise


def _fur(rng: np.random.Generator, side: int, colour: np.ndarray) -> np.ndarray:
    """Fur (side, side, 3) in [0, 255]: streaks that run outwards, patches or stripes."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    grain = rng.standard_normal((256, 32)).astype(np.float32)
    at = ((angle / np.pi * 0.5 + 0.5) * 255).astype(np.float32), (radius * 14 % 31).astype(np.float32)
    streaks = cv2.remap(grain, at[1], at[0], cv2.INTER_LINEAR)
    patches = smooth_noise(rng, side, int(rng.integers(3, 8)))[..., 0]
    if rng.random() < 0.4:
        patches = np.sin(x * rng.uniform(3, 14) + y * rng.uniform(3, 14) + 2 * patches)
    other = np.clip(colour * rng.uniform(0.2, 1.8, 3), 5, 250)
    mix = np.clip(0.5 + patches * rng.uniform(0, 1.5), 0, 1)[..., None] * (rng.random() < 0.6)
    return (colour * (1 - mix) + other * mix) * (1 + rng.uniform(0.03, 0.25) * streaks[..., None])


def random_creature(rng: np.random.Generator, side: int) -> np.ndarray:
    """A picture of an animal's head, uint8 (side, side, 3); the head fills about half of it."""
    picture = random_background(rng, side)
    unit, middle = side * rng.uniform(0.22, 0.3), np.array([side, side]) * rng.uniform(0.45, 0.55, 2)
    fur = _fur(rng, side, rng.uniform(20, 245) * rng.uniform(0.6, 1.0, 3))
    head = np.zeros((side, side), np.uint8)
    width, height = rng.uniform(0.8, 1.15), rng.uniform(0.75, 1.15)

    def at(x: float, y: float) -> tuple[int, int]:
        return int(middle[0] + x * unit), int(middle[1] + y * unit)

    def size(*lengths: float) -> tuple[int, ...]:
        return tuple(max(1, int(length * unit)) for length in lengths)

    cv2.ellipse(head, at(0, 0), size(width, height), 0, 0, 360, 255, -1)
    tall, lean = rng.uniform(0.5, 1.3), rng.uniform(-0.3, 0.5)
    for way in (-1, 1):
        if rng.random() < 0.9 and tall > 0.75:
            ear = [
                at(way * width * 0.95, -0.3),
                at(way * (width * 0.75 + lean), -height - tall * 0.5),
                at(way * 0.25, -0.8),
            ]
            cv2.fillPoly(head, [np.array(ear)], 255, cv2.LINE_AA)
        else:
            cv2.ellipse(head, at(way * width * 0.85, -0.55), size(0.4, tall * 0.6), way * 30, 0, 360, 255, -1)
    mask = cv2.GaussianBlur(head, (0, 0), rng.uniform(0.5, 3))[..., None] / 255.0
    picture = np.ascontiguousarray(mask * fur + (1 - mask) * picture, np.float32)
    gap, level, eye = rng.uniform(0.35, 0.6), rng.uniform(-0.4, 0.05), rng.uniform(0.1, 0.26)
    iris = rng.uniform((60, 60, 0), (255, 230, 130)) if rng.random() < 0.7 else rng.uniform(0, 60, 3)
    for way in (-1, 1):
        where = at(way * gap, level)
        cv2.ellipse(picture, where, size(eye * 1.15, eye * 1.1), 0, 0, 360, rng.uniform(0, 50, 3), -1, cv2.LINE_AA)
        cv2.ellipse(picture, where, size(eye, eye * rng.uniform(0.6, 1)), way * 15, 0, 360, iris, -1, cv2.LINE_AA)
        narrow = rng.uniform(0.12, 0.9)
        cv2.ellipse(picture, where, size(eye * narrow * 0.8, eye * 0.85), 0, 0, 360, (6, 6, 6), -1, cv2.LINE_AA)
        cv2.circle(picture, at(way * gap - 0.05, level - 0.06), max(1, int(0.04 * unit)), (250, 250, 250), -1)
    light = np.clip(fur.mean((0, 1)) * rng.uniform(0.9, 1.6), 0, 255)
    muzzle = rng.uniform(0.25, 0.7)
    if rng.random() < 0.7:
        cv2.ellipse(picture, at(0, 0.4), size(muzzle, muzzle * 0.8), 0, 0, 360, light, -1, cv2.LINE_AA)
    nose = rng.uniform(10, 90, 3) if rng.random() < 0.6 else rng.uniform((150, 90, 90), (230, 160, 160))
    low = rng.uniform(0.15, 0.45)
    if rng.random() < 0.5:
        cv2.fillPoly(picture, [np.array([at(-0.15, low), at(0.15, low), at(0, low + 0.18)])], nose, cv2.LINE_AA)
    else:
        cv2.ellipse(picture, at(0, low), size(0.2, 0.13), 0, 0, 360, nose, -1, cv2.LINE_AA)
    thick = max(1, int(0.03 * unit))
    cv2.line(picture, at(0, low + 0.15), at(0, low + 0.32), (20, 15, 15), thick)
    for way in (-1, 1):
        cv2.ellipse(picture, at(way * 0.16, low + 0.3), size(0.16, 0.1), 0, 0, 180, (20, 15, 15), thick, cv2.LINE_AA)
        for row in range(int(rng.integers(0, 4))):
            end = at(way * rng.uniform(0.9, 1.4), low + 0.1 * row + rng.uniform(-0.1, 0.2))
            cv2.line(picture, at(way * 0.3, low + 0.08 * row), end, (225, 225, 225), 1, cv2.LINE_AA)
    return np.clip(picture, 0, 255).astype(np.uint8)
