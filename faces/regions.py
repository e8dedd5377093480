"""What each pixel around a face shows: skin, hair, beard, glasses, hat, clothes, background.

A network of the landmark network's first stages and a small decoder (after Ronneberger et al. 2015, "U-Net", with sums
in the place of concatenation) reads it from a wide crop; a guided filter (He et al. 2010, eq. 5 and 6) carries its
edges to those of the picture. For portraits: it does not run in videos.
"""

from enum import IntEnum
from pathlib import Path

import cv2
import numpy as np

from faces.landmarks import brightened, crop_matrix, warp_crop
from media.networks import Network

SIDE = 192  # pixels a side of the crop; the network answers at half of it
SCALE = 2.3  # side of the crop over the longer side of the box of the mesh points
LEAST = 2.0  # pixels of the longer side of a face
EDGE = 0.012  # of the size of a face: radius of the guided filter
SMOOTHEST = 4e-4  # variance of colour, of 1, below which the guided filter sees no edge
WEIGHTS = Path(__file__).parent / "data" / "regions.onnx"


class Kind(IntEnum):
    """What a pixel shows."""

    BACKGROUND = 0
    SKIN = 1
    FEATURES = 2  # eyes, brows, lips, the inside of the mouth
    HAIR = 3
    BEARD = 4
    GLASSES = 5
    HAT = 6
    CLOTHES = 7
    OCCLUDER = 8


class RegionReader:
    """Tells what surrounds a face; weights are loaded once. Arguments as of `LandmarkReader`."""

    def __init__(self, weights: Path | str = WEIGHTS, *, engine: str | None = None, threads: int = 0) -> None:
        self.network = Network.load(weights, "regions", engine=engine, threads=threads)

    def _run(self, crop: np.ndarray) -> np.ndarray:
        """uint8 RGB (192, 192, 3) -> logits of `Kind` (9, 96, 96)."""
        logits: np.ndarray = self.network(crop[None])[0][0]
        return logits

    def person(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """How likely each pixel of a uint8 RGB picture (H, W, 3) shows a person, whatever they wear: (H, W) float32 in
        [0, 1]. It takes a tenth of the time of `read`."""
        matrix = crop_matrix(landmarks[:468], SIDE, SCALE)
        logits = self._run(brightened(warp_crop(picture, matrix, SIDE)))
        shares = np.exp(logits - logits.max(0))
        behind = cv2.resize(shares[Kind.BACKGROUND] / shares.sum(0), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        height, width = picture.shape[:2]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        placed = cv2.warpAffine(1 - behind, matrix, (width, height), flags=flags)
        placed = guided(picture, placed[..., None], max(2, round(EDGE * _size(landmarks))))[..., 0]
        return np.clip(placed, 0, 1)

    def read(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """How likely each pixel of a uint8 RGB picture (H, W, 3) shows each `Kind`: (H, W, 9) float32 that sum to 1.

        `landmarks` (478, 2), pixels, are of the face around which is looked; what is further from it than half of
        `SCALE` of its size is called background.
        """
        size = _size(landmarks)
        if not size > LEAST:  # nothing that a crop could be laid around
            return np.eye(1, len(Kind), Kind.BACKGROUND, dtype=np.float32) * np.ones(
                (*picture.shape[:2], 1), np.float32
            )
        matrix = crop_matrix(landmarks[:468], SIDE, SCALE)
        logits = self._run(brightened(warp_crop(picture, matrix, SIDE)))
        shares = np.exp(logits - logits.max(0))
        shares = np.ascontiguousarray((shares / shares.sum(0)).transpose(1, 2, 0), np.float32)
        shares = cv2.resize(shares, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        height, width = picture.shape[:2]
        placed = cv2.warpAffine(
            shares,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        placed[..., Kind.BACKGROUND] += 1 - placed.sum(-1)
        radius = int(np.clip(round(EDGE * size), 2, max(picture.shape)))
        placed = np.clip(guided(picture, placed, radius), 1e-6, 1)
        likely: np.ndarray = placed / placed.sum(-1, keepdims=True)
        return likely


def _size(landmarks: np.ndarray) -> float:
    return float(np.ptp(landmarks[:468], axis=0).max())


def guided(picture: np.ndarray, masks: np.ndarray, radius: int) -> np.ndarray:
    """Masks (H, W, C) whose edges follow those of the lightness of a uint8 RGB picture (H, W, 3): of each window of
    `radius` pixels a linear map of the lightness."""
    guide = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None] / 255
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, window).reshape(*values.shape[:2], -1)

    middle, level = mean(guide), mean(masks)
    slope = (mean(guide * masks) - middle * level) / (mean(guide * guide) - middle * middle + SMOOTHEST)
    filtered: np.ndarray = mean(slope) * guide + mean(level - slope * middle)
    return filtered
