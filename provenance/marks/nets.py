"""The learned parts of the picture mark at work: OpenCV for their features, `media.networks` for their layers.

The same weights and the same arithmetic as `lab.networks.watermark`, which says what they are (a test holds the two
together); a pattern takes about 1 ms on one thread.
"""

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from media.networks import Network
from media.weights import WeightFile, read_weights
from provenance.marks.chips import FINE_GRID, split
from provenance.marks.geometry import luma, square

PSNR = 42.6  # dB; the mark is weakened where it would go below, before rounding and clipping
FLAT = 0.0017  # amplitude just noticeable where nothing hides it, of the range: under half a grey level
TEXTURE = 0.45  # share of the surrounding texture that hides a mark
MOST = 0.024  # no threshold is above 6 grey levels
LEAST_FACTOR, MOST_FACTOR = 0.4, 1.5  # bounds of the learned factor
LEAST_SHARE = 0.15  # of the energy, that each of both grids has everywhere
INTERPOLATION_LOSS = 0.87  # root mean square of +-1 chips after cubic interpolation to pixels
FEATURES = 12


def features(bright: np.ndarray) -> np.ndarray:
    """Where a picture departs from its near and far surroundings, and brightness: (H, W) float32 in [0, 1], even sizes
    of 24 or more -> (1, 12, H / 2, W / 2)."""
    return np.ascontiguousarray(_features(bright)[None])


def _features(bright: np.ndarray) -> np.ndarray:
    near, far = 16 * (bright - _blurred(bright, 5)), 4 * (bright - _blurred(bright, 21))
    height, width = (size // 2 for size in bright.shape)
    blocks = np.stack([near, far, bright - np.float32(0.5)]).reshape(-1, height, 2, width, 2)
    return blocks.transpose(0, 2, 4, 1, 3).reshape(-1, height, width)


class FastPattern:
    """Frame -> the keyed pattern at the strength the frame bears.

    Args:
        network: `Networks.strength`. May be shared; a `FastPattern` may not, among threads.
        signs: chip signs, float32 (5120,).
    """

    def __init__(self, network: Network, signs: np.ndarray) -> None:
        self._fine, self._coarse = split(signs)
        wide = cv2.resize(self._coarse, (FINE_GRID, FINE_GRID), interpolation=cv2.INTER_NEAREST)
        self._planes = np.stack([self._fine, wide])
        self._infer = network.twin()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> what to add to each colour, float32 (64, 64) in grey levels."""
        return self.under(square(luma(frame)))

    def under(self, bright: np.ndarray) -> np.ndarray:
        """The same for brightness laid on the grid, float32 (128, 128) in [0, 1]."""
        shown = np.concatenate([_features(bright), self._planes])[None]
        factor, share = self._infer(shown)[0][0]
        amplitude = thresholds(bright) * factor
        wide = _halved(amplitude * np.sqrt(1 - share)) * self._coarse
        pattern = amplitude * np.sqrt(share) * self._fine
        pattern += cv2.resize(wide, (FINE_GRID, FINE_GRID), interpolation=cv2.INTER_CUBIC)
        size = float(np.sqrt(np.square(pattern).mean()))
        scaled: np.ndarray = pattern * np.float32(255 * min(1.0, 10 ** (-PSNR / 20) / (INTERPOLATION_LOSS * size)))
        return scaled


def thresholds(bright: np.ndarray) -> np.ndarray:
    """How much each fine cell bears before the eye notices: (128, 128) -> (64, 64), in units of the range."""
    departure = _halved(np.abs(bright - _blurred(bright, 5)))
    around = _blurred(np.sqrt(departure + np.float32(1e-8)), 3)
    texture = np.square(cv2.erode(around, np.ones((3, 3), np.uint8)))
    dark = np.maximum(1 - 4 * _halved(bright), np.float32(0))
    least: np.ndarray = np.minimum(FLAT * (1 + dark) + TEXTURE * texture, MOST).astype(np.float32, copy=False)
    return least


def _blurred(plane: np.ndarray, size: int) -> np.ndarray:
    return cv2.blur(plane, (size, size), borderType=cv2.BORDER_REFLECT_101)


def _halved(plane: np.ndarray) -> np.ndarray:
    """Mean of 2x2 cells."""
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)


class FastReader:
    """Brightness laid on the grid -> log likelihood ratios of all chips.

    Args:
        network: `Networks.reader`. May be shared; a `FastReader` may not, among threads.
    """

    def __init__(self, network: Network) -> None:
        self._infer = network.twin()

    def __call__(self, bright: np.ndarray) -> np.ndarray:
        """float32 (128, 128) in [0, 1] -> float32 (5120,), positive where a chip is +1."""
        chips: np.ndarray = self._infer(features(bright))[0][0]
        return chips


class FastFinder:
    """Estimates, pixel by pixel, the sign of the pattern that lies there, wherever the grid may lie.

    Args:
        network: `Networks.finder`. May be shared; a `FastFinder` may not, among threads.
    """

    def __init__(self, network: Network) -> None:
        self._infer = network.twin()

    def __call__(self, bright: np.ndarray) -> np.ndarray:
        """float32 (H, W) in [0, 1], even sizes of 24 or more -> float32 (2, H, W) log likelihood ratios, positive where
        the fine (first) and the coarse pattern (second) is +1."""
        ratios: np.ndarray = self._infer(features(bright))[0][0]
        return ratios


class Networks:
    """The networks of one weight file, each compiled when it is first asked for.

    Args:
        file: weights of model "watermark".
    """

    def __init__(self, file: WeightFile) -> None:
        self._file = file

    @classmethod
    def load(cls, path: Path | str) -> "Networks":
        """Read and check a weight file.

        Raises:
            WeightsError: it is missing, damaged or of another model.
        """
        return cls(read_weights(path, "watermark"))

    @cached_property
    def strength(self) -> Network:
        """(1, 14, 64, 64) features, fine and coarse signs -> (1, 2, 64, 64) factor and share, on one thread."""
        return Network(self._file, "strength", precise=True, threads=1)

    @cached_property
    def reader(self) -> Network:
        """(1, 12, 64, 64) features -> (1, 5120) log likelihood ratios of the chips, on one thread."""
        return Network(self._file, "reader", precise=True, threads=1)

    @cached_property
    def finder(self) -> Network:
        """(1, 12, H / 2, W / 2) features -> (1, 2, H, W) log likelihood ratios of the signs, on one thread. It only
        says where the reader looks, so bfloat16 will do."""
        return Network(self._file, "finder", threads=1)
