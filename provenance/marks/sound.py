"""The sound mark: 24 bits of the clip's message under speech, keyed, streaming, decoded blind.

Additive spread spectrum in the domain of the modified discrete cosine transform (Princen and Bradley 1987), the one
that the lossy coders themselves work in, at an amplitude in proportion to the local spectrum, so that speech masks
it. The period of 2.05 s carries the whole message and repeats. Each coded bit lies on about 120 coefficients
scattered over the period by the secret key; the embedder knows the speech and spends on each bit only what that bit
still lacks (improved spread spectrum, Malvar and Florencio 2003, "Improved spread spectrum: a new modulation
technique for robust watermarking"), which is why one period is often enough.

The reader whitens what it hears, folds it modulo the period into one buffer of 2.05 s, however long the recording,
finds the start by correlating with the keyed pilot (one Fourier transform for all 32,768 offsets), and decodes. The
keyed tag of 32 bits bounds false positives as in the picture (`code`). Sound that is played faster or slower is looked
for where that is asked (`speed`).

Not a ready library: `resemble-perth` answers only yes or no, so it cannot tell that a soundtrack was exchanged for
another marked one. It was ruled out for that, without a measurement against it.
"""

import functools
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.fft import fft, irfft, rfft

from provenance.marks.code import SOUND
from provenance.marks.identity import sound_message
from provenance.marks.speed import KEPT, LONGEST, SPEEDS, SpeedSearch

HOP = 256  # samples; coefficients in a transform frame (16 ms at 16 kHz)
FRAMES = 128  # transform frames in a period
PERIOD = HOP * FRAMES  # 32,768 samples, 2.048 s
BLOCK = 2 * PERIOD  # samples of a stretch that is read by itself, about 4 s
LOWEST, HIGHEST = 10, 192  # coefficients used: 312 Hz to 6 kHz
BAND = HIGHEST - LOWEST
PILOT_EVERY = 8  # one chip in eight belongs to the pilot
TARGET = 0.085  # correlation that each coded bit is lifted to, in units of the whitened sound
PILOT_TARGET = 0.1
SMALLEST, LARGEST = 0.01, 0.13  # amplitude against the local spectrum: -40 to -18 dB
FLOOR = 1e-5  # -100 dB of full scale: below, there is nothing to hide under
LIVE = 4  # transform frames in a block of sound that cannot wait: 64 ms
CANDIDATES = 6  # offsets that are tried
NOTICED = 1e-6  # chance below which the pilot alone counts
QUIETEST = 0.1  # share of the transform frames from which the level of noise is taken
QUIET = 1e-4  # root mean square under which a recording counts as silent


def _window(length: int) -> np.ndarray:
    return np.sin(np.pi * (np.arange(length) + 0.5) / length)


def mdct(samples: np.ndarray) -> np.ndarray:
    """(n + 1) * HOP samples -> (n, HOP) coefficients, orthonormal with the sine window."""
    n = len(samples) // HOP - 1
    half = samples.reshape(-1, HOP)
    x = np.concatenate([half[:n], half[1 : n + 1]], axis=1) * _window(2 * HOP)
    a, b, c, d = np.split(x, 4, axis=1)
    return _dct(np.concatenate([-c[:, ::-1] - d, a - b[:, ::-1]], axis=1))


def imdct(coefficients: np.ndarray) -> np.ndarray:
    """(n, HOP) coefficients -> (n + 1) * HOP samples; exact where frames overlap."""
    y = _dct(coefficients)
    first, second = y[:, : HOP // 2], y[:, HOP // 2 :]
    x = np.concatenate([second, -second[:, ::-1], -first[:, ::-1], -first], axis=1) * _window(2 * HOP)
    out = np.zeros((len(coefficients) + 1) * HOP)
    out[:-HOP] += x[:, :HOP].reshape(-1)
    out[HOP:] += x[:, HOP:].reshape(-1)
    return out


def whiten(samples: np.ndarray, *, weighted: bool = False) -> np.ndarray:
    """Divide by the local spectrum: float (n * HOP,) -> the same length, unit level in every band and moment.

    Args:
        weighted: times the share of the power that is not steady noise, whose level in every band is taken from the
            quietest moments: the mark was laid under the speech alone.
    """
    padded = np.concatenate([np.zeros(HOP), samples, np.zeros(HOP)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP] * _window(2 * HOP)
    spectrum = rfft(frames, axis=1)
    power = _smoothed(np.abs(spectrum) ** 2)
    floor = FLOOR * math.sqrt(2 * HOP)
    level = np.sqrt(power) + floor
    if weighted and (heard := power.max(axis=1) > floor**2).any():
        noise = np.quantile(power[heard], QUIETEST, axis=0)
        spectrum = spectrum * np.clip(1 - noise / np.maximum(power, floor**2), 0.0, 1.0)
    flat = irfft(spectrum / level, axis=1) * _window(2 * HOP) * math.sqrt(HOP)
    out = np.zeros_like(padded)
    out[:-HOP] += flat[:, :HOP].reshape(-1)
    out[HOP:] += flat[:, HOP:].reshape(-1)
    return out[HOP:-HOP]


TWIST = np.exp(-1j * np.pi / HOP * (np.arange(HOP // 2) + 0.125))


def _dct(rows: np.ndarray) -> np.ndarray:
    """The orthonormal discrete cosine transform of type IV of rows (n, HOP), by a complex Fourier transform of half the
    length (importing SciPy's takes longer than all of a short file's transforms)."""
    turned = fft((rows[:, 0::2] + 1j * rows[:, ::-2]) * TWIST, axis=1) * (TWIST * math.sqrt(2 / HOP))
    out = np.empty(rows.shape)
    out[:, 0::2], out[:, ::-2] = turned.real, -turned.imag
    return out


def _smoothed(power: np.ndarray) -> np.ndarray:
    """Mean over about 50 ms and 280 Hz."""
    mean = cv2.blur(power, (9, 3), borderType=cv2.BORDER_REPLICATE)
    smooth: np.ndarray = np.maximum(mean, 0.0)  # its running sums round below zero
    return smooth


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

    def gather(self, coefficients: np.ndarray, rows: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (n, HOP) of n transform frames of the period -> sums of their correlation with the pilot and
        with each coded bit, and how many chips were summed: both (1 + coded_bits,)."""
        weighted = self.sign[rows] * coefficients[:, LOWEST:HIGHEST]
        which = self.bit[rows].reshape(-1) + 1
        return (np.bincount(which, weighted.reshape(-1), len(self.counts)), np.bincount(which, None, len(self.counts)))

    @functools.cached_property
    def pilot_spectrum(self) -> np.ndarray:
        """The conjugate spectrum of `pilot_wave`, complex (PERIOD / 2 + 1,)."""
        return np.asarray(np.conj(rfft(self.pilot_wave())))

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
    """Marks a stream of sound with part of a clip's message, in blocks; holds back a block and a little more.

    A bit's strength in a block is what it lacks by then, over the chips that the period still has for it. The
    longer the block, the more of the speech is known and the less is spent; blocks of a whole period hold sound back by
    2.05 s, `LIVE` ones by 96 ms at most. The reader is the same for all.

    Args:
        message: the clip's 64-bit message.
        key: the secret watermark key, 32 bytes.
        block: transform frames in a block, a divisor of `FRAMES`.
        strength: times the usual one, for sound that it cannot be read from otherwise; above 1 it may be heard.
    """

    def __init__(self, message: int, key: bytes, *, block: int = FRAMES, strength: float = 1.0) -> None:
        if block < 1 or FRAMES % block:
            raise ValueError(f"blocks of {block} transform frames: {FRAMES} must be a multiple of them")
        self._chips = SoundChips.from_key(key)
        self._signs = np.append(1, SOUND.encode(sound_message(message), key)).astype(np.float64)
        self._target = np.full(len(self._signs), TARGET)
        self._target[0] = PILOT_TARGET
        self._target *= strength
        self._least, self._most = SMALLEST * strength, LARGEST * strength
        self._block = block
        self._around = 0 if block == FRAMES else 1  # blocks' neighbours that are looked at, transform frames
        self._before = np.zeros(self._around * HOP, np.float32)  # host samples just given back
        self._pending = np.zeros(0, np.float32)  # host samples not yet given back
        self._tail = np.zeros(HOP)  # mark that reaches into the next block
        self._at = 0  # transform frame of the period
        self._have = np.zeros(len(self._signs))  # correlation so far in the period, summed over chips
        self._left = self._chips.counts.astype(np.float64)  # chips that the period still has

    def mark(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """float32 (n,) mono 16 kHz chunks -> the same sound, marked, in chunks of other sizes."""
        for chunk in chunks:
            yield from self.push(chunk)
        yield self.finish()

    def push(self, chunk: np.ndarray) -> Iterator[np.ndarray]:
        """Give more sound; yields what is ready."""
        self._pending = np.concatenate([self._pending, np.asarray(chunk, np.float32)])
        while len(self._pending) >= (self._block + 1 + self._around) * HOP:
            yield self._next(self._block * HOP)

    def finish(self) -> np.ndarray:
        """The marked rest."""
        parts = []
        while len(self._pending):
            parts.append(self._next(min(self._block * HOP, len(self._pending))))
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _next(self, length: int) -> np.ndarray:
        """Mark one block; give back its first `length` samples."""
        size = (self._block + 1 + self._around) * HOP
        ahead = self._pending[:size]
        host = np.concatenate([self._before, ahead, np.zeros(size - len(ahead), np.float32)]).astype(np.float64)
        wave = self._wave(host)
        wave[:HOP] += self._tail
        whole = self._block * HOP
        self._tail = wave[whole:].copy()
        start = len(self._before)
        marked: np.ndarray = np.clip(host[start : start + length] + wave[:length], -1.0, 1.0).astype(np.float32)
        self._before = host[whole : whole + start].astype(np.float32)
        self._pending = self._pending[length:]
        return marked

    def _wave(self, host: np.ndarray) -> np.ndarray:
        """The mark of one block and the transform frame that it reaches into, (block + 1) * HOP."""
        rows = slice(self._around, self._around + self._block)  # of the block, among what is looked at
        level = np.sqrt(_smoothed(mdct(host) ** 2))[rows, LOWEST:HIGHEST]
        period = slice(self._at, self._at + self._block)
        heard, chips = self._chips.gather(mdct(whiten(host))[rows], period)
        heard = heard * self._signs
        lacking = (self._target * self._chips.counts - self._have - heard) / np.maximum(self._left, 1)
        strength = np.clip(lacking, self._least, self._most)
        mark = np.zeros((self._block, HOP))
        which = self._chips.bit[period] + 1
        mark[:, LOWEST:HIGHEST] = self._chips.sign[period] * (strength * self._signs)[which] * level
        audible = (level / (level + FLOOR * math.sqrt(2 * HOP))).reshape(-1)  # in silence nothing is won
        self._have += heard + strength * np.bincount(which.reshape(-1), audible, len(strength))
        self._left -= chips
        self._at += self._block
        if self._at == FRAMES:
            self._at, self._have, self._left = 0, np.zeros_like(self._have), self._chips.counts.astype(np.float64)
        return imdct(mark)


@dataclass(frozen=True)
class SoundReading:
    """What was heard under one key."""

    message: int | None  # the 24-bit message, None where none could be read
    noticed: bool  # a mark of this key is there, whether or not its message could be read
    p_value: float  # chance of saying so by accident: a bound for a message, an estimate where it is only noticed
    seconds: float  # of sound heard
    silent: bool  # too quiet to bear a mark
    speed: float = 1.0  # at which it is played, 1.1 faster and higher than it was marked; other than 1 after a search


class SoundReader:
    """Finds the sound mark. The first 30 s are kept, and of the rest 32 kB for every second.

    Args:
        key: the secret watermark key, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._chips = SoundChips.from_key(key)
        self._folded = np.zeros(PERIOD)
        self._rest = np.zeros(0, np.float32)
        self._blocks: list[np.ndarray] = []  # what was folded, stretch by stretch
        self._kept: list[np.ndarray] = []  # the beginning, for a search
        self._heard = 0  # samples folded
        self._energy = 0.0

    def add(self, chunk: np.ndarray) -> None:
        """Listen to more sound, float32 (n,) mono 16 kHz."""
        self._rest = np.concatenate([self._rest, np.asarray(chunk, np.float32)])
        whole = len(self._rest) // PERIOD * PERIOD
        for start in range(0, whole, PERIOD):
            self._fold(self._rest[start : start + PERIOD])
        self._rest = self._rest[whole:]

    def _fold(self, samples: np.ndarray) -> None:
        if self._heard < LONGEST:
            self._kept.append(samples[: LONGEST - self._heard].copy())
        self._heard += len(samples)
        self._energy += float(np.square(samples, dtype=np.float64).sum())
        white = whiten(np.pad(samples.astype(np.float64), (0, PERIOD - len(samples))))
        self._folded += white
        if (self._heard - len(samples)) % BLOCK == 0:
            self._blocks.append(np.zeros(PERIOD, np.float32))
        self._blocks[-1] += white.astype(np.float32)

    def read(self, key: bytes | None = None, *, search: bool = False) -> SoundReading:
        """What all sound so far says together, under the reader's key or another one. Give no more sound after it.

        Args:
            search: where no message can be read as it is, look in the first 30 s for a mark under noise, and for one
                that is played at 0.9 to 1.1 times its speed; takes 0.6 s of one core.
        """
        if len(self._rest):
            self._fold(self._rest)
            self._rest = np.zeros(0, np.float32)
        seconds = self._heard / 16_000
        if self._heard == 0 or math.sqrt(self._energy / self._heard) < QUIET:
            return SoundReading(None, False, 1.0, seconds, True)
        if key is not None and key != self._key:
            self._key, self._chips = key, SoundChips.from_key(key)
        message, z = self._aligned(self._folded)
        if message is not None:
            return SoundReading(message, True, CANDIDATES * 2.0**-SOUND.tag_bits, seconds, False)
        chance = _chance(z)
        found = SoundReading(None, chance < NOTICED, chance, seconds, False)
        return self._searched(found) if search else found

    def pieces(self, key: bytes) -> list[tuple[float, float, int]]:
        """(start, end, message) of the stretches of about 4 s, in seconds, in which a message can be read by itself or
        together with their neighbours; to be called after `read`."""
        self.read(key)
        length, found = BLOCK / 16_000, []
        for number in range(len(self._blocks)):
            for around in (0, 1):
                sums: np.ndarray = np.add.reduce(
                    self._blocks[max(0, number - around) : number + around + 1], axis=0, dtype=np.float64
                )
                message, _ = self._aligned(sums)
                if message is not None:
                    found.append((number * length, min((number + 1) * length, self._heard / 16_000), message))
                    break
        return found

    def _searched(self, found: SoundReading) -> SoundReading:
        """Look for a mark under noise, then for one that is played at another speed; `found` is what there is as it
        is."""
        sound = np.concatenate(self._kept)
        flat = whiten(np.pad(sound.astype(np.float64), (0, -len(sound) % HOP)), weighted=True)[: len(sound)]
        p = (2 * CANDIDATES + KEPT) * 2.0**-SOUND.tag_bits
        message, _ = self._aligned(np.pad(flat, (0, -len(flat) % PERIOD)).reshape(-1, PERIOD).sum(axis=0))
        if message is not None:
            return replace(found, message=message, noticed=True, p_value=p)
        search = SpeedSearch(self._chips.pilot_wave())
        likely = search.likely(flat, np.abs(sound))
        message, which = self._decoded([playing.folded for playing in likely])
        if message is not None:
            return replace(found, message=message, noticed=True, p_value=p, speed=likely[which].speed)
        chance = _chance(likely[0].z, SPEEDS)
        if chance < min(NOTICED, found.p_value):
            return replace(found, noticed=True, p_value=chance, speed=likely[0].speed)
        return found

    def _aligned(self, folded: np.ndarray) -> tuple[int | None, float]:
        """The message of a folded period (PERIOD,) that starts anywhere, and the pilot's correlation in standard
        deviations."""
        correlation = irfft(rfft(folded) * self._chips.pilot_spectrum, n=PERIOD)
        scale = math.sqrt(float(folded @ folded) * self._chips.counts[0] / PERIOD + 1e-12)
        peaks = np.argpartition(correlation, -CANDIDATES)[-CANDIDATES:]
        peaks = peaks[np.argsort(-correlation[peaks])]
        message, _ = self._decoded([np.roll(folded, -int(offset)) for offset in peaks])
        return message, float(correlation[peaks[0]]) / scale

    def _decoded(self, periods: Sequence[np.ndarray]) -> tuple[int | None, int]:
        """The first message of folded periods that start at sample 0, (PERIOD,) each, and whose it is."""
        sums = [self._chips.gather(mdct(np.append(period, period[:HOP])))[0] for period in periods]
        found = SOUND.decode_all((np.stack(sums) / self._chips.counts)[:, 1:], self._key)
        return next(((message, k) for k, message in enumerate(found) if message is not None), (None, 0))


def _chance(z: float, speeds: float = 1.0) -> float:
    """Of a correlation as high at one of all offsets and so many speeds, where there is no mark."""
    return min(1.0, speeds * PERIOD * math.exp(-0.5 * z * z)) if z > 0 else 1.0
