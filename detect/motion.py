"""Does a face change in time as faces do? Of crops that follow it: how much each part changes between frames, how much
of that is fine, how steady it is, and how its points tremble. Nothing here depends on where it looks or what it says,
since no two data sets agree on that.
"""

from functools import cache

import cv2
import numpy as np

from detect.parts import NAMES, means
from faces.landmarks import POINTS

SIDE = 96  # pixels a side of the crops
SHORTEST = 16  # frames under which nothing is said
GROUPS = {
    "eyes": (33, 133, 159, 145, 263, 362, 386, 374),
    "mouth": (61, 291, 13, 14, 0, 17),
    "nose": (1, 4, 195, 98, 327),
}
FLOOR = 0.05  # levels of 255


@cache
def feature_names() -> tuple[str, ...]:
    """What each number of `motion_features` is."""
    parts = [f"{part}_{what}" for what in ("change", "fine", "unsteady") for part in NAMES]
    return (*parts, *(f"tremble_{g}" for g in GROUPS), "tremble_ratio", "follows_mouth", "level")


def change(before: np.ndarray, now: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """What changed between two grey crops, float32 (SIDE, SIDE), in each part: (parts, 2), the mean size of all of it
    and of its fine half."""
    difference = now - before
    difference = difference - cv2.GaussianBlur(difference, (0, 0), 12.0)  # exposure
    fine = difference - cv2.GaussianBlur(difference, (0, 0), 1.5)
    return means(np.stack([np.abs(difference), np.abs(fine)]), masks)


def motion_features(changes: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    """Features (len(feature_names()),) float32 of T frames in a row; None where they are too few.

    Args:
        changes: (T - 1, parts, 2) of `change`.
        points: (T, 478, 2) mesh points in units of the face, levelled.
    """
    if len(points) < SHORTEST:
        return None
    sizes = np.log(changes + FLOOR)
    level = sizes[:, :-1].mean((0, 1))
    mean, spread = sizes.mean(0), sizes.std(0)
    fine = mean[:, 1] - mean[:, 0]
    jerk = np.diff(points, 3, axis=0)
    tremble = [np.log(np.abs(jerk[:, list(g)]).mean() + 1e-5) for g in GROUPS.values()]
    opening = np.abs(np.diff(points[:, 14, 1] - points[:, 13, 1]))
    follows = _correlation(opening, sizes[:, [NAMES.index("cheek_right"), NAMES.index("cheek_left")], 0].mean(1))
    return np.concatenate([
        mean[:, 0] - level[0], fine - fine[:-1].mean(), spread[:, 0],
        tremble, [tremble[1] - tremble[2], follows, level[1] - level[0]],
    ]).astype(np.float32)  # fmt: skip


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


assert max(max(g) for g in GROUPS.values()) < POINTS
