"""Pictures to train the mark on: drawn from nothing, or photographs from a folder, set in gentle motion."""

from pathlib import Path

import cv2
import numpy as np

from lab.pictures.london import London
from media.pictures import read_picture

STORED_SIDE = 576  # photographs are kept in memory at this size, pixels


def drawn(rng: np.random.Generator, side: int) -> np.ndarray:
    """A picture from nothing: gradient, noise of many scales, shapes, some textured. uint8 RGB (S, S, 3)."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    slope = rng.normal(0, 60, (2, 3))
    picture = rng.uniform(20, 235, 3) + x[..., None] * slope[0] + y[..., None] * slope[1]
    picture = (picture + _clouds(rng, side) * rng.uniform(0, 60)).astype(np.float32)
    textures = [_clouds(rng, side) for _ in range(2)]
    for _ in range(rng.integers(0, 9)):
        canvas = np.zeros((side, side), np.uint8)
        centre = tuple(int(v) for v in rng.integers(0, side, 2))
        axes = tuple(int(v) for v in rng.integers(side // 30, side // 3, 2))
        if rng.random() < 0.6:
            cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        else:
            corner = (centre[0] + axes[0], centre[1] + axes[1])
            cv2.rectangle(canvas, centre, corner, 255, -1)
        soft = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 4)).astype(np.float32)[..., None] / 255
        inside = rng.uniform(0, 255, 3).astype(np.float32) + textures[rng.integers(2)] * np.float32(rng.uniform(0, 50))
        picture += soft * (inside - picture)
    if rng.random() < 0.5:
        picture += rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0, 6))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _clouds(rng: np.random.Generator, side: int) -> np.ndarray:
    """Noise with a power-law spectrum, unit deviation, partly coloured: (S, S, 3)."""
    total = np.zeros((side, side, 3), np.float32)
    roughness = rng.uniform(0.35, 0.9)
    cells, weight = 2, 1.0
    while cells <= side // 2:
        grid = rng.normal(0, 1, (cells, cells, 1)) + 0.4 * rng.normal(0, 1, (cells, cells, 3))
        kernel = cv2.INTER_LINEAR if cells > side // 4 else cv2.INTER_CUBIC
        total += weight * cv2.resize(grid.astype(np.float32), (side, side), interpolation=kernel)
        cells, weight = cells * 2, weight * roughness
    return total / max(1e-6, float(total.std()))


class Photographs:
    """The photographs of a folder (searched deeply), split so that nobody is on both sides.

    The London Set is split by people as everywhere (`lab.pictures.london`): training people, validation people, and
    test people who are never loaded. Other folders are split by name.
    """

    def __init__(self, folder: Path, *, held: bool) -> None:
        if (folder / "people.csv").is_file():
            london = London(folder)
            people = london.validation if held else london.training
            self.pictures = [_stored(p.picture(expression)) for p in people for expression in ("neutral", "smile")]
            return
        names = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
        self.pictures = [_stored(read_picture(p)) for p in names if (sum(p.stem.encode()) % 8 == 0) == held]

    def draw(self, rng: np.random.Generator, side: int) -> np.ndarray:
        """A crop of a photograph, scaled, mirrored, its light and colour changed. uint8 RGB (S, S, 3)."""
        picture = self.pictures[rng.integers(len(self.pictures))]
        height, width = picture.shape[:2]
        size = int(min(height, width) * rng.uniform(0.45, 1.0))
        top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
        crop = picture[top : top + size, left : left + size]
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        crop = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if size >= side else cv2.INTER_CUBIC)
        if rng.random() < 0.6:
            levels = (np.arange(256)[:, None] / 255.0) ** rng.uniform(0.6, 1.6) * 255 * rng.uniform(0.8, 1.15, 3)
            lut = np.clip(levels, 0, 255).astype(np.uint8)
            crop = np.stack([cv2.LUT(crop[..., c], lut[:, c]) for c in range(3)], axis=-1)
        return np.ascontiguousarray(crop)


def _stored(picture: np.ndarray) -> np.ndarray:
    scale = STORED_SIDE / min(picture.shape[:2])
    if scale >= 1.0:
        return picture
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def moving(rng: np.random.Generator, picture: np.ndarray, frames: int) -> list[np.ndarray]:
    """A short clip: still, a slow pan, or something moving in the middle before a still background."""
    kind = rng.random()
    if kind < 0.3 or frames == 1:
        return [picture] * frames
    side = picture.shape[0]
    step = rng.normal(0, side / 200, 2)
    if kind < 0.5:
        shifts = [np.float32([[1, 0, k * step[0]], [0, 1, k * step[1]]]) for k in range(frames)]
        return [cv2.warpAffine(picture, m, (side, side), borderMode=cv2.BORDER_REFLECT) for m in shifts]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    blob = np.exp(-(((x - 0.5 * side) / (0.3 * side)) ** 4) - ((y - 0.5 * side) / (0.35 * side)) ** 4)
    return [
        cv2.remap(picture, x - k * np.float32(step[0]) * blob, y - k * np.float32(step[1]) * blob, cv2.INTER_LINEAR)
        for k in range(frames)
    ]
