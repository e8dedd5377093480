"""What somebody without the key can do: copy a mark by averaging, take it off by averaging or by painting anew.
Outcomes as they are."""

import secrets
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.watermark.clips import Clip
from provenance.watermark import attacks
from provenance.watermark.picture import MarkReading, PictureMarker, PictureReader

if TYPE_CHECKING:
    from benchmarks.watermark.suite import Setting


def measure(setting: "Setting", clips: list[Clip]) -> list[Figure]:
    """copied_rate, removed_by_averaging, removed_by_repainting: shares of clips on which the attack succeeds."""
    copied, averaged, repainted = [], [], []
    for number, clip in enumerate(clips):
        key, message = secrets.token_bytes(32), secrets.randbits(64)
        marker = PictureMarker(message, key)
        marked = [marker.mark(frame) for frame in clip]
        mark = _residual(marked)
        other = clips[(number + 1) % len(clips)][::10]
        copied.append(float(_read(attacks.h264([_laid(f, mark) for f in other], 23), key).message == message))
        averaged.append(float(_read([_laid(f, -mark) for f in marked[::10]], key).message is None))
        anew = [_repainted(f) for f in marked[::10]]
        repainted.append(float(_read(anew, key).message is None))
    same = "mean of what a median filter takes off 100 frames"
    return [
        mean_figure(
            "copied_rate", copied, "", better="lower", note=f"{same}, laid over other footage, CRF 23, is read"
        ),
        mean_figure("removed_by_averaging", averaged, "", better="lower", note=f"{same}, taken off again"),
        mean_figure("removed_by_repainting", repainted, "", better="lower", note="half size and back, then denoised"),
    ]


def _residual(frames: Clip) -> np.ndarray:
    """An estimate of the mark without the key, float32 (H, W, 3)."""
    parts = [frame.astype(np.float32) - cv2.medianBlur(frame, 5) for frame in frames]
    return cv2.GaussianBlur(np.mean(parts, axis=0), (0, 0), 1.5)


def _laid(frame: np.ndarray, mark: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(frame + mark), 0, 255).astype(np.uint8)


def _repainted(frame: np.ndarray) -> np.ndarray:
    """What a network that paints pictures anew does to detail, without one."""
    small = attacks.resized(cv2.fastNlMeansDenoisingColored(frame, None, 4, 4, 5, 11), 0.5)
    return cv2.bilateralFilter(attacks.resized(small, 2.0), 9, 20, 7)


def _read(frames: Clip, key: bytes) -> MarkReading:
    reader = PictureReader(key)
    for frame in frames:
        reader.add(frame)
    return reader.read()
