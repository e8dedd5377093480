"""A perceptual hash of a clip: is this the content that was registered, whatever was done to the file?

It answers what a mark cannot: a mark laid over somebody else's footage is as readable as one of ours, but the content
is not what was registered. It is not secret and proves nothing by itself; people may look alike.

Pictures, every fifth frame: luma as 32x32 means, its discrete cosine transform.
    still   signs of 255 low frequencies of the mean over all samples: what is to be seen
    motion  signs of 24 low frequencies' changes over 0.2 s: how it moves. Two clips of one portrait differ here alone
Sound, 25 times a second: signs of the differences of 17 bands' log energies along frequency and time (Haitsma and
Kalker, A highly robust audio fingerprinting system, ISMIR 2002, eq. 1, with longer steps).

What is kept are signs; what is asked about keeps its magnitudes, so that bits near zero, which any encoder may turn,
weigh little. A clip that was cut is found at its place: the one that is asked about is looked at 25 times a second.
"""

import base64
import binascii
import struct
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from media.units import FPS, SAMPLE_RATE

ALGORITHM = "io.vasari.fingerprint.1"
SIDE = 32  # of the picture that is transformed
STEP = 5  # frames between two samples that are kept
MOVING = 24  # frequencies of motion
STILL_BITS = 255
LONGEST = 120.0  # seconds that are kept
HOP = SAMPLE_RATE // 25
WINDOW = 4 * HOP  # 160 ms
BANDS = 17
LOW, HIGH = 250.0, 4000.0  # Hz
PHASES = 4  # places in a hop at which sound that is asked about is heard
QUIET = 1e-4  # root mean square below which a clip has no sound to compare
NOISE, MOST = 1.5, 30.0  # of a frequency of the mean picture, levels of luma: what counts for nothing, what for all
STIR, MOST_STIR = 1.0, 8.0  # the same of a change over 0.2 s
FEWEST = 24  # signs that must count
ROBUST = 1e-4  # of the loudest band of a moment, -40 dB: what an encoder may change at will
RUSTLE = 0.5  # natural logarithm of energy: a change of a band that counts for nothing
OVERLAP = 0.05  # of agreement, that a place is worth at which all of the shorter clip lies in the other
FITS = 0.8  # share of signs from which it is known where in time a clip lies in another
SOUND_WINDOW, SOUND_LEAST = 25, 0.80  # rows (1 s) that are compared by themselves, and share from which they match
MOVING_WINDOW, MOVING_LEAST = 10, 0.75  # the same of motion (2 s)
SHORTEST_SOUND, SHORTEST_MOTION = 25, 5  # steps that must overlap: 1 s
MAGIC = b"VF1"
# Coefficients in order of frequency, without the mean.
_ORDER = np.array(sorted((i + j, max(i, j), i, j) for i in range(24) for j in range(24))[1 : STILL_BITS + 1])[:, 2:]


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a clip. Signs as bool."""

    still: np.ndarray  # (255,)
    motion: np.ndarray  # (T, 24), between samples 0.2 s apart; T = 0 for a picture
    sound: np.ndarray  # (S, 16), 25 a second; S = 0 without sound

    def to_bytes(self) -> bytes:
        """At most 20 kB."""
        header = struct.pack("<3sxHH", MAGIC, len(self.motion), len(self.sound))
        return header + b"".join(np.packbits(part, axis=-1).tobytes() for part in (self.still, self.motion, self.sound))

    @property
    def seconds(self) -> float:
        """That it lasts, as far as it was kept; 0 for a picture."""
        moving = (len(self.motion) + 1) * STEP / FPS if len(self.motion) else 0.0
        return max(moving, len(self.sound) * HOP / SAMPLE_RATE + WINDOW / SAMPLE_RATE if len(self.sound) else 0.0)

    @property
    def still_bytes(self) -> bytes:
        """The picture hash alone, 32 bytes."""
        return np.packbits(self.still).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Fingerprint":
        """Raises `ValueError` for anything that `to_bytes` did not make."""
        if len(data) < 40 or data[:3] != MAGIC:
            raise ValueError("not a fingerprint of this kind")
        _, motion, sound = struct.unpack("<3sxHH", data[:8])
        if len(data) != 40 + motion * MOVING // 8 + sound * 2:
            raise ValueError("a fingerprint of the wrong length")
        bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=8)).astype(bool)
        edge = 256 + motion * MOVING
        return cls(bits[:STILL_BITS], bits[256:edge].reshape(motion, MOVING), bits[edge:].reshape(sound, BANDS - 1))

    def to_value(self) -> str:
        """As the value of a soft binding."""
        return base64.b64encode(self.to_bytes()).decode()

    @classmethod
    def from_value(cls, value: str) -> "Fingerprint":
        """Raises `ValueError` as `from_bytes`."""
        try:
            return cls.from_bytes(base64.b64decode(value, validate=True))
        except (binascii.Error, UnicodeEncodeError) as error:
            raise ValueError("not base64") from error


class Fingerprinter:
    """Looks at a clip as it passes by; about 1 ms a frame that is looked at, one in five for what is kept.

    Args:
        every: frames between two that are looked at: `STEP` for what is kept, 1 for what is asked about.
        phases: of the sound: 1 for what is kept, `PHASES` for what is asked about.
    """

    def __init__(self, every: int = STEP, phases: int = 1) -> None:
        self.every, self.phases = every, phases
        self._frames = 0
        self._samples: list[np.ndarray] = []
        self._chunks: list[np.ndarray] = []
        self._heard = 0

    def frame(self, frame: np.ndarray) -> None:
        """The next frame, 25 a second: uint8 RGB (H, W, 3), or its luma (H, W) in levels of 0 to 255."""
        if self._frames % self.every == 0 and self._frames < LONGEST * FPS:
            self._samples.append(spectrum(frame))
        self._frames += 1

    def sound(self, samples: np.ndarray) -> None:
        """More sound, float32 mono 16 kHz."""
        room = int(LONGEST * SAMPLE_RATE) - self._heard
        if room > 0 and len(samples):
            self._chunks.append(np.array(samples[:room], np.float32))
            self._heard += len(self._chunks[-1])

    def off(self, frame: np.ndarray, sample: int) -> float:
        """How far a frame lies from the one that was kept as number `sample`, in levels of luma (root mean square of
        what 32x32 means of both differ by, brightness as a whole left out); infinite where none was kept."""
        if sample >= len(self._samples):
            return float("inf")
        return float(np.linalg.norm(spectrum(frame) - self._samples[sample])) / SIDE

    def clip(self) -> "Clip":
        """All that was seen and heard, with magnitudes. Raises `ValueError` when nothing was."""
        if not self._samples and not self._heard:
            raise ValueError("nothing was seen or heard")
        spectra = np.stack(self._samples) if self._samples else np.zeros((0, STILL_BITS), np.float32)
        gap = max(1, STEP // self.every)
        heard = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.float32)
        return Clip(
            spectra.mean(axis=0) if len(spectra) else np.zeros(STILL_BITS, np.float32),
            (spectra[gap:] - spectra[:-gap])[:, :MOVING] if len(spectra) > gap else np.zeros((0, MOVING), np.float32),
            self.every,
            sound_changes(heard, self.phases, ROBUST if self.phases > 1 else 0.0),
            self.phases,
            spectra,
        )

    def fingerprint(self) -> Fingerprint:
        """What is kept."""
        clip = self.clip()
        return Fingerprint(clip.still > 0, clip.motion > 0, clip.sound > 0)

    def for_registry(self) -> dict[str, bytes]:
        """Arguments `still` and `prints` of `Registry.add`; {} when nothing was seen."""
        if not self._samples and not self._heard:
            return {}
        kept = self.fingerprint()
        return {"still": kept.still_bytes, "prints": kept.to_bytes()}


@dataclass(frozen=True)
class Clip:
    """What is asked about, with magnitudes."""

    still: np.ndarray  # float32 (255,)
    motion: np.ndarray  # (T, 24), changes over 0.2 s
    every: int  # frames between two rows of `motion`
    sound: np.ndarray  # (S, 16), `phases` rows in 40 ms
    phases: int
    spectra: np.ndarray = field(default_factory=lambda: np.zeros((0, STILL_BITS), np.float32))
    # (F, 255) of every frame that was looked at; none where only the mean is known


def spectrum(frame: np.ndarray) -> np.ndarray:
    """The low frequencies of a frame's luma, float32 (255,), in order of frequency. Frames as in `Fingerprinter`."""
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma = small if small.ndim == 2 else small @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(cv2.dct(luma)[_ORDER[:, 0], _ORDER[:, 1]])


def sound_changes(heard: np.ndarray, phases: int = 1, floor: float = 0.0) -> np.ndarray:
    """Differences of log band energies along frequency and over one hop of 40 ms: float32 (S, 16), `phases` rows a hop;
    no rows for silence.

    Args:
        floor: share of the loudest band of a moment below which a band's energy counts for little. Between the tones of
            music there is next to nothing, and an encoder puts what it likes there.
    """
    step = HOP // phases
    count = (len(heard) - WINDOW) // step + 1
    if count <= phases or float(np.sqrt(np.mean(np.square(heard, dtype=np.float64)))) < QUIET:
        return np.zeros((0, BANDS - 1), np.float32)
    window = np.hanning(WINDOW).astype(np.float32)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    edges = np.searchsorted(frequencies, np.geomspace(LOW, HIGH, BANDS + 1))
    energies = np.empty((count, BANDS), np.float32)
    for k in range(count):  # one window at a time: an hour would not fit whole
        power = np.square(np.abs(np.fft.rfft(heard[k * step : k * step + WINDOW] * window)))
        energies[k] = np.add.reduceat(power[: edges[-1]], edges[:-1])
    logs = np.log(energies + 1e-3 + floor * energies.max(axis=1, keepdims=True))
    along = logs[:, :-1] - logs[:, 1:]
    return np.asarray(along[phases:] - along[:-phases])


@dataclass(frozen=True)
class Similarity:
    """Shares of signs that agree, weighted by how sure they are: 0.5 by chance, 1 for the same; None where there was
    too little to compare."""

    still: float | None
    motion: float | None
    sound: float | None
    pictures_at: "Found | None" = None  # where in time
    sound_at: "Found | None" = None


@dataclass(frozen=True)
class Found:
    """Where what was registered lies in what is asked about."""

    share: float  # of the seconds that were registered and can be compared, those that match
    places: tuple[tuple[float, float], ...]  # seconds, from the beginning of what is asked about


def compare(kept: Fingerprint, clip: Clip) -> Similarity:
    """How alike two clips are, at the place where the one best fits into the other."""
    moved = np.sign(clip.motion) * np.clip(np.abs(clip.motion) - STIR, 0, MOST_STIR)
    scale = np.maximum(np.abs(clip.sound).mean(axis=0, keepdims=True), 1e-9) if len(clip.sound) else 1.0
    loud = np.sign(clip.sound) * np.maximum(np.abs(clip.sound) - RUSTLE, 0)
    heard = np.clip(loud / scale, -2, 2)
    sound = _best(kept.sound, heard, clip.phases, SHORTEST_SOUND)
    together = sound.shift * HOP / SAMPLE_RATE * FPS / STEP if sound is not None and sound.share > FITS else None
    motion = _best(kept.motion, moved, max(1, STEP // clip.every), SHORTEST_MOTION, together)
    still = _agreement(kept.still, clip.still) if clip.still.any() else None
    shown = _during(clip, kept, motion, sound)
    if still is not None and shown is not None:
        still = max(still, _agreement(kept.still, shown))
    return Similarity(
        still,
        motion.share if motion else None,
        sound.share if sound else None,
        _places(kept.motion, moved, motion, STEP / FPS, MOVING_WINDOW, MOVING_LEAST) if motion else None,
        _places(kept.sound, heard, sound, HOP / SAMPLE_RATE, SOUND_WINDOW, SOUND_LEAST) if sound else None,
    )


def _during(clip: Clip, kept: Fingerprint, motion: "Fit | None", sound: "Fit | None") -> np.ndarray | None:
    """The mean picture of the time in which what was registered lies; None where that is not known or is all of it."""
    pairs = ((motion, STEP / FPS), (sound, HOP / SAMPLE_RATE))
    fits = [(fit.share, fit.shift * seconds) for fit, seconds in pairs if fit is not None and fit.share > FITS]
    if not fits or not len(clip.spectra):
        return None
    _, start = max(fits)
    rate = FPS / clip.every
    length = max(len(kept.motion) * STEP / FPS, len(kept.sound) * HOP / SAMPLE_RATE)
    first, last = max(0, round(start * rate)), min(len(clip.spectra), round((start + length) * rate) + 1)
    return clip.spectra[first:last].mean(axis=0) if 0 < last - first < len(clip.spectra) else None


def _agreement(signs: np.ndarray, values: np.ndarray) -> float:
    weights = _sure(values)
    return float(weights[signs == (values > 0)].sum() / max(weights.sum(), 1e-9))


def _sure(values: np.ndarray) -> np.ndarray:
    """How much the sign of a frequency of the mean picture is worth: nothing where any encoder may turn it."""
    return np.asarray(np.clip(np.abs(values) - NOISE, 1e-6, MOST))


@dataclass(frozen=True)
class Fit:
    """The best agreement of rows, and how they lie beside each other."""

    share: float
    shift: float  # rows of what was kept by which it lies later in what is asked about
    row: int  # whole rows of the same
    phase: int  # of `phases`, at which the rows of what is asked about are taken
    phases: int


def _best(
    signs: np.ndarray, values: np.ndarray, phases: int, shortest: int, expected: float | None = None
) -> Fit | None:
    """The best agreement of rows of `signs` with every `phases`-th row of `values`, over all ways to lay the one on the
    other that cover half of the shorter. Of places that agree alike, as where music or movement repeats itself, the one
    with more in common is taken, and the `expected` one (rows)."""
    rows = np.where(signs, np.float32(1), np.float32(-1))
    best, most = None, -1.0
    for phase in range(phases):
        asked = values[phase::phases]
        overlap = max(shortest, min(len(rows), len(asked)) // 2)
        if min(len(rows), len(asked)) < shortest or not asked.any():
            continue
        products, weights = rows @ asked.T, np.abs(asked).sum(axis=1)
        before = np.concatenate([[0.0], np.cumsum(weights)])
        sure = np.concatenate([[0], np.cumsum(np.count_nonzero(asked, axis=1))])
        for shift in range(overlap - len(rows), len(asked) - overlap + 1):  # asked[i + shift] beside rows[i]
            first, last = max(0, shift), min(len(asked), len(rows) + shift)
            if sure[last] - sure[first] < FEWEST:
                continue
            share = (1 + float(np.trace(products, offset=shift)) / max(before[last] - before[first], 1e-9)) / 2
            worth = share + OVERLAP * (last - first) / min(len(rows), len(asked))
            if expected is not None and abs(shift + phase / phases - expected) < 1.0:
                worth += OVERLAP
            if worth > most:
                most = worth
                best = Fit(share, shift + phase / phases, shift, phase, phases)
    return best


def _places(signs: np.ndarray, values: np.ndarray, fit: Fit, seconds: float, window: int, least: float) -> Found:
    """Which stretches of `window` rows agree where the whole fits best. Stretches too quiet or still to be compared go
    with the one before.

    Args:
        seconds: of a row.
        least: share of signs from which a stretch agrees.
    """
    asked = values[fit.phase :: fit.phases]
    agreed, compared, good = 0, 0, True
    places: list[Any] = []
    for start in range(0, len(signs), window):
        end = min(start + window, len(signs))
        first, last = max(0, start + fit.row), min(len(asked), end + fit.row)
        there = asked[first:last] if last > first else asked[:0]
        count = np.count_nonzero(there)
        sure = bool(count >= FEWEST)
        if sure:
            rows = np.where(signs[first - fit.row : last - fit.row], np.float32(1), np.float32(-1))
            share = (1 + float((rows * there).sum()) / float(np.abs(there).sum())) / 2
            sure = bool(share >= least or share < least - 1 / np.sqrt(count))  # few signs may disagree by chance
            good = share >= least if sure else good
        missing = end - start - (last - first if last > first else 0)
        if sure or missing:
            compared += end - start
            agreed += last - first if good and last > first else 0
        if good and last > first:
            shift = fit.shift - fit.row
            begin, until = (first + shift) * seconds, (last + shift) * seconds
            if places and begin - places[-1][1] < seconds:
                places[-1] = (places[-1][0], until)
            else:
                places.append((begin, until))
    told = tuple((round(max(0.0, begin), 2), round(until, 2)) for begin, until in places)
    return Found(agreed / compared if compared else float(bool(told)), told)


def still_alike(clip: Clip, stills: list[tuple[str, bytes]], least: float) -> list[str]:
    """Marks of those of `stills` (mark, 32 bytes) that show what `clip` shows: one product over all of them."""
    if not stills or not clip.still.any():
        return []
    packed = np.frombuffer(b"".join(still for _, still in stills), np.uint8).reshape(len(stills), -1)
    signs = np.unpackbits(packed, axis=1)[:, :STILL_BITS].astype(bool)
    weights = _sure(clip.still)
    shares = (signs == (clip.still > 0)) @ weights / max(float(weights.sum()), 1e-9)
    return [stills[k][0] for k in np.flatnonzero(shares >= least)[np.argsort(-shares[shares >= least])]]
