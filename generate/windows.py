"""The mouth and the eyes at full size: exact edges, what is behind the lips, eyeballs that turn.

Each window is a fixed rectangle of pixels around its feature. It holds what the painter needs to see and what it
paints over.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from faces.crop import margin_of
from faces.head import Head, Part
from faces.mouth import colour_interior
from faces.raster import Raster
from faces.texture import EYE_TEXTURE
from generate.latent import Appearance
from generate.sampling import sample

MOUTH = "mouth"
EYE_RIGHT = "eye_right"
EYE_LEFT = "eye_left"
WINDOWS = (MOUTH, EYE_RIGHT, EYE_LEFT)
SHAPES = {MOUTH: (128, 160), EYE_RIGHT: (64, 96), EYE_LEFT: (64, 96)}  # height, width at 80 pixels a unit
FITS = 0.04  # by which a head may be larger or smaller than that without its windows' being resized for the painter
CHANNELS = 14  # of what the painter sees: composite 3, warped 3, source 3, parts 4, stretch 1


REACH = {MOUTH: 2.0, EYE_RIGHT: 1.15, EYE_LEFT: 1.15}  # units of the head around a feature that its window can show
SOFT = 0.9  # blur of the rim between skin and what is behind it, pixels at 80 pixels a unit
SEAM = 0.95  # stretch from which skin from different places meets, as where lids are shut
INNER = np.array([part not in (0, Part.SKIN, Part.SOCKET) for part in range(16)])  # behind lips and lids
INNER_BYTES = np.resize(INNER, 256).astype(np.uint8)
SHOWN_BYTES = np.r_[0, np.full(255, 255)].astype(np.uint8)  # what shows anything of the head
NEXT = np.ones((3, 3), np.uint8)
CLASS = np.full(16, -1, np.int32)  # which of the four masks a part is in
CLASS[[Part.EYE_RIGHT, Part.EYE_LEFT, Part.TEETH_UPPER]] = 0
CLASS[Part.TEETH_LOWER], CLASS[Part.TONGUE], CLASS[Part.CAVITY] = 1, 2, 3


@dataclass(frozen=True)
class Window:
    """One window of one frame."""

    left: int  # pixels of the frame
    top: int
    composite: np.ndarray  # (H, W, 3) float32 RGB in [0, 1]: what is shown without a painter
    seen: np.ndarray  # (14, H, W) float32: what the painter sees


def feature_points(head: Head) -> dict[str, np.ndarray]:
    """Vertices whose mean is the middle of each window."""
    skin = head.part_vertices(Part.SKIN)
    welded = set(head.weld[skin].tolist())
    lips = [v for v in head.part_vertices(Part.CAVITY) if int(head.weld[v]) in welded]
    points = {MOUTH: np.array(lips)}
    for name, centre in zip((EYE_RIGHT, EYE_LEFT), head.eye_mean, strict=True):
        points[name] = skin[np.linalg.norm(head.mean[skin] - centre, axis=1) < 0.36]
    return points


class WindowMaker:
    """Makes the windows of a face in frames of one size; buffers are kept between frames."""

    def __init__(self, head: Head, appearance: Appearance) -> None:
        self.head, self.appearance = head, appearance
        self.scale = appearance.unit / 80.0
        if abs(self.scale - 1) < FITS:
            self.scale = 1.0
        self.features = feature_points(head)
        self.source, self.margin = appearance.with_margin(), margin_of(appearance.picture.shape[0])
        self.rasters, self.own, self.shapes, self.parts, self.facts = {}, {}, {}, {}, {}
        self.near, self.triangles, self.places = {}, {}, {}  # of the vertices that a window can show
        for name in WINDOWS:
            height, width = (max(8, round(n * self.scale)) for n in SHAPES[name])
            self.shapes[name] = (height, width)
            self.rasters[name] = Raster(height, width)
            middle = head.mean[self.features[name]].mean(0)
            near = (np.linalg.norm(head.mean - middle, axis=1) < REACH[name])[head.triangles].any(1)
            self.near[name], corners = np.unique(head.triangles[near], return_inverse=True)
            self.triangles[name] = corners.reshape(-1, 3).astype(np.int32)
            own = self.near[name]
            self.places[name] = np.hstack([appearance.points[own], head.uv[own]]).astype(np.float32)  # source, texture
            self.parts[name] = head.parts[near].astype(np.uint8)
            self.facts[name] = np.zeros((height, width, 4), np.float32), np.zeros((height, width), np.uint8)
            corner = self._corner(appearance.points[self.features[name]].mean(0), height, width)
            self.own[name] = np.ascontiguousarray(
                cut(self.source, corner[0] + self.margin, corner[1] + self.margin, height, width)
            )

    @staticmethod
    def _corner(middle: np.ndarray, height: int, width: int) -> tuple[int, int]:
        return round(float(middle[0])) - width // 2, round(float(middle[1])) - height // 2

    def make(
        self, name: str, frame: np.ndarray, target: np.ndarray, depth: np.ndarray, source: np.ndarray | None = None
    ) -> Window:
        """One window.

        Args:
            frame: the warped frame, uint8 RGB (S, S, 3).
            target: (V, 2) pixels; depth (V,) units of the head.
            source: (V, 2) pixels of the appearance's picture that each vertex takes its colour from; its own points by
                default.
        """
        raster, near = self.rasters[name], self.near[name]
        triangles, places = self.triangles[name], self.places[name]
        height, width = self.shapes[name]
        left, top = self._corner(target[self.features[name]].mean(0), height, width)
        raster.draw(target[near] - np.array((left, top), np.float32), depth[near], triangles, cull=True)
        source = self.appearance.points if source is None else source
        places[:, :2] = source[near] + np.float32(self.margin)
        facts, part = self.facts[name]
        _gather(raster.triangle, raster.bary, triangles, places, self.parts[name], facts, part)
        if name == MOUTH:  # slivers at the corners of shut lips are errors of the fit, not openings
            inner = cv2.LUT(part, INNER_BYTES)
            opened = cv2.morphologyEx(inner, cv2.MORPH_OPEN, NEXT)
            part[inner > opened] = Part.SKIN
        edge = cv2.blur(cv2.erode(cv2.LUT(part, SHOWN_BYTES), NEXT), (5, 5))
        around = cut(frame, left, top, height, width)
        composite = np.empty((height, width, 3), np.float32)
        seen = np.empty((height, width, CHANNELS), np.float32)
        _see(self.source, around, facts, part, edge, self.own[name], CLASS, composite, seen)
        self._open(name, composite, part, facts, depth, raster)
        _soften(composite, INNER[part] | (seen[..., 13] > SEAM), SOFT * self.scale)
        seen[..., :3] = composite
        return Window(left, top, composite, seen.transpose(2, 0, 1))

    def _open(
        self, name: str, composite: np.ndarray, part: np.ndarray, facts: np.ndarray, depth: np.ndarray, raster: Raster
    ) -> None:
        """Show what is behind the lips or the lids where they are open, in place."""
        inner = INNER[part]
        if not inner.any():
            return
        here = _around(inner, math.ceil(0.25 * self.appearance.unit))  # teeth are darker near the rim
        inner, shown = inner[here], composite[here]
        uv = facts[here][..., 2:]
        if name == MOUTH:
            lip_depth = float(depth[self.features[MOUTH]].mean())
            tint, unit = self.appearance.tint, self.appearance.unit
            feature = colour_interior(part[here], uv, raster.depth[here], lip_depth, tint, unit)
        else:
            at = uv * EYE_TEXTURE - 0.5
            texture = self.appearance.eyes[0 if name == EYE_RIGHT else 1]
            feature = cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        shown[inner] = feature[inner]


def _around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The rectangle around where `mask` (H, W) is True, and `margin` pixels more."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    y, x = max(0, rows[0] - margin), max(0, columns[0] - margin)
    return np.s_[y : rows[-1] + margin + 1, x : columns[-1] + margin + 1]


def _soften(picture: np.ndarray, mask: np.ndarray, soft: float) -> None:
    """Blur `picture` (H, W, 3) by `soft` pixels along the rim of `mask` (H, W), in place."""
    if not mask.any():
        return
    here = _around(mask, math.ceil(4 * soft) + 1)
    rim = cv2.GaussianBlur(mask[here].astype(np.float32), (0, 0), soft)[..., None]
    rim = 4 * rim * (1 - rim)
    picture[here] += rim * (cv2.GaussianBlur(picture[here], (0, 0), soft) - picture[here])


def cut(picture: np.ndarray, left: int, top: int, height: int, width: int) -> np.ndarray:
    """A rectangle of whole pixels out of a picture (H, W, 3), which is reflected beyond its edges."""
    if left >= 0 and top >= 0 and left + width <= picture.shape[1] and top + height <= picture.shape[0]:
        return picture[top : top + height, left : left + width]
    matrix = np.array([[1.0, 0, -left], [0, 1.0, -top]])
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)


@njit(fastmath=True, cache=True, nogil=True)
def _gather(
    seen: np.ndarray,
    bary: np.ndarray,
    triangles: np.ndarray,
    places: np.ndarray,
    parts: np.ndarray,
    facts: np.ndarray,
    part: np.ndarray,
) -> None:
    """What of `places` (V, 4) and of which part each pixel shows; 0 where there is no head."""
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            t = seen[y, x]
            if t < 0:
                part[y, x] = 0
                for k in range(4):
                    facts[y, x, k] = np.float32(0)
                continue
            part[y, x] = parts[t]
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v, w = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            for k in range(4):
                facts[y, x, k] = u * places[a, k] + v * places[b, k] + w * places[c, k]


@njit(fastmath=True, cache=True, nogil=True)
def _see(
    source: np.ndarray,
    around: np.ndarray,
    facts: np.ndarray,
    part: np.ndarray,
    edge: np.ndarray,
    own: np.ndarray,
    classes: np.ndarray,
    composite: np.ndarray,
    seen: np.ndarray,
) -> None:
    """Lay skin where it lands, exact to its edges, and note what the painter sees besides."""
    height, width = part.shape
    share, half = np.float32(1 / 255), np.float32(0.5)
    for y in range(height):
        for x in range(width):
            r, g, b = np.float32(around[y, x, 0]), np.float32(around[y, x, 1]), np.float32(around[y, x, 2])
            here = part[y, x]
            for k in range(9, 14):
                seen[y, x, k] = np.float32(0)
            for k in range(3):
                seen[y, x, 6 + k] = share * np.float32(own[y, x, k])
            if here > 0:
                r1, g1, b1 = sample(source, facts[y, x, 0] - half, facts[y, x, 1] - half)
                w = share * np.float32(edge[y, x])
                r, g, b = r + w * (r1 - r), g + w * (g1 - g), b + w * (b1 - b)
                mask = classes[here]
                if mask >= 0:
                    seen[y, x, 9 + mask] = np.float32(1)
                if here == 1 or here == 4:  # skin, and the sockets behind the eyes: how far it is pulled apart
                    y1, x1 = min(y, height - 2), min(x, width - 2)
                    across = facts[y1, x1 + 1, 0] - facts[y1, x1, 0]
                    down = facts[y1 + 1, x1, 1] - facts[y1, x1, 1]
                    slant = facts[y1, x1 + 1, 1] - facts[y1, x1, 1]
                    lean = facts[y1 + 1, x1, 0] - facts[y1, x1, 0]
                    area = abs(across * down - slant * lean)
                    seen[y, x, 13] = min(max(half * np.log(area + np.float32(1e-3)), np.float32(-1)), np.float32(1))
            composite[y, x, 0] = seen[y, x, 3] = r * share
            composite[y, x, 1] = seen[y, x, 4] = g * share
            composite[y, x, 2] = seen[y, x, 5] = b * share
