"""Where the coded bits lie: a keyed pattern of signs, so that without the key the mark is noise.

A chip is one cell of a grid laid over the whole picture. There are two grids of brightness, one over the other: 64x64
fine cells, many enough to be read from a part of the picture, and 32x32 coarse cells, which outlive small pictures and
low bit rates. (Colour bears nothing: chips of blue and red differences were tried, and no codec let them live.) The
secret key says which coded bit each chip carries and with which sign. Some chips carry no bit but the pilot, a known
+1: by it a turned, scaled or cut picture is laid back onto the grid (`alignment`), and a mark too damaged to be read is
still noticed.
"""

import functools
import hashlib
import math
from dataclasses import dataclass

import numpy as np

FINE_GRID = 64  # cells along each side
COARSE_GRID = 32
FINE_CHIPS = FINE_GRID**2
CHIPS = FINE_CHIPS + COARSE_GRID**2  # 5120: the fine ones, then the coarse ones, row by row
FINE_PILOT_EVERY = 5  # one chip in so many is of the pilot: parts of a picture must be found by it
COARSE_PILOT_EVERY = 4


@dataclass(frozen=True, repr=False)
class Chips:
    """The keyed layout. `bit[i]` is the coded bit that chip i carries, -1 for the pilot; `sign[i]` is -1 or +1."""

    bit: np.ndarray  # int32 (CHIPS,)
    sign: np.ndarray  # float32 (CHIPS,)
    coded_bits: int

    @classmethod
    @functools.lru_cache(maxsize=8)
    def from_key(cls, key: bytes, coded_bits: int) -> "Chips":
        """Expand a secret key with SHAKE-256 (FIPS 202)."""
        stream = hashlib.shake_256(b"vasari/picture/chips" + key).digest(9 * CHIPS)
        values = np.frombuffer(stream[: 8 * CHIPS], np.uint64)
        sign = np.frombuffer(stream[8 * CHIPS :], np.uint8) & 1
        return cls(_deal(values, coded_bits), (1.0 - 2.0 * sign).astype(np.float32), coded_bits)

    @classmethod
    def random(cls, rng: np.random.Generator, coded_bits: int) -> "Chips":
        """A layout for training: the reader must work for every key, so it sees a new one each time."""
        sign = rng.choice(np.array([-1.0, 1.0], np.float32), CHIPS)
        return cls(_deal(rng.random(CHIPS), coded_bits), sign, coded_bits)

    def spread(self, coded: np.ndarray) -> np.ndarray:
        """Coded bits (coded_bits,) of -1 and +1 -> signs of all chips, float32 (CHIPS,)."""
        signs: np.ndarray = self.sign * np.append(coded, 1).astype(np.float32)[self.bit]
        return signs

    def gather(self, soft: np.ndarray) -> np.ndarray:
        """Soft values of all chips (CHIPS,) -> soft values of the coded bits (coded_bits,)."""
        return np.bincount(self.bit + 1, self.sign * soft, self.coded_bits + 1)[1:]

    def pilot(self, soft: np.ndarray) -> tuple[float, float]:
        """Correlation with the pilot, in standard deviations of chance, and a bound on its probability by chance.

        For a picture that knows nothing of the key the signs are independent fair coins, so Hoeffding's
        inequality bounds P(z >= t) by exp(-t^2 / 2) whatever the soft values are.
        """
        chosen = self.bit < 0
        values = soft[chosen].astype(np.float64)
        norm = math.sqrt(float(values @ values))
        if norm == 0.0:
            return 0.0, 1.0
        z = float(values @ self.sign[chosen]) / norm
        return z, math.exp(-0.5 * z * z) if z > 0 else 1.0

    def pilot_planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Signs of the pilot's chips, 0 elsewhere: float32 (64, 64) fine and (32, 32) coarse."""
        signs = np.where(self.bit < 0, self.sign, np.float32(0.0))
        return split(signs)


def split(chips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of all chips (CHIPS,) as two planes: (64, 64) fine and (32, 32) coarse."""
    return (
        chips[:FINE_CHIPS].reshape(FINE_GRID, FINE_GRID),
        chips[FINE_CHIPS:].reshape(COARSE_GRID, COARSE_GRID),
    )


def _deal(values: np.ndarray, coded_bits: int) -> np.ndarray:
    """Deal the chips of each grid, in the order of `values` (CHIPS,), evenly to the coded bits and the pilot (-1)."""
    bit = np.empty(CHIPS, np.int32)
    dealt = 0
    for start, end, every in ((0, FINE_CHIPS, FINE_PILOT_EVERY), (FINE_CHIPS, CHIPS, COARSE_PILOT_EVERY)):
        turn = np.arange(end - start)
        carrier = dealt + turn - turn // every - 1  # counts the chips that are not pilots
        bit[start + np.argsort(values[start:end], kind="stable")] = np.where(
            turn % every == 0, -1, carrier % coded_bits
        )
        dealt = int(carrier[-1]) + 1
    return bit
