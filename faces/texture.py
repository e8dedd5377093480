"""What a photograph shows of a head, laid on the head: where skin takes its pixels from, eyeballs unwrapped."""

from functools import cache

import cv2
import numpy as np
from scipy.sparse import csr_matrix, diags, identity
from scipy.spatial import cKDTree

from faces.head import Head, Part, load_head, rotation_matrix
from faces.raster import Raster, vertex_normals

EYE_TEXTURE = 96  # pixels a side of an eyeball's texture
GRAZING = 0.2  # cosine between a skin's normal and the view below which its pixels are not to be trusted
SMOOTHED = 3  # neighbours, and theirs, over which borrowed places spread
IRIS = 0.27  # radius of the iris in that texture, as a share of half its side


def borrow_hidden(head: Head, vertices: np.ndarray, rotation: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Skin that faces away in the source shows no pixels of its own: let it borrow the place of the nearest skin that
    is seen, so that a turned head shows skin there and not what was behind it.

    Vertices (V, 3) before the turn `rotation` (yaw, pitch, roll in radians), points (V, 2) -> (V, 2) pixels."""
    turned = (vertices @ rotation_matrix(*rotation).T).astype(np.float32)
    facing = -vertex_normals(turned, head.triangles, head.weld)[:, 2]
    skin = head.part_vertices(Part.SKIN)
    seen, hidden = skin[facing[skin] >= GRAZING], skin[facing[skin] < GRAZING]
    borrowed = points.copy()
    borrowed[hidden] = points[seen[cKDTree(turned[seen]).query(turned[hidden])[1]]]
    return borrowed


def without_seams(points: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Places (V, 2) that skin borrows, spread a little over the `hidden` skin (vertices) as heat does: where neighbours
    borrow from two places far apart, all that lies between would be squeezed into a seam."""
    spread, points = spreading()[hidden], points.copy()
    for _ in range(SMOOTHED):
        points[hidden] = spread @ points
    return points


@cache
def spreading() -> csr_matrix:
    """Takes values of vertices to the mean of each one's neighbours on the skin and its own."""
    head = load_head()
    corners = head.weld[head.triangles[head.parts == Part.SKIN]]
    a, b = np.concatenate([corners[:, (i, j)] for i, j in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))]).T
    count = int(head.weld.max()) + 1
    near = csr_matrix((np.ones(len(a), np.float32), (a, b)), shape=(count, count))
    near.data[:] = 1  # edges are met twice
    near = near + identity(count, np.float32, format="csr")
    near = diags(1 / np.asarray(near.sum(1)).ravel()) @ near
    first = np.zeros(count, np.int64)
    first[head.weld[::-1]] = np.arange(len(head.weld))[::-1]
    lift = csr_matrix((np.ones(count, np.float32), (np.arange(count), first)), shape=(count, len(head.weld)))
    return csr_matrix((near @ lift)[head.weld], dtype=np.float32)


def unwrap_eyes(picture: np.ndarray, head: Head, points: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Textures (2, 96, 96, 3) in [0, 1] of the eyeballs: seen parts from the picture, the rest filled in.

    Iris and pupil are round, so a hidden part takes the median colour of its ring; the white takes the white's.
    """
    raster = Raster(*picture.shape[:2]).draw(points, depth, head.triangles, cull=True)
    part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0)
    float_picture = picture.astype(np.float32) / 255
    axis = (np.arange(EYE_TEXTURE) + 0.5) / EYE_TEXTURE
    u, v = np.meshgrid(axis, axis)
    radius = np.hypot(u - 0.5, v - 0.5) * 2
    textures = []
    for eye in (Part.EYE_RIGHT, Part.EYE_LEFT):
        chosen = head.triangles[head.parts == eye]
        flat = Raster(EYE_TEXTURE, EYE_TEXTURE)
        uv = head.uv * EYE_TEXTURE
        flat.draw(uv, np.zeros(len(uv), np.float32), chosen)
        at = flat.interpolate(points, chosen)
        colour = cv2.remap(float_picture, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR)
        seen_map = cv2.erode((part == eye).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
        seen = cv2.remap(seen_map, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR) * (flat.triangle >= 0)
        textures.append(_fill_eye(colour, seen > 0.9, radius))
    return np.stack(textures)


def _fill_eye(colour: np.ndarray, seen: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Fill what the lids hide, ring by ring, and blend over a soft border."""
    rings = np.clip((radius * 48).astype(int), 0, 67)
    fallback = np.array([0.75, 0.72, 0.70], np.float32)
    white = seen & (radius > IRIS)
    if white.sum() > 12:
        bright = colour[white]
        fallback = np.median(bright[bright.sum(1) >= np.quantile(bright.sum(1), 0.4)], axis=0)
    profile = np.full((68, 3), np.nan, np.float32)
    last = round(IRIS * 48)
    for ring in range(last):
        here = seen & (rings == ring)
        if here.sum() >= 3:
            profile[ring] = np.median(colour[here], axis=0)
    known = np.flatnonzero(~np.isnan(profile[:, 0]))
    if len(known) == 0:
        profile[:] = fallback
    else:
        for channel in range(3):
            profile[:, channel] = np.interp(
                np.arange(68), [*known, last + 2], [*profile[known, channel], fallback[channel]]
            )
    filled = profile[rings]
    soft = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 1.5) * seen
    weight = np.clip(2 * soft - 0.6, 0, 1)[..., None]
    eye: np.ndarray = (weight * colour + (1 - weight) * filled).astype(np.float32)
    return eye


def white_point(eyes: np.ndarray) -> np.ndarray:
    """Colour (3,) that something white near the eyes has in this light: the bright end of the whites of the eyes."""
    axis = (np.arange(EYE_TEXTURE) + 0.5) / EYE_TEXTURE
    radius = np.hypot(*np.meshgrid(axis - 0.5, axis - 0.5)) * 2
    whites = eyes[:, (radius > IRIS) & (radius < 0.55)].reshape(-1, 3)
    white: np.ndarray = np.clip(np.quantile(whites, 0.7, axis=0) * 1.05, 0.15, 1.0).astype(np.float32)
    return white
