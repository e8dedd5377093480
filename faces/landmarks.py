"""Dense landmarks: a small network that reads 478 mesh points and a face score from a square crop of a face.

The points follow the public 468-point face mesh plus 5 for each iris. The network is EfficientNet-Lite0 with a linear
read-out of its last feature map (design after Wood et al. 2022, "3D face reconstruction with dense landmarks").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from media.networks import Network
from media.weights import read_weights

POINTS = 478
READOUTS = ("points", "log_sigma", "score")  # linear layers whose outputs the network gives, without their bias
USUAL_SIGMA = 0.01  # expected error of a point, in units of the crop, of a network that does not know
CROP_SCALE = 1.5  # side of the crop over the longer side of the box of the points
LAST_SCALES = (1.3, 1.5, 1.75)  # crop scales that a careful reading averages over
DARK = 45.0  # mean level of a crop, of 255, below which it is brightened before it is read
WEIGHTS = Path(__file__).parent / "data" / "landmarks.onnx"

MIDLINE = (
    0,
    1,
    2,
    4,
    5,
    6,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    94,
    151,
    152,
    164,
    168,
    175,
    195,
    197,
    199,
    200,
)
PUPILS = (468, 473)  # mesh points at the centres of the irises, each followed by four around it
OUTER_EYES = (33, 263)  # mesh points at the outer eye corners: of the person's right eye, of the left


def _mirror() -> np.ndarray:
    """Index (478,) of the point that lies where each point would, were the face seen in a mirror.

    The mesh numbers the points of one half (below 248) and of the other (248 to 467) in the same order.
    """
    index = np.arange(POINTS)
    half = [i for i in range(248) if i not in MIDLINE]
    index[half], index[248:468] = np.arange(248, 468), half
    index[468:] = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]
    return index


MIRROR = _mirror()


@dataclass(frozen=True)
class Closeup:
    """What a second look (`faces.closeup`) tells of eyes, head and expression."""

    gaze: np.ndarray  # (2, 2) yaw, pitch of the right and the left eye relative to the head, radians
    gaze_sigma: np.ndarray  # (2,) expected error of these about each axis, radians
    rotation: np.ndarray  # (3, 3) float64 of the head in the picture, see `rotation_matrix`
    rotation_sigma: float  # expected error about each axis, radians
    actions: np.ndarray  # (43,) float32 in [0, 1], those that a mesh tells (`faces.actions.TOLD`)
    actions_sigma: np.ndarray  # (43,) expected errors


@dataclass(frozen=True)
class Reading:
    """What the network sees in one crop, or the mean of several; a second look may have gone over it."""

    points: np.ndarray  # (478, 2) float32 mesh points, pixels of the picture
    sigma: np.ndarray  # (478,) float32 expected error of each point in each direction, pixels of the picture
    score: float  # 0 to 1: how sure the network is that this is a face
    closeup: Closeup | None = None  # of the second look


def crop_matrix(points: np.ndarray, side: int, scale: float = CROP_SCALE, *, upright: bool = True) -> np.ndarray:
    """Similarity (2, 3) that takes picture pixels to those of a crop of `side`, for points (N, 2) in picture pixels.

    With `upright`, the line between the outer eye corners is laid level (needs mesh points).
    """
    points = points[:, :2]
    angle = 0.0
    if upright:
        right, left = points[OUTER_EYES[0]], points[OUTER_EYES[1]]
        angle = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = points @ rotation.T
    low, high = turned.min(0), turned.max(0)
    zoom = side / (scale * float((high - low).max()))
    return np.hstack([rotation * zoom, (side / 2 - zoom * (low + high) / 2)[:, None]])


def warp_crop(picture: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """Cut a crop out of a uint8 RGB picture; averages where it shrinks, so that fine texture does not alias.

    Blocks of whole pixels are averaged, laid out from the picture's own corner, so that a crop that creeps along does
    not make the texture shimmer. Only the part of the picture that the crop sees is touched.
    """
    block = max(1, round(0.83 / max(float(np.hypot(*matrix[:, 0])), 1e-3)))
    if block > 1:
        height, width = picture.shape[:2]
        corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) - matrix[:, 2]
        seen = corners @ np.linalg.inv(matrix[:, :2]).T
        low = np.floor(np.clip(seen.min(0) / block - 2, 0, (np.array([width, height]) - 1) // block)).astype(int)
        high = np.ceil(np.clip(seen.max(0) / block + 2, low + 1, (np.array([width, height]) - 1) // block + 1))
        blocks = high.astype(int) - low
        part = picture[low[1] * block : (low[1] + blocks[1]) * block, low[0] * block : (low[0] + blocks[0]) * block]
        below, right = blocks[1] * block - part.shape[0], blocks[0] * block - part.shape[1]
        if below or right:
            part = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE)
        picture = cv2.resize(part, (int(blocks[0]), int(blocks[1])), interpolation=cv2.INTER_AREA)
        # The middle of block b is pixel (low + b) * block + (block - 1) / 2 of the picture.
        linear = matrix[:, :2] * block
        matrix = np.hstack([linear, (matrix[:, 2] + matrix[:, :2] @ (low * block + (block - 1) / 2))[:, None]])
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def brightened(picture: np.ndarray) -> np.ndarray:
    """A uint8 RGB picture whose mean lies below `DARK`, multiplied up to it (at most eightfold); others as they are."""
    level = float(np.mean(cv2.mean(picture)[:3]))
    if level >= DARK:
        return picture
    return cv2.convertScaleAbs(cv2.GaussianBlur(picture, (0, 0), 0.7), alpha=min(8.0, DARK / max(level, 1.0)))


class LandmarkReader:
    """Reads landmarks from pictures; weights are loaded once.

    Args:
        engine: what runs the network, see `media.networks`; None: the one that is set.
        precise: keep OpenVINO in float32 where it would take bfloat16.
        threads: processor threads a call may use; 0 lets the engine choose.
    """

    def __init__(
        self, weights: Path | str = WEIGHTS, *, engine: str | None = None, precise: bool = False, threads: int = 0
    ) -> None:
        file = read_weights(weights, "landmarks")
        self.side = int(file.card.config["side"])  # pixels a side of the crops
        kept = file.tensors(*(f"{name}.bias" for name in READOUTS))
        # Added here, in float32: rounded to bfloat16 with what they are added to, points would be seen to jitter.
        self.bias = np.concatenate([kept[f"{name}.bias"] for name in READOUTS if f"{name}.bias" in kept])
        self.network = Network(file, engine=engine, precise=precise, threads=threads)

    def _run(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        out = self.network(crops)[0] + self.bias
        points = out[:, : POINTS * 2].reshape(-1, POINTS, 2) * 0.25 + 0.5
        log_sigma = out[:, POINTS * 2 : -1]
        if not log_sigma.shape[1]:
            log_sigma = np.full(points.shape[:2], np.log(USUAL_SIGMA), np.float32)
        return points, log_sigma, out[:, -1]

    def read(self, picture: np.ndarray, matrix: np.ndarray, *, mirror: bool = True) -> Reading:
        """Read a uint8 RGB picture in one crop, given by `matrix` (2, 3): the mean of the crop and its mirror image,
        or, without `mirror`, the crop alone in half the time."""
        return self.read_many(picture, [matrix], mirror=mirror)[0]

    def read_many(self, picture: np.ndarray, matrices: Sequence[np.ndarray], *, mirror: bool = True) -> list[Reading]:
        """Read several crops of one picture in one go."""
        if not len(matrices):
            return []
        crops = np.stack([brightened(warp_crop(picture, matrix, self.side)) for matrix in matrices])
        count = len(crops)
        points, log_sigma, logit = self._run(np.concatenate([crops, crops[:, :, ::-1]]) if mirror else crops)
        points, sigma = points * self.side - 0.5, np.exp(np.clip(log_sigma, -12, 0)) * self.side
        score = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        if mirror:
            back = points[count:, MIRROR]
            back[..., 0] = self.side - 1 - back[..., 0]
            points, sigma = (points[:count] + back) / 2, (sigma[:count] + sigma[count:, MIRROR]) / 2
            score = (score[:count] + score[count:]) / 2
        readings = []
        for one, error, sure, matrix in zip(points, sigma, score, matrices, strict=True):
            inverse = cv2.invertAffineTransform(np.asarray(matrix, np.float64))
            readings.append(
                Reading(
                    (one @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32),
                    (error * np.hypot(*inverse[:, 0])).astype(np.float32),
                    float(sure),
                )
            )
        return readings

    def refine(self, picture: np.ndarray, matrix: np.ndarray, passes: int = 2) -> Reading:
        """Read, lay the crop on what was read, read again; the last pass is the mean over crops of several sizes."""
        first = self.read(picture, matrix)
        for _ in range(passes - 1):
            first = self.read(picture, crop_matrix(first.points, self.side))
        readings = self.read_many(picture, [crop_matrix(first.points, self.side, scale) for scale in LAST_SCALES])
        points, sigma = (np.mean([getattr(r, name) for r in readings], axis=0) for name in ("points", "sigma"))
        return Reading(points, sigma, first.score)
