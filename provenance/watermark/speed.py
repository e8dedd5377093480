"""Finds at which speed a recording is played, by the keyed pilot of the sound mark.

Played faster or slower, pitch and all, the mark's period is no longer the one that the reader folds by. Here the
whitened sound is read again at every speed of a list, folded and correlated with the pilot at all offsets at once by a
Fourier transform. Over a stretch of sound a wrong speed adds up to a drift, so the list must be the finer the longer
the stretch: the whole range is searched on the loudest few seconds, and the best speeds are refined while the stretch
is doubled until it is all that was kept.

Sound that was stretched with its pitch kept (overlap-add, as of `atempo`) is cut into pieces of some 50 ms that are
moved by themselves; none of them bears enough of the pilot to be found alone, and this search does not find them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft, rfft

SLOWEST, FASTEST = 0.9, 1.1
MARGIN = 1.004  # beyond both, so that they themselves are found
DRIFT = 3.0  # samples by which neighbours of the list differ over a stretch: 0.75 at most from one of them to its ends
STRETCH = 64_000  # samples on which the whole range is searched, 4 s
LONGEST = 480_000  # samples that are looked at, 30 s
KEPT = 24  # speeds of the rough list that are refined
OVERSAMPLED = 4  # so that samples between samples can be taken from a straight line
AT_ONCE = 16  # speeds of which spectra are taken together
FINER = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])  # steps about a speed when it is refined
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
        chips: coefficients that it lies on.
    """

    def __init__(self, pilot: np.ndarray, chips: int) -> None:
        self._period = len(pilot)
        self._template = np.conj(rfft(pilot)).astype(np.complex64)
        self._share = chips / len(pilot)

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
        fine = _finer(flat).astype(np.float32)
        step = DRIFT / length
        speeds = np.exp(np.arange(math.log(SLOWEST / MARGIN), math.log(FASTEST * MARGIN), step))
        z = self._heights(fine, speeds, start, length)
        tops = [i for i in np.argsort(z)[::-1] if z[i] >= z[max(0, i - 2) : i + 3].max()][:KEPT]
        best = speeds[tops]
        while True:
            tried = np.exp(np.log(best)[:, None] + step * FINER)
            z = self._heights(fine, tried.reshape(-1), start, length).reshape(tried.shape)
            best = tried[np.arange(len(tried)), z.argmax(axis=1)]
            if length == whole:
                break
            longer = min(whole, 2 * length)
            start = min(max(0, start - (longer - length) // 2), whole - longer)
            length, step = longer, step * length / longer
        found = [self._playing(fine, float(speed), whole) for speed in best]
        return sorted(found, key=lambda playing: -playing.z)

    def _heights(self, fine: np.ndarray, speeds: np.ndarray, start: int, length: int) -> np.ndarray:
        """The pilot's greatest correlation at each speed, in standard deviations."""
        from scipy import fft  # many at once, in a third of numpy's time

        from provenance.watermark.kernels import fold  # compiled, see there

        found = []
        for group in np.array_split(speeds, math.ceil(len(speeds) / AT_ONCE)):
            folded = np.zeros((len(group), self._period), np.float32)
            fold(fine, group, OVERSAMPLED * start, OVERSAMPLED * length, folded, OVERSAMPLED)
            spectra = fft.rfft(folded, axis=1)
            spectra *= self._template
            peaks = fft.irfft(spectra, n=self._period, axis=1, overwrite_x=True).max(axis=1)
            found.append(peaks / np.sqrt(np.square(folded).sum(axis=1) * self._share + 1e-12))
        return np.concatenate(found)

    def _playing(self, fine: np.ndarray, speed: float, length: int) -> Playing:
        from provenance.watermark.kernels import fold  # compiled, see there

        folded = np.zeros((1, self._period), np.float32)
        fold(fine, np.array([speed]), 0, OVERSAMPLED * length, folded, OVERSAMPLED)
        spectrum = rfft(folded[0])
        correlation = irfft(spectrum * self._template, n=self._period)
        at = int(correlation.argmax())
        z = float(correlation[at]) / math.sqrt(float(np.square(folded).sum()) * self._share + 1e-12)
        before, most, after = correlation[at - 1], correlation[at], correlation[(at + 1) % self._period]
        bend = before - 2 * most + after
        start = at + (0.5 * float((before - after) / bend) if bend < 0 else 0.0)  # the apex of a parabola
        turn = np.exp(2j * np.pi * start / self._period * np.arange(len(spectrum)))
        return Playing(z, speed, irfft(spectrum * turn, n=self._period).astype(np.float64))


def _finer(sound: np.ndarray) -> np.ndarray:
    """`OVERSAMPLED` times as many samples."""
    from scipy.signal import resample_poly  # takes a second of the processor, and most files need no search

    fine: np.ndarray = resample_poly(sound, OVERSAMPLED, 1)
    return fine


def played_back(sound: np.ndarray, speed: float) -> np.ndarray:
    """Sound that is played at `speed`, float32 (n,), as it was before: about n * speed samples."""
    fine = _finer(sound)
    at = np.arange(0, len(fine), OVERSAMPLED / speed)
    slow: np.ndarray = np.interp(at, np.arange(len(fine)), fine).astype(np.float32)
    return slow
