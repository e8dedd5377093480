"""Composites: photographs of people who do not exist, each mixed of several volunteers of the London Set.

    studio = Studio(London(folder), size=640)
    mixture = studio.draw(rng)
    made = studio.compose(mixture, "smile")         picture, mesh and template points, exact

Pictures are warped to a common shape by the dense mesh and the points set by hand around it, and averaged inside the
face (Rowland and Perrett 1995, "Manipulating facial appearance through shape and color"); fine detail is that of one
of them, which gives pores and stubble back. Hair, ears, collar and background are those of one more volunteer, warped
along, so that no hair is seen double. A mixture's neutral picture and its smile are mixed alike: two photographs of one
face, and where every point of it is, by construction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np

from faces.closeup import LIDS
from faces.regions import Kind, RegionReader
from lab.pictures.london import London, Person, corrected_meshes

OUTER = (*range(115, 125), *range(134, 145), 183, 184)  # template points that hold ears, hair line and neck
MESH = 478  # points of it
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
EDGE = np.array([(x / 6, y / 6) for y in range(7) for x in range(7) if {x, y} & {0, 6}], np.float32)  # of a picture
PARENTS = (3, 4, 4, 5, 6)  # how many faces are averaged
SAME_SEX = 0.85  # share of the mixtures of one sex
WHITE = 0.35  # how far eyes follow the tone of the skin
SOFT = 2 / 1024  # of a picture's side: how softly eyes are told from skin
SURE = 0.8  # of what is skin, for its tone
TONE = 0.12  # by how much the logarithm of lightness differs among those who are mixed
CONCENTRATION, EVEN = 2.5, 25.0  # of the Dirichlet distribution of weights
MOST = 0.7  # weight of one of those who are mixed, at most
BEYOND = (0.9, 1.25)  # how far a mixture differs from the mean face, beside how far volunteers do
FINE = 6 / 1024  # of a picture's side: detail below this blur is one volunteer's
PORE = np.ones((5, 5), np.uint8)  # around hair, in which no fine detail of skin is believed
GRID = 128  # cells a side at which a warp is computed
STIFF = 2e-4  # of the warp: what it may leave of a point's way, so that points that nearly meet do not tear it
LEVELS = 5  # of the pyramid by which face and frame are joined
INSET = 0.03  # of a face's size: how far inside its outline the seam is
KNOWN = 64  # people whose pictures are kept in memory


@dataclass(frozen=True)
class Mixture:
    """Who is mixed, by index into a studio's people; the same for every expression."""

    parents: tuple[int, ...]
    weights: tuple[float, ...]  # of each parent, sum 1
    beyond: float  # the difference of the shape from the mean face, times this
    detail: int  # whose pores
    frame: int  # whose hair, ears, collar and background; no parent

    @property
    def of_several(self) -> bool:
        """Whether it is a mixture indeed: of three people or more, none of them with more than `MOST`."""
        fair = all(0 <= weight <= MOST for weight in self.weights) and abs(sum(self.weights) - 1) < 1e-6
        return fair and len(set(self.parents)) == len(self.parents) == len(self.weights) >= min(PARENTS)


@dataclass(frozen=True)
class Composed:
    """A composite and where its points are."""

    picture: np.ndarray  # uint8 RGB (S, S, 3)
    mesh: np.ndarray  # (478, 3) float32: x, y pixels; z pixels, away from the camera
    template: np.ndarray  # (189, 2) float32, pixels


@dataclass(frozen=True)
class _Sitter:
    """One picture of a volunteer, as it goes into composites."""

    picture: np.ndarray  # float32 RGB (S, S, 3), 0 to 255
    mesh: np.ndarray  # (478, 3)
    template: np.ndarray  # (189, 2)
    open: np.ndarray  # (S, S) float32: 1 where skin and features are seen, 0 under hair, glasses, hats
    eyes: np.ndarray  # (S, S) float32: 1 between the lids
    tone: np.ndarray  # (3,) mean colour of the skin

    @property
    def places(self) -> np.ndarray:
        """Mesh and template points (478 + 189, 3), depth 0 where none is known."""
        return np.concatenate([self.mesh, _flat(self.template)])

    @property
    def points(self) -> np.ndarray:
        """What warps follow: (478 + 23, 2)."""
        return np.concatenate([self.mesh[:, :2], self.template[list(OUTER)]])


class Studio:
    """Mixes volunteers.

    Args:
        london: the set; `people` of it, its training people by default, are mixed.
        size: side of the pictures, pixels.
    """

    def __init__(self, london: London, size: int = 640, people: Sequence[Person] | None = None) -> None:
        self.london, self.size = london, size
        self.people = list(london.training if people is None else people)
        self.regions = RegionReader(threads=1)
        self._sitter = lru_cache(2 * KNOWN)(self._prepared)
        corrected = corrected_meshes(london, self.people)
        depths = [london.mesh[f"{person.id}_neutral"][:, 2] for person in self.people]
        self._neutrals = [
            np.column_stack([corrected[f"{person.id}_neutral"], depth])
            for person, depth in zip(self.people, depths, strict=True)
        ]
        shapes = [aligned(mesh, self._neutrals[0]) for mesh in self._neutrals]
        self.mean = np.mean(shapes, axis=0)

    def draw(self, rng: np.random.Generator, parents: int | None = None, *, even: bool = False) -> Mixture:
        """Any mixture, of so many `parents`, or of three to six; mostly of one sex, and of skins that are not far from
        that of the frame, so that light lies on all of them alike. With `even` nobody's share is far above others'."""
        count = int(rng.choice(PARENTS)) if parents is None else parents
        frame = int(rng.integers(len(self.people)))
        near = np.exp(-np.abs(self.tones - self.tones[frame]) / TONE)
        if rng.random() < SAME_SEX:
            near *= np.where(self._sexes == self._sexes[frame], 1.0, 1e-3)
        near[frame] = 0
        chosen = tuple(int(k) for k in rng.choice(len(near), count, replace=False, p=near / near.sum()))
        weights = rng.dirichlet([EVEN if even else CONCENTRATION] * count)
        while weights.max() > MOST:
            weights = rng.dirichlet([EVEN if even else CONCENTRATION] * count)
        usual = 1 / float(np.sqrt(np.square(weights).sum()))  # a mean of several differs that much less from the mean
        told = tuple(float(w) for w in weights)
        return Mixture(chosen, told, usual * float(rng.uniform(*BEYOND)), chosen[int(rng.choice(count))], frame)

    @cached_property
    def tones(self) -> np.ndarray:
        """(N,) how light the skin of each of `people` is in their pictures, natural logarithm."""
        return np.array([np.log(self._sitter(k, "neutral").tone.mean()) for k in range(len(self.people))])

    @cached_property
    def _sexes(self) -> np.ndarray:
        return np.array([person.told("gender") for person in self.people])

    def compose(self, mixture: Mixture, expression: str = "neutral") -> Composed:
        """`expression`: "neutral" or "smile"."""
        parents = [self._sitter(k, expression) for k in mixture.parents]
        frame = self._sitter(mixture.frame, expression)
        shape, template = self._shape(mixture, parents, frame)
        target = np.concatenate([shape[:, :2], template[list(OUTER)]])
        warp = Warp(target, self.size)
        face = self._face(mixture, parents, frame, warp)
        around = warp(frame.picture, frame.points)
        seam = seam_of(shape, self.size) * warp(frame.open, frame.points)
        picture = joined(around, face, seam)
        return Composed(np.clip(picture + 0.5, 0, 255).astype(np.uint8), shape.astype(np.float32), template)

    def sources(self, mixture: Mixture, expression: str) -> list[Path]:
        """The pictures that it is mixed of."""
        return [self.people[k].path(expression) for k in sorted({*mixture.parents, mixture.frame})]

    def told(self, mixture: Mixture) -> dict[str, str]:
        """How it is mixed, in words, people by their numbers in the set."""
        return {
            "parents": " ".join(self.people[k].id for k in mixture.parents),
            "weights": " ".join(f"{weight:.3f}" for weight in mixture.weights),
            "beyond": f"{mixture.beyond:.3f}",
            "detail": self.people[mixture.detail].id,
            "frame": self.people[mixture.frame].id,
        }

    def _shape(self, mixture: Mixture, parents: Sequence[_Sitter], frame: _Sitter) -> tuple[np.ndarray, np.ndarray]:
        """Mesh (478, 3) and template points (189, 2) of the mixture, where the face of the frame was.

        What differs from the mean face is taken from the neutral pictures, what an expression changes is added as it
        is, so that both pictures show one face."""
        neutral = [self._sitter(k, "neutral").places for k in mixture.parents]
        base = self._sitter(mixture.frame, "neutral").places
        weights = np.array(mixture.weights)[:, None, None]
        mixed = (weights * np.stack([aligned(one, base, MESH) for one in neutral])).sum(0)
        mean = aligned(np.concatenate([self.mean, np.zeros((189, 3))]), base, MESH)[:MESH]
        mixed[:MESH] = mean + mixture.beyond * (mixed[:MESH] - mean)
        moved = [
            aligned(shown.places, base, MESH) - aligned(rest, base, MESH)
            for shown, rest in zip(parents, neutral, strict=True)
        ]
        mixed += (weights * np.stack(moved)).sum(0)
        placed = aligned(mixed, frame.places, MESH)
        return placed[:MESH], placed[MESH:, :2].astype(np.float32)

    def _face(self, mixture: Mixture, parents: Sequence[_Sitter], frame: _Sitter, warp: "Warp") -> np.ndarray:
        """The average of the parents in the skin tone of the frame, float32 RGB (S, S, 3)."""
        total = np.zeros((self.size, self.size, 3), np.float32)
        share = np.full((self.size, self.size, 1), 1e-6, np.float32)
        fine, sigma = None, FINE * self.size
        for index, sitter, weight in zip(mixture.parents, parents, mixture.weights, strict=True):
            eyes = np.clip(warp(sitter.eyes, sitter.points), 0, 1)[..., None]
            gain = (frame.tone / sitter.tone) ** (1 - (1 - WHITE) * eyes)  # eyes are hardly darker in dark skin
            picture = warp(sitter.picture, sitter.points) * gain.astype(np.float32)
            share_here = weight * np.maximum(warp(sitter.open, sitter.points)[..., None], 1e-4)
            total += share_here * picture
            share += share_here
            if index == mixture.detail:
                kept = sitter.tone / np.maximum(sitter.tone, frame.tone)  # pores do not deepen as skin gets lighter
                seen = np.clip(warp(cv2.erode(sitter.open, PORE), sitter.points), 0, 1)[..., None]
                fine = seen * kept * (picture - cv2.GaussianBlur(picture, (0, 0), sigma))
        mean = total / share
        return mean if fine is None else cv2.GaussianBlur(mean, (0, 0), sigma) + fine

    def _prepared(self, index: int, expression: str) -> _Sitter:
        person = self.people[index]
        whole = person.picture(expression)
        factor = self.size / whole.shape[0]
        picture = cv2.resize(whole, (self.size, self.size), interpolation=cv2.INTER_AREA)
        neutral, template = self._neutrals[index], self.london.template[person.id]
        mesh = neutral if expression == "neutral" else self.london.mesh[f"{person.id}_{expression}"].astype(np.float64)
        if expression != "neutral":  # ears and hair stay where the head is
            template = aligned(np.concatenate([neutral, _flat(template)]), mesh, MESH, against=OVAL[:6] + OVAL[-6:])[
                MESH:, :2
            ]
        kinds = self.regions.read(picture, mesh[:, :2].astype(np.float32) * factor)
        seen = kinds[..., [Kind.SKIN, Kind.FEATURES, Kind.BEARD]].sum(-1)
        seen = np.clip((seen - 0.35) / 0.4, 0, 1).astype(np.float32)
        eyes = np.zeros(seen.shape, np.float32)
        for lids in LIDS:
            cv2.fillPoly(eyes, [(mesh[list(lids), :2] * factor).round().astype(np.int32)], 1.0)
        eyes = cv2.GaussianBlur(eyes, (0, 0), SOFT * self.size)
        tone = tone_of(picture, mesh[:, :2] * factor, kinds[..., Kind.SKIN] > SURE)
        return _Sitter(
            picture.astype(np.float32), mesh * factor, (template * factor).astype(np.float32), seen, eyes, tone
        )


def tone_of(picture: np.ndarray, mesh: np.ndarray, skin: np.ndarray | None = None) -> np.ndarray:
    """The usual colour (3,), 8 or more of 255, inside a face's outline in a uint8 RGB picture (H, W, 3), where mesh
    points (478, 2) are; where `skin` (H, W) is true, if that is any."""
    outline = mesh[list(OVAL), :2].round().astype(np.int32)
    inside = cv2.fillConvexPoly(np.zeros(picture.shape[:2], np.uint8), outline, 1) > 0
    if skin is not None and (inside & skin).sum() > 50:
        inside &= skin
    colours = picture[inside] if inside.any() else picture.reshape(-1, 3)
    return np.median(colours, axis=0).clip(8)


def _flat(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points, np.zeros(len(points))])


def aligned(
    points: np.ndarray, target: np.ndarray, first: int | None = None, against: Sequence[int] | None = None
) -> np.ndarray:
    """Points (N, 3) turned in the picture's plane, scaled and moved onto those of a target (M, 3) by the `first` of
    both, or by those that `against` names (Umeyama 1991, in the plane)."""
    chosen = np.arange(len(points))[:first] if against is None else np.array(against)
    own, other = points[chosen, :2], target[chosen, :2]
    a, b = own - own.mean(0), other - other.mean(0)
    turn = complex((a[:, 0] - 1j * a[:, 1]) @ (b[:, 0] + 1j * b[:, 1])) / float(np.square(a).sum())
    flat = (points[:, 0] - own[:, 0].mean() + 1j * (points[:, 1] - own[:, 1].mean())) * turn
    return np.column_stack([flat.real + other[:, 0].mean(), flat.imag + other[:, 1].mean(), points[:, 2] * abs(turn)])


class Warp:
    """Carries pictures to a shape by thin plates (Bookstein 1989, "Principal warps"), the border held.

    Args:
        target: (N, 2) where points come to lie, pixels of a picture `size` pixels a side.
    """

    def __init__(self, target: np.ndarray, size: int) -> None:
        self.size = size
        self.anchors = np.concatenate([target / size, EDGE]).astype(np.float64)
        count = len(self.anchors)
        plain = np.column_stack([np.ones(count), self.anchors])
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _plate(self.anchors, self.anchors) + STIFF * np.eye(count)
        system[:count, count:], system[count:, :count] = plain, plain.T
        self.inverse = np.linalg.inv(system)
        at = (np.arange(GRID) + 0.5) / GRID
        grid = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
        self.reach = np.hstack([_plate(grid, self.anchors), np.ones((len(grid), 1)), grid])
        across = np.arange(size, dtype=np.float32)
        self.rest = np.stack(np.meshgrid(across, across), -1)

    def __call__(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """A picture (size, size[, 3]) float32 whose points (N, 2), pixels, come to lie on the target."""
        way = np.zeros((len(self.anchors) + 3, 2))
        way[: len(points)] = points / self.size - self.anchors[: len(points)]
        moved = (self.reach @ (self.inverse @ way)).reshape(GRID, GRID, 2).astype(np.float32)
        field = self.rest + self.size * cv2.resize(moved, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
        return cv2.remap(picture, field, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)


def _plate(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    square = np.square(one[:, :1] - other[:, 0])
    square += np.square(one[:, 1:] - other[:, 1])  # one axis at a time: a sum over pairs takes most of the time
    plate: np.ndarray = np.log(square + 1e-12)
    plate *= square
    return plate


def seam_of(mesh: np.ndarray, size: int) -> np.ndarray:
    """(size, size) float32: 1 inside a face whose mesh points (478, 3) are given, 0 outside."""
    outline = mesh[list(OVAL), :2]
    middle, wide = outline.mean(0), float(np.ptp(outline[:, 1]))
    inside = middle + (outline - middle) * (1 - 2 * INSET)
    mask = cv2.fillPoly(np.zeros((size, size), np.float32), [inside.round().astype(np.int32)], 1.0)
    return cv2.GaussianBlur(mask, (0, 0), INSET * wide)


def joined(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float32 RGB (S, S, 3) both, joined frequency by frequency (Burt and Adelson 1983, "A multiresolution spline")."""
    masks, lows, highs = [mask], [below], [above]
    for _ in range(LEVELS):
        masks.append(cv2.pyrDown(masks[-1]))
        lows.append(cv2.pyrDown(lows[-1]))
        highs.append(cv2.pyrDown(highs[-1]))
    mixed = lows[-1] + masks[-1][..., None] * (highs[-1] - lows[-1])
    for level in range(LEVELS - 1, -1, -1):
        shape = lows[level].shape[1::-1]
        low = lows[level] - cv2.pyrUp(lows[level + 1], dstsize=shape)
        high = highs[level] - cv2.pyrUp(highs[level + 1], dstsize=shape)
        mixed = cv2.pyrUp(mixed, dstsize=shape) + low + masks[level][..., None] * (high - low)
    return mixed
