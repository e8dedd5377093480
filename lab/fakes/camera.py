"""What a camera does to whatever is before it, real or made: it shakes, breathes, blurs and has a grainy sensor.

The same camera films the real and every fake of a sitting, so that nothing it does tells one from the other.
"""

from dataclasses import dataclass

import cv2
import numpy as np

MARGIN = 1.05  # zoom at rest, so that no shake shows what lies beyond the picture


@dataclass(frozen=True)
class Camera:
    """One camera in one hand. Its path and grain are drawn from `seed` alone."""

    seed: int
    shake: float  # standard deviation of the sway, share of the side
    roll: float  # of its turning, radians
    breathing: float  # of its zoom, as a share
    flicker: float  # of its exposure, as a share
    grain: float  # standard deviation of the sensor's noise at mid grey, levels of 255
    coarse: bool  # the grain was smoothed by the camera's own noise reduction
    softness: float  # sigma of the lens, pixels
    smear: float  # how far the exposure lasts, as a share of the way between frames

    @classmethod
    def draw(cls, seed: int) -> "Camera":
        """Any camera: a third of them on a tripod."""
        rng = np.random.default_rng((seed, 0xCA3))
        held = rng.random() > 0.33
        return cls(
            seed=seed,
            shake=float(held * rng.uniform(0.002, 0.016)),
            roll=float(held * rng.uniform(0, 0.02)),
            breathing=float(held * rng.uniform(0, 0.02)),
            flicker=float(rng.uniform(0, 0.012) * (rng.random() < 0.5)),
            grain=float(rng.gamma(1.5, 1.8) * (rng.random() < 0.85)),
            coarse=bool(rng.random() < 0.4),
            softness=float(rng.uniform(0, 1.1) * (rng.random() < 0.6)),
            smear=float(rng.uniform(0, 0.8) * (rng.random() < 0.5)),
        )

    def film(self, frames: list[np.ndarray]) -> list[np.ndarray]:
        """uint8 RGB frames (S, S, 3) as this camera would have taken them; same sizes."""
        rng = np.random.default_rng((self.seed, 0xF11))
        count = len(frames)
        sway = np.stack([_wander(rng, count) for _ in range(4)], 1) * (
            self.shake,
            self.shake,
            self.roll,
            self.breathing,
        )
        exposure = 1 + self.flicker * _wander(rng, count)
        sway -= sway.mean(0)
        zoom = MARGIN + 2.5 * (self.shake + 0.5 * self.roll + 0.5 * self.breathing)
        return [self._take(frame, sway, exposure, k, zoom, rng) for k, frame in enumerate(frames)]

    def _take(
        self, frame: np.ndarray, sway: np.ndarray, exposure: np.ndarray, k: int, zoom: float, rng: np.random.Generator
    ) -> np.ndarray:
        side = frame.shape[0]
        seen = _moved(frame, sway[k], zoom).astype(np.float32)
        if self.smear and self.shake:  # the shutter is open while the hand moves on
            step = self.smear * (sway[min(k + 1, len(sway) - 1)] - sway[k])
            seen = cv2.addWeighted(seen, 0.5, _moved(frame, sway[k] + step, zoom).astype(np.float32), 0.5, 0)
        if self.softness > 0.2:
            seen = cv2.GaussianBlur(seen, (0, 0), self.softness * side / 512)
        seen *= np.float32(exposure[k])
        if self.grain > 0.2:
            noise = rng.standard_normal(seen.shape, np.float32)
            if self.coarse:
                noise = cv2.GaussianBlur(noise, (0, 0), 0.8) * np.float32(2.2)
            # photon noise grows with the root of the light
            level = np.sqrt(0.3 + seen.mean(2, keepdims=True) * np.float32(0.7 / 128))
            seen += np.float32(self.grain) * level * noise
        return np.clip(seen + 0.5, 0, 255).astype(np.uint8)


def _moved(frame: np.ndarray, at: np.ndarray, zoom: float) -> np.ndarray:
    """The frame seen from `at`: x, y (shares of the side), roll (radians), zoom (share)."""
    side = frame.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), float(np.degrees(at[2])), float(zoom * (1 + at[3])))
    matrix[:, 2] += at[:2] * side
    return cv2.warpAffine(frame, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def _wander(rng: np.random.Generator, count: int) -> np.ndarray:
    """A slow sway of about unit deviation with a little hand tremor: (count,)."""
    t = np.arange(count) / 25
    rates = rng.uniform(0.15, 2.5, 5)
    phases, sizes = rng.uniform(0, 2 * np.pi, 5), rng.standard_normal(5) / (0.5 + rates)
    slow = (sizes[:, None] * np.sin(2 * np.pi * rates[:, None] * t + phases[:, None])).sum(0)
    return slow + 0.05 * rng.standard_normal(count)
