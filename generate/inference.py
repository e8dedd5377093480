"""Runs the painter's and the refiner's networks, which take and give blocks of 2 x 2 pixels (`lab.networks.unet`)."""

from collections.abc import Sequence

import numpy as np
from numba import njit

from media.networks import Network
from media.threads import cores
from media.weights import WeightFile


class PictureNetwork:
    """A U-Net on pictures, ready to be called.

    Args:
        file, part: which weights.
        shape: (B, C, H, W) of what it sees.
        engine: see `media.networks`; None: the one that is set.
        threads: of the processor, that a call may use; 0 for half of what there are, since two networks work at a time.
    """

    def __init__(
        self,
        file: WeightFile,
        part: str,
        shape: tuple[int, int, int, int],
        *,
        engine: str | None = None,
        threads: int = 0,
    ) -> None:
        self.shape = shape
        self.network = Network(file, part, engine=engine, threads=threads or max(1, cores() // 2))

    def __call__(self, seen: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """What it sees, B pictures of (C, H, W) float32 -> (B, outputs, H, W) float32. Quickest where the channels of a
        pixel lie side by side in memory, as they do in what comes back."""
        batch, channels, height, width = self.shape
        blocks = np.empty((batch, height // 2, width // 2, 4 * channels), np.float32)
        for picture, block in zip(seen, blocks, strict=True):
            _into_blocks(picture.transpose(1, 2, 0), block)
        answer = self.network(blocks)[0]
        pixels = answer.reshape(batch, height // 2, width // 2, 2, 2, -1).swapaxes(2, 3)
        return pixels.reshape(batch, height, width, -1).transpose(0, 3, 1, 2)


@njit(cache=True, nogil=True)
def _into_blocks(pixels: np.ndarray, blocks: np.ndarray) -> None:
    """(H, W, C) -> (H / 2, W / 2, 4 C)."""
    height, width, channels = pixels.shape
    for y in range(height):
        for x in range(width):
            start = (y % 2 * 2 + x % 2) * channels
            for k in range(channels):
                blocks[y >> 1, x >> 1, start + k] = pixels[y, x, k]
