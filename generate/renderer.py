"""Frames from a face latent: flow, refiner, windows, painter.

renderer = Renderer(latent)            # expensive once
frame = renderer.render(latent)        # cheap often: the same appearance, any pose, dynamics and identity
"""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numba import njit

from faces.actions import ACTION_INDEX
from faces.crop import margin_of
from faces.fit import project
from faces.flow import FlowField
from faces.head import Head, Part, load_head
from generate.latent import FaceLatent, posed_vertices
from generate.painter import Painter
from generate.refiner import Composer, Viewer, body_shift
from generate.windows import EYE_LEFT, EYE_RIGHT, WINDOWS, Window, WindowMaker, cut

FAINT = 1 / 512  # share that no pixel shows


@dataclass(frozen=True)
class Carried:
    """A frame whose mouth and eyes are still the source's."""

    latent: FaceLatent
    points: np.ndarray  # (V, 2) pixels: where the vertices land
    depth: np.ndarray  # (V,) units of the head
    frame: np.ndarray  # uint8 RGB (S, S, 3)
    colour: np.ndarray | None  # (128, 128, 3) float32 RGB that the refiner added to the frame; 1 is white


@dataclass(frozen=True)
class Prepared:
    """A frame of which mouth and eyes are still to be painted."""

    frame: np.ndarray  # uint8 RGB (S, S, 3)
    windows: dict[str, Window]
    still: dict[str, float]  # how nearly what a window shows is as in the portrait: 1 at rest, 0 far from it
    colour: np.ndarray | None  # as in `Carried`


class Renderer:
    """Renders frames of the size of the latent's appearance.

    Args:
        latent: whose appearance is shown; its pose and dynamics are the rest.
        painter: mends and paints what geometry cannot; None shows flow and geometry alone.
    """

    def __init__(self, latent: FaceLatent, painter: Painter | None = None) -> None:
        self.head = load_head()
        self.appearance = latent.appearance
        self.painter = painter
        self.margin = margin_of(latent.appearance.picture.shape[0])
        self.flow = FlowField(self.head, latent.appearance.picture.shape[0])
        self.maker = WindowMaker(self.head, latent.appearance)
        self.source = self.maker.source  # with its margin
        self.lids = Lids(self.head)
        self.feather = {name: _feather(*self.maker.shapes[name]) for name in WINDOWS}
        self.stillness = Stillness(self.head, latent, self.maker)
        self.rest = replace(latent, pose=latent.appearance.rest)

    @cached_property
    def viewer(self) -> Viewer:
        """What shows frames to the refiner."""
        return Viewer(self.head, self.rest, self.flow)

    @cached_property
    def composer(self) -> Composer:
        """What makes the frames that the refiner asks for."""
        return Composer(self.source, self.margin)

    def make_ready(self) -> None:
        """Make what is made once, before threads share the renderer."""
        _ = self.missing

    def geometry(self, latent: FaceLatent) -> tuple[np.ndarray, np.ndarray]:
        """Where every vertex lands: pixels (V, 2) and depth (V,). The lower neck goes with the shoulders."""
        vertices = posed_vertices(self.head, latent.identity, latent.actions, latent.pose.gaze)
        points, depth = project(vertices, latent.pose)
        still = self.head.neck < 0.999
        rest, _ = project(vertices[still], self.appearance.rest)
        follow = self.head.neck[still, None]
        if self.painter is not None:
            rest = rest + body_shift(self.appearance.rest, latent.pose)
        points[still] = follow * points[still] + (1 - follow) * rest
        return points, depth

    def warp(self, points: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """The source picture carried along the flow: uint8 RGB."""
        field = self.flow.backward(points, depth, self.appearance.points, self.appearance.unit)
        field += np.float32(self.margin)
        warped: np.ndarray = cv2.remap(  # type: ignore[call-overload]
            self.source, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return warped

    def carry(self, latent: FaceLatent) -> "Carried":
        """The source picture carried along the flow, mended by the refiner where there is a painter."""
        points, depth = self.geometry(latent)
        if self.painter is None:
            return Carried(latent, points, depth, self.warp(points, depth), None)
        view = self.viewer.see(latent, points, depth)
        answers = self.painter.refiner.answer(view.seen)
        frame = self.composer(view.shift, answers, view.body)
        still = self.stillness.of_head(points)
        if still > FAINT:  # what has not moved is the photograph
            cv2.addWeighted(self.appearance.picture, still, frame, 1 - still, 0, dst=frame)
        return Carried(latent, points, depth, frame, np.ascontiguousarray(answers[5:].transpose(1, 2, 0)))

    def open(self, carried: "Carried") -> "Prepared":
        """Mouth and eyes of a frame that was carried, as geometry has them."""
        latent, points, frame = carried.latent, carried.points, carried.frame
        source = self.lids.source(self.appearance.points, self.appearance.unit, latent.actions)
        windows = {name: self.maker.make(name, frame, points, carried.depth, source) for name in WINDOWS}
        return Prepared(frame, windows, self.stillness.of(latent, points), carried.colour)

    def prepare(self, latent: FaceLatent) -> "Prepared":
        """All that comes before mouth and eyes are painted: `carry`, then `open`."""
        return self.open(self.carry(latent))

    @cached_property
    def missing(self) -> dict[str, np.ndarray]:
        """What each painted window lacks at rest, where the portrait itself shows what is right: (H, W, 3) float32.
        It is added to frames as far as they are near rest, so that a still face is the photograph.

        The first use renders a frame with the renderer's own buffers: see `make_ready`."""
        prepared = self.prepare(self.rest)
        painted = self._painted(prepared)
        missing = {}
        for name, window in prepared.windows.items():
            own = cut(self.appearance.picture, window.left, window.top, *window.composite.shape[:2])
            missing[name] = own.astype(np.float32) / 255 - painted[name]
        return missing

    def _painted(self, prepared: "Prepared") -> dict[str, np.ndarray]:
        windows = prepared.windows
        if self.painter is None:
            return {name: window.composite for name, window in windows.items()}
        painted = self.painter.paint(windows)
        if prepared.colour is not None:
            size = prepared.frame.shape[0]
            painted = {name: painted[name] + _part(prepared.colour, windows[name], size) for name in windows}
        return painted

    def finish(self, prepared: "Prepared") -> np.ndarray:
        """Paint the windows and lay them into the frame, which is changed and returned."""
        painted = self._painted(prepared)
        for name, window in prepared.windows.items():
            shown = painted[name] + prepared.still[name] * self.missing[name]
            _lay(prepared.frame, window, shown, self.feather[name])
        return prepared.frame

    def render(self, latent: FaceLatent) -> np.ndarray:
        """One frame: uint8 RGB (S, S, 3)."""
        return self.finish(self.prepare(latent))


class Stillness:
    """How nearly mouth and eyes are as they were in the portrait, wherever the head is."""

    SPREAD = (
        1.2  # root mean square shift of a feature's points, pixels at 80 a unit, at which it is well away from rest
    )
    SPREAD_HEAD = 0.6  # the same of all of the head
    EYEBALL = 0.19  # units of the head, radius

    def __init__(self, head: Head, latent: FaceLatent, maker: WindowMaker) -> None:
        self.features, self.unit = maker.features, latent.appearance.unit
        vertices = posed_vertices(head, latent.identity, latent.actions, latent.appearance.rest.gaze)
        points, _ = project(vertices, latent.appearance.rest)
        self.points = points
        self.rest = {name: self._shape(points[index]) for name, index in self.features.items()}
        self.gaze = latent.appearance.rest.gaze

    @staticmethod
    def _shape(points: np.ndarray) -> np.ndarray:
        shape: np.ndarray = points - points.mean(0)
        return shape

    def of_head(self, points: np.ndarray) -> float:
        """1 where the head is as in the portrait and at the same place, falling to 0 over a pixel or two."""
        shift = np.square(points - self.points).sum(1).mean()
        return float(np.exp(-0.5 * shift / (self.SPREAD_HEAD * self.unit / 80) ** 2))

    def of(self, latent: FaceLatent, points: np.ndarray) -> dict[str, float]:
        """Window name -> 1 at rest, falling to 0."""
        looks = np.square(latent.pose.gaze - self.gaze).sum(1) * (self.EYEBALL * self.unit) ** 2
        turned = {EYE_RIGHT: looks[0], EYE_LEFT: looks[1]}
        still = {}
        for name, index in self.features.items():
            shift = np.square(self._shape(points[index]) - self.rest[name]).sum(1).mean() + turned.get(name, 0.0)
            still[name] = float(np.exp(-0.5 * shift / (self.SPREAD * self.unit / 80) ** 2))
        return still


class Lids:
    """Where closing lids take their pixels from.

    The upper lid is pulled down over the eye, so a pixel of eyeball that the fit takes for a rim would become a
    stripe. As the lids close, their rims therefore borrow from a little further away from the eye.
    """

    LIFT = 0.055  # units of the head, for a lid wholly shut

    def __init__(self, head: Head) -> None:
        skin = head.part_vertices(Part.SKIN)
        rim = skin[np.isin(head.weld[skin], head.weld[head.part_vertices(Part.SOCKET)])]
        self.rims = {}
        for side, sign in (("Right", -1), ("Left", 1)):
            action = ACTION_INDEX[f"eyeBlink{side}"]
            own = rim[np.sign(head.mean[rim, 0]) == sign]
            upper = head.actions[action][own, 1] > 0.04
            self.rims[action] = (own, np.where(upper, -self.LIFT, self.LIFT).astype(np.float32))

    def source(self, points: np.ndarray, unit: float, actions: np.ndarray) -> np.ndarray:
        """Source points (V, 2) for these facial actions (52,); the given ones when both eyes are open."""
        shut = {action: float(actions[action]) for action in self.rims if actions[action] > 0.05}
        if not shut:
            return points
        points = points.copy()
        for action, amount in shut.items():
            rim, lift = self.rims[action]
            points[rim, 1] += lift * (unit * amount)
        return points


def _feather(height: int, width: int) -> np.ndarray:
    """1 in the middle of a window, fading to 0 at its border. (H, W)"""
    y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None] / (0.16 * height)
    x = np.minimum(np.arange(width), np.arange(width)[::-1])[None] / (0.12 * width)
    ramp = np.clip(np.minimum(y, x), 0, 1)
    feather: np.ndarray = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    return feather


def _part(colour: np.ndarray, window: Window, size: int) -> np.ndarray:
    """What of `colour` (G, G, 3), laid over a frame of `size`, falls into a window: (H, W, 3)."""
    height, width = window.composite.shape[:2]
    cells = colour.shape[0] / size
    matrix = np.array([[cells, 0, (window.left + 0.5) * cells - 0.5], [0, cells, (window.top + 0.5) * cells - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(colour, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _lay(frame: np.ndarray, window: Window, painted: np.ndarray, feather: np.ndarray) -> None:
    """Blend a painted window (float32 RGB in [0, 1]) into the uint8 frame, in place; parts outside are left out."""
    height, width = painted.shape[:2]
    x0, y0 = max(0, window.left), max(0, window.top)
    x1, y1 = min(frame.shape[1], window.left + width), min(frame.shape[0], window.top + height)
    if x0 >= x1 or y0 >= y1:
        return
    inner = np.s_[y0 - window.top : y1 - window.top, x0 - window.left : x1 - window.left]
    _blend(frame[y0:y1, x0:x1], painted[inner], feather[inner])


@njit(fastmath=True, cache=True, nogil=True)
def _blend(frame: np.ndarray, painted: np.ndarray, weight: np.ndarray) -> None:
    """Blend float32 RGB in [0, 1] into a part of a uint8 frame by `weight` (H, W)."""
    zero, half, most = np.float32(0), np.float32(0.5), np.float32(255)
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            w = weight[y, x]
            for k in range(3):
                old = np.float32(frame[y, x, k])
                new = old + w * (most * painted[y, x, k] - old) + half
                frame[y, x, k] = np.uint8(np.int32(min(max(new, zero), most)))
