"""What covers the head: beanies, caps, brimmed hats, headscarves, hoods."""

from dataclasses import dataclass

import numpy as np

from lab.people.labels import Region
from lab.people.solids import Cloth, Solid, joined, random_cloth, sheet, wrapped

SKULL = np.array([0.0, -0.15, 1.15])  # from where hats are drawn over the head
FACE = np.array([0.0, 0.4, 1.0])  # from where scarves and hoods are drawn over it
KINDS = ("beanie", "cap", "brim", "scarf", "hood", "band")


@dataclass(frozen=True)
class Headwear:
    """Lengths in units of the head."""

    kind: str  # one of KINDS
    cloth: Cloth
    loose: float  # distance from the skull
    low: float  # how far down it is drawn
    tilt: float  # how much higher it is in front than behind
    brim: float  # width of the brim or the bill
    back: bool  # a cap turned round

    @property
    def covers(self) -> bool:
        """Whether no hair shows."""
        return self.kind in ("scarf", "hood")

    def rim(self, angle: np.ndarray) -> np.ndarray:
        """Height y of the edge at angles about the vertical (0 in front)."""
        return -0.55 + self.low - self.tilt * np.cos(angle) + 0.25 * (1 - np.cos(angle)) / 2

    def hides(self, places: np.ndarray) -> np.ndarray:
        """Which places (N, 3) on the resting head are under a hat: (N,) bool."""
        if self.covers:
            return np.ones(len(places), bool)
        angle = np.arctan2(places[:, 0], SKULL[2] - places[:, 2])
        above = places[:, 1] < self.rim(angle) - 0.02
        return above & (places[:, 1] > self.rim(angle) - 0.35) if self.kind == "band" else above

    def solids(self, head: np.ndarray) -> list[Solid]:
        """Meshes for a resting head's vertices (V, 3)."""
        pieces = [self._around_face(head)] if self.covers else self._hat(head)
        return [Solid(*joined(*pieces), Region.HAT, self.cloth.paint)]

    def _around_face(self, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        around = np.linspace(0, 2 * np.pi, 48, endpoint=False)[None]
        wide = 1 - self.low * 0.4
        opening = np.radians(48 + 26 * np.cos(around) ** 2 * wide + 6 * np.clip(np.sin(around), 0, 1))
        share = np.linspace(0, 1, 18)[:, None] ** 1.2
        polar = opening + (np.pi - 0.05 - opening) * share
        directions = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), -np.cos(polar)], -1)
        tight = wrapped(head, FACE, directions)
        for _ in range(2):
            tight = (np.roll(tight, 1, 1) + 2 * tight + np.roll(tight, -1, 1)) / 4
        falling = np.clip(directions[..., 1], 0, 1) ** 2 * np.clip((share - 0.1) * 3, 0, 1)
        folds = 0.03 * np.sin(around * 9 + 4 * share) * share
        radius = tight + self.loose + 0.55 * falling + folds
        lip = FACE + directions[:1] * (radius[:1] - 0.07)[..., None] + (0, 0, 0.06)
        return sheet(np.concatenate([lip, FACE + directions * radius[..., None]]), closed=True)

    def _hat(self, head: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        share = np.linspace(0, 1, 14)[:, None]
        flat = np.stack([np.sin(around), np.zeros(48), -np.cos(around)], -1)
        edge = wrapped(head, SKULL - np.array((0, 0.3, 0)), flat) + self.loose
        low = SKULL + flat * edge[:, None]
        low[:, 1] = self.rim(around)
        if self.kind == "band":
            high = low - np.array((0, 0.28, 0))
            rows = low[None] + np.linspace(0, 1, 5)[:, None, None] * (high - low) + 0.03 * flat
            return [sheet(rows, closed=True)]
        top = head[:, 1].min() - self.loose - (0.25 if self.kind == "brim" else 0.03)
        rise = np.sin(share * np.pi / 2) if self.kind != "brim" else np.clip(share * 1.25, 0, 1)
        inward = np.cos(share * np.pi / 2) ** (0.75 if self.kind != "brim" else 0.35)
        rows = np.empty((14, 48, 3))
        rows[..., 0] = inward * low[:, 0]
        rows[..., 2] = SKULL[2] + inward * (low[:, 2] - SKULL[2])
        rows[..., 1] = low[:, 1] + rise * (top - low[:, 1])
        if self.kind == "beanie":
            rows[0] += 0.05 * flat
            rows[1] += 0.05 * flat
        pieces = [sheet(rows, closed=True)]
        if self.kind == "brim":
            out = np.linspace(0, self.brim, 5)[:, None, None]
            pieces.append(sheet(low[None] + out * flat + np.array((0, 0.1, 0)) * out**2, closed=True))
        elif self.kind == "cap":
            front = np.linspace(-1.0, 1.0, 24) + (np.pi if self.back else 0.0)
            at = np.stack([np.interp(front % (2 * np.pi), around, column, period=2 * np.pi) for column in low.T], -1)
            reach = self.brim * np.sqrt(np.clip(1 - (np.linspace(-1, 1, 24)) ** 4, 0, 1))
            ahead = np.array((0, 0.18, 1.0 if self.back else -1.0))
            out = np.linspace(0, 1, 6)[:, None, None]
            droop = 0.12 * np.linspace(-1, 1, 24)[:, None] ** 2 * np.array((0, 1, 0)) * out
            pieces.append(sheet(at[None] + out * reach[:, None] * ahead + droop, closed=False))
        return pieces


def random_headwear(rng: np.random.Generator) -> Headwear:
    kind = str(rng.choice(KINDS, p=(0.22, 0.24, 0.14, 0.18, 0.14, 0.08)))
    return Headwear(
        kind=kind,
        cloth=random_cloth(rng),
        loose=float(rng.uniform(0.08, 0.16) if kind != "hood" else rng.uniform(0.15, 0.4)),
        low=float(rng.uniform(-0.15, 0.15)),
        tilt=float(rng.uniform(0.1, 0.35)),
        brim=float(rng.uniform(0.4, 1.0) if kind == "brim" else rng.uniform(0.7, 1.0)),
        back=bool(rng.random() < 0.15),
    )
