"""Things with thickness that are not the head: shoulders in clothes, and what else a person wears or holds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lab.people.chart import noise
from lab.people.kernels import sample
from lab.people.labels import Region


@dataclass(frozen=True)
class Solid:
    """A mesh with its own colours. Space of the head at rest."""

    vertices: np.ndarray  # (N, 3) float32
    triangles: np.ndarray  # (T, 3) int32
    region: Region
    paint: Callable[[np.ndarray], np.ndarray]  # places (P, 3) on it at rest -> linear colour (P, 3)
    on_body: bool = False  # turns with the shoulders, not with the head
    gloss: float = 0.0
    casts: bool = True


def sheet(rows: np.ndarray, *, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of a net of points (R, S, 3), joined along S where `closed` -> vertices (R * S, 3), triangles."""
    rings, sectors = rows.shape[:2]
    last = sectors if closed else sectors - 1
    a = np.arange(rings - 1)[:, None] * sectors + np.arange(last)[None]
    b = np.arange(rings - 1)[:, None] * sectors + (np.arange(last)[None] + 1) % sectors
    quads = np.stack([a, b, a + sectors, b + sectors], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]])
    return rows.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32)


def tube(path: np.ndarray, radius: float, *, closed: bool, flat: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A tube along a path (N, 3): vertices, triangles. `flat` stretches it along y."""
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    side = np.cross(ahead, np.where(np.abs(ahead[:, 2:]) > 0.8, (0, 1.0, 0), (0, 0, 1.0)))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    up = np.cross(side, ahead)
    angle = np.arange(7) * 2 * np.pi / 7
    ring = np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * up[:, None]
    rows = path[:, None] + radius * ring * (1, flat, 1)
    return sheet(np.concatenate([rows, rows[:1]]) if closed else rows, closed=True)


def ball(middle: ArrayLike, radii: ArrayLike, rings: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid: vertices, triangles."""
    t = np.linspace(0.02, np.pi - 0.02, rings)[:, None]
    p = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)[None]
    rows = np.stack([np.sin(t) * np.cos(p), np.cos(t) + 0 * p, np.sin(t) * np.sin(p)], -1)
    return sheet(np.asarray(middle) + rows * np.asarray(radii), closed=True)


def joined(*pieces: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Several meshes as one, the outer sides of all wound alike."""
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in pieces[:-1]])
    triangles = []
    for (vertices, faces), start in zip(pieces, starts, strict=True):
        a, b, c = (vertices[faces[:, i]] - vertices.mean(0) for i in range(3))
        inside_out = (a * np.cross(b, c)).sum() < 0
        triangles.append((faces[:, [0, 2, 1]] if inside_out else faces) + np.int32(start))
    return np.concatenate([vertices for vertices, _ in pieces]), np.concatenate(triangles)


def wrapped(vertices: np.ndarray, middle: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """How far from `middle` (3,) a cloth drawn tight over vertices (V, 3) lies along unit directions (..., 3)."""
    arms = vertices[::2] - middle
    reach = np.linalg.norm(arms, axis=1)
    towards = directions.reshape(-1, 3) @ (arms / np.maximum(reach, 1e-9)[:, None]).T
    tight = np.max(reach * np.clip((towards - 0.94) / 0.03, 0, 1), 1)
    return np.maximum(tight, 0.3).reshape(directions.shape[:-1])


@dataclass(frozen=True)
class Cloth:
    """Colours and pattern of a fabric. Colours linear RGB."""

    pattern: int  # plain, stripes across, stripes along, check, dots, mottled, blocks
    first: np.ndarray  # (3,)
    second: np.ndarray  # (3,)
    pitch: float  # units of the head a repeat
    grain: int

    def paint(self, places: np.ndarray) -> np.ndarray:
        """Linear colour (P, 3) at places (P, 3)."""
        x, y = places[:, 0] / self.pitch, places[:, 1] / self.pitch
        around = x + 0.4 * places[:, 2] / self.pitch
        shift = self.grain % 61 / 61
        rough = sample(noise(5), x * 0.05 * self.pitch + shift, y * 0.05 * self.pitch, True)[:, 0]
        weave = sample(noise(1), places[:, 0] * 0.35 + shift, places[:, 1] * 0.35, True)[:, 0]
        fold = sample(noise(9), places[:, 0] * 0.035 + shift, places[:, 1] * 0.02 + shift, True)[:, 0]
        if self.pattern == 1:
            mix = (y % 1 < 0.4).astype(float)
        elif self.pattern == 2:
            mix = (around % 1 < 0.3).astype(float)
        elif self.pattern == 3:
            mix = 0.5 * (around % 1 < 0.45) + 0.5 * (y % 1 < 0.45)
        elif self.pattern == 4:
            mix = (np.hypot(around % 1 - 0.5, y % 1 - 0.5) < 0.25).astype(float)
        elif self.pattern == 5:
            mix = np.clip(rough * 2 + 0.5, 0, 1)
        elif self.pattern == 6:
            mix = (np.sin(around + 2 * np.sin(y * 0.7 + shift * 6)) > 0.2).astype(float)
        else:
            mix = np.zeros(len(x))
        colour = self.first + mix[:, None] * (self.second - self.first)
        return colour * np.clip(1 + 0.08 * weave + 0.16 * fold, 0.3, 2)[:, None]


def random_cloth(rng: np.random.Generator) -> Cloth:
    """A fabric: often plain, black, white or dull; sometimes loud."""

    def colour() -> np.ndarray:
        grey = np.exp(rng.uniform(np.log(0.012), np.log(0.75)))
        return np.clip(grey * np.exp(rng.normal(0, rng.choice((0.08, 0.35, 0.9)), 3)), 0.006, 0.8)

    pattern = int(rng.integers(1, 7)) if rng.random() < 0.5 else 0
    return Cloth(pattern, colour(), colour(), float(rng.uniform(0.08, 0.7)), int(rng.integers(1 << 20)))


@dataclass(frozen=True)
class Torso:
    """Cut of what the shoulders wear."""

    cloth: Cloth
    neckline: float  # 0 high to 1 low
    point: float  # how far a V dips in front, 0 to 1
    width: float  # half width of the shoulders, units of the head, around 3
    slope: float  # how steeply the shoulders fall, around 1
    collar: float  # height of a collar, 0 to 1

    def solid(self) -> Solid:
        """Neck, collar and shoulders as rings from the neckline outwards and down."""
        wide, neck = self.width, 0.80 + 0.10 * self.neckline
        profile = np.array(
            [  # along, half width, how far down, half depth
                (0.00, neck, 0.0, neck),
                (0.18, 1.30, 0.30, 0.92),
                (0.55, 0.84 * wide, 0.95 * self.slope, 1.15),
                (0.72, wide, 1.55 * self.slope, 1.32),
                (0.85, 1.05 * wide, 3.2, 1.5),
                (1.00, 1.08 * wide, 7.0, 1.7),
            ]
        )
        s = np.linspace(0, 1, 34)
        half, down, deep = (np.interp(s, profile[:, 0], profile[:, i]) for i in (1, 2, 3))
        for line in (half, down, deep):
            for _ in range(6):
                line[1:-1] = (line[:-2] + 2 * line[1:-1] + line[2:]) / 4
        half, down, deep, s = half[:, None], down[:, None], deep[:, None], s[:, None]
        angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)[None]
        front = np.clip(-np.sin(angle), 0, 1)
        low = 1.72 + 0.42 * self.neckline - 0.25 * self.collar
        x, z = half * np.cos(angle), 1.22 + deep * np.sin(angle)
        dip = 0.30 + 0.16 * self.neckline + 0.35 * self.point * np.exp(-((np.cos(angle) / 0.35) ** 2))
        y = low + down + dip * np.clip(1 - 2.5 * s, 0, 1) ** 2 * front  # lower in front, as collars are
        y = y + 0.4 * np.clip(s * 2, 0, 1) * np.abs(np.sin(angle)) ** 3  # the chest lies lower than the shoulders
        vertices, triangles = sheet(np.stack([x, y, z], -1), closed=True)
        return Solid(vertices, triangles, Region.CLOTHES, self.cloth.paint, on_body=True)


def random_torso(rng: np.random.Generator) -> Torso:
    collar = float(rng.uniform(0.3, 1.0) if rng.random() < 0.25 else 0.0)
    return Torso(
        cloth=random_cloth(rng),
        neckline=0.0 if collar else float(rng.random()),
        point=float(rng.random() if rng.random() < 0.4 and not collar else 0.0),
        width=float(rng.uniform(2.5, 3.4)),
        slope=float(rng.uniform(0.75, 1.25)),
        collar=collar,
    )
