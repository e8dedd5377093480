"""A person who does not exist: everything about them, chosen at random, and their photograph."""

from dataclasses import dataclass, replace

import numpy as np

from faces.actions import ACTION_INDEX
from faces.fit import FaceParameters
from faces.head import load_head, rotation_matrix
from faces.people.assets import BROWS, HAIR, Wardrobe
from faces.people.light import Light
from faces.people.picture import Look, paint

UNIT = 80.0 / 512  # distance of the eyes as a share of the picture's side
EYES_AT = 0.43  # height of the eyes as a share of the picture's side
HAIR_COLOURS = (
    (0.012, 0.010, 0.009),
    (0.035, 0.020, 0.012),
    (0.09, 0.05, 0.028),
    (0.34, 0.23, 0.12),
    (0.16, 0.055, 0.02),
    (0.28, 0.27, 0.26),
)
IRISES = (
    (0.10, 0.05, 0.025),
    (0.17, 0.09, 0.04),
    (0.18, 0.15, 0.07),
    (0.16, 0.19, 0.13),
    (0.13, 0.19, 0.26),
    (0.20, 0.22, 0.23),
)


@dataclass(frozen=True)
class Person:
    """A person, their clothes, their light, and how they sit for the photograph."""

    seed: int
    identity: np.ndarray  # (K,)
    look: Look
    light: Light
    actions: np.ndarray  # (52,)
    rotation: np.ndarray  # (3,) yaw, pitch, roll, radians
    gaze: np.ndarray  # (2,) yaw, pitch relative to the camera, radians

    @classmethod
    def random(cls, seed: int, wardrobe: Wardrobe) -> "Person":
        """A person wholly determined by `seed` (and the wardrobe)."""
        rng = np.random.default_rng((seed, 20))
        head = load_head()
        dark = float(rng.beta(0.7, 1.0))
        hair_index = int(rng.integers(0, 2 if dark > 0.45 else len(HAIR_COLOURS)))
        iris_index = int(rng.integers(0, 2 if dark > 0.45 else len(IRISES)))
        look = Look(
            skin=int(rng.integers(len(wardrobe.skins))),
            melanin=dark,
            redness=float(rng.uniform(0.9, 1.1)),
            freckles=float(rng.random() ** 3 * 0.35 * (1 - dark)),
            shine=float(rng.uniform(0.4, 1.0)),
            hair=str(rng.choice(HAIR)) if rng.random() < 0.95 else "",
            hair_colour=np.array(HAIR_COLOURS[hair_index]) * rng.uniform(0.8, 1.2),
            brows=str(rng.choice(BROWS)),
            iris=np.array(IRISES[iris_index]) * rng.uniform(0.8, 1.25, 3),
            clothes=rng.uniform(0.05, 0.75, 3) * rng.uniform(0.4, 1.0),
            neckline=float(rng.uniform(0.0, 1.0)),
            background=int(rng.integers(1 << 30)),
        )
        actions = np.zeros(52, np.float32)
        for name, most in (("mouthSmile", 0.5), ("browInnerUp", 0.2), ("eyeSquint", 0.15), ("mouthDimple", 0.15)):
            amount = float(rng.random() ** 2 * most)
            for side in ("Left", "Right") if name + "Left" in ACTION_INDEX else ("",):
                actions[ACTION_INDEX[name + side]] = amount
        identity = rng.standard_normal(head.identity_size) * 0.55
        return cls(
            seed,
            identity.astype(np.float32),
            look,
            Light.random(rng),
            actions,
            np.radians(rng.normal((0, 5, 0), (5, 3, 2))).astype(np.float32),
            np.radians(rng.normal(0, 2, 2)).astype(np.float32),
        )

    def posed(self, **changes: np.ndarray) -> "Person":
        """The same person with other `actions`, `rotation` or `gaze`."""
        return replace(self, **changes)

    def parameters(self, size: int) -> FaceParameters:
        """The exact head in a photograph of `size` pixels a side."""
        look = np.clip(self.gaze - self.rotation[:2], -0.6, 0.6)
        return FaceParameters(
            identity=self.identity,
            actions=self.actions,
            rotation=self.rotation,
            centre=np.array([size / 2, size * EYES_AT], np.float32),
            scale=size * UNIT,
            gaze=np.stack([look, look]).astype(np.float32),
            detail=np.zeros_like(load_head().mean),
        )

    def photograph(self, wardrobe: Wardrobe, size: int = 512) -> tuple[np.ndarray, FaceParameters]:
        """A square picture, uint8 RGB, and the head in it."""
        parameters = self.parameters(size)
        return paint(self.look, self.light, parameters, wardrobe, size, rotation_matrix(*self.rotation)), parameters
