"""The visible label: "AI" in a corner of the picture, for people who look and have no verifier.

    Label("on"), Label("start"), Label("off", reason="...")       what is asked for, of `Permit.perform`
    labeller = Labeller(label, find)                              of one output, in the save path
    labeller.draw(frame)                                          every frame, before it is marked
    labeller.said()                                               the content of the io.vasari.label assertion

White letters on a dark plate, with a white ring and a dark rim around it: opaque, so that the contrast of letters and
plate (17 to 1 by the relative luminance of WCAG 2.2, which asks for 4.5) is the same on every picture, and outlined on
light ones and dark ones. A tenth of the shorter side high, 4% of it away from the edges. Place and size are chosen on
the first frame, once: at the top right, unless a head is there; then at the top left, at the bottom right, at the
bottom left; then smaller. Letters are drawn here, from three strokes and one; no font is loaded.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np

from media.errors import UsageError
from media.units import FPS

ASSERTION = "io.vasari.label"
DRAWING = "io.vasari.label.ai.1"  # name of what is drawn, for whoever looks for it
LabelKind = Literal["off", "start", "on"]
LABELS: tuple[LabelKind, ...] = ("off", "start", "on")
SHOWN, EVERY = 3, 10  # seconds that "start" shows it, and after which it does so again
SHARE = 0.10  # height against the shorter side of the frame
ASPECT = 1.3  # width over height
MARGIN = 0.04  # from the edges, against the shorter side; the most that it takes of a frame's width with its own
SMALLEST = 16  # pixels of its height; in frames under 32 pixels half of their shorter side
SHRUNK = (1.0, 0.85, 0.7, 0.55)  # sizes and margins that are tried
CORNERS = ("top right", "top left", "bottom right", "bottom left")
LONGEST = 300  # letters of a reason
DARK, LIGHT = 16, 245  # levels of plate and rim, of letters and ring
FINER, LARGEST = 8, 1024  # drawn at so many times the size, but so many pixels high at most, then averaged
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the frame


@dataclass(frozen=True)
class Label:
    """What is asked for.

    Raises:
        UsageError: no such kind, a reason that is not one line, or a face that is no box.
    """

    kind: LabelKind = "off"  # "start": for 3 s, and again every 10 s; "on": all the time
    reason: str = ""  # why there is none; live output needs one
    faces: tuple[Box, ...] = ()  # heads: left, top, right, bottom as shares of the frame; none: they are looked for

    def __post_init__(self) -> None:
        if self.kind not in LABELS:
            raise UsageError(f"label {self.kind!r}: choose one of {', '.join(LABELS)}")
        if type(self.reason) is not str or not self.reason.isprintable() or len(self.reason) > LONGEST:
            raise UsageError(f"the reason for no label is one line of at most {LONGEST} letters")
        if self.reason and self.kind != "off":
            raise UsageError(f"label {self.kind!r} with a reason for none ({self.reason}); leave the reason out")
        for face in self.faces:
            if len(face) != 4 or not all(map(_number, face)) or face[0] >= face[2] or face[1] >= face[3]:
                raise UsageError(f"face {face!r}: left, top, right, bottom as shares of the frame are needed")

    def on_live(self) -> "Label":
        """The same, for what is sent while it is made. Raises `UsageError` for none without a reason."""
        if self.kind == "off" and not self.reason.strip():
            raise UsageError("live video without a visible label needs a reason, which the credentials will state")
        return self


@dataclass(frozen=True)
class Spot:
    """Where it is drawn, whole pixels."""

    left: int
    top: int
    width: int
    height: int
    corner: str
    clear: bool  # no head is under it

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


class Labeller:
    """Draws the label of one output.

    Args:
        label: what is asked for.
        find: a frame, uint8 RGB (H, W, 3) -> boxes of the heads in it, as `Label.faces`; asked once, for the first
            frame, where the label names none.
    """

    def __init__(self, label: Label, find: Callable[[np.ndarray], Sequence[Box]] = lambda _: ()) -> None:
        self._label, self._find = label, find
        self._spot: Spot | None = None
        self._size = (0, 0)
        self._count = 0

    def draw(self, frame: np.ndarray) -> np.ndarray:
        """The next frame, uint8 RGB (H, W, 3), 25 a second, all of one size -> the same with the label, where one is
        due. What is given is not changed."""
        if self._label.kind == "off":
            return frame
        if self._spot is None:
            height, width = frame.shape[:2]
            self._size = (width, height)
            self._spot = spot(width, height, self._label.faces or tuple(self._find(frame)))
        number, self._count = self._count, self._count + 1
        return drawn(frame, self._spot) if due(self._label.kind, number / FPS) else frame

    def said(self) -> dict[str, Any]:
        """What the credentials say: kind; why there is none; else where it was drawn (corner, box as left, top, width
        and height in shares of the frame), on frames of which size, in which seconds, and whether a head is free of
        it."""
        told: dict[str, Any] = {"kind": self._label.kind}
        if self._label.kind == "off" or self._spot is None:
            return told | ({"reason": self._label.reason} if self._label.reason else {})
        at, (width, height) = self._spot, self._size
        box = [at.left / width, at.top / height, at.width / width, at.height / height]
        told |= {"drawing": DRAWING, "corner": at.corner, "box": [round(share, 5) for share in box]}
        told |= {"frame": [width, height], "clearOfFaces": at.clear}
        return told | ({"seconds": SHOWN, "every": EVERY} if self._label.kind == "start" else {})


def due(kind: str, seconds: float) -> bool:
    """Whether the label is to be seen at a time of the output."""
    return kind == "on" or (kind == "start" and seconds % EVERY < SHOWN)


def drawn(frame: np.ndarray, at: Spot) -> np.ndarray:
    """A copy of a frame, uint8 RGB (H, W, 3), with the label on it."""
    level, cover = plate(at.width, at.height)
    out = frame.copy()
    part = out[at.slices]
    part[:] = (part * (1 - cover)[..., None] + (level * cover)[..., None] + 0.5).astype(np.uint8)
    return out


def spot(width: int, height: int, heads: Sequence[Box] = ()) -> Spot:
    """Where the label lies in frames of width by height pixels, clear of heads (as `Label.faces`) where that can be.

    A head is an ellipse in its box. Where each corner has one under it, however small the label gets, it lies at the
    top right, as small as it may be, and says so (`Spot.clear`).
    """
    tried = [_at(corner, size, width, height) for size in SHRUNK for corner in CORNERS]
    for at in tried:
        if not any(_over(at, head, width, height) for head in heads):
            return at
    last = tried[-len(CORNERS)]
    return Spot(last.left, last.top, last.width, last.height, last.corner, clear=False)


def head_box(points: np.ndarray, width: int, height: int) -> Box:
    """The head, with its hair and room to move, that a face's mesh (N, 2), pixels of a frame, lies in."""
    low, high = points.min(axis=0), points.max(axis=0)
    across, down = high - low
    left, top = low[0] - 0.25 * across, low[1] - 0.35 * down
    right, bottom = high[0] + 0.25 * across, high[1] + 0.1 * down
    return float(left / width), float(top / height), float(right / width), float(bottom / height)


def _at(corner: str, size: float, width: int, height: int) -> Spot:
    shorter = min(width, height)
    high = min(max(SMALLEST, round(SHARE * size * shorter)), max(1, shorter // 2))
    wide = min(round(ASPECT * high), width)
    edge = min(round(MARGIN * size * shorter), (shorter - high) // 2, (width - wide) // 2)
    left = width - edge - wide if corner.endswith("right") else edge
    top = edge if corner.startswith("top") else height - edge - high
    return Spot(left, top, wide, high, corner, clear=True)


def _over(at: Spot, head: Box, width: int, height: int) -> bool:
    """Whether any of it lies within the ellipse of a head's box."""
    left, top, right, bottom = head[0] * width, head[1] * height, head[2] * width, head[3] * height
    x, y = (left + right) / 2, (top + bottom) / 2
    across = max(at.left - x, 0, x - (at.left + at.width)) / ((right - left) / 2)
    down = max(at.top - y, 0, y - (at.top + at.height)) / ((bottom - top) / 2)
    return bool(math.hypot(across, down) < 1)


@lru_cache(maxsize=16)
def plate(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn: levels, float32 (height, width) in [0, 255], and how far they cover the picture, in [0, 1]."""
    finer = max(1, min(FINER, LARGEST // height))
    wide, high = width * finer, height * finer
    cover = _rounded(wide, high, 0.0)
    ring, inner = _rounded(wide, high, 0.035), _rounded(wide, high, 0.095)
    level = np.where(inner > 0, DARK, np.where(ring > 0, LIGHT, DARK)).astype(np.float32)
    level[letters(wide, high) > 0] = LIGHT
    shown = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in (level, cover)]
    for plane in shown:
        plane.setflags(write=False)
    return shown[0], shown[1]


def _rounded(wide: int, high: int, inset: float) -> np.ndarray:
    """A rectangle with round corners, `inset` of the height within the edges: float32 (high, wide), 0 or 1."""
    edge, round_by = inset * high, (0.24 - inset) * high
    x = np.abs(np.arange(wide) + 0.5 - wide / 2)[None] - (wide / 2 - edge - round_by)
    y = np.abs(np.arange(high) + 0.5 - high / 2)[:, None] - (high / 2 - edge - round_by)
    inside: np.ndarray = np.hypot(np.maximum(x, 0), np.maximum(y, 0)) <= round_by
    return inside.astype(np.float32)


def letters(wide: int, high: int) -> np.ndarray:
    """The letters A and I: uint8 (high, wide), 0 or 255."""
    plane = np.zeros((high, wide), np.uint8)
    unit, middle = high, wide / 2
    top, foot, half = 0.25 * unit, 0.75 * unit, 0.065 * unit  # of the letters; half a stroke

    def shape(*points: tuple[float, float]) -> None:
        cv2.fillPoly(plane, [np.round(points).astype(np.int32)], 255)

    peak = middle - 0.13 * unit  # of the A; both legs meet there
    for side in (-1, 1):
        end = peak + side * 0.21 * unit
        shape((peak - half, top), (peak + half, top), (end + 1.1 * half, foot), (end - 1.1 * half, foot))
    bar = top + 0.62 * (foot - top)
    shape(
        (peak - 0.15 * unit, bar - 0.8 * half), (peak + 0.15 * unit, bar - 0.8 * half),
        (peak + 0.15 * unit, bar + 0.8 * half), (peak - 0.15 * unit, bar + 0.8 * half),
    )  # fmt: skip
    stem = middle + 0.29 * unit
    shape((stem - half, top), (stem + half, top), (stem + half, foot), (stem - half, foot))
    return plane


def _number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
