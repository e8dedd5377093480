"""A second look: eyes, mouth and face in crops of their own, laid by a first reading of the landmarks.

From them a small network reads what the first look, which sees an eye in some twenty pixels, cannot tell so well:
where the irises are, where the eyes look, how the head is turned, what the face does; and it moves the points of the
lids by what is left between them and the picture (after Grishchenko et al. 2020, "Attention mesh"). Everything comes
with its expected error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from faces.actions import TOLD
from faces.head import rotation_matrix
from faces.landmarks import MIRROR, OUTER_EYES, PUPILS, Closeup, Reading, brightened, crop_matrix, warp_crop
from media.networks import Network
from media.weights import read_weights

EYE, MOUTH, FACE = (48, 64), (48, 64), (96, 96)  # height and width of the crops, pixels
EYE_WIDE = 0.30  # width of the crop of an eye, of the longer side of the face's box
MOUTH_WIDE = 0.55  # and of that of the mouth
FACE_SCALE = 1.4  # side of the crop of the face over the longer side of its box
LIDS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)  # mesh points around the opening of the person's right eye, of the left; the one mirrors the other
LIPS = (61, 291, 0, 17, 13, 14)  # mesh points whose middle is that of the mouth
SMALLEST = 12.0  # pixels of the longer side of a face; smaller ones show no more at a second look
WEIGHTS = Path(__file__).parent / "data" / "closeup.onnx"


@dataclass(frozen=True)
class Frames:
    """Where the crops lie: similarities (2, 3) that take pixels of the picture to those of a crop."""

    eyes: tuple[np.ndarray, np.ndarray]  # the person's right, the left; that of the left is a mirror image
    mouth: np.ndarray
    face: np.ndarray
    angle: float  # radians by which the picture is turned in the crops: the tilt of the line between the eyes


@dataclass(frozen=True)
class Crops:
    """What the network looks at."""

    eyes: np.ndarray  # (2, 48, 64, 3) uint8 RGB
    mouth: np.ndarray  # (48, 64, 3) uint8 RGB
    face: np.ndarray  # (96, 96, 3) uint8 RGB
    shape: np.ndarray  # (478, 3) float32: x, y of the first reading in the crop of the face, -1 to 1; log of its error


def frames_of(points: np.ndarray) -> Frames:
    """Crops for mesh points (478, 2) as they were first read, pixels."""
    right, left = points[OUTER_EYES[0]], points[OUTER_EYES[1]]
    angle = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    box = max(float(np.ptp(points[:468] @ turn.T, axis=0).max()), 1e-3)

    def around(own: Sequence[int], shape: tuple[int, int], wide: float, across: float = 1.0) -> np.ndarray:
        linear = turn * np.array([[across], [1.0]]) * (shape[1] / (wide * box))
        middle = (np.array(shape[::-1]) - 1) / 2
        return np.hstack([linear, (middle - linear @ points[list(own)].mean(0))[:, None]])

    eyes = around(LIDS[0], EYE, EYE_WIDE), around(LIDS[1], EYE, EYE_WIDE, -1.0)
    mouth = around(LIPS, MOUTH, MOUTH_WIDE)
    return Frames(eyes, mouth, crop_matrix(points[:468], FACE[0], FACE_SCALE), angle)


def crops_of(picture: np.ndarray, reading: Reading, frames: Frames) -> Crops:
    """Cut the crops out of a uint8 RGB picture (H, W, 3)."""
    eyes = np.stack([_cut(picture, matrix, EYE) for matrix in frames.eyes])
    mouth = _cut(picture, frames.mouth, MOUTH)
    face = brightened(warp_crop(picture, frames.face, FACE[0]))
    zoom = float(np.hypot(*frames.face[:, 0])) * 2 / FACE[0]
    placed = (reading.points @ frames.face[:, :2].T + frames.face[:, 2]) * (2 / FACE[0]) - 1
    doubt = np.log(np.clip(reading.sigma * zoom, 1e-4, 1.0))[:, None] + 3.5
    shape = np.hstack([np.clip(placed, -3, 3), doubt]).astype(np.float32)
    return Crops(eyes, mouth, face, shape)


def _cut(picture: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A crop (height, width, 3) by a similarity or its mirror image; a square is cut where the picture is shrunk."""
    shrink = float(np.hypot(*matrix[:, 0]))
    if shrink < 0.6:
        square = matrix + np.array([[0, 0, 0], [0, 0, (shape[1] - shape[0]) / 2]])
        margin = (shape[1] - shape[0]) // 2
        return brightened(warp_crop(picture, square, shape[1])[margin : margin + shape[0]])
    return brightened(
        cv2.warpAffine(picture, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def closer(reading: Reading, frames: Frames, eye: np.ndarray, look: np.ndarray, acts: np.ndarray) -> Reading:
    """A reading with what the network says of its crops worked in: eye (2, 36), look (13,) and acts (2, 43), as
    `lab.networks.closeup.CloseupNet` has them."""
    points, sigma = reading.points.astype(np.float64), reading.sigma.copy()

    half = EYE[1] / 2

    def move(index: list[int], matrix: np.ndarray, change: np.ndarray, log_error: float) -> None:
        points[index] += change @ np.linalg.inv(matrix[:, :2]).T * half
        error = float(np.exp(np.clip(log_error, -7, 1))) * half / float(np.hypot(*matrix[:, 0]))
        sigma[index] = np.minimum(sigma[index], error)

    for side, matrix in enumerate(frames.eyes):
        iris = list(range(PUPILS[side], PUPILS[side] + 5))
        middle = (points[iris].mean(0) @ matrix[:, :2].T + matrix[:, 2] - (np.array(EYE[::-1]) - 1) / 2) * 2 / EYE[1]
        move(iris, matrix, eye[side, :2] - middle, eye[side, 2])
        move(list(LIDS[side]), matrix, eye[side, 3:35].reshape(16, 2), eye[side, 35])
    first = look[6:9] / max(float(np.linalg.norm(look[6:9])), 1e-9)
    second = look[9:12] - (first @ look[9:12]) * first
    second = second / max(float(np.linalg.norm(second)), 1e-9)
    turned = np.stack([first, second, np.cross(first, second)], -1)
    closeup = Closeup(
        gaze=(look[:4].reshape(2, 2) * np.array([[1, 1], [-1, 1]])).astype(np.float32),
        gaze_sigma=np.exp(np.clip(look[4:6], -6, 0)).astype(np.float32),
        rotation=rotation_matrix(0.0, 0.0, frames.angle).astype(np.float64) @ turned,
        rotation_sigma=float(np.exp(np.clip(look[12], -6, 0))),
        actions=np.clip(acts[0], 0, 1).astype(np.float32),
        actions_sigma=np.exp(np.clip(acts[1], -5, 0)).astype(np.float32),
    )
    return replace(reading, points=points.astype(np.float32), sigma=sigma.astype(np.float32), closeup=closeup)


class CloseupReader:
    """Looks at faces a second time; weights are loaded once. Arguments as of `LandmarkReader`."""

    def __init__(
        self, weights: Path | str = WEIGHTS, *, engine: str | None = None, precise: bool = False, threads: int = 0
    ) -> None:
        file = read_weights(weights, "closeup")
        kept = file.tensors("shape.", "iris.bias", "lids.bias", "look.bias", "acts.bias")
        self.first = kept["shape.weight"].T, kept["shape.bias"]
        self.bias = np.concatenate([kept["iris.bias"], kept["lids.bias"]]), kept["look.bias"], kept["acts.bias"]
        self.network = Network(file, engine=engine, precise=precise, threads=threads)

    def _run(self, crops: Crops, placed: np.ndarray) -> list[np.ndarray]:
        out = self.network(crops.eyes, crops.mouth[None], crops.face[None], placed)
        return [answer + bias for answer, bias in zip(out, self.bias, strict=True)]

    def look(self, picture: np.ndarray, reading: Reading) -> Reading:
        """A reading of a uint8 RGB picture (H, W, 3), looked at again: irises and lids are laid on those of the
        picture, and `Reading.closeup` tells gaze, turn and actions. Faces too small to show more stay as they were
        read."""
        size = float(np.ptp(reading.points[:468], axis=0).max())
        if not np.isfinite(reading.points).all() or size < SMALLEST:
            return reading
        frames = frames_of(reading.points)
        crops = crops_of(picture, reading, frames)
        weight, bias = self.first
        shapes = np.stack([crops.shape, mirrored_shape(crops.shape)]).reshape(2, -1)
        eye, look, acts = self._run(crops, np.maximum(shapes @ weight + bias, 0))
        return closer(reading, frames, eye, look.reshape(-1), acts.reshape(2, -1))


def mirrored_shape(shape: np.ndarray) -> np.ndarray:
    """The first reading (..., 478, 3) of `Crops` as a mirror shows it."""
    return shape[..., MIRROR, :] * np.array([-1, 1, 1], np.float32)


def mirrored_actions(actions: np.ndarray) -> np.ndarray:
    """Actions (..., 43), as `TOLD` names them, of the same face in a mirror."""
    return actions[..., OTHER_SIDE]


def _other_side(name: str) -> str:
    for one, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name


OTHER_SIDE = [TOLD.index(_other_side(name)) for name in TOLD]
