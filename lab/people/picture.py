"""Render a person: what every pixel sees, how it is lit, what colour it has. All light is linear RGB."""

from dataclasses import replace

import numpy as np

from faces.fit import at_mesh
from faces.head import Part, load_head
from faces.mouth import colour_interior
from faces.raster import fill
from lab.people.assets import Wardrobe
from lab.people.camera import Camera
from lab.people.hair import draw_growth, draw_lashes, draw_lenses, grow
from lab.people.labels import Canvas
from lab.people.light import Light
from lab.people.look import Look
from lab.people.outfit import Outfit
from lab.people.scene import Mesh, Posed, assemble, casters_of
from lab.people.surface import Surface, colour_surface, keys_on, scattered, shade, sky_on, surface_of


def paint(
    look: Look, outfit: Outfit, light: Light, camera: Camera, posed: Posed, wardrobe: Wardrobe, background: np.ndarray
) -> tuple[Canvas, float]:
    """Draw over `background` (S, S, 3), which is changed: it is as bright as what the face would be were it lit by 1.
    Returns the canvas and how brightly the face is lit."""
    size, face = len(background), at_mesh(posed.neutral).astype(np.float32)
    scale = camera.scale * size
    solids = outfit.solids(face, posed.neutral)
    growths = grow(look, wardrobe, camera, posed.rest, posed.neutral, outfit.headwear)
    mesh = assemble(load_head(), posed.turned, solids, camera)
    casters = casters_of(mesh, solids, growths)
    canvas, tri_map, bary, mesh = _drawn(mesh, camera, background)
    sky, hair_sky = sky_on(mesh, growths, light, casters)
    surface = surface_of(mesh, sky, tri_map, bary)
    irises = colour_surface(surface, look, solids, wardrobe, light, camera)
    beam, hair_beam = keys_on(surface, growths, light, casters)
    surface.lit += beam
    skin = surface.skin
    surface.lit[skin] = scattered(surface.lit[skin], surface.where[skin], size, scale)
    middle = skin[np.abs(surface.rest[skin, 0]) < 0.7]
    on_face = surface.lit[middle] if len(middle) > 20 else surface.lit
    bright = max(0.02, float(np.quantile(on_face.mean(1), 0.7)))  # hair may keep much in shadow
    canvas.colour *= np.float32(bright)  # what is behind keeps its share; everything else is drawn over it
    shade(surface, irises, beam, light, mesh, canvas, scale)
    _fill_mouth(look, mesh, surface, canvas, np.median(on_face, 0), scale)
    draw_lashes(look, camera, posed.rest, canvas, bright)
    falls = np.split(hair_sky + hair_beam, np.cumsum([len(growth.turned) for growth in growths])[:-1])
    for growth, fall in zip(growths, falls, strict=True):
        draw_growth(growth, fall, light, camera, canvas)
    if outfit.glasses is not None:
        draw_lenses(outfit.glasses, face, light, camera, canvas, bright)
    return canvas, bright


def _drawn(mesh: Mesh, camera: Camera, background: np.ndarray) -> tuple[Canvas, np.ndarray, np.ndarray, Mesh]:
    """Canvas with depth, the triangle each pixel sees (S, S), where on it (S, S, 3), and the mesh without what of the
    head faces away."""
    size = len(background)
    points, depth = camera.pixels(mesh.turned, size)
    a, b, c = (points[mesh.triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    facing = (mesh.owners >= 0) | (area > 0)
    mesh = replace(mesh, **{name: getattr(mesh, name)[facing] for name in ("triangles", "regions", "owners", "parts")})
    tri_map, bary = np.full((size, size), -1, np.int32), np.empty((size, size, 3), np.float32)
    far, flat = np.full((size, size), np.inf, np.float32), np.zeros((size, size, 3), np.float32)
    canvas = Canvas(background, far, flat, np.zeros((size, size), np.uint8))
    fill(points, depth, mesh.triangles, 0, False, tri_map, bary, canvas.depth)
    return canvas, tri_map, bary, mesh


def _fill_mouth(look: Look, mesh: Mesh, surface: Surface, canvas: Canvas, bright: np.ndarray, scale: float) -> None:
    """What is behind the lips, in the light (3,) that falls on the face."""
    part, size = surface.part, len(canvas.depth)
    inner = np.flatnonzero((part == Part.CAVITY) | (part >= Part.TEETH_UPPER) | (part == Part.TONGUE))
    if not len(inner):
        return
    rows, columns = np.divmod(surface.where[inner], size)
    pad = int(0.15 * scale) + 2
    top, left = max(0, rows.min() - pad), max(0, columns.min() - pad)
    shape = (min(size, rows.max() + pad) - top, min(size, columns.max() + pad) - left)
    parts, places = np.zeros(shape, np.uint8), np.zeros((*shape, 2), np.float32)
    parts[rows - top, columns - left], places[rows - top, columns - left] = part[inner], surface.uv[inner]
    depth = canvas.depth[top : top + shape[0], left : left + shape[1]]
    lips = load_head().part_vertices_cached(Part.CAVITY)
    lip_depth = float(np.quantile(mesh.turned[lips, 2], 0.1)) + 0.1
    colour = colour_interior(parts, places, depth, lip_depth, np.ones(3, np.float32), scale)
    shown = colour[rows - top, columns - left] ** 2.0 * bright
    shown[part[inner] >= Part.TEETH_UPPER] *= look.teeth
    canvas.colour[rows, columns] = shown
