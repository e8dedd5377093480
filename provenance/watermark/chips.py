"""Where the coded bits lie: a keyed pattern of signs, so that without the key the mark is noise.

A chip is one cell of a grid laid over the whole picture: 64x64 cells of brightness, 32x32 of each colour difference
(the codec keeps colour coarser, so its chips are coarser). The secret key says which coded bit each chip carries and
with which sign. One chip in sixteen carries no bit but the pilot, a known +1, by which a mark too damaged to be read
is still noticed.
"""

import functools
import hashlib
import math
from dataclasses import dataclass

import numpy as np

LUMA_GRID = 64  # cells along each side
CHROMA_GRID = 32
LUMA_CHIPS = LUMA_GRID**2
CHIPS = LUMA_CHIPS + 2 * CHROMA_GRID**2  # 6144: brightness, then blue difference, then red difference, row by row
PILOT_EVERY = 16


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
        order = np.argsort(np.frombuffer(stream[: 8 * CHIPS], np.uint64), kind="stable")
        sign = np.frombuffer(stream[8 * CHIPS :], np.uint8) & 1
        return cls(_deal(order, coded_bits), (1.0 - 2.0 * sign).astype(np.float32), coded_bits)

    @classmethod
    def random(cls, rng: np.random.Generator, coded_bits: int) -> "Chips":
        """A layout for training: the reader must work for every key, so it sees a new one each time."""
        sign = rng.choice(np.array([-1.0, 1.0], np.float32), CHIPS)
        return cls(_deal(rng.permutation(CHIPS), coded_bits), sign, coded_bits)

    def spread(self, coded: np.ndarray) -> np.ndarray:
        """Coded bits (coded_bits,) of -1 and +1 -> signs of all chips, float32 (CHIPS,)."""
        return self.sign * np.append(coded, 1).astype(np.float32)[self.bit]

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


def _deal(order: np.ndarray, coded_bits: int) -> np.ndarray:
    """Deal chips in `order` to the coded bits evenly, every sixteenth to the pilot (-1)."""
    bit = np.empty(CHIPS, np.int32)
    turn = np.arange(CHIPS)
    carrier = turn - turn // PILOT_EVERY - 1  # counts the chips that are not pilots
    bit[order] = np.where(turn % PILOT_EVERY == 0, -1, carrier % coded_bits)
    return bit
