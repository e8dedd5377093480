"""Self-blended pictures: a face, altered a little and blended into itself, has what face forgeries have in common.

After Shiohara and Yamasaki 2022, "Detecting deepfakes with self-blended images" (arXiv 2204.08376, section 3.1): a
source and a target are made of one picture by changes of colour and frequency; the source is resized and moved a
little; a mask of the face, deformed and blurred, blends them. A detector that learns these knows no generator.
"""

from dataclasses import dataclass

import cv2
import numpy as np

PARTS = {  # mesh points whose hull may be blended; "face" takes all
    "face": None,
    "mouth": (61, 291, 17, 0, 200, 205, 425, 164),
    "eyes": (70, 300, 33, 263, 110, 339, 9, 195),
    "inner": (70, 300, 33, 263, 205, 425, 17, 61, 291, 8, 200),
}


@dataclass(frozen=True)
class SelfBlend:
    """One draw of all changes; applied to every frame of a clip it is steady in time."""

    seed: int
    part: str
    source_altered: bool  # whether the face or what is around it is altered
    gain: tuple[float, float, float]
    shift: tuple[float, float, float]  # levels of 255
    frequency: float  # < 0: blurred (sigma of a 256 pixel face), > 0: sharpened
    smaller: float  # resolution the altered part went through, 1 for its own
    move: tuple[float, float]  # share of the face
    zoom: tuple[float, float]
    grow: float
    soft: float  # sigma of the mask's edge, share of the face
    ratio: float  # of the blend, at its fullest

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "SelfBlend":
        """Any of them, most faint."""
        return cls(
            seed=int(rng.integers(2**31)),
            part=str(rng.choice(list(PARTS), p=(0.5, 0.25, 0.1, 0.15))),
            source_altered=bool(rng.random() < 0.5),
            gain=_three(1 + rng.normal(0, 0.05) + rng.normal(0, 0.03, 3)),
            shift=_three(rng.normal(0, 4) + rng.normal(0, 3, 3)),
            frequency=float(rng.uniform(-1.6, 0.9) * (rng.random() < 0.75)),
            smaller=float(rng.uniform(0.3, 0.8) if rng.random() < 0.35 else 1.0),
            move=(float(rng.uniform(-0.025, 0.025)), float(rng.uniform(-0.015, 0.015))),
            zoom=(float(rng.uniform(0.96, 1.04)), float(rng.uniform(0.96, 1.04))),
            grow=float(rng.uniform(0.85, 1.1)),
            soft=float(np.exp(rng.uniform(np.log(0.008), np.log(0.06)))),
            ratio=float(rng.choice([0.5, 0.75, 1.0, 1.0, 1.0, 1.0])),
        )

    def mask(self, shape: tuple[int, ...], mesh: np.ndarray) -> np.ndarray:
        """Where the blend lies on a picture of `shape` with mesh points (478, 2): (H, W) float32 in [0, 1]."""
        rng = np.random.default_rng(self.seed)
        index = PARTS[self.part]
        points = mesh[:468] if index is None else mesh[list(index)]
        size = float(np.ptp(mesh[:468], axis=0).max())
        middle = points.mean(0)
        hull = cv2.convexHull(((points - middle) * self.grow + middle).astype(np.float32))[:, 0]
        hull = hull + rng.normal(0, 0.02 * size, hull.shape)  # no two masks of one shape
        mask = np.zeros(shape[:2], np.float32)
        cv2.fillPoly(mask, [hull.round().astype(np.int32)], 1.0)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, self.soft * size))
        return self.ratio * np.clip((mask - 0.15) / 0.7, 0, 1)

    def __call__(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) and its mesh points (478, 2) -> the same size, blended."""
        size = float(np.ptp(mesh[:468], axis=0).max())
        altered = picture.astype(np.float32)
        sigma = abs(self.frequency) * size / 256
        if self.smaller < 1:
            small = cv2.resize(altered, None, fx=self.smaller, fy=self.smaller, interpolation=cv2.INTER_AREA)
            altered = cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        if sigma > 0.15:
            soft = cv2.GaussianBlur(altered, (0, 0), sigma)
            altered = soft if self.frequency < 0 else 2 * altered - soft
        altered = altered * np.float32(self.gain) + np.float32(self.shift)
        source, target = (altered, picture) if self.source_altered else (picture.astype(np.float32), altered)
        middle = mesh[:468].mean(0)
        matrix = np.array([[self.zoom[0], 0, 0], [0, self.zoom[1], 0]])
        matrix[:, 2] = middle - matrix[:, :2] @ middle + np.array(self.move) * size
        moved = cv2.warpAffine(
            source, matrix, picture.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        mask = self.mask(picture.shape, mesh)[..., None]
        return np.clip(mask * moved + (1 - mask) * target + 0.5, 0, 255).astype(np.uint8)


def _three(values: np.ndarray) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))
