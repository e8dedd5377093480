"""Who a face is, as 128 numbers: the closer two embeddings, the more alike the faces.

Made to measure whether a renderer keeps a person's likeness. It has learned from people who do not exist and a few
volunteers; it is no tool to identify people, and far too weak for that.

recogniser = Recogniser()
alike = float(recogniser.embed(a, track_a) @ recogniser.embed(b, track_b))      # -1 to 1
"""

from pathlib import Path

import cv2
import numpy as np

from faces.landmarks import warp_crop
from faces.track import Track
from media.errors import UsageError
from media.networks import Network

WEIGHTS = Path(__file__).parent / "data" / "recognition.onnx"
SIDE = 112  # pixels a side of the crops
# Where the middles of the eyes, the tip of the nose and the corners of the mouth lie in a crop, shares of its side: the
# places of ArcFace (Deng et al. 2019, arXiv 1801.07698), a fifth nearer, so that hair tells little.
PLACES = 0.5 + 1.2 * (
    np.array([(38.3, 51.6), (73.7, 51.6), (56.0, 71.7), (41.4, 92.3), (70.6, 92.3)]) / 112 - (0.5, 0.58)
)
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))  # mesh points around the person's right and left eye
NOSE, CORNERS = 4, (61, 291)


def anchors(points: np.ndarray) -> np.ndarray:
    """Mesh points (478, >=2) -> the five points (5, 2) that crops are aligned by."""
    points = points[:, :2].astype(np.float64)
    return np.stack([*(points[list(eye)].mean(0) for eye in EYES), points[NOSE], *points[list(CORNERS)]])


def aligned_matrix(points: np.ndarray, side: int = SIDE, room: float = 1.0) -> np.ndarray:
    """Similarity (2, 3) from picture pixels to those of a crop of `side` that lays the mesh points (478, >=2) on
    `PLACES` (least squares, Umeyama 1991); `room` is how much more than those crops it shows."""
    source = anchors(points)
    target = ((PLACES - 0.5) / room + 0.5) * side
    a, b = source - source.mean(0), target - target.mean(0)
    spread = np.square(a).sum()
    cos, sin = (a * b).sum() / spread, (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / spread
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.hstack([linear, (target.mean(0) - linear @ source.mean(0))[:, None]])


class Recogniser:
    """Embeds faces; weights are loaded once.

    Args:
        engine: what runs the network, see `media.networks`; None: the one that is set.
        threads: processor threads a call may use; 0 lets the engine choose.
    """

    def __init__(self, weights: Path | str = WEIGHTS, *, engine: str | None = None, threads: int = 0) -> None:
        self.network = Network.load(weights, "recognition", engine=engine, precise=True, threads=threads)
        self.card = self.network.card

    def embed(self, picture: np.ndarray, face: Track | np.ndarray) -> np.ndarray:
        """Embed one face: the mean of its crop and the crop's mirror image.

        Args:
            picture: uint8 RGB (H, W, 3).
            face: its track, or its mesh points (478, >=2) in pixels.

        Returns: (128,) float32 of length 1.

        Raises:
            UsageError: the picture or the points are of another kind, or the points lie all in one place.
        """
        points = face.landmarks if isinstance(face, Track) else face
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
            raise UsageError(f"a picture of {picture.dtype} {picture.shape} was given; uint8 (H, W, 3) RGB is needed")
        if points.ndim != 2 or points.shape[0] != 478 or points.shape[1] < 2 or not np.isfinite(points).all():
            raise UsageError(f"mesh points of shape {points.shape} were given; 478 finite points are needed")
        if np.ptp(anchors(points), axis=0).max() < 2:
            raise UsageError("the mesh points lie in one place; a face of at least a few pixels is needed")
        crop = warp_crop(picture, aligned_matrix(points), SIDE)
        both = np.stack([crop, cv2.flip(crop, 1)])
        one, other = self.network(both)[0]
        mean = one + other
        unit: np.ndarray = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return unit


def verification(genuine: np.ndarray, impostors: np.ndarray) -> dict[str, float]:
    """How well likeness tells pairs of one person, (G,), from pairs of two, (I,): the area under the curve of true over
    false positives, and the share of genuine pairs accepted where 1% of the impostors are. Without pairs of both kinds
    nothing is told apart: 0.5 and 0."""
    if not len(genuine) or not len(impostors):
        return {"auc": 0.5, "tpr_fpr1": 0.0}
    below = np.searchsorted(np.sort(impostors), genuine, side="left")
    ties = np.searchsorted(np.sort(impostors), genuine, side="right") - below
    auc = float((below + 0.5 * ties).mean() / len(impostors))
    return {"auc": auc, "tpr_fpr1": float((genuine > np.quantile(impostors, 0.99)).mean())}
