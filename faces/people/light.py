"""Light on people: many directional lights, each with the shadow that the head casts on itself."""

from dataclasses import dataclass

import numpy as np

from faces.raster import Raster

SHADOW_SIDE = 160  # pixels of the shadow map
BIAS = 0.035  # units of the head by which a surface may lie behind the shadow map and still be lit


@dataclass(frozen=True)
class Light:
    """L directional lights."""

    directions: np.ndarray  # (L, 3) unit vectors towards the light; x right, y down, z away from the camera
    colours: np.ndarray  # (L, 3) RGB, linear

    @classmethod
    def random(cls, rng: np.random.Generator, ambient: int = 22) -> "Light":
        """A soft key from the front, a fill, a rim now and then, and a sky of weak lights in gradient colours."""
        golden = np.pi * (3 - np.sqrt(5))
        k = np.arange(ambient) + 0.5
        y = 1 - 2 * k / ambient
        radius = np.sqrt(1 - y * y)
        sphere = np.stack([radius * np.cos(golden * k), y, radius * np.sin(golden * k)], -1)
        warm = rng.uniform(-0.12, 0.12)
        sky = np.array([1 - warm, 1.0, 1 + warm]) * rng.uniform(0.5, 0.9)
        ground = np.array([1 + warm, 1.0, 1 - warm]) * rng.uniform(0.2, 0.5)
        front = 0.35 + 0.65 * np.clip(-sphere[:, 2:], 0, 1)
        mix = np.clip(0.5 - 0.5 * sphere[:, 1:2], 0, 1)
        directions = [sphere]
        colours = [(mix * sky + (1 - mix) * ground) * front * 2.6 / ambient]
        azimuth, height = rng.uniform(-1.0, 1.0), rng.uniform(0.15, 0.75)
        key = np.array([np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)])
        spread = key + rng.normal(0, 0.16, (7, 3))  # a soft box is seven lights
        directions.append(spread / np.linalg.norm(spread, axis=1, keepdims=True))
        tint = np.array([1 + 0.5 * warm, 1.0, 1 - 0.6 * warm]) * rng.uniform(0.55, 1.15)
        colours.append(np.tile(tint / 7, (7, 1)))
        if rng.random() < 0.5:
            side = np.sign(rng.normal()) * 0.9
            rim = np.array([[side, -0.3, 0.35]])
            directions.append(rim / np.linalg.norm(rim))
            colours.append(np.array([[1.0, 0.98, 0.95]]) * rng.uniform(0.1, 0.5))
        return cls(np.concatenate(directions).astype(np.float32), np.concatenate(colours).astype(np.float32))

    @property
    def key(self) -> np.ndarray:
        """Direction (3,) of the brightest light, averaged over its neighbours."""
        best = self.directions[self.colours.sum(1).argmax()]
        near = self.directions @ best > 0.8
        mean = (self.directions[near] * self.colours[near].sum(1, keepdims=True)).sum(0)
        return mean / np.linalg.norm(mean)


def irradiance(
    points: np.ndarray, normals: np.ndarray, casters: np.ndarray, triangles: np.ndarray, light: Light, wrap: np.ndarray
) -> np.ndarray:
    """Light that falls on surface points, shadows included.

    Args:
        points, normals: (N, 3) what is lit.
        casters, triangles: mesh (V, 3), (T, 3) that casts shadows.
        wrap: (3,) how far light of each colour creeps around (skin scatters red furthest; 0 for a hard surface).

    Returns: (N, 3) RGB, linear.
    """
    total = np.zeros((len(points), 3), np.float32)
    raster = Raster(SHADOW_SIDE, SHADOW_SIDE)
    for direction, colour in zip(light.directions, light.colours, strict=True):
        axes = _basis(direction)
        seen, cast = points @ axes.T, casters @ axes.T
        low, high = cast[:, :2].min(0), cast[:, :2].max(0)
        scale = (SHADOW_SIDE - 4) / float((high - low).max())
        raster.draw((cast[:, :2] - low) * scale + 2, cast[:, 2], triangles)
        at = ((seen[:, :2] - low) * scale + 2).astype(np.int32).clip(1, SHADOW_SIDE - 2)
        lit = np.zeros(len(points), np.float32)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                lit += seen[:, 2] < raster.depth[at[:, 1] + dy, at[:, 0] + dx] + BIAS
        cosine = (normals @ direction)[:, None]
        facing = np.clip((cosine + wrap) / (1 + wrap), 0, 1) ** (1 + wrap)
        total += (lit / 9)[:, None] * facing * colour
    return total


def _basis(direction: np.ndarray) -> np.ndarray:
    """Axes (3, 3) of a view along -direction: the third row grows away from the light."""
    up = np.array([0.0, 1, 0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0, 0])
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), -direction]).astype(np.float32)
