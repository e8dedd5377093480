"""What a person looks like, apart from the shape of the head: chosen at random, evenly over what people look like."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.people.assets import BROWS, CLEAR_HAIR, LONG_HAIR, SHORT_HAIR

# Reflectance of skin, linear RGB, from the lightest to the darkest.
SKIN_TONES = np.array([(0.70, 0.48, 0.38), (0.56, 0.34, 0.225), (0.32, 0.165, 0.09), (0.095, 0.046, 0.028)])
HAIR_TONES = np.array(
    [
        (0.010, 0.008, 0.007),
        (0.022, 0.014, 0.009),
        (0.060, 0.032, 0.018),
        (0.13, 0.075, 0.038),
        (0.32, 0.21, 0.11),
        (0.50, 0.37, 0.21),
        (0.17, 0.055, 0.018),
    ]
)
IRIS_TONES = np.array(
    [
        (0.045, 0.022, 0.012),
        (0.09, 0.045, 0.02),
        (0.15, 0.08, 0.035),
        (0.16, 0.13, 0.05),
        (0.12, 0.15, 0.09),
        (0.10, 0.16, 0.23),
        (0.17, 0.20, 0.22),
    ]
)
LIPSTICKS = np.array([(0.45, 0.03, 0.05), (0.50, 0.14, 0.16), (0.30, 0.02, 0.08), (0.5, 0.1, 0.25), (0.25, 0.09, 0.06)])


@dataclass(frozen=True)
class Look:
    """Colours are RGB, linear, 0 to 1; amounts run from 0 to 1."""

    skin: int  # which texture of the wardrobe
    tone: np.ndarray  # (3,) reflectance of the skin
    detail: float  # contrast of the texture, around 1
    age: float  # 0 twenty, 1 eighty-five
    creases: np.ndarray  # (7,) depth of each of `chart.CREASES`
    freckles: float
    moles: float
    blotches: float
    shine: float
    lips: np.ndarray  # (3,) reflectance
    lipstick: float  # how evenly the lips' colour covers them
    shadow: np.ndarray  # (4,) colour of the upper lid and its amount
    liner: float
    blush: float
    tired: float  # dark round the eyes
    hair: str  # name in the wardrobe; "" for none
    mirrored: bool  # parted on the other side
    volume: float  # of the hair, around 1
    hair_colour: np.ndarray  # (3,)
    shaven: float  # how dark the scalp of a person without hair is
    beard: np.ndarray  # (4,) length of beard, moustache and goatee; darkness of stubble
    brows: str  # name in the wardrobe
    brow_colour: np.ndarray  # (3,)
    bushy: float  # width of the brows' hairs and shade between them
    iris: np.ndarray  # (3,)
    limbus: float  # darkness of the iris's rim
    pupil: float  # radius of the pupil as a share of the iris's
    veins: float
    teeth: np.ndarray  # (3,) colour over that of sound teeth
    grain: int  # seed of spots and fibres


def _between(anchors: np.ndarray, at: float) -> np.ndarray:
    """Geometric interpolation in a table (N, 3) at `at` in [0, 1]."""
    place = np.linspace(0, 1, len(anchors))
    return np.exp([np.interp(at, place, np.log(column)) for column in anchors.T])


def random_traits(rng: np.random.Generator) -> np.ndarray:
    """How manly, old and heavy a person is: (3,) in [0, 1]."""
    return np.array((rng.beta(0.4, 0.4), rng.beta(1.1, 1.4), rng.beta(1.4, 1.8)))


def random_look(rng: np.random.Generator, traits: np.ndarray, skins: int, *, calm: bool = False) -> Look:
    """A look for a person of `traits` (3,), see `random_traits`; `skins` is how many textures the wardrobe has."""
    dark, age, manly = float(rng.random()), float(traits[1]), bool(traits[0] > 0.5)
    made_up = rng.random() < (0.04 if manly else 0.55)
    tone = _between(SKIN_TONES, dark) * np.exp(rng.normal(0, (0.03, 0.06, 0.10)))
    hair_colour, brow_colour = _hair_colours(rng, dark, age)
    lips = tone * np.exp(rng.normal((0.0, -0.42, -0.30), (0.08, 0.15, 0.12))) * (1 - 0.15 * dark)
    lipstick = float(made_up and rng.random() < 0.75)
    if lipstick:
        stick = LIPSTICKS[rng.integers(len(LIPSTICKS))] * rng.uniform(0.6, 1.2, 3)
        lips, lipstick = lips + (stick - lips) * rng.uniform(0.5, 0.95), float(rng.uniform(0.4, 1))
    shadow = np.append(rng.uniform(0, 0.35, 3) * tone.max(), made_up * rng.uniform(0, 0.75))
    creases = age**1.7 * rng.uniform(0.2, 1.0, 7) + 0.12 * rng.random(7)
    bald = rng.random() < (0.03 + 0.28 * age if manly else 0.015)
    styles = SHORT_HAIR if rng.random() < (0.85 if manly else 0.3) else LONG_HAIR
    hair = tuple(name for name in styles if not calm or name in CLEAR_HAIR)
    fibre = int(min(6, rng.beta(0.8, 0.9) * 7)) if dark < 0.45 else int(rng.integers(0, 3 if dark > 0.7 else 4))
    look = Look(
        skin=int(rng.integers(skins)),
        tone=np.clip(tone, 0.01, 0.85),
        detail=float(rng.uniform(0.7, 1.5)),
        age=age,
        creases=creases,
        freckles=float(rng.random() ** 4 * (1 - dark) * 1.3),
        moles=float(rng.random() ** 2),
        blotches=float(rng.random() ** 2 * (0.4 + 0.6 * age)),
        shine=float(rng.uniform(0.15, 1.0) ** 1.5),
        lips=np.clip(lips, 0.01, 0.8),
        lipstick=lipstick,
        shadow=shadow,
        liner=float(made_up * rng.uniform(0, 1)),
        blush=float(rng.random() ** 2 * (0.9 if made_up else 0.5)),
        tired=float(rng.random() ** 1.5 * (0.5 + 0.5 * age)),
        hair="" if bald else str(rng.choice(hair)),
        mirrored=bool(rng.random() < 0.5),
        volume=float(rng.uniform(0.98, 1.25)),
        hair_colour=hair_colour,
        shaven=float(rng.random() if bald else 0.75),
        beard=_beard(rng) if manly else np.zeros(4),
        brows=str(rng.choice(BROWS)),
        brow_colour=brow_colour,
        bushy=float(np.clip(rng.beta(1.3, 1.6) + 0.25 * manly - 0.1, 0, 1)),
        iris=IRIS_TONES[fibre] * rng.uniform(0.75, 1.3) * rng.uniform(0.9, 1.1, 3),
        limbus=float(rng.uniform(0.3, 0.9)),
        pupil=float(rng.uniform(0.28, 0.62)),
        veins=float(rng.random() ** 2),
        teeth=np.array((1.0, 0.97, 0.9)) ** rng.uniform(-0.4, 4.0) * rng.uniform(0.7, 1.08),
        grain=int(rng.integers(1 << 30)),
    )

    arrays: dict[str, Any] = {
        name: value.astype(np.float32) for name, value in vars(look).items() if isinstance(value, np.ndarray)
    }
    return replace(look, **arrays)


def _hair_colours(rng: np.random.Generator, dark: float, age: float) -> tuple[np.ndarray, np.ndarray]:
    """Colours (3,) of hair and of brows."""
    if dark > 0.5 and rng.random() < 0.9:
        colour = _between(HAIR_TONES[:3], rng.random() ** 2)
    elif rng.random() < 0.1:
        colour = HAIR_TONES[6] * rng.uniform(0.7, 1.6)
    else:
        colour = _between(HAIR_TONES[:6], rng.random() ** 1.4)
    grey = np.clip((age - 0.5) * 2.4 + rng.normal(0, 0.3), 0, 1) if age > 0.35 else 0.0
    colour = colour + (np.array((0.46, 0.45, 0.44)) * rng.uniform(0.5, 1.2) - colour) * grey
    brow = colour * rng.uniform(0.35, 0.8) * (1 - 0.3 * grey)
    if rng.random() < 0.07:  # dyed
        colour = rng.uniform(0.01, 0.6, 3)
    return colour * rng.uniform(0.8, 1.25), np.clip(brow, 0.005, 0.25)


def _beard(rng: np.random.Generator) -> np.ndarray:
    """Lengths of beard, moustache and goatee, and darkness of stubble: (4,)."""
    kind = rng.choice(6, p=(0.3, 0.25, 0.18, 0.1, 0.09, 0.08))
    long = rng.uniform(0.35, 1.0)
    shapes = ((0, 0, 0, 0), (0, 0, 0, 1), (1, 1, 1, 0.8), (0, 1, 1, 0.3), (0, 1, 0, 0.2), (1, 1, 0.6, 0.9))
    return np.array(shapes[kind]) * (long, long, long, rng.uniform(0.2, 1.0))
