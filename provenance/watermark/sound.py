"""The sound mark: 24 bits of the clip's message under speech, keyed, streaming, decoded blind.

Additive spread spectrum in the domain of the modified discrete cosine transform (Princen and Bradley 1987), the one
that the lossy coders themselves work in, at an amplitude in proportion to the local spectrum, so that speech masks
it. The period of 2.05 s carries the whole message and repeats. Each coded bit lies on about 120 coefficients
scattered over the period by the secret key; the embedder knows the speech and spends on each bit only what that bit
still lacks (improved spread spectrum, Malvar and Florencio 2003, "Improved spread spectrum: a new modulation
technique for robust watermarking"), which is why one period is often enough.

The reader whitens what it hears, folds it modulo the period into one buffer of 2.05 s, however long the recording,
finds the start by correlating with the keyed pilot (one Fourier transform for all 32,768 offsets), and decodes. The
keyed tag of 32 bits bounds false positives as in the picture (`code`).

Not a ready library: `resemble-perth` answers only yes or no, so it cannot tell that a soundtrack was exchanged for
another marked one. It was ruled out for that, without a measurement against it.
"""

import functools
import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, irfft, rfft
from scipy.ndimage import uniform_filter

from provenance.watermark.code import SOUND
from provenance.watermark.identity import sound_message

HOP = 256  # samples; coefficients in a transform frame (16 ms at 16 kHz)
FRAMES = 128  # transform frames in a period
PERIOD = HOP * FRAMES  # 32,768 samples, 2.048 s
LOWEST, HIGHEST = 10, 192  # coefficients used: 312 Hz to 6 kHz
BAND = HIGHEST - LOWEST
PILOT_EVERY = 8  # one chip in eight belongs to the pilot
TARGET = 0.085  # correlation that each coded bit is lifted to, in units of the whitened sound
PILOT_TARGET = 0.1
SMALLEST, LARGEST = 0.01, 0.13  # amplitude against the local spectrum: -40 to -18 dB
FLOOR = 1e-5  # -100 dB of full scale: below, there is nothing to hide under
CANDIDATES = 6  # offsets that are tried
QUIET = 1e-4  # root mean square under which a recording counts as silent


def _window(length: int) -> np.ndarray:
    return np.sin(np.pi * (np.arange(length) + 0.5) / length)


def mdct(samples: np.ndarray) -> np.ndarray:
    """(n + 1) * HOP samples -> (n, HOP) coefficients, orthonormal with the sine window."""
    n = len(samples) // HOP - 1
    half = samples.reshape(-1, HOP)
    x = np.concatenate([half[:n], half[1 : n + 1]], axis=1) * _window(2 * HOP)
    a, b, c, d = np.split(x, 4, axis=1)
    return dct(np.concatenate([-c[:, ::-1] - d, a - b[:, ::-1]], axis=1), type=4, norm="ortho", axis=1)


def imdct(coefficients: np.ndarray) -> np.ndarray:
    """(n, HOP) coefficients -> (n + 1) * HOP samples; exact where frames overlap."""
    y = dct(coefficients, type=4, norm="ortho", axis=1)
    first, second = y[:, : HOP // 2], y[:, HOP // 2 :]
    x = np.concatenate([second, -second[:, ::-1], -first[:, ::-1], -first], axis=1) * _window(2 * HOP)
    out = np.zeros((len(coefficients) + 1) * HOP)
    out[:-HOP] += x[:, :HOP].reshape(-1)
    out[HOP:] += x[:, HOP:].reshape(-1)
    return out


def whiten(samples: np.ndarray) -> np.ndarray:
    """Divide by the local spectrum: float (n * HOP,) -> the same length, unit level in every band and moment."""
    padded = np.concatenate([np.zeros(HOP), samples, np.zeros(HOP)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP] * _window(2 * HOP)
    spectrum = rfft(frames, axis=1)
    power = np.abs(spectrum) ** 2
    level = np.sqrt(_smoothed(power)) + FLOOR * math.sqrt(2 * HOP)
    flat = irfft(spectrum / level, axis=1) * _window(2 * HOP) * math.sqrt(HOP)
    out = np.zeros_like(padded)
    out[:-HOP] += flat[:, :HOP].reshape(-1)
    out[HOP:] += flat[:, HOP:].reshape(-1)
    return out[HOP:-HOP]


def _smoothed(power: np.ndarray) -> np.ndarray:
    """Mean over about 50 ms and 280 Hz."""
    return np.maximum(uniform_filter(power, size=(3, 9), mode="nearest"), 0.0)  # its running sums round below zero


@dataclass(frozen=True, repr=False)
class SoundChips:
    """The keyed layout of a period. `bit` is (FRAMES, BAND) of coded bits, -1 for the pilot; `sign` of -1 and +1."""

    bit: np.ndarray
    sign: np.ndarray
    counts: np.ndarray  # chips of the pilot, then of every coded bit

    @classmethod
    @functools.lru_cache(maxsize=4)
    def from_key(cls, key: bytes) -> "SoundChips":
        """Expand a secret key with SHAKE-256."""
        chips = FRAMES * BAND
        stream = hashlib.shake_256(b"vasari/sound/chips" + key).digest(9 * chips)
        order = np.argsort(np.frombuffer(stream[: 8 * chips], np.uint64), kind="stable")
        turn = np.arange(chips)
        carrier = turn - turn // PILOT_EVERY - 1
        bit = np.empty(chips, np.int64)
        bit[order] = np.where(turn % PILOT_EVERY == 0, -1, carrier % SOUND.coded_bits)
        sign = 1.0 - 2.0 * (np.frombuffer(stream[8 * chips :], np.uint8) & 1)
        return cls(bit.reshape(FRAMES, BAND), sign.reshape(FRAMES, BAND), np.bincount(bit + 1))

    def gather(self, coefficients: np.ndarray) -> np.ndarray:
        """(FRAMES, HOP) coefficients -> mean correlation of the pilot and of each coded bit, (1 + coded_bits,)."""
        weighted = self.sign * coefficients[:, LOWEST:HIGHEST]
        return np.bincount(self.bit.reshape(-1) + 1, weighted.reshape(-1)) / self.counts

    def pilot_wave(self) -> np.ndarray:
        """The pilot alone at unit amplitude, one period that repeats, (PERIOD,)."""
        coefficients = np.zeros((FRAMES, HOP))
        coefficients[:, LOWEST:HIGHEST] = np.where(self.bit < 0, self.sign, 0.0)
        return _wrapped(imdct(coefficients))


def _wrapped(samples: np.ndarray) -> np.ndarray:
    """Fold the tail of one period's samples back onto its head."""
    out = samples[:PERIOD].copy()
    out[: len(samples) - PERIOD] += samples[PERIOD:]
    return out


class SoundMarker:
    """Marks a stream of sound with part of a clip's message; holds back at most one period (2.05 s).

    Args:
        message: the clip's 64-bit message.
        key: the secret watermark key, 32 bytes.
    """

    def __init__(self, message: int, key: bytes) -> None:
        self._chips = SoundChips.from_key(key)
        self._signs = np.append(1, SOUND.encode(sound_message(message), key)).astype(np.float64)
        self._pending = np.zeros(0, np.float32)  # host samples not yet given back
        self._tail = np.zeros(HOP)  # mark that reaches into the next period

    def mark(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """float32 (n,) mono 16 kHz chunks -> the same sound, marked, in chunks of other sizes."""
        for chunk in chunks:
            yield from self.push(chunk)
        yield self.finish()

    def push(self, chunk: np.ndarray) -> Iterator[np.ndarray]:
        """Give more sound; yields what is ready."""
        self._pending = np.concatenate([self._pending, np.asarray(chunk, np.float32)])
        while len(self._pending) >= PERIOD + HOP:
            yield self._period(self._pending[: PERIOD + HOP], PERIOD)
            self._pending = self._pending[PERIOD:]

    def finish(self) -> np.ndarray:
        """The marked rest."""
        parts = []
        while len(self._pending):
            length = min(PERIOD, len(self._pending))
            host = np.pad(self._pending[: PERIOD + HOP], (0, max(0, PERIOD + HOP - len(self._pending))))
            parts.append(self._period(host, PERIOD)[:length])
            self._pending = self._pending[length:]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _period(self, host: np.ndarray, length: int) -> np.ndarray:
        host = host.astype(np.float64)
        level = np.sqrt(_smoothed(mdct(host) ** 2))[:, LOWEST:HIGHEST]
        have = self._chips.gather(mdct(whiten(host))) * self._signs
        target = np.full(len(have), TARGET)
        target[0] = PILOT_TARGET
        lacking = np.clip(target - have, SMALLEST, LARGEST) * self._signs
        mark = np.zeros((FRAMES, HOP))
        mark[:, LOWEST:HIGHEST] = self._chips.sign * lacking[self._chips.bit + 1] * level
        wave = imdct(mark)
        wave[:HOP] += self._tail
        self._tail = wave[PERIOD:].copy()
        return np.clip(host[:length] + wave[:length], -1.0, 1.0).astype(np.float32)


@dataclass(frozen=True)
class SoundReading:
    """What was heard under one key."""

    message: int | None  # the 24-bit message, None where none could be read
    noticed: bool  # a mark of this key is there, whether or not its message could be read
    p_value: float  # chance of saying so by accident: a bound for a message, an estimate where it is only noticed
    seconds: float  # of sound heard
    silent: bool  # too quiet to bear a mark


class SoundReader:
    """Finds the sound mark. Memory does not grow with the length of the recording.

    Args:
        key: the secret watermark key, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._chips = SoundChips.from_key(key)
        self._folded = np.zeros(PERIOD)
        self._rest = np.zeros(0, np.float32)
        self._heard = 0  # samples folded
        self._energy = 0.0
        self._attempts = 0

    def add(self, chunk: np.ndarray) -> None:
        """Listen to more sound, float32 (n,) mono 16 kHz."""
        self._rest = np.concatenate([self._rest, np.asarray(chunk, np.float32)])
        whole = len(self._rest) // PERIOD * PERIOD
        for start in range(0, whole, PERIOD):
            self._fold(self._rest[start : start + PERIOD])
        self._rest = self._rest[whole:]

    def _fold(self, samples: np.ndarray) -> None:
        self._heard += len(samples)
        self._energy += float(np.square(samples, dtype=np.float64).sum())
        self._folded += whiten(np.pad(samples.astype(np.float64), (0, PERIOD - len(samples))))

    def read(self) -> SoundReading:
        """What all sound so far says together. Call it once, at the end."""
        if len(self._rest):
            self._fold(self._rest)
            self._rest = np.zeros(0, np.float32)
        silent = self._heard == 0 or math.sqrt(self._energy / self._heard) < QUIET
        if silent:
            return SoundReading(None, False, 1.0, self._heard / 16_000, True)
        correlation = irfft(rfft(self._folded) * np.conj(rfft(self._chips.pilot_wave())), n=PERIOD)
        scale = math.sqrt(float(self._folded @ self._folded) * self._chips.counts[0] / PERIOD)
        peaks = np.argsort(correlation)[::-1][:CANDIDATES]
        z = float(correlation[peaks[0]]) / scale
        chance = min(1.0, PERIOD * math.exp(-0.5 * z * z)) if z > 0 else 1.0
        for offset in peaks:
            self._attempts += 1
            aligned = np.roll(self._folded, -int(offset))
            soft = self._chips.gather(mdct(np.append(aligned, aligned[:HOP])))[1:]
            message = SOUND.decode(soft, self._key)
            if message is not None:
                p = CANDIDATES * 2.0**-SOUND.tag_bits
                return SoundReading(message, True, p, self._heard / 16_000, False)
        return SoundReading(None, chance < 1e-6, chance, self._heard / 16_000, False)
