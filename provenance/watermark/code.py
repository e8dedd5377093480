"""From a message to coded bits and back: a keyed tag, a tail-biting convolutional code, soft Viterbi decoding.

The tag decides whether a message was found at all: it is a truncated HMAC of the payload under the secret key, so
a picture that was never marked, or was marked with another key, passes with probability 2**-32 for each attempt at
decoding, whatever the picture looks like. That is the stated false-positive rate; nothing about it is fitted.

The code: rate 1/3, constraint length 9, generators 557, 663, 711 (octal), the best of its kind (Proakis, Digital
Communications, table 8.2-2; also the 3GPP TS 25.212 code). Tail-biting (Ma and Wolf 1986) spends no bits on flushing;
it is decoded by running the Viterbi algorithm around the circle and keeping the middle turn.
"""

import functools
import hashlib
import hmac
from dataclasses import dataclass

import numpy as np

CONSTRAINT = 9  # bits the encoder sees at once
STATES = 1 << (CONSTRAINT - 1)
GENERATORS = (0o557, 0o663, 0o711)
RATE = len(GENERATORS)


@dataclass(frozen=True)
class Code:
    """Sizes of one kind of message. The picture and the sound each have their own."""

    name: str  # separates the keyed tags of different uses
    payload_bits: int
    tag_bits: int

    @property
    def information_bits(self) -> int:
        return self.payload_bits + self.tag_bits

    @property
    def coded_bits(self) -> int:
        return RATE * self.information_bits

    def tag(self, payload: int, key: bytes) -> int:
        """Truncated HMAC-SHA-256 of the payload."""
        data = f"vasari/{self.name}/tag".encode() + payload.to_bytes((self.payload_bits + 7) // 8, "big")
        return int.from_bytes(hmac.new(key, data, hashlib.sha256).digest()[:8], "big") >> (64 - self.tag_bits)

    def encode(self, payload: int, key: bytes) -> np.ndarray:
        """Payload in [0, 2**payload_bits) -> coded bits, int8 (coded_bits,) of -1 and +1.

        The information bits are whitened with a keyed pad, so that all payloads look alike without the key.
        """
        if not 0 <= payload < 1 << self.payload_bits:
            raise ValueError(f"payload {payload} does not fit into {self.payload_bits} bits")
        word = (payload << self.tag_bits | self.tag(payload, key)) ^ self._pad(key)
        bits = np.array([word >> i & 1 for i in range(self.information_bits)][::-1], np.uint8)
        return (1 - 2 * convolve(bits).astype(np.int8)).astype(np.int8)

    def decode(self, soft: np.ndarray, key: bytes) -> int | None:
        """Soft values (coded_bits,), positive for +1, in proportion to log likelihood -> payload, or None.

        None means that the keyed tag does not fit: nothing, or nothing readable, is there.
        """
        bits = viterbi(np.asarray(soft, np.float64).reshape(self.information_bits, RATE))
        word = int("".join(map(str, bits)), 2) ^ self._pad(key)
        payload, tag = word >> self.tag_bits, word & (1 << self.tag_bits) - 1
        return payload if hmac.compare_digest(str(tag), str(self.tag(payload, key))) else None

    def _pad(self, key: bytes) -> int:
        stream = hashlib.shake_256(f"vasari/{self.name}/pad".encode() + key).digest((self.information_bits + 7) // 8)
        return int.from_bytes(stream, "big") & (1 << self.information_bits) - 1


PICTURE = Code("picture", payload_bits=64, tag_bits=32)
SOUND = Code("sound", payload_bits=24, tag_bits=32)


def convolve(bits: np.ndarray) -> np.ndarray:
    """Tail-biting convolutional code: bits (n,) -> (3n,), the encoder starting in the state it will end in."""
    register = 0
    for bit in bits[-(CONSTRAINT - 1) :]:
        register = (register >> 1) | int(bit) << (CONSTRAINT - 1)
    out = []
    for bit in bits:
        register = (register >> 1) | int(bit) << (CONSTRAINT - 1)
        out += [(register & g).bit_count() & 1 for g in GENERATORS]
    return np.array(out, np.uint8)


@functools.cache
def _trellis() -> tuple[np.ndarray, np.ndarray]:
    """For each state (the last 8 bits, newest highest), its two predecessors: their indices, the output signs."""
    state = np.arange(STATES)
    before = np.stack([(state << 1 & STATES - 1) | lost for lost in (0, 1)], axis=1)  # (S, 2)
    newest = state >> (CONSTRAINT - 2)
    register = newest[:, None] << (CONSTRAINT - 1) | before
    signs = np.stack([1 - 2 * (np.bitwise_count(register & g) & 1).astype(np.int64) for g in GENERATORS], axis=-1)
    return before, signs.astype(np.float64)


def viterbi(soft: np.ndarray) -> list[int]:
    """Most likely bits under (n, 3) soft values of a tail-biting code: three turns around, the middle one kept."""
    from provenance.watermark.kernels import around  # a quarter of a second, and most files bear nothing to decode

    before, signs = _trellis()
    bits: list[int] = around(np.ascontiguousarray(soft, np.float64), before, signs).tolist()
    return bits
