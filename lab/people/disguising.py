"""A photographed person as somebody else: another shape, another skin, another light, with nothing left to see of it.

A few dozen volunteers are few to learn faces from. What is changed here is smooth in space or the same everywhere, and
done on a photograph that is afterwards made smaller by half or more, so that neither resampling nor a seam remains:
the picture can stand for a photograph of a person who was not there.
"""

from dataclasses import dataclass

import cv2
import numpy as np

GRID = 7  # places across at which the displacement of the shape is drawn
SHAPE = 0.034  # standard deviation of the displacement, share of the face
ASYMMETRY = 0.25  # share of it that differs from side to side
ASPECT = 0.05  # standard deviation of the logarithm of height over width
MELANIN = np.array([0.55, 1.0, 1.3], np.float32)  # what pigment takes of red, green and blue light, of its green
DARKEST, LIGHTEST = 0.06, 0.50  # green reflectance of skin to come, linear, between which it is drawn
MOST_LIGHTER, MOST_DARKER = 0.5, 1.2  # change of the logarithm of it: more would bring out the grain
LIPS = 0.35  # how much less it counts that a colour is redder than the skin
SKIN_WIDTH = 0.30  # of the colours that change with the skin: logarithms of red and blue over green


@dataclass(frozen=True)
class Disguise:
    """One draw of all changes; the same for every picture of a sitting."""

    mirrored: bool
    shape: np.ndarray  # (GRID, GRID, 2) displacement in shares of the face
    aspect: float  # height over width
    skin: float  # green reflectance of the skin to come, linear; 0 leaves it
    redness: float  # factor of red over green that it has besides
    light: np.ndarray  # (4,) slopes of the logarithm of light: across, down, bent across, bent down
    tint: np.ndarray  # (3,) gain of the channels
    detail: float  # factor of what is finer than a hundredth of the face and coarser than the grain

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Disguise":
        """Any of them."""
        free = rng.standard_normal((GRID, GRID, 2))
        mirror = free[:, ::-1] * (-1, 1)
        even = (free + mirror) / np.sqrt(2)
        mixed = np.sqrt(1 - ASYMMETRY**2) * even + ASYMMETRY * free
        return cls(
            mirrored=bool(rng.random() < 0.5),
            shape=(SHAPE * rng.uniform(0.4, 1.3) * mixed).astype(np.float32),
            aspect=float(np.exp(rng.normal(0, ASPECT))),
            skin=float(np.exp(rng.uniform(np.log(DARKEST), np.log(LIGHTEST)))) if rng.random() < 0.7 else 0.0,
            redness=float(np.exp(rng.normal(0, 0.06))),
            light=rng.normal(0, (0.35, 0.2, 0.2, 0.15)).astype(np.float32),
            tint=np.exp(rng.normal(0, 0.05, 3)).astype(np.float32),
            detail=float(np.exp(rng.normal(0, 0.25))),
        )

    def __call__(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) and mesh points (478, 2 or 3) in pixels -> uint8 RGB (H, W, 3)."""
        points = landmarks[:468, :2].astype(np.float32)
        middle, size = (points.max(0) + points.min(0)) / 2, float(np.ptp(points, axis=0).max())
        tone = _skin_of(picture, points)
        moved = self._moved(picture, middle, size)
        x = (moved.astype(np.float32) / 255) ** 2.2
        x = self._lit(self._pigmented(x, tone), middle, size)
        x = self._detailed(np.clip(x, 0, 1) ** (1 / 2.2), size)
        x = np.clip(255 * x + 0.5, 0, 255).astype(np.uint8)
        return np.ascontiguousarray(x[:, ::-1]) if self.mirrored else x

    def _moved(self, picture: np.ndarray, middle: np.ndarray, size: float) -> np.ndarray:
        """The shape: a smooth field over the face and as much around it, still at its rim."""
        height, width = picture.shape[:2]
        side = 2.2 * size
        rim = np.sin(np.pi * (np.arange(GRID) + 0.5) / GRID)
        field = (size * self.shape * (rim[:, None] * rim[None])[..., None]).astype(np.float32)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        u, v = ((at - m + side / 2) / side * GRID - 0.5 for at, m in zip((x, y), middle, strict=True))
        dense = cv2.resize(field, (16 * GRID, 16 * GRID), interpolation=cv2.INTER_CUBIC)
        dense = cv2.GaussianBlur(np.pad(dense, ((16, 16), (16, 16), (0, 0))), (0, 0), 6)
        at = (16 * (u + 0.5) + 15.5).astype(np.float32), (16 * (v + 0.5) + 15.5).astype(np.float32)
        shift = cv2.remap(dense, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        down = (middle[1] + (y - middle[1]) / self.aspect).astype(np.float32)
        return cv2.remap(
            picture, x + shift[..., 0], down + shift[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101
        )

    def _pigmented(self, x: np.ndarray, tone: np.ndarray) -> np.ndarray:
        """Colours like the skin's are made darker or lighter as pigment does it; a function of colour alone."""
        if not self.skin:
            return x
        more = float(np.clip(np.log(tone[1] / self.skin), -MOST_LIGHTER, MOST_DARKER))
        own, log = np.log(tone), np.log(np.maximum(x, 2e-3))
        away = (log[..., ::2] - log[..., 1:2]) - (own[::2] - own[1])
        redder = np.clip(away[..., :1] / SKIN_WIDTH, 0, 1)
        away = away * (1 - (1 - LIPS) * redder)  # lips and blushes change with the skin
        like = np.exp(-0.5 * np.square(away / SKIN_WIDTH).sum(-1))
        bright = np.exp(-0.5 * np.square(np.maximum(log[..., 1] - own[1], 0) / 0.8))  # highlights lie on the skin
        change = -more * MELANIN + np.array([np.log(self.redness), 0, 0], np.float32)
        return x * np.exp((like * bright)[..., None] * change)

    def _lit(self, x: np.ndarray, middle: np.ndarray, size: float) -> np.ndarray:
        height, width = x.shape[:2]
        u = np.clip((np.arange(width, dtype=np.float32) - middle[0]) / size, -1.2, 1.2)[None]
        v = np.clip((np.arange(height, dtype=np.float32) - middle[1]) / size, -1.2, 1.2)[:, None]
        a, b, c, d = self.light
        return x * np.exp(a * u + b * v + c * (u * u - 0.3) + d * (v * v - 0.3))[..., None] * self.tint

    def _detailed(self, x: np.ndarray, size: float) -> np.ndarray:
        fine, coarse = cv2.GaussianBlur(x, (0, 0), 0.004 * size), cv2.GaussianBlur(x, (0, 0), 0.02 * size)
        return x + (self.detail - 1) * (fine - coarse)


def _skin_of(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The colour of the cheeks, linear: (3,)."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    for cheek in ((50, 101, 118, 117, 123), (280, 330, 347, 346, 352)):
        cv2.fillConvexPoly(mask, cv2.convexHull(points[list(cheek)]).astype(np.int32), 1)
    found = picture[mask > 0]
    found = found if len(found) else picture.reshape(-1, 3)
    return np.clip((np.median(found, 0) / 255) ** 2.2, 4e-3, 1).astype(np.float32)
