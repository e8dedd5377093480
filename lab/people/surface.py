"""Light and colour of every pixel that sees something solid."""

from dataclasses import dataclass

import cv2
import numpy as np

from faces.head import Part, load_head
from lab.people.assets import Wardrobe
from lab.people.camera import Camera
from lab.people.eyes import eye_at, glint
from lab.people.hair import STRAND_WRAP, Growth
from lab.people.kernels import gather
from lab.people.labels import Canvas, Region
from lab.people.light import Light
from lab.people.look import Look
from lab.people.scene import OF_PART, Mesh
from lab.people.skin import skin_at
from lab.people.solids import Solid

SKIN_WRAP = np.array([0.34, 0.15, 0.09], np.float32)
SCATTER = (0.035, 0.015)  # units of the head that red and green light wander in skin
LID_SHADOW = 0.055  # units of the head that the lids' shadow reaches onto the eyeball
EYES = (Part.EYE_RIGHT, Part.EYE_LEFT)


@dataclass
class Surface:
    """What P pixels see."""

    where: np.ndarray  # (P,) place in the flattened picture
    region: np.ndarray  # (P,) values of `Region`
    owner: np.ndarray  # (P,) index of the solid, -1 for the head
    part: np.ndarray  # (P,) values of `Part`, 0 for solids
    lit: np.ndarray  # (P, 3) light that falls on it
    normal: np.ndarray  # (P, 3) with pores and creases
    smooth: np.ndarray  # (P, 3) without
    place: np.ndarray  # (P, 3) before the camera
    rest: np.ndarray  # (P, 3) on the mean head, or on the solid at rest
    uv: np.ndarray  # (P, 2)
    albedo: np.ndarray  # (P, 3)
    gloss: np.ndarray  # (P,)
    wrap: np.ndarray  # (P, 3) how far light creeps round it

    @property
    def skin(self) -> np.ndarray:
        """Indices of the pixels that see skin."""
        return np.flatnonzero((self.part == Part.SKIN) | (self.part == Part.SOCKET))


def surface_of(mesh: Mesh, sky: np.ndarray, tri_map: np.ndarray, bary: np.ndarray) -> Surface:
    """What the pixels of tri_map (S, S), bary (S, S, 3) see of a mesh on whose vertices light `sky` (N, 3) falls."""
    where = np.flatnonzero(tri_map.ravel() >= 0)
    values = np.hstack([sky, mesh.normals, mesh.turned, mesh.places, mesh.uv]).astype(np.float32)
    at = gather(where, tri_map.ravel(), bary.reshape(-1, 3), mesh.triangles, values)
    triangle = tri_map.ravel()[where]
    owner = mesh.owners[triangle]
    columns = ((0, 3), (3, 6), (6, 9), (9, 12), (12, 14))
    lit, normal, place, rest, uv = (np.ascontiguousarray(at[:, a:b]) for a, b in columns)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    normal[(owner >= 0) & (normal[:, 2] > 0)] *= -1  # the inner side of cloth
    return Surface(
        where=where,
        region=mesh.regions[triangle],
        owner=owner,
        part=mesh.parts[triangle],
        lit=lit,
        normal=normal,
        smooth=normal.copy(),
        place=place,
        rest=rest,
        uv=uv,
        albedo=np.full_like(lit, 0.3),
        gloss=np.zeros(len(lit), np.float32),
        wrap=np.zeros_like(lit),
    )


def colour_surface(surface: Surface, look: Look, solids: list[Solid], wardrobe: Wardrobe, light: Light, camera: Camera):
    """Give every pixel its material. Returns how much of each eyeball's pixels is iris, for both eyes."""
    skin = surface.skin
    found = skin_at(look, *wardrobe.skins[look.skin], surface.uv[skin], surface.rest[skin])
    surface.albedo[skin], surface.gloss[skin], surface.wrap[skin] = found.albedo, found.gloss, SKIN_WRAP
    right, down = camera.turn(np.eye(3)[:2])
    bumpy = surface.normal[skin] - found.slope[:, :1] * right - found.slope[:, 1:] * down
    bumpy /= np.linalg.norm(bumpy, axis=1, keepdims=True)
    relief = np.clip(1 + 0.9 * (bumpy - surface.smooth[skin]) @ light.key, 0.5, 1.5)
    surface.normal[skin] = bumpy
    surface.lit[skin] *= ((1 - found.hidden) * relief)[:, None]
    surface.region[skin[(found.lips > 0.5) & (surface.part[skin] == Part.SKIN)]] = Region.LIPS
    surface.region[skin[found.beard > 0.5]] = Region.BEARD
    for index, solid in enumerate(solids):
        own = np.flatnonzero(surface.owner == index)
        surface.albedo[own], surface.gloss[own] = solid.paint(surface.rest[own]), solid.gloss
    irises = []
    for side, eye in enumerate(EYES):
        own = np.flatnonzero(surface.part == eye)
        surface.albedo[own], inside = eye_at(look, surface.uv[own], side)
        surface.wrap[own] = 0.25
        irises.append(inside)
    return irises


def sky_on(mesh: Mesh, growths: list[Growth], light: Light, casters: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Light of the sky on the mesh's vertices (N, 3) and on those of all growths (M, 3)."""
    points = np.concatenate([mesh.turned + 0.02 * mesh.normals, *(growth.lit for growth in growths)])
    normals = np.concatenate([mesh.normals, *(growth.normals for growth in growths)])
    wrap = np.repeat([SKIN_WRAP, STRAND_WRAP], (len(mesh.turned), len(points) - len(mesh.turned)), 0)
    sky = light.sky_fall(points, normals, casters, wrap)
    return sky[: len(mesh.turned)], sky[len(mesh.turned) :]


def keys_on(surface: Surface, growths: list[Growth], light: Light, casters: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Light of the keys on the surface (P, 3) and on the vertices of all growths (M, 3)."""
    points = np.concatenate([surface.place + 0.04 * surface.smooth, *(growth.lit for growth in growths)])
    normals = np.concatenate([surface.normal, *(growth.normals for growth in growths)])
    strands = len(points) - len(surface.place)
    wrap = np.concatenate([surface.wrap, np.tile(STRAND_WRAP, (strands, 1))])
    beam = light.key_fall(points, normals, casters, wrap)
    return beam[: len(points) - strands], beam[len(points) - strands :]


def shade(
    surface: Surface, irises: list, beam: np.ndarray, light: Light, mesh: Mesh, canvas: Canvas, scale: float
) -> None:
    """Draw the surface, on which keys shed `beam` (P, 3); `scale` is pixels a unit of the head."""
    half = light.key - np.array((0, 0, 1), np.float32)
    near = np.clip(surface.normal @ (half / np.linalg.norm(half)), 0, 1)
    edge = np.clip(1 + surface.smooth[:, 2], 0, 1) ** 4
    wet = surface.gloss * (0.02 * near**10 + 0.09 * near**40 + 0.05 * edge)
    colour = (surface.albedo + wet[:, None]) * surface.lit
    picture, where = canvas.colour.reshape(-1, 3), surface.where
    picture[where] = colour
    canvas.normals.reshape(-1, 3)[where], canvas.regions.reshape(-1)[where] = surface.smooth, surface.region
    for eye, inside in zip(EYES, irises, strict=True):
        own = np.flatnonzero(surface.part == eye)
        if not len(own):
            continue
        shadow = _lid_shadow(canvas.regions, OF_PART[eye], scale).ravel()[where[own]]
        arriving = np.clip(beam[own].mean(1) * 4, 0.15, 1) * shadow
        forward = mesh.normals[load_head().part_vertices_cached(eye)[0]]
        mirrored = glint(light, surface.smooth[own], forward, inside, arriving)
        picture[where[own]] = colour[own] * shadow[:, None] + mirrored


def scattered(lit: np.ndarray, where: np.ndarray, size: int, scale: float) -> np.ndarray:
    """Light (P, 3) on skin at flat pixels `where` (P,) after it has wandered below the surface, red the furthest."""
    rows, columns = np.divmod(where, size)
    top, left = rows.min(), columns.min()
    shape = (int(rows.max() - top) + 1, int(columns.max() - left) + 1)
    layer = np.zeros((*shape, 3), np.float32)
    layer[rows - top, columns - left] = np.column_stack([lit[:, :2], np.ones(len(lit))])
    out = lit.copy()
    for channel, reach in enumerate(SCATTER):
        soft = cv2.GaussianBlur(layer[..., channel :: 2 - channel], (0, 0), max(0.3, reach * scale))
        soft = soft[rows - top, columns - left]
        out[:, channel] = soft[:, 0] / np.maximum(soft[:, 1], 1e-3)
    return out


def _lid_shadow(regions: np.ndarray, eye: Region, scale: float) -> np.ndarray:
    """(S, S) share of light that the lids leave on an eyeball: less at its edge, least under the upper lid."""
    rows, columns = np.nonzero(regions == eye)
    reach = LID_SHADOW * scale
    pad = int(3 * reach) + 2
    window = np.s_[max(0, rows.min() - pad) : rows.max() + pad, max(0, columns.min() - pad) : columns.max() + pad]
    open_eye = (regions[window] == eye).astype(np.float32)
    blurred = cv2.GaussianBlur(open_eye, (0, 0), max(0.4, reach))
    above = cv2.warpAffine(blurred, np.array([[1, 0, 0], [0, 1, 0.6 * reach]], np.float32), open_eye.shape[::-1])
    out = np.ones(regions.shape, np.float32)
    out[window] = np.clip(0.15 + 1.05 * above, 0.3, 1)
    return out
