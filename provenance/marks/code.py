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
        return self.decode_all(np.asarray(soft)[None], key)[0]

    def decode_all(self, soft: np.ndarray, key: bytes) -> list[int | None]:
        """The same of several at once, (k, coded_bits) -> k payloads, for little more than the time of one."""
        bits = viterbi(np.asarray(soft, np.float64).reshape(-1, self.information_bits, RATE))
        return [self._checked(row, key) for row in bits.tolist()]

    def _checked(self, bits: list[int], key: bytes) -> int | None:
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
def _trellis() -> np.ndarray:
    """The output signs on the way to each state (the last 8 bits, newest highest), by the bit that falls out, 0 or 1:
    float64 (RATE, 2 * STATES). The states before state s are 2s and 2s + 1, modulo `STATES`, in that order."""
    state = np.arange(STATES)
    before = np.stack([state << 1 & STATES - 1 | lost for lost in (0, 1)])
    register = (state >> (CONSTRAINT - 2)) << (CONSTRAINT - 1) | before
    signs = np.stack([1 - 2 * (np.bitwise_count(register & g) & 1).astype(np.int64) for g in GENERATORS])
    return signs.reshape(RATE, -1).astype(np.float64)


def viterbi(soft: np.ndarray) -> np.ndarray:
    """Most likely bits under soft values (k, n, 3) of k words of a tail-biting code, int64 (k, n): three turns around,
    the middle one kept."""
    words, n, _ = soft.shape
    ways = np.ascontiguousarray((soft @ _trellis()).reshape(words, n, 2, 2, -1).transpose(1, 2, 0, 3, 4))
    metric = np.zeros((words, STATES))
    even, odd = metric[:, None, 0::2], metric[:, None, 1::2]  # before the states of the lower and of the upper half
    first, second = np.empty((2, words, 2, STATES // 2))
    choices = np.empty((3 * n, words, STATES), bool)
    for step in range(3 * n):
        zero, one = ways[step % n]
        np.add(even, zero, out=first)
        np.add(odd, one, out=second)
        np.greater(second, first, out=choices[step].reshape(first.shape))
        np.maximum(first, second, out=metric.reshape(first.shape))
    state, every = metric.argmax(axis=1), np.arange(words)
    bits = np.zeros((words, n), np.int64)
    for step in range(3 * n - 1, n - 1, -1):
        if step < 2 * n:
            bits[:, step - n] = state >> (CONSTRAINT - 2)
        state = (state << 1 & STATES - 1) | choices[step, every, state]
    return bits
