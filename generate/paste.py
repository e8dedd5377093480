"""Face crops, animated, back in the picture they were cut from."""

import cv2
import numpy as np

from faces.crop import Box

BORDER = 0.06  # share of a crop's side over which it fades into the picture
LONGEST = 1280  # pixels of a picture's longer side; larger pictures are made smaller


class Paste:
    """Lays frames of one face crop into the whole picture, so that no edge is seen.

    Args:
        picture: uint8 RGB (H, W, 3).
        box: the square of it that the frames show, pixels; what is beyond the picture is left out.
        size: side of the frames, pixels.
        shown: width and height of what is made, pixels; the picture's, `LONGEST` at most and even, when left out.
    """

    def __init__(self, picture: np.ndarray, box: Box, size: int, shown: tuple[int, int] | None = None) -> None:
        width, height = _shown(picture.shape) if shown is None else shown
        shrinks = width <= picture.shape[1]
        self.still = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        across, down = width / picture.shape[1], height / picture.shape[0]
        left, top = box.left * across, box.top * down
        x0, y0 = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
        x1 = min(width, int(np.ceil(left + box.side * across)))
        y1 = min(height, int(np.ceil(top + box.side * down)))
        self.where = np.s_[y0:y1, x0:x1]
        step = np.array([box.side * across, box.side * down]) / size  # pixels of the picture a pixel of the frame
        # Pixel (x, y) of the part, from its middle, lies at ((x + 0.5 + x0 - left) / step - 0.5) of the frame.
        self.matrix = np.array([
            [1 / step[0], 0, (0.5 + x0 - left) / step[0] - 0.5],
            [0, 1 / step[1], (0.5 + y0 - top) / step[1] - 0.5],
        ])  # fmt: skip
        self.blur = 0.45 / float(step[0]) if step[0] < 0.7 else 0.0  # average before shrinking
        self.weight = self._weight(size, (y1 - y0, x1 - x0), (y0 > 0, y1 < height, x0 > 0, x1 < width))

    def _weight(self, size: int, shape: tuple[int, int], inner: tuple[bool, bool, bool, bool]) -> np.ndarray:
        """1 in the crop's middle, fading to 0 at those of its edges that lie inside the picture: (h, w, 1)."""
        axis = (np.arange(size) + 0.5) / size
        up, down, before, after = (np.clip(a / BORDER, 0, 1) for a in (axis, axis[::-1], axis, axis[::-1]))
        one = np.ones(size)
        rows = np.minimum(up if inner[0] else one, down if inner[1] else one)
        columns = np.minimum(before if inner[2] else one, after if inner[3] else one)
        ramp = np.minimum(rows[:, None], columns[None]).astype(np.float32)
        ramp = ramp * ramp * (3 - 2 * ramp)
        return self._into_place(ramp, shape)[..., None]

    def _into_place(self, frame: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        if self.blur:
            frame = cv2.GaussianBlur(frame, (0, 0), self.blur)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(frame, self.matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The whole picture, uint8 RGB, with a frame (size, size, 3) uint8 in place of its face crop."""
        whole = self.still.copy()
        part = whole[self.where]
        placed = self._into_place(frame, part.shape[:2])
        part[:] = np.clip(part + self.weight * (placed.astype(np.float32) - part) + 0.5, 0, 255).astype(np.uint8)
        return whole


def _shown(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height at which a picture of `shape` is shown; video needs even sides."""
    shrink = min(1.0, LONGEST / max(shape[:2]))
    height, width = (max(2, round(n * shrink) // 2 * 2) for n in shape[:2])
    return width, height
