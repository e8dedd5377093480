"""Light on people: a sky of weak lights and up to three keys, each with the shadows that the person casts."""

from dataclasses import dataclass

import numpy as np

from lab.people.kernels import add_light, visibility

SKY = 26  # directions of the sky
SKY_SIDE, KEY_SIDE = 72, 288  # pixels of the shadow maps
MIDDLE, RADIUS = (
    np.array([0.0, 0.5, 0.9], np.float32),
    2.6,
)  # where shadows fall: the head and the tops of the shoulders
SKY_BIAS, KEY_BIAS = 0.06, 0.03  # units of the head by which a surface may lie behind the shadow map and still be lit


@dataclass(frozen=True)
class Light:
    """A sky of L directional lights and K keys, RGB, linear. x right, y down, z away from the camera."""

    directions: np.ndarray  # (L, 3) unit vectors towards the lights of the sky
    colours: np.ndarray  # (L, 3)
    keys: np.ndarray  # (K, 3) unit vectors towards the keys
    key_colours: np.ndarray  # (K, 3)
    softness: np.ndarray  # (K,) 0 the sun, 1 a window

    @property
    def key(self) -> np.ndarray:
        """Direction (3,) that most light comes from."""
        mean = self.colours.mean(1) @ self.directions + 2 * self.key_colours.mean(1) @ self.keys
        return (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)

    def harmonics(self) -> np.ndarray:
        """(9, 3) coefficients of real spherical harmonics of the radiance, bands 0 to 2 (Ramamoorthi and Hanrahan
        2001), in the order 1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2, for every colour."""
        x, y, z = np.concatenate([self.directions, self.keys]).T
        basis = [0.282095 + 0 * x, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z]
        basis += [0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)]
        return (np.array(basis) @ np.concatenate([self.colours, self.key_colours])).astype(np.float32)

    def sky_fall(self, points: np.ndarray, normals: np.ndarray, casters: tuple, wrap: np.ndarray) -> np.ndarray:
        """Light of the sky on points (P, 3) with normals (P, 3): (P, 3). casters: vertices (V, 3), triangles (T, 3);
        wrap (P, 3): how far light of each colour creeps around (skin scatters red furthest; 0 for a hard surface)."""
        total = np.zeros_like(points)
        vertices, triangles = casters
        seen = visibility(points, vertices, triangles, _axes(self.directions), MIDDLE, RADIUS, SKY_SIDE, 1, SKY_BIAS)
        add_light(normals, seen, self.directions, self.colours, wrap, total)
        return total

    def key_fall(self, points: np.ndarray, normals: np.ndarray, casters: tuple, wrap: np.ndarray) -> np.ndarray:
        """Light of the keys on points (P, 3), arguments as for `sky_fall`."""
        total = np.zeros_like(points)
        vertices, triangles = casters
        for k, soft in enumerate(self.softness):
            axes = _axes(self.keys[k : k + 1])
            side = int(KEY_SIDE * (1 - 0.6 * soft))
            reach, bias = 1 + round(1.4 * soft), KEY_BIAS * (1 + 2 * soft)
            seen = visibility(points, vertices, triangles, axes, MIDDLE, RADIUS, side, reach, bias)
            add_light(normals, seen, self.keys[k : k + 1], self.key_colours[k : k + 1], wrap, total)
        return total


def _axes(directions: np.ndarray) -> np.ndarray:
    """Axes (L, 3, 3) of views along -directions: the third row grows away from the light."""
    steep = np.abs(directions[:, 1:2]) > 0.9
    right = np.cross(np.where(steep, (1.0, 0, 0), (0.0, 1, 0)), directions)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(directions, right), -directions], 1).astype(np.float32)


def _sphere(count: int) -> np.ndarray:
    """Directions (count, 3) spread evenly (Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    y = 1 - 2 * k / count
    turn, radius = np.pi * (3 - np.sqrt(5)) * k, np.sqrt(1 - y * y)
    return np.stack([radius * np.cos(turn), y, radius * np.sin(turn)], -1).astype(np.float32)


def _direction(azimuth: float, height: float) -> np.ndarray:
    """Unit vector (3,); azimuth 0 is the camera, pi behind the head; height towards the sky, radians."""
    return np.array([np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)], np.float32)


def _tint(rng: np.random.Generator, spread: float) -> np.ndarray:
    """Colour (3,) of a lamp or a sky: from candle to blue shade, now and then a stage light; mean 1."""
    warm = rng.normal(0, spread)
    colour = np.exp(np.array([0.9, 0.0, -1.0]) * warm + rng.normal(0, 0.02, 3))
    if rng.random() < 0.25 * spread:
        colour = rng.uniform(0.1, 1.0, 3) ** 1.5
    return colour / colour.mean()


def random_light(rng: np.random.Generator, *, calm: bool = False) -> Light:
    """Rooms, skies, studios, streets: light from every side, soft or hard. Brightness is the camera's affair."""
    sphere = _sphere(SKY)
    up, front = -sphere[:, 1:2], -sphere[:, 2:]
    sky, ground = _tint(rng, 0.15), _tint(rng, 0.2) * rng.uniform(0.1, 0.8)
    side = _direction(rng.uniform(-np.pi, np.pi), 0.0)
    lean = 1 + rng.uniform(0, 0.8) * (sphere @ side)[:, None]
    mix = np.clip(0.5 + 0.8 * up, 0, 1)
    colours = (mix * sky + (1 - mix) * ground) * np.clip(lean, 0.05, 3) * (0.55 + 0.45 * front)
    fill = rng.uniform(0.2, 0.6) if calm else float(np.exp(rng.uniform(np.log(0.06), np.log(1.0))))
    colours = colours * fill * 3.2 / SKY
    if rng.random() < 0.5:  # a window or a softbox in the sky
        window = _direction(rng.normal(0, 1.0), rng.uniform(-0.1, 0.9))
        lobe = np.clip(sphere @ window, 0, 1)[:, None] ** rng.uniform(3, 9)
        colours = colours + lobe * _tint(rng, 0.15) * rng.uniform(0.1, 0.6)
    keys, key_colours, softness = [], [], []
    for number in range(1 if calm else int(rng.choice(4, p=(0.15, 0.45, 0.3, 0.1)))):
        azimuth, height = rng.normal(0, 0.6 if calm or number == 0 else 1.6), rng.uniform(0.05, 0.95)
        strength = rng.uniform(0.5, 1.2) * (0.7**number)
        if not calm and rng.random() < 0.22:  # from behind or from below
            azimuth, height = (np.pi + rng.normal(0, 0.6), 0.3) if rng.random() < 0.6 else (azimuth, -0.6)
        keys.append(_direction(azimuth, height))
        key_colours.append(_tint(rng, 0.05 if calm else 0.16) * strength)
        softness.append(rng.uniform(0.6, 1) if calm else rng.random() ** 0.7)
    return Light(
        sphere,
        colours.astype(np.float32),
        np.array(keys, np.float32).reshape(-1, 3),
        np.array(key_colours, np.float32).reshape(-1, 3),
        np.array(softness, np.float32),
    )
