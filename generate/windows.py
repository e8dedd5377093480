"""The mouth and the eyes at full size: exact edges, what is behind the lips, eyeballs that turn.

Each window is a fixed rectangle of pixels around its feature. It holds what the painter needs to see and what it
paints over.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from faces.head import Head, Part
from faces.mouth import colour_interior
from faces.raster import Raster
from faces.texture import EYE_TEXTURE
from generate.latent import Appearance

MOUTH = "mouth"
EYE_RIGHT = "eye_right"
EYE_LEFT = "eye_left"
WINDOWS = (MOUTH, EYE_RIGHT, EYE_LEFT)
SHAPES = {MOUTH: (128, 160), EYE_RIGHT: (64, 96), EYE_LEFT: (64, 96)}  # height, width at 80 pixels a unit
CHANNELS = 14  # of what the painter sees: composite 3, warped 3, source 3, parts 4, stretch 1


@dataclass(frozen=True)
class Window:
    """One window of one frame. Pictures float32 RGB in [0, 1], (H, W, 3)."""

    left: int  # pixels of the frame
    top: int
    composite: np.ndarray  # flow plus coloured mouth or eyeball: what is shown without a painter
    seen: np.ndarray  # (H, W, 14) float32 what the painter sees


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
        self.features = feature_points(head)
        self.source = appearance.picture.astype(np.float32) / 255
        self.rasters, self.own, self.shapes = {}, {}, {}
        for name in WINDOWS:
            height, width = (max(8, round(n * self.scale)) for n in SHAPES[name])
            self.shapes[name] = (height, width)
            self.rasters[name] = Raster(height, width)
            middle = appearance.points[self.features[name]].mean(0)
            self.own[name] = self._cut(self.source, *self._corner(middle, height, width), height, width)

    @staticmethod
    def _corner(middle: np.ndarray, height: int, width: int) -> tuple[int, int]:
        return round(float(middle[0])) - width // 2, round(float(middle[1])) - height // 2

    @staticmethod
    def _cut(picture: np.ndarray, left: int, top: int, height: int, width: int) -> np.ndarray:
        matrix = np.array([[1.0, 0, -left], [0, 1.0, -top]])
        return cv2.warpAffine(
            picture, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )

    def make(
        self, name: str, frame: np.ndarray, target: np.ndarray, depth: np.ndarray, source: np.ndarray | None = None
    ) -> Window:
        """One window.

        Args:
            frame: the warped frame, uint8 RGB (S, S, 3).
            target: (V, 2) pixels; depth (V,) units of the head.
            source: (V, 2) where each vertex takes its pixels from; where the appearance has it by default.
        """
        head, raster = self.head, self.rasters[name]
        height, width = self.shapes[name]
        left, top = self._corner(target[self.features[name]].mean(0), height, width)
        raster.draw(target - (left, top), depth, head.triangles, cull=True)
        part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0).astype(np.uint8)
        at = raster.interpolate(self.appearance.points if source is None else source, head.triangles)
        if name == MOUTH:  # slivers at the corners of shut lips are errors of the fit, not openings
            inner = ((part > 0) & (part != Part.SKIN)).astype(np.uint8)
            opened = cv2.morphologyEx(inner, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
            part[(inner > 0) & (opened == 0)] = Part.SKIN
        skin = (part == Part.SKIN) | (part == Part.SOCKET)
        exact = cv2.remap(
            self.source, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        around = self._cut(frame, left, top, height, width).astype(np.float32) / 255
        edge = cv2.blur(cv2.erode((part > 0).astype(np.float32), np.ones((3, 3), np.uint8)), (5, 5))[..., None]
        warped = np.where((part > 0)[..., None], edge * exact + (1 - edge) * around, around)
        feature = self._mouth(part, depth, raster) if name == MOUTH else self._eye(name, part, raster)
        inner = (part > 0) & ~skin
        soft = cv2.GaussianBlur(inner.astype(np.float32), (0, 0), 0.6 * self.scale)[..., None]
        composite = np.where(inner[..., None], feature, warped)
        blended = cv2.GaussianBlur(composite, (0, 0), 0.6 * self.scale)
        rim = 4 * soft * (1 - soft)
        composite = rim * blended + (1 - rim) * composite
        seen = np.concatenate([composite, warped, self.own[name], self._classes(part), self._stretch(at, skin)], -1)
        return Window(left, top, composite.astype(np.float32), seen.astype(np.float32))

    def _mouth(self, part: np.ndarray, depth: np.ndarray, raster: Raster) -> np.ndarray:
        uv = raster.interpolate(self.head.uv, self.head.triangles)
        lip_depth = float(depth[self.features[MOUTH]].mean())
        return colour_interior(part, uv, raster.depth, lip_depth, self.appearance.tint, self.appearance.unit)

    def _eye(self, name: str, part: np.ndarray, raster: Raster) -> np.ndarray:
        uv = raster.interpolate(self.head.uv, self.head.triangles) * EYE_TEXTURE - 0.5
        texture = self.appearance.eyes[0 if name == EYE_RIGHT else 1]
        return cv2.remap(texture, uv[..., 0], uv[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    @staticmethod
    def _classes(part: np.ndarray) -> np.ndarray:
        """Four soft masks: eyeball or teeth above, teeth below, tongue, cavity."""
        ball = (part == Part.EYE_RIGHT) | (part == Part.EYE_LEFT) | (part == Part.TEETH_UPPER)
        masks = [ball, part == Part.TEETH_LOWER, part == Part.TONGUE, part == Part.CAVITY]
        return np.stack(masks, -1).astype(np.float32)

    @staticmethod
    def _stretch(at: np.ndarray, skin: np.ndarray) -> np.ndarray:
        """How far the skin is pulled apart: log of source pixels a target pixel, -1 (pulled apart) to 1; 0 off skin."""
        dx = at[:, 1:] - at[:, :-1]
        dy = at[1:] - at[:-1]
        area = np.abs(dx[:-1, :, 0] * dy[:, :-1, 1] - dx[:-1, :, 1] * dy[:, :-1, 0])
        area = np.pad(area, ((0, 1), (0, 1)), mode="edge")
        return np.where(skin, np.clip(0.5 * np.log(area + 1e-3), -1, 1), 0)[..., None]
