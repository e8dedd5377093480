"""What is done to clips before the detector sees them: DeeperForensics' perturbations, chains of networks, and more.

Perturbations and their five severities are those of DeeperForensics-1.0 (Jiang et al. 2020, arXiv 2001.03024, section
3.3 and the parameters that its authors published): colour saturation, colour contrast, blocks, noise in colour, blur,
pixelation, and H.264.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks import chains
from lab.attacks import h264, resized

Frames = list[np.ndarray]  # uint8 RGB (H, W, 3) of even size
SEVERITIES: dict[str, tuple[float, ...]] = {
    "saturation": (0.4, 0.3, 0.2, 0.1, 0.0),  # share of the colour that stays
    "contrast": (0.85, 0.725, 0.6, 0.475, 0.35),  # share of the contrast that stays
    "blocks": (16, 32, 48, 64, 80),  # how many squares of 8 pixels are moved about
    "noise": (0.001, 0.002, 0.005, 0.01, 0.05),  # its variance, of brightness and colour between 0 and 1
    "blur": (7, 9, 13, 17, 21),  # pixels across the kernel, sigma a sixth
    "pixels": (2, 3, 4, 5, 6),  # factor by which it is shrunk and enlarged again
    "h264": (30, 32, 35, 38, 40),  # constant quality
}
BLOCK = 8  # pixels a side


@dataclass(frozen=True)
class Alteration:
    """One row. `name` names its figure."""

    name: str
    family: str
    level: int  # 1 to 5 within its family, 0 where there are no levels
    change: Callable[[Frames], Frames]


def alterations(quick: bool) -> list[Alteration]:
    """All rows; with `quick` those that name figures, and the middle one of each family."""
    rows = [Alteration(f"crf{crf}", "crf", 0, lambda frames, crf=crf: h264(frames, crf)) for crf in (23, 35)]
    rows.append(Alteration("half", "size", 0, lambda frames: [resized(f, 0.5) for f in frames]))
    rows.append(Alteration("dark", "light", 0, lambda frames: [(f * 0.4).astype(np.uint8) for f in frames]))
    for name, change in (("messenger", chains.messenger), ("shared", chains.shared)):
        rows.append(Alteration(name, "chain", 0, change))
    rows.append(Alteration("screenshot", "chain", 0, lambda frames: [chains.screenshot(f) for f in frames]))
    for family, strengths in SEVERITIES.items():
        for level, strength in enumerate(strengths, 1):
            if not quick or level == 3:
                rows.append(Alteration(f"{family}_{level}", family, level, _perturbation(family, strength)))
    return rows


def _perturbation(family: str, strength: float) -> Callable[[Frames], Frames]:
    if family == "h264":
        return lambda frames: h264(frames, int(strength))
    each = _EACH[family]
    return lambda frames: [each(frame, strength, np.random.default_rng(k)) for k, frame in enumerate(frames)]


def _saturation(frame: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    ycc = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    ycc[..., 1:] = 128 + share * (ycc[..., 1:] - 128)
    return cv2.cvtColor(_rounded(ycc), cv2.COLOR_YCrCb2RGB)


def _contrast(frame: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    return _rounded(share * frame.astype(np.float32))


def _blocks(frame: np.ndarray, count: float, rng: np.random.Generator) -> np.ndarray:
    """Squares of another place lie over the picture."""
    out, (height, width) = frame.copy(), frame.shape[:2]
    for _ in range(int(count)):
        (y, v), (x, u) = rng.integers(0, height - BLOCK, 2), rng.integers(0, width - BLOCK, 2)
        out[y : y + BLOCK, x : x + BLOCK] = frame[v : v + BLOCK, u : u + BLOCK]
    return out


def _noise(frame: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    ycc = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)
    return cv2.cvtColor(_rounded(ycc + 255 * variance**0.5 * rng.standard_normal(ycc.shape)), cv2.COLOR_YCrCb2RGB)


def _blur(frame: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(frame, (int(size), int(size)), size / 6)


def _pixels(frame: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    height, width = frame.shape[:2]
    return cv2.resize(cv2.resize(frame, (int(width // factor), int(height // factor))), (width, height))


def _rounded(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


_EACH = {
    "saturation": _saturation, "contrast": _contrast, "blocks": _blocks, "noise": _noise, "blur": _blur,
    "pixels": _pixels,
}  # fmt: skip
