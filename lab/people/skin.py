"""The colour and the relief of skin at every pixel: tone, spots, creases, lips, stubble, make-up."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from lab.people.chart import CREASES, chart_uv, crease_map, noise, read_regions
from lab.people.kernels import sample
from lab.people.look import Look

PORES = 0.05  # slope of the finest relief
BLOOD = np.array((0.10, -0.16, -0.12), np.float32)  # where skin is flushed, relative change of its colour

# How much freckles, moles, tired eyes and creases take of each colour.
DARKENS = np.array([(0.35, 0.5, 0.6), (0.6, 0.72, 0.75), (0.22, 0.27, 0.20), (0.8, 1.0, 1.05)], np.float32)


@cache
def _grain(*kinds: int) -> np.ndarray:
    """Several kinds of noise as the channels of one."""
    return np.concatenate([noise(kind) for kind in kinds], -1)


@dataclass(frozen=True)
class Skin:
    """Skin at P pixels."""

    albedo: np.ndarray  # (P, 3) linear
    slope: np.ndarray  # (P, 2) of the relief, along the head's x and y
    gloss: np.ndarray  # (P,) strength of the highlight
    hidden: np.ndarray  # (P,) how much light creases and lids keep away, 0 to 1
    lips: np.ndarray  # (P,) 0 to 1
    beard: np.ndarray  # (P,) how thickly a grown beard covers it, 0 to 1


def skin_at(look: Look, texture: np.ndarray, average: np.ndarray, uv: np.ndarray, mean: np.ndarray) -> Skin:
    """Skin where the texture (S, S, 3) uint8 (`average` (3,) linear over the face) is read at uv (P, 2), which is
    `mean` (P, 3) on the mean head."""
    u, v = chart_uv(mean)
    region = read_regions(u, v)
    tile_u, tile_v = u * 6.0 + look.grain % 97 / 97, v * 4.2 + look.grain % 89 / 89
    fine, pores = sample(_grain(1, 0), tile_u * 2.0, tile_v * 2.0, True).T
    spots, marks = sample(_grain(4, 6), tile_u * 0.8, tile_v * 0.8, True).T
    coarse = sample(noise(7), tile_u * 0.35, tile_v * 0.35, True)[:, 0]
    across, down = np.ascontiguousarray(uv.T)  # as all others are: `sample` is compiled anew for every layout
    detail = np.clip(sample(texture, across, down, False) / 255, 0.1, 1)
    colour = look.tone / average**look.detail * detail ** (2.2 * look.detail)
    flush = 0.35 * look.blotches * coarse + 0.8 * look.blush * region["blush"] + 0.15 * region["tzone"]
    colour *= 1 + BLOOD * np.clip(flush, -0.3, 2)[:, None]
    freckle = np.clip(spots * 1.4 - 0.8, 0, 1) * look.freckles * (0.4 + 0.6 * region["blush"] + 0.4 * region["tzone"])
    mole = np.clip((marks - 4.6 + 0.9 * look.moles) * 4, 0, 1)
    creased = sample(crease_map(), u, v, False) / 127
    count = len(CREASES)
    depth = creased[:, :count] @ look.creases
    slope_y = creased[:, count:] @ look.creases
    dark = np.stack([np.clip(freckle, 0, 1), mole, look.tired * region["socket"], np.clip(0.30 * depth, 0, 0.6)], -1)
    colour *= 1 - dark @ DARKENS
    colour = _make_up(look, region, colour, fine)
    colour, beard = _hair_roots(look, region, colour, fine, spots, mean)
    rough = PORES * (0.5 + look.age)
    slope = np.stack([rough * pores, 0.6 * slope_y + rough * fine], -1)
    lips = region["lips"]
    gloss = look.shine * (0.55 + 0.6 * region["tzone"] + 0.9 * lips * (0.4 + look.lipstick))
    return Skin(colour, slope, gloss, np.clip(0.35 * depth, 0, 0.7), lips, beard)


def _make_up(look: Look, region: dict[str, np.ndarray], colour: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Lips and lids coloured."""
    lips = (region["lips"] * (1 - 0.5 * region["slit"] * (1 - look.lipstick)))[:, None]
    lined = look.lips * (1 + 0.12 * (1 - look.lipstick) * fine[:, None])
    colour = colour + lips * (0.75 + 0.2 * look.lipstick) * (lined - colour)
    lid = (region["shadow"] * look.shadow[3])[:, None]
    colour = colour + lid * (look.shadow[:3] - colour)
    return colour * (1 - 0.93 * look.liner * region["liner"])[:, None]


def _hair_roots(look, region, colour, fine, spots, mean) -> tuple[np.ndarray, np.ndarray]:
    """Colour (P, 3) with scalp under hair, shade under brows, stubble; and how thickly a grown beard covers (P,)."""
    ear = np.clip((np.abs(mean[:, 0]) - 1.1) * 20, 0, 1)
    scalp = region["scalp"] * (1 - ear) * look.shaven * (0.85 if look.hair else 0.45)
    rooted = np.clip(0.75 + 0.2 * fine, 0, 1)
    colour = colour + (scalp * rooted)[:, None] * (look.hair_colour * 0.6 - colour)
    brow = (0.7 * look.bushy * region["brow"] * np.clip(0.7 + 0.35 * fine, 0, 1))[:, None]
    colour = colour + brow * (look.brow_colour - colour)
    beard, moustache, goatee, stubble = look.beard
    grown = np.maximum.reduce([beard * region["beard"], moustache * region["moustache"], goatee * region["goatee"]])
    shaven = stubble * 0.55 * np.maximum.reduce([region["beard"], region["moustache"], region["goatee"]])
    grown = np.clip(grown * 2.2, 0, 0.92)
    cover = np.maximum(
        np.clip(grown * (0.8 + 0.25 * fine), 0, 1), shaven * np.clip(0.5 + 0.45 * fine + 0.1 * spots, 0, 1)
    )
    return colour + cover[:, None] * (look.brow_colour * (0.7 + 0.4 * (grown > 0.1)[:, None]) - colour), grown
