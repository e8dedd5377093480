"""Is the detail of a face all of one kind? What was made has another sharpness and grain than what was photographed.

Energies of band-passed brightness and colour in parts of the face, each against the face's own mean, so that lens,
codec and size of the whole say little and differences between its parts say much. (Spectra as evidence: Durall et al.
2020, arXiv 2003.01826; the bands are differences of Gaussians.)
"""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from detect.parts import NAMES, means, part_masks
from detect.picture import SIDE

SIGMAS = (0.0, 0.8, 1.6, 3.2, 6.4)  # pixels: bands lie between neighbours
BANDS = len(SIGMAS) - 1
FLOOR = 0.15  # squared levels of 255 that rounding leaves


@cache
def feature_names() -> tuple[str, ...]:
    """What each number of `frequencies` is."""
    bands = [f"luma{k}" for k in range(BANDS)] + ["chroma0", "chroma1"]
    return tuple([f"{part}_{band}" for part in NAMES for band in bands] + [f"slope{k}" for k in range(BANDS - 1)])


def frequencies(crop: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Features (len(feature_names()),) float32 of a crop, uint8 RGB (SIDE, SIDE, 3), and its mesh points (478, 2)."""
    ycc = cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    bands = _bands(ycc[..., 0])
    colour = [sum(_bands(np.ascontiguousarray(ycc[..., c]))[k] for c in (1, 2)) for k in (0, 1)]
    energy = np.log(means(np.stack([*bands, *colour]), part_masks(mesh, SIDE)) + FLOOR)  # (parts, bands)
    level = energy[:-1].mean(0)  # of the face, without what is around it
    return np.concatenate([(energy - level).ravel(), np.diff(level[:BANDS])]).astype(np.float32)


def _bands(plane: np.ndarray) -> list[np.ndarray]:
    """Squared differences of Gaussians of (H, W), finest first."""
    blurred = [plane if s == 0 else cv2.GaussianBlur(plane, (0, 0), s) for s in SIGMAS]
    return [np.square(a - b) for a, b in pairwise(blurred)]
