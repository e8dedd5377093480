"""Hair in all its places: locks, brows, lashes, beards, as textured cards over the picture."""

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np

from faces.head import Part, load_head
from faces.raster import vertex_normals
from lab.people.assets import BEARD, MOUSTACHE, Cards, Wardrobe
from lab.people.camera import Camera
from lab.people.eyes import glint
from lab.people.glasses import Glasses
from lab.people.headwear import Headwear
from lab.people.kernels import blend
from lab.people.labels import Canvas, Region
from lab.people.light import Light
from lab.people.look import Look

MIDDLE = np.array([0, -0.3, 1.0])  # of the skull, from which locks bend outwards
STRAND_WRAP = np.full(3, 0.45, np.float32)  # light that strands pass on
LONG_BEARD = 0.7  # length from which a beard stands out from the skin
FLAT = 0.06  # units of the head by which brows and beards are drawn nearer than they are, not to sink into skin


@dataclass(frozen=True)
class Growth:
    """Cards where they are before the camera."""

    cards: Cards
    turned: np.ndarray  # (N, 3)
    normals: np.ndarray  # (N, 3) outwards from the skull
    colour: np.ndarray  # (3,) linear
    region: Region
    lift: float = 0.0  # units of the head by which they are drawn nearer than they are

    @property
    def lit(self) -> np.ndarray:
        """Where light on the cards is measured (N, 3): a little outside, not to be in their own shadow."""
        return self.turned + 0.12 * self.normals


def grow(
    look: Look, wardrobe: Wardrobe, camera: Camera, rest: np.ndarray, neutral: np.ndarray, hat: Headwear | None
) -> list[Growth]:
    """All that grows, from the skin outwards, on a head with (`rest`) and without (`neutral`) its expression (V, 3);
    hair under a hat is left out."""
    beard, moustache, _, _ = look.beard
    worn = [(wardrobe.brows(look.brows, look.bushy), rest, look.brow_colour, Region.BROW, FLAT)]
    if beard > LONG_BEARD:
        worn.append((wardrobe.hair(BEARD), rest, look.brow_colour, Region.BEARD, FLAT))
    if moustache > LONG_BEARD:
        worn.append((wardrobe.hair(MOUSTACHE), rest, look.brow_colour, Region.BEARD, FLAT))
    if look.hair:
        locks = wardrobe.hair(look.hair, mirrored=look.mirrored)
        worn.append((locks, neutral, look.hair_colour, Region.HAIR, 0.0))
    growths = []
    for cards, on, colour, region, lift in worn:
        places = cards.vertices(on, look.volume if region == Region.HAIR else 1.0)
        if hat is not None and region == Region.HAIR:
            kept = ~hat.hides(places)[cards.triangles].any(1)
            cards = replace(cards, triangles=cards.triangles[kept], dense=cards.dense[kept])
        turned = camera.turn(places)
        outward = turned - camera.turn(MIDDLE[None])
        normals = (outward / np.linalg.norm(outward, axis=1, keepdims=True)).astype(np.float32)
        growths.append(Growth(cards, turned, normals, colour, region, lift))
    return growths


def draw_growth(growth: Growth, fall: np.ndarray, light: Light, camera: Camera, canvas: Canvas) -> None:
    """Draw cards on which light `fall` (N, 3) falls."""
    cards, region = growth.cards, growth.region
    points, depth = camera.pixels(growth.turned, len(canvas.depth))
    half = light.key - (0, 0, 1.0)
    near = np.clip(growth.normals @ (half / np.linalg.norm(half)), 0, 1)
    sheen = (0.035 * near**8)[:, None] * (0.4 + np.sqrt(growth.colour))
    shown = 0.8 * fall * (growth.colour + (sheen if region == Region.HAIR else 0.0))
    order = np.argsort(-depth[cards.triangles].mean(1), kind="stable")
    blend(
        points,
        depth - np.float32(growth.lift),
        cards.triangles[order],
        cards.uv,
        shown.astype(np.float32),
        growth.normals,
        cards.strands,
        1.5,
        canvas.colour,
        canvas.depth,
        canvas.normals,
        canvas.regions,
        int(region),
    )


def draw_lenses(
    glasses: Glasses, mesh: np.ndarray, light: Light, camera: Camera, canvas: Canvas, bright: float
) -> None:
    """Lenses of glasses on a face with mesh points (468, 3): they keep some light and mirror a little."""
    vertices, triangles, keeps = glasses.lenses(mesh)
    turned = camera.turn(vertices)
    points, depth = camera.pixels(turned, len(canvas.depth))
    normals = vertex_normals(turned, triangles, np.arange(len(turned)))
    normals *= -np.sign(normals[:, 2:])
    mirrored = 0.2 * glint(light, normals, np.array((0, 0, -1.0)), np.zeros(len(normals)), np.ones(len(normals)))
    alpha = np.clip(keeps + 0.12, 0, 1)
    shown = (glasses.tint * bright * keeps[:, None] + np.clip(mirrored, 0, 3 * bright)) / alpha[:, None]
    ramp = np.ones((2, 256, 4), np.float32)
    ramp[..., 3] = (np.arange(256) + 0.5) / 256
    blend(
        points,
        depth,
        triangles,
        np.stack([alpha, np.full_like(alpha, 0.5)], -1).astype(np.float32),
        shown.astype(np.float32),
        normals,
        ramp,
        1.0,
        canvas.colour,
        canvas.depth,
        canvas.normals,
        canvas.regions,
        int(Region.GLASSES),
    )


@cache
def _lash_roots() -> tuple[np.ndarray, np.ndarray]:
    """Pairs of neighbouring vertices (N, 2) on the rims of the upper lids, and how far out each lies (N,), -1 to 1."""
    head = load_head()
    socket = set(head.weld[head.part_vertices(Part.SOCKET)].tolist())
    rim = np.array([v for v in head.part_vertices(Part.SKIN) if int(head.weld[v]) in socket])
    pairs, out = [], []
    blink = head.actions[8] + head.actions[9]
    for side in (-1, 1):
        upper = [v for v in rim if np.sign(head.mean[v, 0]) == side and blink[v, 1] > 0.04]
        order = sorted(upper, key=lambda v: side * head.mean[v, 0])
        for a, b in pairwise(order):
            if abs(head.mean[a, 0] - head.mean[b, 0]) < 0.12:
                pairs.append((a, b))
                out.append(side * (head.mean[a, 0] - side * 0.5) / 0.25)
    return np.array(pairs), np.clip(np.array(out), -1, 1)


def draw_lashes(look: Look, camera: Camera, rest: np.ndarray, canvas: Canvas, bright: float) -> None:
    """Upper lashes: thin dark triangles that grow from the rim of the lid, forwards, up and outwards."""
    pairs, out = _lash_roots()
    share = np.arange(5)[:, None, None] / 5
    root = (rest[pairs[:, 0]] + (rest[pairs[:, 1]] - rest[pairs[:, 0]]) * share).reshape(-1, 3)
    outward = np.tile(out, 5)
    side = np.sign(root[:, 0])
    lean = np.stack([side * (0.15 + 0.55 * outward), np.full_like(outward, -0.30), np.full_like(outward, -0.75)], -1)
    tip = root + (0.065 + 0.03 * outward + 0.03 * look.liner)[:, None] * lean
    width = np.array([0.006, 0.0, 0.0])
    mesh = camera.turn(np.stack([root - width, root + width, tip], 1).reshape(-1, 3))
    points, depth = camera.pixels(mesh, len(canvas.depth))
    triangles = np.arange(len(mesh), dtype=np.int32).reshape(-1, 3)
    solid = np.ones((2, 2, 4), np.float32)
    solid[..., 3] = 0.55 + 0.35 * look.liner
    blend(
        points,
        depth - np.float32(0.02),
        triangles,
        np.zeros((len(mesh), 2), np.float32),
        np.full((len(mesh), 3), 0.006 * bright, np.float32),
        np.zeros((len(mesh), 3), np.float32),
        solid,
        1.0,
        canvas.colour,
        canvas.depth.copy(),
        canvas.normals.copy(),
        canvas.regions.copy(),
        int(Region.SKIN),
    )
