"""Finds at which speed a recording is played, by the keyed pilot of the sound mark.

Played faster or slower, pitch and all, the mark's period is no longer the one that the reader folds by. Played at speed
s, what the pilot has at a frequency f lies at s * f: so the spectrum of a stretch is taken once, finely, is read at the
pilot's harmonics times each speed of a list, and is correlated with the pilot at all offsets at once by a Fourier
transform. That is the same as to read the sound again at each speed and to fold it. Over a stretch of sound a wrong
speed adds up to a drift, so the list must be the finer the longer the stretch: the whole range is searched on the
loudest few seconds, and the best speeds are refined while the stretch is doubled until it is all that was kept.

Sound that was stretched with its pitch kept (overlap-add, as of `atempo`) is cut into pieces of some 50 ms that are
moved by themselves; none of them bears enough of the pilot to be found alone, and this search does not find them.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.fft import irfft, rfft

SLOWEST, FASTEST = 0.9, 1.1
MARGIN = 1.004  # beyond both, so that they themselves are found
DRIFT = 3.0  # samples by which neighbours of the list differ over a stretch: 0.75 at most from one of them to its ends
STRETCH = 64_000  # samples on which the whole range is searched, 4 s
LONGEST = 480_000  # samples that are looked at, 30 s
KEPT = 24  # speeds of the rough list that are refined
PADDED = 8  # times as long a stretch is made with zeros at least, so that its spectrum can be read between its bins
OVERSAMPLED = 4  # so that samples between samples can be taken from a straight line
SMALLEST = 131_072  # values of which a spectrum is taken at least: scraps have few of their own
AT_ONCE = 8  # speeds of which spectra are taken together
FINER = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])  # steps about a speed when it is refined
FAINT = 0.01  # of the loudest of the pilot's harmonics: below, it has none
# Whatever way a search takes, it ends at one of these.
SPEEDS = 4 * math.log(FASTEST / SLOWEST * MARGIN**2) * LONGEST / DRIFT


@dataclass(frozen=True)
class Playing:
    """One way in which the mark may be heard."""

    z: float  # correlation with the pilot, in standard deviations of unmarked sound
    speed: float  # 1.1: played faster, and higher, than it was marked
    folded: np.ndarray  # (period,), read back at that speed, the period's start at sample 0


class SpeedSearch:
    """Looks for the pilot of one key.

    Args:
        pilot: its wave, one period that repeats, (period,).
    """

    def __init__(self, pilot: np.ndarray) -> None:
        self._period = len(pilot)
        template = np.conj(rfft(pilot))
        loud = np.flatnonzero(np.abs(template) > FAINT * np.abs(template).max())
        self._harmonics = np.arange(loud[0], loud[-1] + 1)
        self._template = template[self._harmonics].astype(np.complex64)

    def likely(self, flat: np.ndarray, loudness: np.ndarray) -> list[Playing]:
        """The likeliest speeds, best first, all of the sound folded at each.

        Args:
            flat: whitened sound, (n,) at 16 kHz; the first `LONGEST` are used.
            loudness: of its samples, (n,), to choose where to look first.
        """
        flat = flat[:LONGEST]
        whole, length = len(flat), min(len(flat), STRETCH)
        total = np.append(0.0, np.cumsum(loudness[:whole], dtype=np.float64))
        start = int(np.argmax(total[length:] - total[: whole - length + 1]))
        spectrum, step = _spectrum(flat[start : start + length]), DRIFT / length
        speeds = np.exp(np.arange(math.log(SLOWEST / MARGIN), math.log(FASTEST * MARGIN), step))
        z = self._heights(spectrum, speeds)
        tops = [i for i in np.argsort(z)[::-1] if z[i] >= z[max(0, i - 2) : i + 3].max()][:KEPT]
        best = speeds[tops]
        while True:
            tried = np.clip(best[:, None] * np.exp(step * FINER), SLOWEST / MARGIN**2, FASTEST * MARGIN**2)
            z = self._heights(spectrum, tried.reshape(-1)).reshape(tried.shape)
            best = tried[np.arange(len(tried)), z.argmax(axis=1)]
            if length == whole:
                break
            longer = min(whole, 2 * length)
            start = min(max(0, start - (longer - length) // 2), whole - longer)
            length, step = longer, step * length / longer
            spectrum = _spectrum(flat[start : start + length])
        found = [self._playing(spectrum, float(speed)) for speed in best]
        return sorted(found, key=lambda playing: -playing.z)

    def _heights(self, spectrum: np.ndarray, speeds: np.ndarray) -> np.ndarray:
        """The pilot's greatest correlation at each speed, in standard deviations, (k,)."""
        first, last = self._harmonics[0], self._harmonics[-1] + 1
        bins = (self._harmonics * self._bins(spectrum)).astype(np.float32)
        spectra = np.zeros((AT_ONCE, self._period // 2 + 1), np.complex64)
        waves: Any = np.empty((AT_ONCE, self._period), np.float32)
        z = np.empty(len(speeds))
        for begin in range(0, len(speeds), AT_ONCE):
            group = speeds[begin : begin + AT_ONCE].astype(np.float32)
            shown = spectrum.take((group[:, None] * bins + np.float32(0.5)).astype(np.intp))
            shown *= self._template
            spectra[: len(group), first:last] = shown
            irfft(spectra, n=self._period, axis=1, out=waves)
            power = np.array([float(np.vdot(row, row).real) for row in shown])
            peaks = waves[: len(group)].max(axis=1)
            z[begin : begin + len(group)] = peaks * (self._period / np.sqrt(2 * power + 1e-12))
        return z

    def _bins(self, spectrum: np.ndarray) -> float:
        """Bins of a spectrum between two harmonics of the pilot."""
        return 2 * (len(spectrum) - 1) / self._period

    def _playing(self, spectrum: np.ndarray, speed: float) -> Playing:
        bins = self._harmonics * (speed * self._bins(spectrum))
        below = bins.astype(np.int64)
        folded = np.zeros(self._period // 2 + 1, np.complex128)
        folded[self._harmonics] = spectrum[below] + (bins - below) * (spectrum[below + 1] - spectrum[below])
        shown = np.zeros_like(folded)
        shown[self._harmonics] = folded[self._harmonics] * self._template
        correlation = irfft(shown, n=self._period)
        at = int(correlation.argmax())
        z = float(correlation[at]) / math.sqrt(float(np.square(correlation).mean()) + 1e-24)
        before, most, after = correlation[at - 1], correlation[at], correlation[(at + 1) % self._period]
        bend = before - 2 * most + after
        start = at + (0.5 * float((before - after) / bend) if bend < 0 else 0.0)  # the apex of a parabola
        turn = np.exp(2j * np.pi * start / self._period * np.arange(len(folded)))
        return Playing(z, speed, irfft(folded * turn, n=self._period))


def _spectrum(stretch: np.ndarray) -> np.ndarray:
    """Of a stretch with the time of its middle at 0, where zeros were put after it, complex64 (n + 1,)."""
    size, middle = max(SMALLEST, 1 << math.ceil(math.log2(PADDED * len(stretch)))), len(stretch) // 2
    padded = np.zeros(size)
    padded[: len(stretch) - middle], padded[size - middle :] = stretch[middle:], stretch[:middle]
    return np.asarray(rfft(padded).astype(np.complex64))


def _finer(sound: np.ndarray) -> np.ndarray:
    """`OVERSAMPLED` times as many samples."""
    size = 1 << math.ceil(math.log2(len(sound) + 1))
    fine = irfft(rfft(sound, n=size), n=OVERSAMPLED * size)
    return np.asarray(fine[: OVERSAMPLED * len(sound)] * OVERSAMPLED)


def played_back(sound: np.ndarray, speed: float) -> np.ndarray:
    """Sound that is played at `speed`, float32 (n,), as it was before: about n * speed samples."""
    fine = _finer(sound)
    at = np.arange(0, len(fine), OVERSAMPLED / speed)
    slow: np.ndarray = np.interp(at, np.arange(len(fine)), fine).astype(np.float32)
    return slow
