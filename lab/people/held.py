"""What comes between the camera and the face: hands, microphones, cups, phones, scarves, face masks."""

from dataclasses import dataclass

import numpy as np

from lab.people.labels import Region
from lab.people.solids import Cloth, Solid, ball, joined, random_cloth, sheet, tube, wrapped

KINDS = ("hand", "microphone", "mask", "neck scarf", "box", "cup")
MOUTH, CHIN = 13, 152  # mesh points


@dataclass(frozen=True)
class Held:
    kind: str  # one of KINDS
    cloth: Cloth
    tone: np.ndarray  # (3,) of the skin of a hand, linear
    place: np.ndarray  # (2,) sideways and down from the mouth, units of the head
    turn: float  # radians
    size: float  # around 1

    def solids(self, mesh: np.ndarray, head: np.ndarray) -> list[Solid]:
        """Meshes for a face with mesh points (468, 3) on a head (V, 3)."""
        shapes = {"hand": self._hand, "microphone": self._microphone, "box": self._box, "cup": self._cup}
        if self.kind in shapes:
            vertices, triangles = shapes[self.kind](mesh)
        else:
            vertices, triangles = self._mask(mesh, head) if self.kind == "mask" else self._scarf(mesh)
        paint = self._skin if self.kind == "hand" else self.cloth.paint
        on_body = self.kind == "neck scarf"
        return [Solid(vertices.astype(np.float32), triangles, Region.OCCLUDER, paint, on_body, gloss=0.4)]

    def _skin(self, places: np.ndarray) -> np.ndarray:
        return self.tone * (1 + 0.1 * np.sin(places[:, :1] * 23) * np.sin(places[:, 1:2] * 19))

    def _before(self, mesh: np.ndarray) -> np.ndarray:
        """A place (3,) before the face."""
        return mesh[MOUTH] + (self.place[0], self.place[1], -0.25 + 0.45 * self.place[0] ** 2)

    def _turned(self, vertices: np.ndarray, middle: np.ndarray) -> np.ndarray:
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        return middle + vertices * self.size @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])

    def _hand(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A palm and five bent fingers, seen from the back; fingers point up before the turn."""
        pieces = [ball((0, 0.55, 0), (0.42, 0.5, 0.16))]
        for x, length, lean in ((-0.33, 0.75, -0.16), (-0.11, 0.95, -0.03), (0.11, 0.9, 0.06), (0.31, 0.7, 0.2)):
            s = np.linspace(0, 1, 10)[:, None]
            path = np.hstack([x + lean * s, 0.3 - length * s, 0.12 * s**2 - 0.02])
            pieces.append(tube(path, 0.105, closed=False))
            pieces.append(ball(path[-1], (0.105, 0.11, 0.1), 8))
        s = np.linspace(0, 1, 8)[:, None]
        thumb = np.hstack([0.3 + 0.42 * s, 0.65 - 0.5 * s, 0.05 + 0 * s])
        pieces += [tube(thumb, 0.12, closed=False), ball(thumb[-1], (0.12, 0.12, 0.12), 8)]
        pieces.append(tube(np.array([(0, 0.8, 0), (0, 2.0, 0.05), (0, 4.0, 0.2)]), 0.34, closed=False))
        vertices, triangles = joined(*pieces)
        return self._turned(vertices * (1, 1, 0.9), self._before(mesh)), triangles

    def _microphone(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        stick = np.array([(0, 0.15, 0), (0, 1.5, 0.05), (0, 4.0, 0.1)])
        vertices, triangles = joined(ball((0, 0, 0), (0.3, 0.34, 0.3)), tube(stick, 0.15, closed=False))
        return self._turned(vertices, mesh[MOUTH] + (self.place[0], 0.5, -0.6)), triangles

    def _cup(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        path = np.array([(0, -0.1, 0), (0, 0.3, 0), (0, 0.9, 0)])
        vertices, triangles = joined(tube(path, 0.45, closed=False), ball((0, 0.9, 0), (0.45, 0.03, 0.45)))
        return self._turned(vertices, mesh[MOUTH] + (0.3 * self.place[0], 0.1, -0.62)), triangles

    def _box(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grid = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 6), np.linspace(-0.9, 0.9, 8)), -1)
        vertices, triangles = sheet(np.concatenate([grid, np.zeros((8, 6, 1))], -1), closed=False)
        return self._turned(vertices, self._before(mesh) - np.array((0, 0, 0.2))), triangles

    def _mask(self, mesh: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From the nose to under the chin and to the ears."""
        middle = np.array([0.0, 1.0, 0.6])
        across, down = np.linspace(-1.25, 1.25, 26), np.linspace(-1, 1, 14)[:, None]
        high, low = mesh[195, 1] + 0.12, mesh[CHIN, 1] + 0.12
        narrow = 1 - 0.45 * np.abs(across / 1.25) ** 1.5
        height = 0.5 * (high + low) + 0.5 * (low - high) * down * narrow - 0.25 * (across / 1.25) ** 2
        slope = (height - middle[1]) / 1.25
        directions = np.stack([np.sin(across) + 0 * down, slope, -np.cos(across) + 0 * down], -1)
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        radius = wrapped(head[head[:, 2] < 1.0], middle, directions)
        radius = (np.roll(radius, 1, 1) + radius + np.roll(radius, -1, 1))[:, 1:-1] / 3 + 0.05
        pleats = 0.012 * np.sin(down * 14)
        return sheet(middle + directions[:, 1:-1] * (radius + pleats)[..., None], closed=False)

    def _scarf(self, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        height = 2.05 + self.place[1] * 0.3 + 0.12 * np.sin(around) - 0.05 * np.cos(5 * around)
        path = np.stack([1.05 * np.cos(around), height, 0.75 + 1.25 * np.sin(around)], -1)
        other = path * (1.12, 1, 1.05) + (0, 0.35, 0)
        return joined(tube(path, 0.3, closed=True), tube(other, 0.33, closed=True))


def random_held(rng: np.random.Generator, tone: np.ndarray) -> Held:
    """Something before the face of a person whose skin has the colour `tone` (3,)."""
    kind = str(rng.choice(KINDS, p=(0.34, 0.16, 0.18, 0.14, 0.1, 0.08)))
    place = rng.normal(0, (0.6, 0.5)) if kind != "hand" else rng.normal((0, 0.35), (0.75, 0.5))
    return Held(
        kind,
        random_cloth(rng),
        tone * rng.uniform(0.8, 1.1),
        place,
        float(rng.normal(0, 0.6)),
        float(rng.uniform(0.8, 1.2)),
    )
