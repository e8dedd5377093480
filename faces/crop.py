"""The square around a face that portraits are animated in.

It lies within the picture: head and shoulders, eyes at a fixed height, 6.4 eye distances a side (the head fills two
thirds of it) where there is room; moved inwards, then made smaller, where there is not, as long as it holds the head.
Only a picture that is narrower than what it shows of the head is filled at its sides, see `faces.filling`.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from faces.filling import filled
from faces.fit import FaceParameters, project
from faces.head import load_head

UNIT_512 = 80.0  # pixels between the eyes in a 512 pixel face crop, where the picture has room for it
EYES_AT = 0.43  # height of the eyes in a face crop, as a share of its side
MARGIN = 0.25  # of a crop's side: what is kept of the picture all around it, for heads that move
HELD = 0.05  # of a crop's side: the outermost of it, which is blurred, because what lies beyond repeats it
BROWS = -0.3  # height above which a head may carry hair, units of the head
HAIR = np.array([1.15, 1.25, 1.15], np.float32)  # how much wider, higher and deeper than the skull it is there


@dataclass(frozen=True)
class Box:
    """A square of a picture, pixels; it may reach beyond the picture's edges."""

    left: float
    top: float
    side: float


def usual_box(shape: tuple[int, ...], parameters: FaceParameters) -> Box:
    """The square of the usual scale around a head, moved into a picture of `shape` where there is room for it. Where
    there is none it reaches beyond: for frames that are laid back into the picture."""
    side = float(parameters.scale * 512 / UNIT_512)
    left, top = parameters.centre[0] - side / 2, parameters.centre[1] - side * EYES_AT
    height, width = shape[:2]
    left = float(np.clip(left, 0, width - side)) if width >= side else float((width - side) / 2)
    top = float(np.clip(top, 0, height - side)) if height >= side else float((height - side) / 2)
    return Box(left, top, side)


def head_box(parameters: FaceParameters) -> tuple[np.ndarray, np.ndarray]:
    """The corners (2,), (2,) of the rectangle around a head, pixels: upper left and lower right. It is that of the
    fitted head from the chin up, a little larger above the brows, for hair of usual height."""
    head = load_head()
    vertices = head.pose_face(parameters.neutral(head), parameters.actions)[head.neck > 0.999]
    hair = vertices[vertices[:, 1] < BROWS] * HAIR
    points, _ = project(np.concatenate([vertices, hair]), parameters)
    return points.min(0), points.max(0)


def face_box(shape: tuple[int, ...], parameters: FaceParameters) -> Box:
    """The square around head and shoulders in a picture of `shape`.

    The usual one where the picture has room for it; else the largest of the picture, as near to the head as it can be;
    larger than that, and so beyond the picture's edges, only where it would cut off what the picture shows of the head.
    """
    usual = usual_box(shape, parameters)
    size = np.array(shape[1::-1], float)
    if usual.side <= size.min():
        return usual
    first, last = (np.clip(corner, 0, size) for corner in head_box(parameters))
    side = min(usual.side, max(float(size.min()), float((last - first).max())))
    corner = parameters.centre - side * np.array([0.5, EYES_AT])
    corner = np.clip(corner, last - side, first)  # holds the head
    spare = size - side
    left, top = (float(c) for c in np.clip(corner, np.minimum(spare, 0), np.maximum(spare, 0)))
    return Box(left, top, side)


def square_box(shape: tuple[int, ...], box: Box) -> Box:
    """The largest square of a picture of `shape`, in whole pixels and with `box` in its middle as nearly as can be;
    `box` itself where it is as large."""
    height, width = shape[:2]
    side = float(min(height, width))
    if box.side >= side:
        return box
    middle = box.left + box.side / 2, box.top + box.side / 2
    left, top = (round(np.clip(m - side / 2, 0, n - side)) for m, n in zip(middle, (width, height), strict=True))
    return Box(float(left), float(top), side)


def face_crop(
    picture: np.ndarray, parameters: FaceParameters, size: int, box: Box | None = None
) -> tuple[np.ndarray, FaceParameters]:
    """A square of a uint8 RGB picture (H, W, 3), `face_box` by default, resized to (size, size, 3), and the head's
    parameters in it."""
    box = face_box(picture.shape, parameters) if box is None else box
    factor = size / box.side
    return box_crop(picture, box, size), parameters.scaled(factor, (-box.left * factor, -box.top * factor))


def box_crop(picture: np.ndarray, box: Box, size: int) -> np.ndarray:
    """A square of a uint8 RGB picture (H, W, 3), resized to (size, size, 3); filled where it is beyond the picture."""
    return _cut(_averaged(picture, size / box.side), box, size, 0)


def crop_around(picture: np.ndarray, box: Box, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`box_crop`, and what lies around it: uint8 RGB (S, S, 3) with `margin_of(size)` pixels more at each side, whose
    middle, the crop itself, is left black."""
    picture = _averaged(picture, size / box.side)
    margin = margin_of(size)
    around = _cut(picture, box, size, margin)
    around[margin : margin + size, margin : margin + size] = 0
    return _cut(picture, box, size, 0), around


def margin_of(size: int) -> int:
    """Pixels at each side of a crop of `size` pixels that are kept of what lies around it."""
    return int(size * MARGIN)


def with_margin(crop: np.ndarray, around: np.ndarray | None) -> np.ndarray:
    """A crop (S, S, 3) uint8 RGB in the middle of what lies around it, as `crop_around` gave it; of its own reflection
    where that is not known. (S + 2 M, S + 2 M, 3), M = `margin_of(S)`."""
    size = crop.shape[0]
    margin = margin_of(size)
    if around is None:
        whole = cv2.copyMakeBorder(crop, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
        whole = filled(whole, (margin, margin, margin + size - 1, margin + size - 1), size)
    else:
        whole = around.copy()
    whole[margin : margin + size, margin : margin + size] = crop
    return whole


def _averaged(picture: np.ndarray, factor: float) -> np.ndarray:
    """A picture that is about to be resized by `factor`, averaged so that hair and pores do not alias."""
    return cv2.GaussianBlur(picture, (0, 0), 0.45 / factor) if factor < 0.7 else picture


def _cut(picture: np.ndarray, box: Box, size: int, margin: int) -> np.ndarray:
    """A square of a picture, resized to `size`, with `margin` pixels more at each side."""
    factor = size / box.side
    left, top = margin - box.left * factor, margin - box.top * factor
    matrix = np.array([[factor, 0, left], [0, factor, top]])
    whole = size + 2 * margin
    flags = cv2.INTER_LINEAR if margin else cv2.INTER_CUBIC  # what is around is seen only as it moves
    crop = cv2.warpAffine(picture, matrix, (whole, whole), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    height, width = picture.shape[:2]
    half = factor / 2  # of a pixel of the picture
    known = (left - half, top - half, left + (width - 1) * factor + half, top + (height - 1) * factor + half)
    return filled(crop, known, size, held=HELD * size if margin else None)
