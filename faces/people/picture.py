"""Render a person: what every pixel sees, how it is lit, what colour it has. All light is linear RGB."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from faces.fit import FaceParameters, at_mesh
from faces.head import Head, Part, lid_actions, load_head
from faces.mesh import mesh_points
from faces.mouth import colour_interior
from faces.people.assets import Wardrobe
from faces.people.camera import Camera
from faces.people.eyes import eye_at, glint
from faces.people.hair import STRAND_WRAP, Growth, draw_growth, draw_lashes, draw_lenses, grow
from faces.people.kernels import fill, gather
from faces.people.labels import Canvas, Region
from faces.people.light import Light
from faces.people.look import Look
from faces.people.outfit import Outfit
from faces.people.skin import skin_at
from faces.people.solids import Solid
from faces.raster import vertex_normals

SKIN_WRAP = np.array([0.34, 0.15, 0.09], np.float32)
SCATTER = (0.035, 0.015)  # units of the head that red and green light wander in skin
LID_SHADOW = 0.055  # units of the head that the lids' shadow reaches onto the eyeball
OF_PART = {
    Part.SKIN: Region.SKIN,
    Part.CAVITY: Region.MOUTH,
    Part.TONGUE: Region.TONGUE,
    Part.SOCKET: Region.SKIN,
    Part.EYE_RIGHT: Region.EYE_RIGHT,
    Part.EYE_LEFT: Region.EYE_LEFT,
    Part.TEETH_UPPER: Region.TEETH,
    Part.TEETH_LOWER: Region.TEETH,
}


@dataclass(frozen=True)
class Posed:
    """A head with its expression, before and after its turn."""

    rest: np.ndarray  # (V, 3) in the space of the head, face posed
    neutral: np.ndarray  # (V, 3) in the space of the head, face at rest
    turned: np.ndarray  # (V, 3) before the camera
    mesh: np.ndarray  # (478, 3) before the camera


def pose(head: Head, identity: np.ndarray, actions: np.ndarray, gaze: np.ndarray, camera: Camera) -> Posed:
    """The head's vertices: identity (K,), actions (52,) and gaze (2, 2), lids following it."""
    neutral, centres = head.neutral(identity), head.eye_centres(identity)
    rest = head.pose_face(neutral, np.clip(actions + lid_actions(gaze), 0, 1))
    rest = head.turn_eyes(rest, centres, gaze)
    return Posed(rest, neutral, camera.turn_head(head, rest), camera.turn(mesh_points(head, rest, centres, gaze)))


@dataclass(frozen=True)
class _Mesh:
    """Everything solid in one: the head first, then the solids."""

    turned: np.ndarray  # (N, 3)
    normals: np.ndarray  # (N, 3)
    places: np.ndarray  # (N, 3) on the mean head, or on the solid at rest
    uv: np.ndarray  # (N, 2)
    triangles: np.ndarray  # (T, 3)
    regions: np.ndarray  # (T,)
    owners: np.ndarray  # (T,) index of the solid, -1 for the head
    parts: np.ndarray  # (T,) of the head


def _assemble(head: Head, turned: np.ndarray, solids: list[Solid], camera: Camera) -> _Mesh:
    of_part = np.zeros(16, np.uint8)
    for part, region in OF_PART.items():
        of_part[part] = region
    pieces = [(turned, vertex_normals(turned, head.triangles, head.weld), head.mean, head.uv, head.triangles)]
    regions, owners, count = [of_part[head.parts]], [np.full(len(head.triangles), -1)], len(turned)
    for index, solid in enumerate(solids):
        moved = camera.turn_body(solid.vertices) if solid.on_body else camera.turn(solid.vertices)
        normals = vertex_normals(moved, solid.triangles, np.arange(len(moved)))
        if ((moved - moved.mean(0)) * normals).sum() < 0:
            normals = -normals
        flat = np.zeros((len(moved), 2), np.float32)
        pieces.append((moved, normals, solid.vertices, flat, solid.triangles + np.int32(count)))
        regions.append(np.full(len(solid.triangles), solid.region, np.uint8))
        owners.append(np.full(len(solid.triangles), index))
        count += len(moved)
    stacked = [np.concatenate(column).astype(np.float32) for column in list(zip(*pieces, strict=True))[:4]]
    triangles = np.concatenate([piece[4] for piece in pieces])
    parts = np.zeros(len(triangles), np.uint8)
    parts[: len(head.parts)] = head.parts
    return _Mesh(*stacked, triangles, np.concatenate(regions), np.concatenate(owners), parts)


def paint(
    look: Look, outfit: Outfit, light: Light, camera: Camera, posed: Posed, wardrobe: Wardrobe, background: np.ndarray
) -> tuple[Canvas, float]:
    """Draw over `background` (S, S, 3), which is changed. Returns the canvas and how brightly the face is lit."""
    size, face = len(background), at_mesh(posed.neutral).astype(np.float32)
    solids = outfit.solids(face, posed.neutral)
    mesh = _assemble(load_head(), posed.turned, solids, camera)
    growths = grow(look, wardrobe, camera, posed.rest, posed.neutral, outfit.headwear)
    casters = _casters(mesh, solids, growths)
    points, depth = camera.pixels(mesh.turned, size)
    a, b, c = (points[mesh.triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    facing = (mesh.owners >= 0) | (area > 0)
    mesh = replace(mesh, **{name: getattr(mesh, name)[facing] for name in ("triangles", "regions", "owners", "parts")})
    tri_map, bary = np.full((size, size), -1, np.int32), np.empty((size, size, 3), np.float32)
    shape = (size, size)
    far, flat = np.full(shape, np.inf, np.float32), np.zeros((size, size, 3), np.float32)
    canvas = Canvas(background, far, flat, np.zeros(shape, np.uint8))
    fill(points, depth, mesh.triangles, 0, tri_map, bary, canvas.depth)
    falls, bright = _shade(look, light, camera, mesh, solids, growths, wardrobe, casters, tri_map, bary, canvas)
    draw_lashes(look, camera, posed.rest, canvas, bright)
    for growth, fall in zip(growths, falls, strict=True):
        draw_growth(growth, fall, light, camera, canvas)
    if outfit.glasses is not None:
        draw_lenses(outfit.glasses, face, light, camera, canvas, bright)
    return canvas, bright


def _casters(mesh: _Mesh, solids: list[Solid], growths: list[Growth]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and triangles (T, 3) of all that casts shadows."""
    casting = np.isin(mesh.owners, [-1] + [i for i, solid in enumerate(solids) if solid.casts])
    casting &= (mesh.owners >= 0) | (mesh.parts == Part.SKIN)  # what is inside the head need not
    vertices, triangles, count = [mesh.turned], [mesh.triangles[casting]], len(mesh.turned)
    for growth in growths:
        if growth.region == Region.HAIR:
            vertices.append(growth.turned)
            triangles.append(growth.cards.triangles[growth.cards.dense] + np.int32(count))
            count += len(growth.turned)
    return np.concatenate(vertices), np.concatenate(triangles)


def _shade(look, light, camera, mesh, solids, growths, wardrobe, casters, tri_map, bary, canvas):
    """Colour every pixel that sees something solid; returns the light on each growth's vertices, and the light on the
    face."""
    hairs = (np.concatenate([g.lit for g in growths]), np.concatenate([g.normals for g in growths]))
    bends = np.concatenate([np.tile(SKIN_WRAP, (len(mesh.turned), 1)), np.tile(STRAND_WRAP, (len(hairs[0]), 1))])
    points = np.concatenate([mesh.turned + 0.02 * mesh.normals, hairs[0]])
    sky = light.sky_fall(points, np.concatenate([mesh.normals, hairs[1]]), casters, bends)
    own_sky, hair_sky = sky[: len(mesh.turned)], sky[len(mesh.turned) :]
    seen = np.flatnonzero(tri_map.ravel() >= 0)
    values = np.hstack([own_sky, mesh.normals, mesh.turned, mesh.places, mesh.uv]).astype(np.float32)
    at = gather(seen, tri_map.ravel(), bary.reshape(-1, 3), mesh.triangles, values)
    triangle = tri_map.ravel()[seen]
    region, owner, part = mesh.regions[triangle], mesh.owners[triangle], mesh.parts[triangle]
    lit, normal, place, rest, uv = (
        np.ascontiguousarray(at[:, a:b]) for a, b in ((0, 3), (3, 6), (6, 9), (9, 12), (12, 14))
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    normal[(owner >= 0) & (normal[:, 2] > 0)] *= -1  # the inner side of cloth
    smooth = normal.copy()
    albedo, gloss = np.full_like(lit, 0.3), np.zeros(len(lit), np.float32)
    wrap = np.zeros_like(lit)
    skin = np.flatnonzero((part == Part.SKIN) | (part == Part.SOCKET))
    found = skin_at(look, *wardrobe.skins[look.skin], uv[skin], rest[skin])
    albedo[skin], gloss[skin], wrap[skin] = found.albedo, found.gloss, SKIN_WRAP
    right, down = camera.turn(np.eye(3)[:2])
    bumpy = normal[skin] - found.slope[:, :1] * right - found.slope[:, 1:] * down
    normal[skin] = bumpy / np.linalg.norm(bumpy, axis=1, keepdims=True)
    relief = np.clip(1 + 0.9 * (normal[skin] - smooth[skin]) @ light.key, 0.5, 1.5)
    lit[skin] *= ((1 - found.hidden) * relief)[:, None]
    region[skin[(found.lips > 0.5) & (part[skin] == Part.SKIN)]] = Region.LIPS
    for index, solid in enumerate(solids):
        own = owner == index
        albedo[own], gloss[own] = solid.paint(rest[own]), solid.gloss
    irises = {}
    for side, eye in enumerate((Part.EYE_RIGHT, Part.EYE_LEFT)):
        own = np.flatnonzero(part == eye)
        albedo[own], inside = eye_at(look, uv[own], side)
        irises[eye] = (own, inside)
        wrap[own] = 0.25
    keyed = light.key_fall(
        np.concatenate([place + 0.04 * smooth, hairs[0]]),
        np.concatenate([normal, hairs[1]]),
        casters,
        np.concatenate([wrap, bends[len(mesh.turned) :]]),
    )
    beam, hair_light = keyed[: len(lit)], hair_sky + keyed[len(lit) :]
    lit += beam
    lit[skin] = _scattered(lit[skin], seen[skin], len(tri_map), camera.scale * len(tri_map))
    face = skin[np.abs(rest[skin, 0]) < 0.7]
    bright = float(np.quantile((lit[face] if len(face) > 20 else lit).mean(1), 0.7))  # hair may keep much in shadow
    bright = max(bright, 0.02)
    half = light.key - (0, 0, 1.0)
    near = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1)
    edge = np.clip(1 + smooth[:, 2], 0, 1) ** 4
    colour = albedo * lit + (gloss * (0.02 * near**10 + 0.09 * near**40 + 0.05 * edge))[:, None] * lit
    canvas.colour.reshape(-1, 3)[seen] = colour
    canvas.normals.reshape(-1, 3)[seen], canvas.regions.reshape(-1)[seen] = smooth, region
    scale = camera.scale * len(tri_map)
    for eye, (own, inside) in irises.items():
        if len(own):
            shadow = _lid_shadow(canvas.regions, OF_PART[eye], scale).ravel()[seen[own]]
            arriving = np.clip(beam[own].mean(1) * 4, 0.15, 1) * shadow
            wet = glint(light, smooth[own], _forward(mesh, eye), inside, arriving)
            canvas.colour.reshape(-1, 3)[seen[own]] = colour[own] * shadow[:, None] + wet
    _fill_mouth(look, mesh, tri_map, uv, part, seen, canvas, np.median(lit[face], 0) if len(face) else bright, scale)
    falls = np.split(hair_light, np.cumsum([len(g.turned) for g in growths])[:-1])
    return falls, bright


def _scattered(lit: np.ndarray, where: np.ndarray, size: int, scale: float) -> np.ndarray:
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


def _forward(mesh: _Mesh, eye: Part) -> np.ndarray:
    """Direction (3,) that an eyeball looks along."""
    index = load_head().part_vertices_cached(eye)
    return mesh.normals[index[0]]


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


def _fill_mouth(look, mesh, tri_map, uv, part, flat, canvas, bright, scale) -> None:
    """What is behind the lips, in the light that falls on the face."""
    inner = np.flatnonzero((part == Part.CAVITY) | (part >= Part.TEETH_UPPER) | (part == Part.TONGUE))
    if not len(inner):
        return
    rows, columns = np.divmod(flat[inner], tri_map.shape[1])
    pad = int(0.15 * scale) + 2
    top, left = max(0, rows.min() - pad), max(0, columns.min() - pad)
    shape = (min(len(tri_map), rows.max() + pad) - top, min(len(tri_map), columns.max() + pad) - left)
    parts, places = np.zeros(shape, np.uint8), np.zeros((*shape, 2), np.float32)
    parts[rows - top, columns - left], places[rows - top, columns - left] = part[inner], uv[inner]
    depth = canvas.depth[top : top + shape[0], left : left + shape[1]]
    lip = load_head().part_vertices_cached(Part.CAVITY)
    lip_depth = float(np.quantile(mesh.turned[lip, 2], 0.1)) + 0.1
    colour = colour_interior(parts, places, depth, lip_depth, np.ones(3, np.float32), scale)
    shown = colour[rows - top, columns - left] ** 2.0 * bright
    tooth = part[inner] >= Part.TEETH_UPPER
    shown[tooth] *= look.teeth
    canvas.colour[rows, columns] = shown


def parameters_of(identity, actions, gaze, camera: Camera, size: int) -> FaceParameters:
    """The head in a photograph of `size` pixels a side."""
    return FaceParameters(
        identity=identity,
        actions=actions,
        rotation=camera.rotation.astype(np.float32),
        centre=(camera.centre * size).astype(np.float32),
        scale=float(camera.scale * size),
        gaze=gaze,
        detail=np.zeros_like(load_head().mean),
    )
