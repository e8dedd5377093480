"""Find faces: a small fully convolutional network that answers, for each cell of a coarse grid, whether the middle of a
face lies there and how large it is (after Zhou et al. 2019, "Objects as points")."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from faces.landmarks import brightened
from media.networks import Network

STRIDE = 8  # pixels of the network's input a cell
SIZES = (224, 448)  # longer side, in pixels, at which a picture is looked at: large faces, small faces
FINER = (896, 1792)  # for faces that are small in large pictures, where nothing else was found
SURELY = 21  # pixels of the network's input from which a face is found as surely as at a larger size
THRESHOLD = 0.35
DOUBTFUL = 0.08  # score from which a place is worth a second look
HARD_MOST = 12  # places that get one
WEIGHTS = Path(__file__).parent / "data" / "finder.onnx"


@dataclass(frozen=True)
class Box:
    """Where a face is."""

    x: float  # middle, pixels of the picture
    y: float
    size: float  # longer side of the box around brow, chin and ears' front, pixels
    score: float  # 0 to 1
    angle: float = 0.0  # how far the face is turned in the plane of the picture, clockwise, radians

    def matrix(self, side: int, scale: float) -> np.ndarray:
        """Similarity (2, 3) that takes picture pixels to those of a landmark crop of `side` pixels."""
        zoom = side / (self.size * scale)
        c, s = zoom * np.cos(self.angle), zoom * np.sin(self.angle)
        return np.array([[c, s, side / 2 - c * self.x - s * self.y], [-s, c, side / 2 + s * self.x - c * self.y]])


def letterbox(picture: np.ndarray, longer: int) -> tuple[np.ndarray, float]:
    """Resize so that the longer side is `longer`; pad right and below to multiples of 32. -> picture, scale"""
    scale = longer / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    right, below = -size[0] % 32, -size[1] % 32
    return cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(128, 128, 128)), scale


def peaks(output: np.ndarray, threshold: float) -> list[tuple[float, float, float, float]]:
    """Local maxima of a finder output (2, h, w) -> (x, y, size, score) in pixels of the network's input."""
    score = 1 / (1 + np.exp(-output[0]))
    top = cv2.dilate(score, np.ones((3, 3), np.uint8))
    found = []
    for r, c in zip(*np.nonzero((score >= top) & (score > threshold)), strict=True):
        window = score[max(0, r - 1) : r + 2, max(0, c - 1) : c + 2]
        ys, xs = np.mgrid[max(0, r - 1) : r + 2, max(0, c - 1) : c + 2][:, : window.shape[0], : window.shape[1]]
        x, y = float((window * xs).sum() / window.sum()), float((window * ys).sum() / window.sum())
        size = float(np.exp(np.clip(output[1, r, c], -2, 6))) * STRIDE
        found.append(((x + 0.5) * STRIDE, (y + 0.5) * STRIDE, size, float(score[r, c])))
    return found


class Finder:
    """Finds faces in pictures; weights are loaded once.

    Args:
        engine: what runs the network, see `media.networks`; None: the one that is set.
        threads: processor threads a call may use; 0 lets the engine choose.
    """

    def __init__(self, weights: Path | str = WEIGHTS, *, engine: str | None = None, threads: int = 0) -> None:
        self.network = Network.load(weights, "finder", engine=engine, threads=threads)

    def find(self, picture: np.ndarray, threshold: float = THRESHOLD, *, least: float = 0.0) -> list[Box]:
        """All faces of a uint8 RGB picture, largest first.

        Args:
            threshold: score from which a place is a face, 0 to 1.
            least: size of the smallest faces that matter, pixels; the larger, the less is searched.
        """
        zooms = [longer / max(picture.shape[:2]) for longer in SIZES]
        enough = 1 + next((k for k, zoom in enumerate(zooms) if zoom * least >= SURELY), len(SIZES))
        return suppress(self._search(brightened(picture), SIZES[:enough], threshold))

    def find_hard(self, picture: np.ndarray) -> list[Box]:
        """Places worth a second look where `find` was of no use: half hidden, turned in the plane of the picture up to
        upside down, small in a large picture. Surest first; most of them are no faces."""
        picture = brightened(picture)
        longer = max(picture.shape[:2])
        sizes = (*SIZES, *(size for size in FINER if size < 2 * longer))
        boxes = suppress(self._search(picture, sizes, DOUBTFUL))
        for quarters in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(picture, quarters))
            found = suppress(self._search(turned, SIZES, DOUBTFUL))
            boxes += [_turned_back(box, quarters, picture.shape) for box in found]
        return [*sorted(boxes, key=lambda b: -b.score)[:HARD_MOST], *_guesses(picture.shape)]

    def _search(self, picture: np.ndarray, sizes: tuple[int, ...], threshold: float) -> list[Box]:
        boxes: list[Box] = []
        for longer in sizes:
            small, scale = letterbox(picture, longer)
            for x, y, size, score in peaks(self.network(small[None])[0][0], threshold):
                if longer == SIZES[0] and size < 2 * STRIDE:
                    continue  # read better at the larger size
                boxes.append(Box(x / scale, y / scale, size / scale, score))
        return boxes


def _guesses(shape: tuple[int, ...]) -> list[Box]:
    """Where portraits have their faces."""
    height, width = shape[:2]
    side = min(height, width)
    at = ((0.5, 0.5, 0.75), (0.5, 0.45, 0.5), (0.4, 0.45, 0.5), (0.6, 0.45, 0.5), (0.5, 0.4, 0.3))
    return [Box(x * width, y * height, size * side, 0.0) for x, y, size in at]


def _turned_back(box: Box, quarters: int, shape: tuple[int, ...]) -> Box:
    """A box of a picture of `shape` that was turned by quarters anti-clockwise, in the picture itself."""
    height, width = shape[:2]
    x, y = ((box.x, box.y), (width - box.y, box.x), (width - box.x, height - box.y), (box.y, height - box.x))[quarters]
    return replace(box, x=x, y=y, angle=quarters * np.pi / 2)


def suppress(boxes: list[Box]) -> list[Box]:
    """Keep the surest of boxes that overlap; largest first."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.score):
        if all(max(abs(box.x - k.x), abs(box.y - k.y)) > 0.5 * max(box.size, k.size) for k in kept):
            kept.append(box)
    return sorted(kept, key=lambda b: -b.size)
