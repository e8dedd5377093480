"""The light on a face, and which pixels are its skin, from a picture and the head that was fitted to it.

Light is nine spherical harmonics for each colour (Ramamoorthi and Hanrahan 2001, "An efficient representation for
irradiance environment maps"), times the mean reflectance of the skin: the two cannot be told apart in one picture.
Hair is not told from other things that are no skin.
"""

from functools import cache

import cv2
import numpy as np

from faces.fit import FaceParameters, at_mesh, project
from faces.head import Part, load_head, rotation_matrix
from faces.raster import Raster, vertex_normals
from faces.track import Track

GAMMA = 2.2
LAMBERT = np.array([1.0] + 3 * [2 / 3] + 5 * [1 / 4])  # share of each harmonic that a matt surface gives back (eq. 8)
STIFF = np.array([0.0] + 3 * [5e-4] + 5 * [4e-3])  # ridge: a face shows half of the directions at most
ROUNDS = 6  # of reweighting
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409)
BROWS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107, 276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
NOSTRILS = (2, 97, 326, 98, 327)
STRANGE = 3.2  # standard deviations at which a colour is as likely something else as skin
SPREAD_LEAST = np.array([0.06, 0.06, 0.22])  # of log red/green, log blue/green, log of lightness over the fitted light


def harmonics(normals: np.ndarray) -> np.ndarray:
    """Unit normals (..., 3) -> what a white matt surface shows of each harmonic (..., 9): 1, y, z, x, xy, yz,
    3z^2 - 1, xz, x^2 - y^2 (constants of Ramamoorthi and Hanrahan, eq. 3), in the space of the head's camera: x right,
    y down, z away."""
    x, y, z = np.moveaxis(normals, -1, 0)
    flat = 0.282095 * np.ones_like(x)
    first = [0.488603 * v for v in (y, z, x)]
    second = [1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z]
    shown: np.ndarray = np.stack([flat, *first, *second, 0.546274 * (x * x - y * y)], -1) * LAMBERT
    return shown


def shade(light: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """What skin with unit normals (..., 3) shows under `light` (9, 3): linear RGB (..., 3), 0 to 1."""
    shown: np.ndarray = np.maximum(harmonics(normals) @ light, 0)
    return shown


def estimate_light(picture: np.ndarray, parameters: FaceParameters) -> np.ndarray:
    """Light on a face times the mean reflectance of its skin: (9, 3) float32, RGB, in the order of `harmonics`.

    Fitted to the skin (lips, brows and eyes left out) of a uint8 RGB picture by reweighted least squares, so that
    highlights, shadows that the face casts on itself, beards and what hides the face count for little.
    """
    points, normals = _placed_skin(parameters)
    height, width = picture.shape[:2]
    inside = (points >= 0).all(1) & (points[:, 0] <= width - 1) & (points[:, 1] <= height - 1)
    seen = inside & (normals[:, 2] < -0.15)
    if seen.sum() < 40:
        return np.zeros((9, 3), np.float32)
    points, normals = points[seen], normals[seen]
    colours = _sampled(picture, points, 0.025 * parameters.scale)
    basis, stiff = harmonics(normals), np.diag(STIFF * len(points))
    weights = -normals[:, 2].astype(np.float64)
    trust = np.ones(len(points))
    for _ in range(ROUNDS):
        weighted = basis * (weights * trust)[:, None]
        light = np.linalg.solve(weighted.T @ basis + stiff + 1e-6 * np.eye(9), weighted.T @ colours)
        error = np.abs(colours - basis @ light).mean(1) / max(float(np.median(colours)), 1e-4)
        typical = max(1.48 * float(np.median(error)), 0.02)
        trust = 1 / (1 + (error / (1.5 * typical)) ** 2) ** 2
    return light.astype(np.float32)


def skin_mask(picture: np.ndarray, track: Track) -> np.ndarray:
    """Where a uint8 RGB picture (H, W, 3) shows skin of a tracked face: (H, W) float32, 0 to 1.

    Skin is what the fitted head covers (eyes and inner mouth are left out) and what has the colour of this face's own
    cheeks, nose and brow under the light that was fitted to them.
    """
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.float32)
    points, normals = _placed(track.parameters)
    low = np.clip(np.floor(points.min(0)).astype(int) - 2, 0, (width - 1, height - 1))
    high = np.clip(np.ceil(points.max(0)).astype(int) + 3, low + 1, (width, height))
    (x0, y0), (x1, y1) = low, high
    head = load_head()
    raster = Raster(y1 - y0, x1 - x0).draw(points - low, _depth(track.parameters), head.triangles)
    drawn = raster.triangle >= 0
    covered = drawn & (head.parts[raster.triangle] == Part.SKIN)
    sure_vertex = np.zeros(len(head.mean), np.float32)
    sure_vertex[_bare_skin()] = 1
    at_pixel = raster.interpolate(np.column_stack([normals, sure_vertex]).astype(np.float32), head.triangles)
    sure = covered & (at_pixel[..., 3] > 0.99) & (at_pixel[..., 2] < -0.3)
    if sure.sum() < 30:
        return mask
    light = estimate_light(picture, track.parameters)
    colour = _colour(picture[y0:y1, x0:x1], at_pixel[..., :3], light)
    likely = _likeness(colour, colour[sure])
    soft = cv2.GaussianBlur(np.where(covered, likely, 0).astype(np.float32), (0, 0), max(0.6, 0.012 * track.size))
    mask[y0:y1, x0:x1] = np.clip(soft * 2 - 0.5, 0, 1) * covered
    return mask


def _colour(picture: np.ndarray, normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Log red/green, log blue/green, log of lightness over the fitted light: (H, W, 3)."""
    linear = (cv2.GaussianBlur(picture, (0, 0), 0.8).astype(np.float32) / 255) ** GAMMA + 2e-3
    expected = shade(light, normals).mean(-1) + 4e-3
    log = np.log(linear)
    lightness = np.clip(np.log(linear.mean(-1) / expected), -3, 3)
    return np.stack([log[..., 0] - log[..., 1], log[..., 2] - log[..., 1], lightness], -1)


def _likeness(colour: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """How likely colours (H, W, 3) are of the same skin as `sure` (N, 3), most of which is skin: (H, W), 0 to 1.

    A Gaussian of the better part of `sure`: those that lie near are kept, three times over (after Rousseeuw and Van
    Driessen 1999, concentration steps)."""
    middle = np.median(sure, axis=0)
    spread = np.diag(np.maximum(1.48 * np.median(np.abs(sure - middle), axis=0), SPREAD_LEAST) ** 2)
    for _ in range(3):
        away = np.einsum("ni,ij,nj->n", sure - middle, np.linalg.inv(spread), sure - middle)
        near = sure[away <= max(float(np.quantile(away, 0.75)), 1e-9)]
        middle = near.mean(0)
        spread = 1.6 * np.cov(near.T) + np.diag(SPREAD_LEAST**2)
    gap = colour - middle
    away = np.sqrt(np.maximum(np.einsum("hwi,ij,hwj->hw", gap, np.linalg.inv(spread), gap), 0))
    likely: np.ndarray = 1 / (1 + np.exp(np.clip(4 * (away - STRANGE), -30, 30)))
    return likely


def _sampled(picture: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """Linear RGB (N, 3) of a picture around points (N, 2)."""
    low = np.maximum(np.floor(points.min(0)).astype(int) - 3, 0)
    high = np.ceil(points.max(0)).astype(int) + 4
    part = cv2.GaussianBlur(picture[low[1] : high[1], low[0] : high[0]], (0, 0), max(0.5, radius))
    at = (points - low).astype(np.float32)
    colours = cv2.remap(part, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    linear: np.ndarray = (colours.astype(np.float64) / 255) ** GAMMA
    return linear


def _placed(parameters: FaceParameters) -> tuple[np.ndarray, np.ndarray]:
    """All vertices of a head in the picture: pixels (V, 2), and unit normals (V, 3) towards the viewer."""
    head = load_head()
    vertices = head.pose_face(parameters.neutral(head), parameters.actions)
    points, _ = project(vertices, parameters)
    turned = (vertices @ rotation_matrix(*parameters.rotation).T).astype(np.float32)
    return points, vertex_normals(turned, head.triangles, head.weld)


def _placed_skin(parameters: FaceParameters) -> tuple[np.ndarray, np.ndarray]:
    """`_placed` for the vertices of `_bare_skin` alone, in a tenth of the time."""
    head, (own, triangles, weld, wanted) = load_head(), _skin_patch()
    used = np.flatnonzero(parameters.actions)
    vertices = head.mean[own] + parameters.detail[own]
    vertices = vertices + np.tensordot(parameters.identity.astype(np.float32), _patch_identity(), 1)
    vertices = vertices + np.tensordot(parameters.actions[used].astype(np.float32), head.actions[used][:, own], 1)
    points, _ = project(vertices[wanted], parameters)
    turned = (vertices @ rotation_matrix(*parameters.rotation).T).astype(np.float32)
    return points, vertex_normals(turned, triangles, weld)[wanted]


@cache
def _skin_patch() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The triangles around `_bare_skin`: their vertices in the head (N,), the triangles (T, 3) and `weld` (N,) counted
    among these, and which of them (M,) are the bare skin."""
    head, bare = load_head(), _bare_skin()
    near = np.isin(head.weld[head.triangles], head.weld[bare]).any(1)
    own = np.unique(np.concatenate([head.triangles[near].ravel(), bare]))
    weld = np.unique(head.weld[own], return_inverse=True)[1]
    return own, np.searchsorted(own, head.triangles[near]), weld, np.searchsorted(own, bare)


@cache
def _patch_identity() -> np.ndarray:
    return np.ascontiguousarray(load_head().identity[:, _skin_patch()[0]])


def _depth(parameters: FaceParameters) -> np.ndarray:
    head = load_head()
    return project(head.pose_face(parameters.neutral(head), parameters.actions), parameters)[1]


@cache
def _bare_skin() -> np.ndarray:
    """Vertices of the face's front that are skin on everybody: no lips, brows, eyes, nostrils, scalp or neck."""
    head = load_head()
    mean, mesh = head.mean, at_mesh(head.mean)
    keep = np.zeros(len(mean), bool)
    keep[head.part_vertices(Part.SKIN)] = True
    keep &= (mean[:, 2] < 0.55) & (mean[:, 1] > mesh[10, 1] + 0.08) & (mean[:, 1] < mesh[152, 1] - 0.12)
    for points, reach in ((LIPS, 0.13), (BROWS, 0.13), (NOSTRILS, 0.1)):
        distance = np.linalg.norm(mean[:, None] - mesh[list(points)][None], axis=-1).min(1)
        keep &= distance > reach
    for centre in head.eye_mean:
        keep &= np.linalg.norm((mean - centre)[:, :2], axis=1) > 0.36
    return np.flatnonzero(keep)
