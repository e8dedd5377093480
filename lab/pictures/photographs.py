"""Photographs as the recipes of the faces use them, and pictures of nothing to put behind them."""

import cv2
import numpy as np

from lab.pictures.london import London, background_mask

SOURCE = 384  # pixels a side to which photographs are shrunk


class Photograph:
    """A picture, its mesh and its person mask, shrunk to what the crops need."""

    def __init__(self, picture: np.ndarray, mesh: np.ndarray, mask: np.ndarray) -> None:
        scale = SOURCE / picture.shape[0]
        self.picture = cv2.resize(picture, (SOURCE, SOURCE), interpolation=cv2.INTER_AREA)
        self.mask = cv2.resize(mask, (SOURCE, SOURCE), interpolation=cv2.INTER_AREA)
        self.mesh = mesh.astype(np.float32) * scale
        self.mesh[:, :2] += 0.5 * (scale - 1)


def smooth_noise(rng: np.random.Generator, side: int, cells: int, channels: int = 1) -> np.ndarray:
    """Gaussian noise on a coarse grid, enlarged: (side, side, channels) float32 of unit variance at the nodes."""
    coarse = rng.standard_normal((cells, cells, channels)).astype(np.float32)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return fine.reshape(side, side, channels)


def random_background(rng: np.random.Generator, side: int) -> np.ndarray:
    """A picture of nothing: gradients, blots, bars and grain in random colours. float32 (side, side, 3) in [0, 255]."""
    base = rng.uniform(0, 255, 3).astype(np.float32)
    picture = base + smooth_noise(rng, side, int(rng.integers(2, 5)), 3) * rng.uniform(0, 50)
    for _ in range(int(rng.integers(0, 4))):
        picture = picture + smooth_noise(rng, side, int(rng.integers(4, 48))) * rng.uniform(-40, 40, 3)
    for _ in range(int(rng.integers(0, 7))):
        colour = rng.uniform(0, 255, 3)
        a, b = rng.integers(-20, side + 20, (2, 2)).tolist()
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(picture, a, b, colour, -1)
        elif kind == 1:
            axes = rng.integers(3, side // 2, 2).tolist()
            cv2.ellipse(picture, a, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            cv2.line(picture, a, b, colour, int(rng.integers(1, 14)))
    return np.clip(picture, 0, 255).astype(np.float32)


def photographs(people: list, london: London) -> list[Photograph]:
    """Both pictures of each of `people` with their labels."""
    photos = []
    for person in people:
        for expression in ("neutral", "smile"):
            picture = person.picture(expression)
            photos.append(Photograph(picture, london.mesh[f"{person.id}_{expression}"], background_mask(picture)))
    return photos
