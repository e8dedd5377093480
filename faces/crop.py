"""The square around a face that portraits are animated in."""

from dataclasses import dataclass

import cv2
import numpy as np

from faces.fit import FaceParameters

UNIT_512 = 80.0  # pixels between the eyes in a 512 pixel face crop
EYES_AT = 0.43  # height of the eyes in a face crop, as a share of its side


@dataclass(frozen=True)
class Box:
    """A square of a picture, pixels; it may reach beyond the picture's edges."""

    left: float
    top: float
    side: float


def face_box(shape: tuple[int, ...], parameters: FaceParameters) -> Box:
    """The square around a head in a picture of `shape`, moved into the picture where there is room for it."""
    side = float(parameters.scale * 512 / UNIT_512)
    left, top = parameters.centre[0] - side / 2, parameters.centre[1] - side * EYES_AT
    height, width = shape[:2]
    left = float(np.clip(left, 0, width - side)) if width >= side else float((width - side) / 2)
    top = float(np.clip(top, 0, height - side)) if height >= side else float((height - side) / 2)
    return Box(left, top, side)


def face_crop(picture: np.ndarray, parameters: FaceParameters, size: int) -> tuple[np.ndarray, FaceParameters]:
    """The square around a head, resized to `size`, and the head's parameters in it. Beyond the picture's edge the
    edge is repeated."""
    box = face_box(picture.shape, parameters)
    factor = size / box.side
    return box_crop(picture, box, size), parameters.scaled(factor, (-box.left * factor, -box.top * factor))


def box_crop(picture: np.ndarray, box: Box, size: int) -> np.ndarray:
    """A square of a picture, resized to (size, size, 3). Beyond the picture's edge the edge is repeated."""
    factor = size / box.side
    matrix = np.array([[factor, 0, -box.left * factor], [0, factor, -box.top * factor]])
    if factor < 0.7:  # average before shrinking, so that hair and pores do not alias
        picture = cv2.GaussianBlur(picture, (0, 0), 0.45 / factor)
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
