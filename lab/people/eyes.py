"""Eyeballs: pupil, fibrous iris with a dark rim, veined white, a wet cornea that mirrors the lights."""

import numpy as np

from faces.mesh import IRIS_RADIUS
from lab.people.chart import noise
from lab.people.kernels import sample
from lab.people.light import Light
from lab.people.look import Look

BALL = 0.245  # radius of the eyeball on the mean head, units of the head
RIM = np.arcsin(IRIS_RADIUS / BALL)  # angle from the pupil to the iris's rim
UV_ANGLE = np.radians(240)  # angle that texture coordinates of 1 stand for
WHITE = np.array((0.58, 0.53, 0.50), np.float32)
BULGE = 1.7  # how much faster the cornea's normal turns than the eyeball's


def eye_at(look: Look, uv: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour (P, 3) at texture coordinates uv (P, 2) of an eyeball, and how much each lies in the iris (P,)."""
    x, y = (uv[:, 0] - 0.5) * UV_ANGLE / RIM, (uv[:, 1] - 0.5) * UV_ANGLE / RIM
    radius, angle = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi) + 0.5
    shift = (look.grain % 83 + 41 * side) / 83
    fibres = sample(noise(2), (angle * 0.55 + shift) % 1, np.float32(0.06) * radius, True)[:, 0]
    cloud = sample(noise(8), angle * 0.2 + shift, 0.1 * radius, True)[:, 0]
    inner = (1.3 - 0.45 * radius + 0.22 * fibres + 0.12 * cloud) * (
        1 - look.limbus * np.exp(-(((radius - 1) / 0.13) ** 2))
    )
    iris = look.iris * np.clip(inner, 0.1, 2.5)[:, None]
    iris = iris * (1 + np.exp(-(((radius - look.pupil - 0.15) / 0.16) ** 2))[:, None] * (0.35, 0.2, 0.0))
    veins = sample(noise(3), x * 0.02 + shift, y * 0.05, True)[:, 0]
    red = np.clip(radius - 1.3, 0, 1.2) * (0.10 + look.veins * (0.15 + 0.45 * np.clip(np.abs(veins) - 0.8, 0, 2)))
    white = (
        WHITE
        * (1 - 0.12 * look.age * np.array((0, 0.3, 1.0)))
        * (1 - np.clip(red, 0, 0.8)[:, None] * (0.15, 0.55, 0.6))
    )
    inside = _step((1 - radius) / 0.05)
    colour = white + inside[:, None] * (iris - white)
    pupil = _step((look.pupil - radius) / 0.04)[:, None]
    return colour + pupil * (0.004 - colour), inside


def _step(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(2 * x, -30, 30)))


def glint(light: Light, normal: np.ndarray, forward: np.ndarray, inside: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """What the wet eye mirrors (P, 3): normal (P, 3) of the eyeball that looks along `forward` (3,), `inside` (P,) of
    the iris, under light of which a share `visible` (P,) arrives."""
    along = normal @ forward
    cornea = normal + ((BULGE - 1) * inside)[:, None] * (normal - along[:, None] * forward)
    cornea /= np.linalg.norm(cornea, axis=1, keepdims=True)
    mirrored = 2 * (-cornea[:, 2:]) * cornea + np.array((0, 0, 1.0))  # towards what is seen in it
    total = np.zeros_like(normal)
    for direction, colour, soft in zip(light.keys, light.key_colours, light.softness, strict=True):
        near = np.clip(mirrored @ direction, 0, 1)
        size = 0.02 + 0.07 * soft  # half angle of the lamp, radians, softly edged
        total += (
            (_step((near - np.cos(2 * size)) / (0.35 * size * size)) * visible)[:, None] * colour * (1.9 - 1.2 * soft)
        )
    sky = np.clip(mirrored @ light.directions.T, 0, 1) ** 12
    return total + 0.03 * sky @ light.colours * len(light.directions) / 6 * visible[:, None]
