"""Finds where the mark's grid lies in a picture that was cut, turned, scaled or mirrored, by the keyed pilot.

A network that knows no key (`nets.Finder`) says of every pixel which sign of the pattern lies there, wherever the grid
may be. For every turn, scale and mirror image of a rough list what it says is laid onto a canvas of the grid's own
scale and correlated with the pilot, at all shifts at once by a Fourier transform. The best places are refined on ever
finer lists. Nothing in the picture but the keyed pilot helps the search, so nothing tells somebody without the key
where to look either (a template of sinusoids, as of Pereira and Pun 2000, can be seen in the spectrum, and be taken
out).

Whoever looks at many places finds something at one of them by chance: `PLACES` counts those that can be told apart.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from provenance.marks.chips import Chips
from provenance.marks.geometry import WORK, Map
from provenance.marks.nets import FastFinder

LEVELS = (0.56, 0.86, 1.33, 2.1)  # sides of the grid against those of the picture, for which fields are made
SMALLEST, LARGEST = 0.47, 2.75
SCALE_STEP = 1.045  # of the rough list
FARTHEST, TURN_STEP = 46.25, 2.5  # degrees; quarter turns are tried apart
ROUGH, EXACT = 64, 128  # sides of the canvas, pixels
KEPT = 40  # places of the rough list that are refined
FINER = ((ROUGH, 24), (EXACT, 12), (EXACT, 8))  # in steps half as long each: on which canvas, and how many are kept
LIKELY = 5  # of those, that the reader looks at
# Whatever way a search takes, it ends at one of these: rounded turns, scales and shifts, mirrored or not, two aspects.
TURN_ROUNDED, SCALE_ROUNDED, SHIFT_ROUNDED = 0.1, 0.002, 1 / 512
PLACES = (2 * FARTHEST / TURN_ROUNDED + 40) * (math.log(LARGEST / SMALLEST) / SCALE_ROUNDED + 40) / SHIFT_ROUNDED**2 * 4
UPRIGHT = 7  # quarter turns and mirror images


@dataclass(frozen=True)
class Place:
    """One way in which the grid may lie: first scaled, then mirrored, then turned, then moved."""

    turn: float  # degrees, clockwise
    scale: float  # sides of the grid against those of the picture: square root of the areas
    mirror: bool
    aspect: float  # width over height of the picture that was marked
    x: float = 0.0  # of the grid's middle from that of the picture at hand, along the grid's own axes, in its sides
    y: float = 0.0

    def map(self, height: int, width: int) -> Map:
        """Onto a picture of that size."""
        return np.array([*self.rows(height, width), (0.0, 0.0, 1.0)])

    def rows(self, height: int, width: int) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """The upper two rows of `map`."""
        side = self.scale * math.sqrt(height * width)
        across, down = side * math.sqrt(self.aspect) * (-1 if self.mirror else 1), side / math.sqrt(self.aspect)
        c, s = math.cos(math.radians(self.turn)), math.sin(math.radians(self.turn))
        x, y = self.x - 0.5, self.y - 0.5
        return (
            (c * across, -s * down, width / 2 + c * across * x - s * down * y),
            (s * across, c * down, height / 2 + s * across * x + c * down * y),
        )

    def __str__(self) -> str:
        said = ["mirrored"] if self.mirror else []
        said += [f"turned by {self.turn:.1f} degrees"] if abs(self.turn) > 0.25 else []
        said += [f"cut to {1 / self.scale:.2f} of its sides"] if self.scale > 1.005 else []
        said += [f"set into a picture of {1 / self.scale:.2f} times its sides"] if self.scale < 0.995 else []
        return ", ".join(said) or "moved"

    def rounded(self) -> "Place":
        """The nearest of all `PLACES`."""
        return replace(
            self,
            turn=round(self.turn / TURN_ROUNDED) * TURN_ROUNDED,
            scale=math.exp(round(math.log(self.scale) / SCALE_ROUNDED) * SCALE_ROUNDED),
            x=round(self.x / SHIFT_ROUNDED) * SHIFT_ROUNDED,
            y=round(self.y / SHIFT_ROUNDED) * SHIFT_ROUNDED,
        )


def upright(aspect: float) -> list[Place]:
    """All ways in which a whole picture of `aspect` can be shown upright, but for as it was."""
    ways = [(90.0 * quarter, mirror) for mirror in (False, True) for quarter in range(4)]
    return [Place(turn, 1.0, mirror, aspect if turn % 180 == 0 else 1 / aspect) for turn, mirror in ways[1:]]


def climbed(place: Place, height: Callable[[Place], float]) -> Place:
    """Move a place a little, always to where `height` is greatest, in steps that get smaller."""
    best = height(place)
    for step in (1.0, 0.5):
        for name, size in (("x", 0.004), ("y", 0.004), ("turn", 0.3), ("scale", 0.004)):
            for way in (-1, 1):
                value = getattr(place, name)
                tried = replace(place, **{name: value + way * step * size * (value if name == "scale" else 1)})
                if (found := height(tried)) > best:
                    best, place = found, tried
                    break  # the other way leads back
    return place


class Fields:
    """What the network says of the frames of one clip, added up, at every level of scale.

    Args:
        finder: the trained network.
    """

    def __init__(self, finder: FastFinder) -> None:
        self._finder = finder
        self._levels: list[np.ndarray | None] = [None] * len(LEVELS)
        self._planes: dict[tuple[int, bool], np.ndarray] = {}  # of a level, shrunk or not
        self.shape = (0, 0)  # of the frames

    def add(self, plane: np.ndarray) -> None:
        """Brightness of one more frame, uint8 (H, W), all of one size."""
        self.shape = plane.shape
        self._planes.clear()
        for number, level in enumerate(LEVELS):
            shrink = WORK / level / math.sqrt(plane.size)
            size = tuple(max(24, 2 * round(s * shrink / 2)) for s in plane.shape[::-1])
            how = cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
            bright = cv2.resize(plane, size, interpolation=how).astype(np.float32) / 255
            said = self._finder(bright)
            kept = self._levels[number]
            self._levels[number] = said if kept is None else kept + said

    def at(self, scale: float, *, shrunk: bool = False) -> np.ndarray:
        """The level that is nearest to a scale, float32 (2, h, w); `shrunk` for the rough canvas, so that nothing is
        skipped when it is laid there."""
        number = min(range(len(LEVELS)), key=lambda level: abs(math.log(scale / LEVELS[level])))
        if (number, shrunk) not in self._planes:
            field = self._levels[number]
            assert field is not None
            if shrunk:
                size = tuple(max(4, round(s * ROUGH / EXACT * 1.2)) for s in field.shape[:0:-1])
                field = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in field])
            self._planes[number, shrunk] = field
        return self._planes[number, shrunk]


class Search:
    """Looks for the pilot of one key.

    Args:
        chips: the keyed layout.
    """

    def __init__(self, chips: Chips) -> None:
        self._templates = {side: _templates(chips, side) for side in (ROUGH, EXACT)}

    def places(self, fields: Fields, aspects: Sequence[float]) -> list[tuple[float, Place]]:
        """The likeliest places in the frames, best first, each with its correlation in standard deviations of those
        at other shifts."""
        found = sorted(self._rough(fields, aspects), key=lambda found: -found[0])[:KEPT]
        turn, scale = TURN_STEP, math.log(SCALE_STEP)
        for side, kept in FINER:
            turn, scale = turn / 2, scale / 2
            found = [self._finer(fields, place, side, turn, scale) for _, place in found]
            found = sorted(found, key=lambda found: -found[0])[:kept]
        return _distinct([self._best(fields, place) for _, place in found])[:LIKELY]

    def _rough(self, fields: Fields, aspects: Sequence[float]) -> Iterator[tuple[float, Place]]:
        """All of the rough list, with no shifts told."""
        scales = np.exp(np.arange(math.log(SMALLEST), math.log(LARGEST), math.log(SCALE_STEP))).tolist()
        turns = np.arange(-FARTHEST + TURN_STEP / 2, FARTHEST, TURN_STEP).tolist()
        for aspect, scale, turn in itertools.product(aspects, scales, turns):
            place = Place(turn, scale, False, aspect)
            for mirror, z, _, _ in self._heights(fields, place, ROUGH, (False, True)):
                yield z, replace(place, mirror=True) if mirror else place

    def _finer(self, fields: Fields, place: Place, side: int, turn: float, scale: float) -> tuple[float, Place]:
        """The best of a place and its neighbours, a step of `turn` degrees and of the logarithm `scale` away."""
        steps = itertools.product((-1, 0, 1), repeat=2)
        tried = [replace(place, turn=place.turn + i * turn, scale=place.scale * math.exp(j * scale)) for i, j in steps]
        heights = [next(self._heights(fields, near, side, (False,)))[1] for near in tried]
        return max(zip(heights, tried, strict=True), key=lambda found: found[0])

    def _best(self, fields: Fields, place: Place) -> tuple[float, Place]:
        """The best shift of a place, whose own is not looked at."""
        ((_, z, height, (x, y)),) = self._heights(fields, replace(place, x=0.0, y=0.0), EXACT, (False,))
        shift = (x + _apex(height[y], x)) / EXACT, (y + _apex(height[:, x], y)) / EXACT
        return z, replace(place, x=_wrapped(shift[0]), y=_wrapped(shift[1]))

    def _heights(
        self, fields: Fields, place: Place, side: int, mirrors: Sequence[bool]
    ) -> Iterator[tuple[bool, float, np.ndarray, tuple[int, int]]]:
        """The correlation at all shifts of a place, whose own are 0, as it is or, for True in `mirrors`, with its
        canvas mirrored: the greatest in standard deviations, all of them (side, side), and where it is (x, y)."""
        laid = _laid(fields.at(place.scale, shrunk=side == ROUGH), place, fields.shape, side)
        fine, coarse = (cv2.dft(plane) for plane in laid)
        for mirror in mirrors:
            pilot = self._templates[side][int(mirror)]
            spectrum = cv2.mulSpectrums(fine, pilot[0], 0, conjB=True)
            cv2.add(spectrum, cv2.mulSpectrums(coarse, pilot[1], 0, conjB=True), dst=spectrum)
            height = cv2.idft(spectrum)
            _, most, _, where = cv2.minMaxLoc(height)
            yield mirror, most * side / max(cv2.norm(height), 1e-12), height, (where[0], where[1])


def _apex(values: np.ndarray, at: int) -> float:
    """Where a parabola through the greatest value and its neighbours is greatest, in (-0.5, 0.5) from it."""
    before, most, after = values[at - 1], values[at], values[(at + 1) % len(values)]
    bend = before - 2 * most + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _wrapped(shift: float) -> float:
    return shift if shift < 0.5 else shift - 1.0


def _laid(field: np.ndarray, place: Place, shape: tuple[int, int], side: int) -> list[np.ndarray]:
    """Both planes of a field, as `Fields.at` gives it, of frames of a shape on the canvas of the grid, `side` pixels
    for the whole grid, float32 (side, side) each; what reaches over an edge comes in at the other, as the correlation
    does."""
    height, width = field.shape[1:]
    (a, b, x), (c, d, y) = place.rows(*shape)
    wide, high = width / shape[1], height / shape[0]
    a, b, x, c, d, y = a * wide, b * wide, x * wide, c * high, d * high, y * high
    area = a * d - b * c
    left, right = _span((b * y - d * x) / area, d * width / area, -b * height / area)
    top, bottom = _span((c * x - a * y) / area, -c * width / area, a * height / area)
    columns, rows = right - left, bottom - top
    a, b, c, d = a / side, b / side, c / side, d / side
    u, v = left * side + 0.5, top * side + 0.5  # OpenCV counts from the centres of pixels
    back = np.array([[a, b, a * u + b * v + x - 0.5], [c, d, c * u + d * v + y - 0.5]])
    size, flags = (columns * side, rows * side), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    planes = [cv2.warpAffine(plane, back, size, flags=flags, borderMode=cv2.BORDER_CONSTANT) for plane in field]
    return planes if rows == columns == 1 else [_folded(plane, side) for plane in planes]


def _span(first: float, across: float, down: float) -> tuple[int, int]:
    """Whole grids from the first to the last that a picture reaches into, along one of the grid's axes: its first
    corner, and what its two sides add."""
    low = math.floor(first + min(across, 0.0) + min(down, 0.0))
    return low, max(low + 1, math.ceil(first + max(across, 0.0) + max(down, 0.0)))


def _folded(plane: np.ndarray, side: int) -> np.ndarray:
    """The tiles of a plane, added up."""
    tiles = [plane[y : y + side, x : x + side] for y, x in itertools.product(*(range(0, n, side) for n in plane.shape))]
    return functools.reduce(cv2.add, tiles)


def _templates(chips: Chips, side: int) -> list[list[np.ndarray]]:
    """The spectra of the pilot's fine and coarse chips on a canvas, packed as OpenCV does, as they are and mirrored."""
    planes = [cv2.resize(part, (side, side), interpolation=cv2.INTER_NEAREST) for part in chips.pilot_planes()]
    return [[cv2.dft(np.ascontiguousarray(plane[:, ::way])) for plane in planes] for way in (1, -1)]


def _distinct(found: list[tuple[float, Place]]) -> list[tuple[float, Place]]:
    """Without those that are all but the same as a better one."""
    kept: list[tuple[float, Place]] = []
    for z, place in found:
        if all(
            other.mirror != place.mirror
            or other.aspect != place.aspect
            or abs(other.turn - place.turn) > 1.5
            or abs(math.log(other.scale / place.scale)) > 0.03
            for _, other in kept
        ):
            kept.append((z, place))
    return kept
