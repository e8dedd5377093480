"""What cameras, codecs and people do to pictures on their way, drawn once and done alike to a real and to its fake."""

from dataclasses import dataclass

import cv2
import numpy as np

from detect.picture import SIDE
from lab.attacks import h264
from lab.labelled.crops import placed, placing

WAYS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


@dataclass(frozen=True)
class Spoiling:
    """One draw. What it does depends on it alone."""

    seed: int
    matrix: np.ndarray  # (2, 3): kept crop -> crop that is looked at, mirrored or not
    gain: np.ndarray  # (3,)
    gamma: float
    contrast: float
    saturation: float
    blur: float  # sigma, pixels; 0 for none
    streak: float  # length of motion blur, pixels; 0 for none
    angle: float  # its direction, radians
    sharpen: float
    scale: float  # resolution it goes through, 1 for its own
    ways: tuple[int, int]  # how it is shrunk and enlarged
    noise: float  # levels of 255
    coarse: float  # sigma of the noise's smoothing
    grey_noise: bool
    jpeg: int  # quality, 0 for none
    median: bool  # a camera's noise reduction
    crf: int  # constant quality of H.264, 0 for none
    from_before: tuple[float, float]  # pixels moved since the frame before, which a codec predicts from; (0, 0): none

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> "Spoiling":
        """Any of them; `strength` 0 only cuts the crop, in its place."""
        often = rng.random(9) < np.array([0.6, 0.25, 0.12, 0.15, 0.5, 0.45, 0.4, 0.1, 0.4]) * strength
        matrix = placing(rng, strength)
        return cls(
            seed=int(rng.integers(2**31)),
            matrix=matrix,
            gain=np.exp(often[0] * (rng.normal(0, 0.15) + rng.normal(0, 0.07, 3))),
            gamma=float(np.exp(often[0] * rng.normal(0, 0.2))),
            contrast=float(np.exp(often[0] * rng.normal(0, 0.15))),
            saturation=float(0.0 if often[0] and rng.random() < 0.08 else np.exp(often[0] * rng.normal(0, 0.25))),
            blur=float(often[1] * rng.uniform(0.3, 2.2)),
            streak=float(often[2] * rng.uniform(2, 8)),
            angle=float(rng.uniform(0, np.pi)),
            sharpen=float(often[3] * rng.uniform(0.2, 1.2)),
            scale=float(np.exp(often[4] * rng.uniform(np.log(0.33), 0))),
            ways=(int(rng.choice(WAYS[:3])), int(rng.choice(WAYS[1:]))),
            noise=float(often[5] * rng.gamma(1.3, 6.0)),
            coarse=float(rng.uniform(0.5, 1.2) * (rng.random() < 0.4)),
            grey_noise=bool(rng.random() < 0.4),
            jpeg=int(often[6] * rng.integers(22, 96)),
            median=bool(often[7]),
            crf=int(often[8] * rng.integers(24, 39)),
            from_before=_moved(rng) if rng.random() < 0.6 else (0.0, 0.0),
        )

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """uint8 RGB (KEPT, KEPT, 3) -> uint8 RGB (SIDE, SIDE, 3)."""
        rng = np.random.default_rng(self.seed)
        x = self._coloured(placed(picture, self.matrix).astype(np.float32))
        if self.blur:
            x = cv2.GaussianBlur(x, (0, 0), self.blur)
        if self.streak:
            x = cv2.filter2D(x, -1, _streak(self.streak, self.angle), borderType=cv2.BORDER_REFLECT_101)
        if self.scale < 0.97:
            small = max(24, round(SIDE * self.scale))
            x = cv2.resize(x, (small, small), interpolation=self.ways[0])
            x = cv2.resize(x, (SIDE, SIDE), interpolation=self.ways[1])
        if self.noise:
            noise = rng.standard_normal((SIDE, SIDE, 1 if self.grey_noise else 3), np.float32)
            if self.coarse:
                noise = cv2.GaussianBlur(noise, (0, 0), self.coarse).reshape(noise.shape) * np.float32(
                    1 + 1.5 * self.coarse
                )
            x = x + np.float32(self.noise) * noise
        x = np.clip(x + 0.5, 0, 255).astype(np.uint8)
        if self.median:
            x = cv2.bilateralFilter(x, 5, 18, 2.0)
        if self.sharpen:
            x = cv2.addWeighted(x, 1 + self.sharpen, cv2.GaussianBlur(x, (0, 0), 1.2), -self.sharpen, 0)
        if self.jpeg:
            _, coded = cv2.imencode(".jpg", x[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])
            x = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
        if self.crf:
            x = self._filmed(np.ascontiguousarray(x))
        return np.ascontiguousarray(x)

    def _filmed(self, x: np.ndarray) -> np.ndarray:
        """As a frame of a video, the first or one that is predicted from another."""
        frames = [x]
        if any(self.from_before):
            matrix = np.array([[1, 0, self.from_before[0]], [0, 1, self.from_before[1]]])
            frames.insert(0, cv2.warpAffine(x, matrix, x.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101))
        return h264(frames, self.crf)[-1]

    def _coloured(self, x: np.ndarray) -> np.ndarray:
        if self.gamma != 1.0:
            x = 255 * np.clip(x * (self.gain / 255).astype(np.float32), 1e-4, 1) ** np.float32(self.gamma)
            x = (x - 118) * np.float32(self.contrast) + 118
            grey = x.mean(2, keepdims=True)
            x = grey + np.float32(self.saturation) * (x - grey)
        return x


def _moved(rng: np.random.Generator) -> tuple[float, float]:
    across, down = rng.normal(0, 1.2, 2)
    return float(across), float(down)


def _streak(length: float, angle: float) -> np.ndarray:
    """Kernel of an exposure during which the picture moved by `length` pixels."""
    side = 2 * int(np.ceil(length / 2)) + 3
    kernel = np.zeros((side, side), np.float32)
    half = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = (side - 1) / 2
    start, end = (tuple(int(v) for v in np.round((middle + s * half) * 16)) for s in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    return kernel / max(float(kernel.sum()), 1e-6)
