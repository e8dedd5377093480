"""Photographs of people who do not exist: skin, eyes, mouth, brows, lashes, hair, clothes and background, lit."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from faces.fit import FaceParameters, project
from faces.head import Head, Part, load_head
from faces.mouth import colour_interior
from faces.people.assets import Cards, Wardrobe
from faces.people.cutout import draw_cutout
from faces.people.light import Light, irradiance
from faces.raster import Raster, vertex_normals

SUPERSAMPLE = 2
DARKEST = np.array([0.20, 0.15, 0.125], np.float32)  # reflectance of the darkest skin over that of the textures
SKIN_WRAP = np.array([0.35, 0.16, 0.10], np.float32)
HARD = np.zeros(3, np.float32)
EYE_SIDE = 192  # pixels a side of an eyeball's texture
IRIS = 0.235  # radius of the iris in it, as a share of half its side


@dataclass(frozen=True)
class Look:
    """What a person looks like, apart from the shape of the head. Colours RGB, linear, 0 to 1."""

    skin: int  # which texture of the wardrobe
    melanin: float  # 0 light to 1 dark
    redness: float  # of the skin, around 1
    freckles: float  # 0 to 0.35
    shine: float  # of the skin, 0 to 1
    hair: str  # name in the wardrobe; "" for none
    hair_colour: np.ndarray  # (3,)
    brows: str  # name in the wardrobe
    iris: np.ndarray  # (3,)
    clothes: np.ndarray  # (3,)
    neckline: float  # 0 high to 1 low
    background: int  # seed


def paint(
    look: Look, light: Light, parameters: FaceParameters, wardrobe: Wardrobe, size: int, rotation: np.ndarray
) -> np.ndarray:
    """A photograph (size, size, 3) uint8 RGB of the head that `parameters` (pixels of that size) place in it."""
    head, fine = load_head(), size * SUPERSAMPLE
    placed = parameters.scaled(SUPERSAMPLE)
    rest = head.pose_face(parameters.neutral(head), parameters.actions)
    vertices = head.turn_eyes(rest.copy(), head.eye_centres(parameters.identity), parameters.gaze)
    points, depth = project(vertices, placed)
    turned = (vertices @ rotation.T).astype(np.float32)
    torso, torso_triangles = _torso(look.neckline)
    torso_points, torso_depth = project(torso @ rotation, placed)  # clothes do not turn with the head
    raster = Raster(fine, fine).draw(points, depth, head.triangles, cull=True)
    picture = _background(look.background, fine)
    normals = vertex_normals(turned, head.triangles, head.weld)
    casters, cast = np.vstack([turned, torso]), np.vstack([head.triangles, torso_triangles + len(turned)])
    hair = wardrobe.hair(look.hair) if look.hair else None
    if hair is not None:
        shell = (hair.vertices(parameters.neutral(head)) @ rotation.T).astype(np.float32)
        casters, cast = np.vstack([casters, shell]), np.vstack([cast, hair.triangles + len(casters)])
    body = _shade_body(head, look, light, wardrobe, raster, turned, normals, casters, cast, depth, placed)
    seen = raster.triangle >= 0
    picture[seen] = body[seen]
    _draw_torso(picture, raster, look, light, torso, torso_triangles, torso_points, torso_depth, casters, cast)
    _draw_lashes(picture, raster, head, vertices, placed)
    brows = wardrobe.brows(look.brows)
    _draw_cards(
        picture, raster, brows, brows.vertices(rest), placed, light, rotation, look.hair_colour * 0.7, 0.25, flat=True
    )
    if hair is not None:
        _draw_cards(
            picture,
            raster,
            hair,
            hair.vertices(parameters.neutral(head)),
            placed,
            light,
            rotation,
            look.hair_colour,
            0.4,
        )
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.45)
    rng = np.random.default_rng(look.background)
    encoded = 255 * np.clip(_tone(small), 0, 1) ** (1 / 2.2)
    noise = cv2.GaussianBlur(rng.normal(0, 3.0, small.shape).astype(np.float32), (0, 0), 0.6)
    return np.clip(encoded + noise + 0.5, 0, 255).astype(np.uint8)


def _tone(linear: np.ndarray) -> np.ndarray:
    """A gentle shoulder, so that highlights roll off as on film."""
    grey = linear.mean(-1, keepdims=True)
    exposed = np.clip(1.75 * (grey + 1.12 * (linear - grey)), 0, None)
    return exposed * (1 + exposed / 4.0) / (1 + 0.72 * exposed)


@cache
def _skin_detail(side: int = 1024) -> np.ndarray:
    """Fine grain of skin: float32 (side, side, 2) slopes of a height field of pores."""
    rng = np.random.default_rng(5)
    height = sum(
        cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), s) * s for s in (0.8, 1.6, 3.2)
    )
    return np.stack([np.gradient(height, axis=1), np.gradient(height, axis=0)], -1).astype(np.float32)


def _albedo(look: Look, wardrobe: Wardrobe, uv: np.ndarray, mean_at: np.ndarray) -> np.ndarray:
    """Linear reflectance of skin (H, W, 3); `mean_at` is where on the mean head each pixel lies."""
    texture = wardrobe.skins[look.skin]
    side = texture.shape[0]
    colour = cv2.remap(texture, uv[..., 0] * side - 0.5, uv[..., 1] * side - 0.5, cv2.INTER_LINEAR) ** 2.2
    colour = colour * np.exp(look.melanin * np.log(DARKEST)) * (look.redness, 1, 1)
    spots = np.random.default_rng(look.background).standard_normal((256, 256)).astype(np.float32)
    spots = cv2.GaussianBlur(cv2.resize(spots, (1024, 1024), interpolation=cv2.INTER_NEAREST), (0, 0), 2.0)
    at = cv2.remap(spots, (uv[..., 0] * 4096) % 1023, (uv[..., 1] * 4096) % 1023, cv2.INTER_LINEAR)
    colour = colour * (1 - look.freckles * np.clip(at * 2.5 - 0.6, 0, 1)[..., None] * (0.5, 0.8, 1.0))
    scalp = _scalp(mean_at) * (0.75 if look.hair else 0.0)
    return colour * (1 - scalp[..., None]) + scalp[..., None] * look.hair_colour * 0.8


def _scalp(at: np.ndarray) -> np.ndarray:
    """1 where hair grows on the mean head, 0 on the face; soft."""
    x, y, z = at[..., 0], at[..., 1], at[..., 2]
    hairline = -1.12 + 0.22 * x * x
    above = 1 / (1 + np.exp(np.clip((y - hairline) * 16, -30, 30)))
    behind = 1 / (1 + np.exp(np.clip(-(z - 0.95 - 0.1 * np.abs(y)) * 10, -30, 30))) * (y < 0.75)
    return np.maximum(above, behind).astype(np.float32)


def _shade_body(head, look, light, wardrobe, raster, turned, normals, casters, cast, depth, placed) -> np.ndarray:
    """Colour of every pixel that sees the head, linear (H, W, 3)."""
    triangles = head.triangles
    part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0).astype(np.uint8)
    uv = raster.interpolate(head.uv, triangles)
    fall = irradiance(turned, normals, casters, cast, light, SKIN_WRAP)
    at_pixel = raster.interpolate(np.hstack([fall, normals, head.mean]).astype(np.float32), triangles)
    lit, normal, mean_at = at_pixel[..., :3], at_pixel[..., 3:6], at_pixel[..., 6:9]
    grain = _skin_detail()
    slope = cv2.remap(grain, (uv[..., 0] * 6000) % 1023, (uv[..., 1] * 6000) % 1023, cv2.INTER_LINEAR)
    bumpy = normal.copy()
    bumpy[..., :2] += 0.03 * slope
    bumpy /= np.maximum(np.linalg.norm(bumpy, axis=-1, keepdims=True), 1e-6)
    relief = 1 + 1.2 * ((bumpy - normal) @ light.key)[..., None]
    colour = _albedo(look, wardrobe, uv, mean_at) * lit * np.clip(relief, 0.7, 1.3)
    half = light.key + np.array([0, 0, -1.0])
    half = half / np.linalg.norm(half)
    gloss = np.clip(bumpy @ half, 0, 1)
    shine = look.shine * (0.05 * gloss**14 + 0.07 * gloss**60) * (1 - _scalp(mean_at))
    colour = colour + shine[..., None] * np.clip(lit, 0, 1.5)
    colour = colour * _lid_rim(head, raster)[..., None]
    for eye, name in ((Part.EYE_RIGHT, 0), (Part.EYE_LEFT, 1)):
        where = part == eye
        if where.any():
            texture = _eye_texture(tuple(look.iris.tolist()), name)
            at = (uv[where] * EYE_SIDE - 0.5).astype(np.float32)
            white = cv2.remap(texture, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0]
            glint = np.clip(normal[where] @ half, 0, 1) ** 420
            colour[where] = white * (0.2 + 0.8 * lit[where]) * 0.8 + 1.6 * glint[:, None] * np.clip(
                lit[where].mean(), 0.2, 1
            )
    around = lit[(part == Part.SKIN) & (np.abs(mean_at[..., 0]) < 0.6) & (np.abs(mean_at[..., 1] - 1.1) < 0.4)]
    tint = (np.median(around, axis=0) if len(around) else np.ones(3)).astype(np.float32)
    lips = head.part_vertices(Part.CAVITY)
    lip_depth = float(np.quantile(depth[lips], 0.1)) + 0.1
    inside = colour_interior(part, uv, raster.depth, lip_depth, np.sqrt(np.clip(tint, 0, 1)), placed.scale)
    mouth = (part == Part.CAVITY) | (part >= Part.TEETH_UPPER) | (part == Part.TONGUE)
    colour[mouth] = inside[mouth] ** 2.0
    colour[part == Part.SOCKET] *= 0.4
    return colour.astype(np.float32)


@cache
def _rim_weights() -> np.ndarray:
    """(V,) darkness of the rim of the lids, where lashes grow."""
    head = load_head()
    socket = set(head.weld[head.part_vertices(Part.SOCKET)].tolist())
    skin = head.part_vertices(Part.SKIN)
    rim = np.array([v for v in skin if int(head.weld[v]) in socket])
    weights = np.zeros(len(head.mean), np.float32)
    weights[rim] = 1.0
    return weights


def _lid_rim(head: Head, raster: Raster) -> np.ndarray:
    return 1 - 0.72 * raster.interpolate(_rim_weights()[:, None], head.triangles)[..., 0] ** 2


@cache
def _eye_texture(iris: tuple[float, float, float], side: int) -> np.ndarray:
    """Linear colour (192, 192, 3) of an eyeball: pupil, fibrous iris with a dark ring, white with a few veins."""
    rng = np.random.default_rng(40 + side)
    axis = (np.arange(EYE_SIDE) + 0.5) / EYE_SIDE * 2 - 1
    x, y = np.meshgrid(axis, axis)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    fibres = cv2.GaussianBlur(rng.standard_normal((64, 512)).astype(np.float32), (0, 0), sigmaX=1.2, sigmaY=6)
    u = ((angle + np.pi) / (2 * np.pi) * 511).astype(np.float32)
    streaks = cv2.remap(fibres, u, np.clip(radius / IRIS * 63, 0, 63).astype(np.float32), cv2.INTER_LINEAR)
    streaks /= max(1e-6, float(fibres.std()))
    inner = np.clip(1.35 - radius / IRIS * 0.55, 0.6, 1.4) * (1 + 0.22 * streaks)
    ring = 1 - 0.75 * np.exp(-(((radius - IRIS) / (0.10 * IRIS)) ** 2))
    colour = np.array(iris) * (inner * ring)[..., None]
    veins = cv2.GaussianBlur(rng.standard_normal((EYE_SIDE, EYE_SIDE)).astype(np.float32), (0, 0), 1.5)
    red = np.clip((radius - 0.36) / 0.3, 0, 1) * (0.35 + 2.0 * np.abs(veins))
    white = np.array([0.74, 0.70, 0.67]) * (1 - np.clip(red, 0, 1)[..., None] * (0.08, 0.24, 0.24))
    edge = 1 / (1 + np.exp(np.clip((radius - IRIS) / 0.008, -40, 40)))[..., None]
    pupil = 1 / (1 + np.exp(np.clip((radius - 0.38 * IRIS) / 0.006, -40, 40)))[..., None]
    colour = (1 - edge) * white + edge * colour
    return ((1 - pupil) * colour + pupil * 0.012).astype(np.float32)


@cache
def _torso(neckline: float) -> tuple[np.ndarray, np.ndarray]:
    """Neck, collar and shoulders as rings: vertices (N, 3) in head space, triangles."""
    rings, sectors = 26, 72
    s = np.linspace(0, 1, rings)[:, None]
    angle = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    rise = s**1.15
    slope = 3 * rise**2 - 2 * rise**3
    half = 0.80 + 0.10 * neckline + (3.35 - 0.90) * slope
    thick = 0.80 + 0.10 * neckline + 0.55 * slope
    low = 1.72 + 0.42 * neckline
    y = low + 0.35 * s + 2.4 * s**2.1 + 0.16 * neckline * np.clip(np.sin(-angle), 0, 1) * (1 - s)
    x, z = half * np.cos(angle), 1.22 + thick * np.sin(angle)
    y = y + 0.30 * (1 - s) * np.clip(-np.sin(angle), 0, 1)  # lower in front, as collars are
    vertices = np.stack([x, np.broadcast_to(y, x.shape), z], -1).reshape(-1, 3).astype(np.float32)
    a = np.arange(rings - 1)[:, None] * sectors + np.arange(sectors)[None]
    b = np.arange(rings - 1)[:, None] * sectors + (np.arange(sectors)[None] + 1) % sectors
    quads = np.stack([a, b, a + sectors, b + sectors], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]]).astype(np.int32)
    return vertices, triangles


def _draw_torso(picture, raster, look, light, torso, triangles, points, depth, casters, cast) -> None:
    cloth = Raster(*raster.triangle.shape).draw(points, depth, triangles)
    nearer = (cloth.triangle >= 0) & (cloth.depth < raster.depth)
    normals = vertex_normals(torso, triangles, np.arange(len(torso)))
    outward = torso - np.array([0, 2.5, 1.3], np.float32)
    normals *= np.sign((normals * outward).sum(1, keepdims=True))
    fall = irradiance(torso + 0.05 * normals, normals, casters, cast, light, HARD)
    lit = cloth.interpolate(np.hstack([fall, torso]).astype(np.float32), triangles)
    weave = 1 + 0.05 * np.sin(lit[..., 3:4] * 95) * np.sin(lit[..., 4:5] * 95)
    folds = 1 + 0.10 * np.sin(lit[..., 3:4] * 3.1 + 1.7 * np.sin(lit[..., 4:5] * 2.3))
    picture[nearer] = (look.clothes**1.5 * lit[..., :3] * weave * folds)[nearer]
    raster.depth[nearer] = cloth.depth[nearer]


@cache
def _lash_roots() -> tuple[np.ndarray, np.ndarray]:
    """Pairs of neighbouring rim vertices (N, 2) of the upper lids, and how far out each lies (N,), -1 to 1."""
    head = load_head()
    rim = np.flatnonzero(_rim_weights())
    pairs, out = [], []
    blink = head.actions[8] + head.actions[9]
    for side in (-1, 1):
        upper = [v for v in rim if np.sign(head.mean[v, 0]) == side and blink[v, 1] > 0.04]
        order = sorted(upper, key=lambda v: side * head.mean[v, 0])
        centre = side * 0.5
        for a, b in pairwise(order):
            if abs(head.mean[a, 0] - head.mean[b, 0]) < 0.12:
                pairs.append((a, b))
                out.append(side * (head.mean[a, 0] - centre) / 0.25)
    return np.array(pairs), np.clip(np.array(out), -1, 1)


def _draw_lashes(picture, raster, head, vertices, placed) -> None:
    """Upper lashes: thin dark triangles that grow from the rim of the lid, forwards, up and outwards."""
    pairs, out = _lash_roots()
    strands, step = [], 4
    for (a, b), outward in zip(pairs, out, strict=True):
        for k in range(step):
            root = vertices[a] + (vertices[b] - vertices[a]) * k / step
            side = np.sign(root[0])
            length = 0.085 + 0.035 * outward
            tip = root + length * np.array([side * (0.15 + 0.55 * outward), -0.35, -0.75])
            width = np.array([0.006, 0.0, 0.0])
            strands.append((root - width, root + width, tip))
    mesh = np.array(strands, np.float32).reshape(-1, 3)
    points, depth = project(mesh, placed)
    triangles = np.arange(len(mesh), dtype=np.int32).reshape(-1, 3)
    solid = np.ones((2, 2), np.float32)
    mark = np.full(raster.triangle.shape, -1, np.int32)
    draw_cutout(
        points,
        depth - 0.02,
        triangles,
        np.zeros((len(mesh), 2), np.float32),
        solid,
        0.5,
        raster.depth,
        mark,
        np.zeros_like(raster.bary),
    )
    hit = mark >= 0
    picture[hit] = picture[hit] * 0.25 + 0.004


def _draw_cards(
    picture,
    raster,
    cards: Cards,
    vertices: np.ndarray,
    placed,
    light: Light,
    rotation,
    colour,
    threshold,
    *,
    flat=False,
) -> None:
    """Hair or brows over what is there."""
    points, depth = project(vertices, placed)
    tri_map = np.full(raster.triangle.shape, -1, np.int32)
    bary = np.zeros_like(raster.bary)
    alpha = np.ascontiguousarray(cards.texture[..., 3])
    nearer = depth - (0.06 if flat else 0.0)
    draw_cutout(points, nearer, cards.triangles, cards.uv, alpha, threshold, raster.depth, tri_map, bary)
    hit = tri_map >= 0
    if not hit.any():
        return
    layer = Raster.__new__(Raster)
    layer.triangle, layer.bary, layer.depth = tri_map, bary, raster.depth
    turned = (vertices @ rotation.T).astype(np.float32)
    centre = np.array([0, -0.3, 1.0]) @ rotation.T
    normals = turned - centre
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    fall = np.zeros_like(turned)
    for direction, strength in zip(light.directions, light.colours, strict=True):
        fall += np.clip(0.35 + 0.65 * (normals @ direction), 0, 1)[:, None] * strength
    values = layer.interpolate(np.hstack([fall, cards.uv, normals]).astype(np.float32), cards.triangles)
    uv = values[..., 3:5]
    side = cards.texture.shape[0]
    texture = cv2.remap(
        np.ascontiguousarray(cards.texture[..., :3]), uv[..., 0] * side - 0.5, uv[..., 1] * side - 0.5, cv2.INTER_LINEAR
    )
    strand = texture.mean(-1, keepdims=True) ** 1.5
    strand = (strand / max(1e-3, float(np.median(strand[hit])))) ** 0.8
    shade = colour * np.clip(strand, 0.25, 2.2) * values[..., :3]
    half = light.key - np.array([0, 0, 1.0])  # between the light and the view
    gloss = np.clip(values[..., 5:8] @ (half / np.linalg.norm(half)), 0, 1) ** 9
    if not flat:
        shade = shade + 0.06 * gloss[..., None] * np.clip(strand, 0.2, 2) * (0.15 + colour)
    weight = 0.75 if flat else 1.0
    picture[hit] = (1 - weight) * picture[hit] + weight * shade[hit]


def _background(seed: int, side: int) -> np.ndarray:
    """Somewhere out of focus: a gradient wall, soft shapes, lights. Linear (side, side, 3)."""
    rng = np.random.default_rng(seed)
    small = 96
    axis = np.linspace(-1, 1, small, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    base = rng.uniform(0.08, 0.6) * rng.uniform(0.8, 1.2, 3)
    fall = 1 + rng.uniform(-0.35, 0.35) * x + rng.uniform(-0.35, 0.2) * y - rng.uniform(0, 0.3) * (x * x + y * y)
    picture = (base * np.clip(fall, 0.2, 2)[..., None]).astype(np.float32)
    for _ in range(int(rng.integers(0, 9))):
        centre = rng.uniform(-1, 1, 2)
        size = rng.uniform(0.1, 0.6, 2)
        if rng.random() < 0.5:
            mask = (np.abs(x - centre[0]) < size[0]) & (np.abs(y - centre[1]) < size[1])
        else:
            mask = np.hypot(x - centre[0], y - centre[1]) < size.min() * 0.5
        picture[mask] = picture[mask] * 0.4 + 0.6 * base * rng.uniform(0.3, 2.2) * rng.uniform(0.75, 1.25, 3)
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(2.5, 8)))
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, None)
