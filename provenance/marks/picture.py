"""The picture mark at work: `PictureMarker` lays a message over frames, `PictureReader` finds it again."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from provenance.marks.alignment import PLACES, UPRIGHT, Fields, Place, Search, climbed, upright
from provenance.marks.chips import CHIPS, COARSE_GRID, FINE_GRID, Chips
from provenance.marks.code import PICTURE
from provenance.marks.geometry import aligned, luma, square
from provenance.marks.nets import FastFinder, FastPattern, FastReader, Networks

BLACK, SPAN = 16, 219  # levels of brightness in limited range (ITU-R BT.709, item 5.3)
WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "watermark.onnx"


@functools.cache
def load_model(path: Path = WEIGHTS) -> Networks:
    """The shipped networks, compiled once for all clips and keys."""
    return Networks.load(path)


def shown_chips(seen: np.ndarray) -> np.ndarray:
    """How much of each pixel on the grid was seen, (128, 128) -> 1 for chips that were seen wholly, float32 (5120,)."""
    parts = [cv2.resize(seen, (grid, grid), interpolation=cv2.INTER_AREA).ravel() for grid in (FINE_GRID, COARSE_GRID)]
    return (np.concatenate(parts) > 0.95).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _dither(height: int, width: int) -> np.ndarray:
    """Fixed noise in [-0.5, 0.5), (H, W): rounding must not swallow what is below one grey level.

    Interleaved gradient noise (Jimenez 2014, "Next generation post processing in Call of Duty: Advanced Warfare").
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    noise: np.ndarray = np.mod(52.9829189 * np.mod(0.06711056 * x + 0.00583715 * y, 1.0), 1.0) - 0.5
    return noise.astype(np.float32)


def add_pattern(frame: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Frame uint8 RGB (H, W, 3) plus pattern float32 (64, 64) in grey levels, brought to the frame's size."""
    levels = _levels(pattern, *frame.shape[:2])
    return cv2.add(frame, cv2.merge([levels, levels, levels]), dtype=cv2.CV_8U)


def _levels(pattern: np.ndarray, height: int, width: int) -> np.ndarray:
    full = cv2.resize(pattern, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.add(full, _dither(height, width), dtype=cv2.CV_16S)


class PictureMarker:
    """Marks the frames of one clip with one message.

    Args:
        message: 64-bit number, unlike that of any other clip.
        key: the secret watermark key, 32 bytes.
        strength: times the usual one, for pictures that it cannot be read from otherwise; above 1 it may be seen.
    """

    def __init__(self, message: int, key: bytes, model: Networks | None = None, *, strength: float = 1.0) -> None:
        self._strength = np.float32(strength)
        signs = Chips.from_key(key, PICTURE.coded_bits).spread(PICTURE.encode(message, key))
        self._pattern = FastPattern((model or load_model()).strength, signs)

    def mark(self, frame: np.ndarray, seen: np.ndarray | None = None) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> the same, marked, 43 dB or more from the original before rounding. `seen`: as it
        looks, where that differs (through transparency)."""
        return add_pattern(frame, self._pattern(frame if seen is None else seen) * self._strength)

    def mark_luma(self, plane: np.ndarray) -> np.ndarray:
        """The brightness of a video frame, limited range, (H, W) -> the same, marked; uint8, or uint16 of 10 bits."""
        deep = plane.dtype == np.uint16
        steps = 4 if deep else 1  # in a level of 8 bits
        bright = square(cv2.convertScaleAbs(plane, alpha=1 / steps) if deep else plane)
        bright = np.clip((bright - np.float32(BLACK / 255)) * np.float32(255 / SPAN), 0.0, 1.0)
        scale = self._strength * np.float32(steps * SPAN / 255)
        levels = _levels(self._pattern.under(bright) * scale, *plane.shape)
        marked = cv2.add(plane, levels, dtype=cv2.CV_16U if deep else cv2.CV_8U)
        return np.minimum(marked, 1023, out=marked) if deep else marked


@dataclass(frozen=True)
class MarkReading:
    """What was found under one key."""

    message: int | None  # the 64-bit message, None where none could be read
    noticed: bool  # a mark of this key is there, whether or not its message could be read
    p_value: float  # upper bound on the probability that chance alone says so
    pilot_z: float  # correlation with the pilot, in standard deviations of chance
    frames: int  # frames looked at
    place: Place | None = None  # where the grid lies, None where it covers all of a frame


NOTICED = 1e-6  # the pilot alone is believed below this probability
KEPT = 8  # frames of a clip that are kept for a search
KEPT_SIDE = 640  # of their longer side, pixels
CLIMBED = 2  # places of a search that the reader itself refines
# What is hopeless is left early: standard deviations below which marks that can be read practically never lie, measured
# on marked clips that were cut, turned and coded (docs/provenance.md).
FEW = 2  # kept frames in which likely places are compared
UPRIGHT_LEAST = 2.5  # of the pilot in one frame, turned by a quarter or mirrored
CLIMB_LEAST, FOUND_LEAST = 4.0, 6.1  # of the pilot at a likely place, or of what the finder says there, to go nearer
READ_LEAST = 4.5  # of the pilot, for a place to be read in all frames


class PictureReader:
    """Finds the message in the frames of one clip; more frames make it surer.

    Args:
        key: the secret watermark key, 32 bytes.
    """

    def __init__(self, key: bytes, model: Networks | None = None) -> None:
        self._key = key
        self._model = model or load_model()
        self._reader = FastReader(self._model.reader)
        self._soft = np.zeros(CHIPS, np.float64)
        self._kept: list[np.ndarray] = []
        self._every = 1  # of the frames, one in so many is kept
        self._moved: Moved | None = None
        self.attempts = 0
        self.frames = 0

    def reset(self, *, attempts: int = 0) -> None:
        """Forget all frames; `attempts` at decoding made before still count in the stated probability of chance."""
        self.recall(Looked(np.zeros(CHIPS, np.float64), (), 0))
        self.attempts = attempts

    def add(self, frame: np.ndarray) -> None:
        """Look at one more frame, uint8 RGB (H, W, 3). All frames of a clip have one size."""
        self.count(self.keep(frame))

    def count(self, bright: np.ndarray) -> None:
        """Add up what one more frame says, whose brightness on the grid `keep` gave."""
        self._soft += self._reader(bright)

    def keep(self, frame: np.ndarray) -> np.ndarray:
        """A frame is there, to be searched later and perhaps to be read: its brightness on the grid, for `count`."""
        plane = luma(frame)
        if self.frames % self._every == 0:
            if len(self._kept) == KEPT:
                self._kept = self._kept[::2]
                self._every *= 2
            self._kept.append(_reduced(plane))
        self.frames += 1
        return square(plane)

    @property
    def soft(self) -> np.ndarray:
        """What all frames so far say of every chip, summed: float64 (CHIPS,), a copy."""
        return self._soft.copy()

    @property
    def looked(self) -> "Looked":
        """All that is known of the frames so far, to be searched later; no more frames are added to it."""
        return Looked(self.soft, tuple(self._kept), self.frames)

    def recall(self, looked: "Looked") -> None:
        """Forget all frames but those that were looked at then."""
        self._soft = looked.soft.copy()
        self._kept, self._every = list(looked.kept), 1
        self.frames = looked.frames
        self._moved = None

    def read(self, key: bytes | None = None, *, search: bool = False, soft: np.ndarray | None = None) -> MarkReading:
        """What all frames so far say together, under the reader's key or another one.

        Args:
            soft: sums as of `soft`, of some of the frames, to be read instead.
            search: where the frames say nothing as they are, look for the mark in frames that were cut, turned, scaled
                or mirrored; no more frames are to be added then.
        """
        key = self._key if key is None else key
        found = self._judged(self._soft if soft is None else soft, key)
        if not search or found.noticed or not self._kept:
            return found
        return self._searched(key) or found

    def pilot(self, key: bytes, soft: np.ndarray) -> float:
        """How well sums as of `soft` agree with a key's pilot, in standard deviations of chance."""
        return Chips.from_key(key, PICTURE.coded_bits).pilot(soft)[0]

    def bit_accuracy(self, message: int) -> float:
        """Share of the coded bits, before correction, that agree with a known message."""
        chips = Chips.from_key(self._key, PICTURE.coded_bits)
        agree = chips.gather(self._soft) * PICTURE.encode(message, self._key) > 0
        return float(agree.mean())

    def _judged(self, soft: np.ndarray, key: bytes, places: float = 1.0, place: Place | None = None) -> MarkReading:
        """Decode; `places` that were looked at, one of which is `place`, count in the probability of chance."""
        chips = Chips.from_key(key, PICTURE.coded_bits)
        self.attempts += 1
        z, pilot_p = chips.pilot(soft)
        message = PICTURE.decode(chips.gather(soft), key)
        chance = self.attempts * 2.0**-PICTURE.tag_bits if message is not None else self.attempts * places * pilot_p
        return MarkReading(
            message=message,
            noticed=message is not None or chance < NOTICED,
            p_value=min(1.0, chance),
            pilot_z=z,
            frames=self.frames,
            place=place,
        )

    def _searched(self, key: bytes) -> MarkReading | None:
        """Look for a mark that does not lie where it was laid."""
        moved = self._moved = self._moved or Moved(self._kept, self._reader, FastFinder(self._model.finder))
        chips = Chips.from_key(key, PICTURE.coded_bits)
        for place in upright(moved.aspect):  # quarter turns and mirror images, exactly
            if chips.pilot(moved.laid(place, 1))[0] < UPRIGHT_LEAST:
                continue
            found = self._judged(moved.laid(place, KEPT), key, UPRIGHT, place)
            if found.noticed:
                return found
        return self._nearby(moved, chips, key)

    def _nearby(self, moved: "Moved", chips: Chips, key: bytes) -> MarkReading | None:
        """What is read, or noticed, at the places that a search finds, or near them."""

        @functools.cache
        def z(place: Place) -> float:
            return chips.pilot(moved.laid(place, FEW))[0]

        noticed, likely = None, Search(chips).places(moved.fields, moved.aspects)
        for rank, (height, place) in enumerate(sorted(likely, key=lambda found: -z(found[1]))):
            climb = rank < CLIMBED and (z(place) >= CLIMB_LEAST or height >= FOUND_LEAST)
            for nearer in (place, climbed(place, z)) if climb else (place,):
                if z(nearer) < READ_LEAST:
                    continue
                rounded = nearer.rounded()
                found = self._judged(moved.laid(rounded, KEPT), key, PLACES, rounded)
                if found.message is not None:
                    return found
                noticed = found if found.noticed else noticed
        return noticed


@dataclass(frozen=True)
class Looked:
    """What a reader knows of frames."""

    soft: np.ndarray  # what they say of every chip as they are, summed
    kept: tuple[np.ndarray, ...]  # the brightness of some
    frames: int  # that were looked at


class Moved:
    """Frames in which the grid does not lie where it was laid: what the networks say of them, whatever the key.

    Args:
        planes: their brightness, uint8 (H, W), all of one size.
    """

    def __init__(self, planes: Sequence[np.ndarray], reader: FastReader, finder: FastFinder) -> None:
        self._planes, self._reader, self._finder = planes, reader, finder
        self._said: dict[tuple[Place, int], np.ndarray] = {}
        height, width = planes[0].shape
        self.aspect = width / height
        self.aspects = sorted({round(self.aspect, 4), 1.0})  # that the picture may have had which was marked

    def laid(self, place: Place, frames: int) -> np.ndarray:
        """What the reader says of so many of the frames, with the grid at `place`; nothing of chips not seen."""
        total = np.zeros(CHIPS, np.float64)
        for number, plane in enumerate(self._planes[:frames]):
            if (place, number) not in self._said:
                bright, seen = aligned(plane, place.map(*plane.shape))
                self._said[place, number] = self._reader(square(bright)) * shown_chips(square(seen))
            total += self._said[place, number]
        return total

    @functools.cached_property
    def fields(self) -> Fields:
        """What the finder says of all frames."""
        fields = Fields(self._finder)
        for plane in self._planes:
            fields.add(plane)
        return fields


def _reduced(plane: np.ndarray) -> np.ndarray:
    shrink = KEPT_SIDE / max(plane.shape)
    if shrink >= 1.0:
        return plane
    size = (max(1, round(plane.shape[1] * shrink)), max(1, round(plane.shape[0] * shrink)))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
