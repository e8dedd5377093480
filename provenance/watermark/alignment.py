"""Finds where the mark's grid lies in a picture that was cut, turned, scaled or mirrored, by the keyed pilot.

A network that knows no key (`nets.Finder`) says of every pixel which sign of the pattern lies there, wherever the grid
may be. For every turn, scale and mirror image of a rough list what it says is laid onto a canvas of the grid's own
scale and correlated with the pilot, at all shifts at once by a Fourier transform. The best places are refined on ever
finer lists. Nothing in the picture but the keyed pilot helps the search, so nothing tells somebody without the key
where to look either (a template of sinusoids, as of Pereira and Pun 2000, can be seen in the spectrum, and be taken
out).

Whoever looks at many places finds something at one of them by chance: `PLACES` counts those that can be told apart.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from provenance.watermark.chips import Chips
from provenance.watermark.geometry import MIRRORED, WORK, Map, moved, scaled, turned
from provenance.watermark.nets import FastFinder

LEVELS = (0.56, 0.86, 1.33, 2.1)  # sides of the grid against those of the picture, for which fields are made
SMALLEST, LARGEST = 0.47, 2.75
SCALE_STEP = 1.045  # of the rough list
FARTHEST, TURN_STEP = 46.25, 2.5  # degrees; quarter turns are tried apart
ROUGH, EXACT = 64, 128  # sides of the canvas, pixels
KEPT = 40  # places of the rough list that are refined
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
        side = self.scale * math.sqrt(height * width)
        shape = scaled(side * math.sqrt(self.aspect), side / math.sqrt(self.aspect))
        flip = MIRRORED if self.mirror else np.eye(3)
        middle = moved(width / 2, height / 2)
        onto: np.ndarray = middle @ turned(self.turn) @ flip @ shape @ moved(self.x - 0.5, self.y - 0.5)
        return onto

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
        """The level that is nearest to a scale, float32 (h + 2, w + 2, 2), with a border of zeros; `shrunk` for the
        rough canvas, so that nothing is skipped when it is laid there."""
        number = int(np.argmin([abs(math.log(scale / level)) for level in LEVELS]))
        if (number, shrunk) not in self._planes:
            field = self._levels[number]
            assert field is not None
            planes = field.transpose(1, 2, 0)
            if shrunk:
                size = tuple(max(4, round(s * ROUGH / EXACT * 1.2)) for s in field.shape[:0:-1])
                planes = cv2.resize(np.ascontiguousarray(planes), size, interpolation=cv2.INTER_AREA)
            self._planes[number, shrunk] = np.pad(planes, ((1, 1), (1, 1), (0, 0)))
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
        rough = sorted(self._rough(fields, aspects), key=lambda found: -found[0])[:KEPT]
        refined = [self._refined(fields, place) for _, place in rough]
        return _distinct(sorted(refined, key=lambda found: -found[0]))[:LIKELY]

    def _rough(self, fields: Fields, aspects: Sequence[float]) -> Iterator[tuple[float, Place]]:
        scales = np.exp(np.arange(math.log(SMALLEST), math.log(LARGEST), math.log(SCALE_STEP)))
        turns = np.arange(-FARTHEST + TURN_STEP / 2, FARTHEST, TURN_STEP)
        for aspect in aspects:
            for scale in scales:
                places = [Place(float(turn), float(scale), False, aspect) for turn in turns]
                yield from self._best(fields, places, ROUGH, (False, True))

    def _refined(self, fields: Fields, place: Place) -> tuple[float, Place]:
        best = next(self._best(fields, [place]))
        turn, scale = TURN_STEP, math.log(SCALE_STEP)
        for _ in range(3):
            turn, scale = turn / 2, scale / 2
            middle = best[1]
            tried = [
                replace(middle, turn=middle.turn + i * turn, scale=middle.scale * math.exp(j * scale))
                for i, j in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
            ]
            best = max(best, *self._best(fields, tried), key=lambda found: found[0])
        return best

    def _best(
        self, fields: Fields, places: Sequence[Place], side: int = EXACT, mirrors: Sequence[bool] = (False,)
    ) -> Iterator[tuple[float, Place]]:
        """The best shifts of places, each as it is or, for True in `mirrors`, with its canvas mirrored; their own
        shifts are not looked at."""
        from scipy.fft import irfft2, rfft2  # many at once, in a tenth of numpy's time

        places = [replace(place, x=0.0, y=0.0) for place in places]
        level = [fields.at(place.scale, shrunk=side == ROUGH) for place in places]
        laid = np.stack([_laid(field, place, fields.shape, side) for field, place in zip(level, places, strict=True)])
        spectra = rfft2(laid)
        for mirror in mirrors:
            heights = irfft2((spectra * self._templates[side][int(mirror)]).sum(axis=1), s=(side, side))
            size = np.sqrt(np.square(heights).mean(axis=(1, 2)))
            for height, rms, place in zip(heights, size, places, strict=True):
                at = int(height.argmax())
                y, x = divmod(at, side)
                shift = (x + _apex(height[y], x)) / side, (y + _apex(height[:, x], y)) / side
                across = -shift[0] % 1.0 if mirror else shift[0]
                z = float(height.flat[at]) / max(float(rms), 1e-12)
                yield z, replace(place, mirror=place.mirror ^ mirror, x=_wrapped(across), y=_wrapped(shift[1]))


def _apex(values: np.ndarray, at: int) -> float:
    """Where a parabola through the greatest value and its neighbours is greatest, in (-0.5, 0.5) from it."""
    before, most, after = values[at - 1], values[at], values[(at + 1) % len(values)]
    bend = before - 2 * most + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _wrapped(shift: float) -> float:
    return shift if shift < 0.5 else shift - 1.0


def _laid(field: np.ndarray, place: Place, shape: tuple[int, int], side: int) -> np.ndarray:
    """Both planes of a field, as `Fields.at` gives it, of frames of a shape on the canvas of the grid, `side` pixels
    for the whole grid, float32 (2, side, side); what reaches over an edge comes in at the other, as the correlation
    does."""
    from provenance.watermark.kernels import lay  # compiled, see there

    height, width = field.shape[0] - 2, field.shape[1] - 2
    onto = scaled(width / shape[1], height / shape[0]) @ place.map(*shape) @ scaled(1 / side, 1 / side)
    corners = np.linalg.inv(onto) @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    low = np.floor(corners[:2].min(axis=1) / side)
    high = np.maximum(np.ceil(corners[:2].max(axis=1) / side), low + 1)
    across, down = (int(n) * side for n in high - low)
    back = moved(-0.5, -0.5) @ onto @ moved(*(low * side)) @ moved(0.5, 0.5)
    canvas = np.zeros((2, side, side), np.float32)
    lay(field, back, across, down, canvas)
    return canvas


def _templates(chips: Chips, side: int) -> np.ndarray:
    """The conjugate spectra of the pilot's fine and coarse chips on a canvas, as they are and mirrored: a mirrored
    canvas correlates with the pilot as the canvas does with the mirrored pilot, at opposite shifts. (2, 2, side, h)."""
    planes = [cv2.resize(part, (side, side), interpolation=cv2.INTER_NEAREST) for part in chips.pilot_planes()]
    both = np.stack([np.stack(planes), np.stack(planes)[..., ::-1]])
    return np.conj(np.fft.rfft2(both)).astype(np.complex64)


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
