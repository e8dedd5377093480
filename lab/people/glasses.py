"""Glasses: rims of many shapes, temples, clear or dark lenses."""

from dataclasses import dataclass

import numpy as np

from lab.people.labels import Region
from lab.people.solids import Solid, joined, sheet, tube

BRIDGE, EARS = 168, (127, 356)  # mesh points: root of the nose, before the ears
BEND = 0.22  # how far lenses bend back, units of the head a unit sideways squared


@dataclass(frozen=True)
class Glasses:
    """Lengths in units of the head."""

    width: float  # half of a lens
    height: float  # half of a lens
    square: float  # 2 round, 6 nearly a rectangle
    lift: float  # how much higher the outer corners are
    rim: float  # thickness; 0 for none
    colour: np.ndarray  # (3,) of the frame, linear
    tint: np.ndarray  # (3,) of the lenses, linear
    dark: float  # how much light the lenses keep, 0 to 1
    fade: float  # how much less they keep at the bottom
    slip: float  # how far down the nose they sit

    def _outline(self, mesh: np.ndarray, side: int) -> np.ndarray:
        """Rim of the lens before one eye (40, 3); mesh (468, 3) of the face at rest."""
        angle = np.arange(40) * 2 * np.pi / 40
        cosine, sine = np.cos(angle), np.sin(angle)
        power = 2 / self.square
        x = self.width * np.sign(cosine) * np.abs(cosine) ** power
        y = self.height * np.sign(sine) * np.abs(sine) ** power
        narrow = 1 - 0.12 * (y > 0) * np.abs(y) / self.height
        across = 0.10 + self.width + x * narrow
        y = y - self.lift * x / self.width + 0.06 + self.slip
        z = mesh[BRIDGE, 2] - 0.10 - 0.6 * self.slip + BEND * across**2 + 0.12 * y
        outline = np.stack([side * across, y + 0.02, z], -1)
        apart = np.hypot(*(outline[:, None, :2] - mesh[None, :468, :2]).transpose(2, 0, 1))
        skin = np.where(apart < 0.12, mesh[None, :468, 2], np.inf).min(1)
        outline[:, 2] -= np.clip(float((outline[:, 2] + 0.03 - skin).max()), 0, 0.4)  # not into the cheeks
        return outline

    def frame(self, mesh: np.ndarray) -> Solid:
        pieces = []
        thin = max(self.rim, 0.010)
        for side, ear in zip((-1, 1), EARS, strict=True):
            rim = self._outline(mesh, side)
            if self.rim:
                pieces.append(tube(rim, self.rim, closed=True))
            hinge = rim[0 if self.square > 3 else 37]
            end = mesh[ear] * (1.03, 1, 1) + (0, -0.1, 0.45)
            path = np.stack(
                [hinge, hinge + np.array((side * 0.05, 0, 0.12)), 0.5 * (hinge + end) + (side * 0.08, 0, 0), end]
            )
            path = np.vstack([path, end + np.array((0, 0.25, 0.25))])
            fine = np.stack([np.interp(np.linspace(0, 4, 24), np.arange(5), column) for column in path.T], -1)
            pieces.append(tube(fine, thin, closed=False, flat=1.5))
        inner = [self._outline(mesh, side)[[20, 24]] for side in (-1, 1)]
        bridge = np.stack([inner[0][1], inner[0][1] * (0.4, 1, 1), inner[1][1] * (0.4, 1, 1), inner[1][1]])
        bridge[1:3, 1] -= 0.03
        pieces.append(tube(bridge, thin, closed=False))
        vertices, triangles = joined(*pieces)
        return Solid(vertices, triangles, Region.GLASSES, self._paint, gloss=1.0, casts=self.rim > 0.02)

    def _paint(self, places: np.ndarray) -> np.ndarray:
        return np.tile(self.colour, (len(places), 1))

    def lenses(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both lenses: vertices (N, 3), triangles, and how much light each vertex keeps (N,)."""
        pieces = []
        for side in (-1, 1):
            rim = self._outline(mesh, side)
            middle = rim.mean(0) - (0, 0, 0.03)
            rows = middle + np.linspace(0.02, 1, 7)[:, None, None] * (rim - middle)
            pieces.append(sheet(rows, closed=True))
        vertices, triangles = joined(*pieces)
        low = np.clip((vertices[:, 1] - vertices[:, 1].min()) / np.ptp(vertices[:, 1]), 0, 1)
        return vertices, triangles, self.dark * (1 - self.fade * low)


def random_glasses(rng: np.random.Generator) -> Glasses:
    """Reading glasses mostly; one in five is dark."""
    dark = rng.random() < 0.2
    kind = rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))
    rim = (rng.uniform(0.008, 0.014), rng.uniform(0.02, 0.045), rng.uniform(0.012, 0.02), 0.0)[kind]
    metal = np.array([(0.5, 0.5, 0.52), (0.6, 0.42, 0.15), (0.05, 0.05, 0.05), (0.35, 0.18, 0.12)])[rng.integers(4)]
    dull = np.exp(rng.normal(np.log(0.03), 1.0, 3)) if rng.random() < 0.5 else np.full(3, 0.012)
    return Glasses(
        width=float(rng.uniform(0.33, 0.45)),
        height=float(rng.uniform(0.20, 0.40)),
        square=float(rng.uniform(2, 6)),
        lift=float(rng.choice((0.0, 0.0, rng.uniform(-0.03, 0.08)))),
        rim=float(rim),
        colour=np.clip(metal if kind == 0 else dull, 0.004, 0.8),
        tint=np.clip(rng.uniform(0, 0.06, 3) if dark else rng.uniform(0.1, 0.5, 3), 0, 1),
        dark=float(rng.uniform(0.7, 0.97) if dark else rng.exponential(0.04)),
        fade=float(rng.uniform(0, 0.7) if rng.random() < 0.4 else 0.0),
        slip=float(max(0.0, rng.normal(0, 0.05))),
    )
