"""Dense landmarks: a small network that reads 478 mesh points and a face score from a square crop of a face.

The points follow the public 468-point face mesh plus 5 for each iris. The network is EfficientNet-Lite0 with a linear
read-out of its last feature map (design after Wood et al. 2022, "3D face reconstruction with dense landmarks").
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from learning.backbone import MEAN, STD, lite0
from learning.weights import load_weights

POINTS = 478
USUAL_SIGMA = 0.01  # expected error of a point, in units of the crop, of a network that does not know
CROP_SCALE = 1.5  # side of the crop over the longer side of the box of the points
LAST_SCALES = (1.3, 1.5, 1.75)  # crop scales that a careful reading averages over
WEIGHTS = Path(__file__).parent / "data" / "landmarks.safetensors"

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
OUTER_EYES = (33, 263)  # mesh points at the outer eye corners: of the person's right eye, of the left
PUPILS = (468, 473)  # mesh points at the centres of the irises: of the person's right eye, of the left


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
class Reading:
    """What the network sees in one crop, or the mean of several."""

    points: np.ndarray  # (478, 2) float32 mesh points, pixels of the picture
    sigma: np.ndarray  # (478,) float32 expected error of each point in each direction, pixels of the picture
    score: float  # 0 to 1: how sure the network is that this is a face


class LandmarkNet(nn.Module):
    """(B, 3, side, side) float RGB in [0, 1] -> points (B, 478, 2) in units of the crop (0..1), log of their expected
    error (B, 478) in the same unit, score logit (B,)."""

    def __init__(
        self, width: int = 192, side: int = 128, *, uncertainty: bool = False, pretrained: bool = False
    ) -> None:
        super().__init__()
        self.side = side
        self.body = lite0(pretrained=pretrained, num_classes=0, global_pool="")
        self.squeeze = nn.Conv2d(self.body.num_features, width, 1)
        features = width * (side // 32) ** 2
        self.points = nn.Linear(features, POINTS * 2)
        self.log_sigma = nn.Linear(features, POINTS) if uncertainty else None
        self.score = nn.Linear(features, 1)
        nn.init.normal_(self.points.weight, std=1e-3)
        if self.log_sigma is not None:
            nn.init.zeros_(self.log_sigma.weight)
            nn.init.constant_(self.log_sigma.bias, np.log(USUAL_SIGMA))

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        features = nn.functional.silu(self.squeeze(self.body((crops - MEAN) / STD))).flatten(1)
        points = self.points(features).view(-1, POINTS, 2) * 0.25 + 0.5
        if self.log_sigma is None:
            log_sigma = torch.full_like(points[..., 0], float(np.log(USUAL_SIGMA)))
        else:
            log_sigma = self.log_sigma(features)
        return points, log_sigma, self.score(features).squeeze(1)


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
    """Cut a crop out of a uint8 RGB picture; averages where it shrinks, so that fine texture does not alias."""
    zoom = float(np.hypot(*matrix[:, 0]))
    if zoom < 0.6:
        shrink = max(zoom * 1.2, 1e-3)
        size = (max(1, round(picture.shape[1] * shrink)), max(1, round(picture.shape[0] * shrink)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        fx, fy = size[0] / picture.shape[1], size[1] / picture.shape[0]
        inner = matrix.copy()
        inner[:, 0] /= fx
        inner[:, 1] /= fy
        inner[:, 2] += 0.5 * (inner[:, 0] * (1 - fx) + inner[:, 1] * (1 - fy))
        picture, matrix = small, inner
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


class LandmarkReader:
    """Reads landmarks from pictures; weights are loaded once."""

    def __init__(self, weights: Path | str = WEIGHTS) -> None:
        tensors, card = load_weights(weights, "landmarks")
        self.net = LandmarkNet(**card.config)
        self.net.load_state_dict(tensors)
        self.net.eval()
        self.side = self.net.side  # pixels a side of the crops

    @torch.inference_mode()
    def read(self, picture: np.ndarray, matrix: np.ndarray) -> Reading:
        """Read a uint8 RGB picture in one crop, given by `matrix` (2, 3): the mean of the crop and its mirror image."""
        crop = warp_crop(picture, matrix, self.side)
        both = np.stack([crop, crop[:, ::-1]])
        points, log_sigma, score = self.net(torch.from_numpy(both).permute(0, 3, 1, 2).float() / 255)
        straight, mirrored = points.numpy() * self.side - 0.5
        mirrored = mirrored[MIRROR]
        mirrored[:, 0] = self.side - 1 - mirrored[:, 0]
        inverse = cv2.invertAffineTransform(matrix)
        mean = (straight + mirrored) / 2
        sigma = np.exp(log_sigma.numpy()) * self.side * np.hypot(*inverse[:, 0])
        return Reading(
            (mean @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32),
            ((sigma[0] + sigma[1][MIRROR]) / 2).astype(np.float32),
            float(torch.sigmoid(score).mean()),
        )

    def refine(self, picture: np.ndarray, matrix: np.ndarray, passes: int = 2) -> Reading:
        """Read, lay the crop on what was read, read again; the last pass is the mean over crops of several sizes."""
        first = self.read(picture, matrix)
        for _ in range(passes - 1):
            first = self.read(picture, crop_matrix(first.points, self.side))
        readings = [self.read(picture, crop_matrix(first.points, self.side, scale)) for scale in LAST_SCALES]
        return Reading(
            np.mean([r.points for r in readings], axis=0), np.mean([r.sigma for r in readings], axis=0), first.score
        )
