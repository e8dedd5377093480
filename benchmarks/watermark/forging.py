"""What somebody without the key can do: copy a mark by averaging, take it off by averaging or by painting anew.
Outcomes as they are."""

import secrets

import cv2
import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.suites import Given
from benchmarks.watermark.clips import Clip
from lab import attacks
from provenance.marks.geometry import luma, square
from provenance.marks.nets import FastPattern, FastReader
from provenance.marks.picture import MarkReading, PictureMarker, PictureReader, add_pattern, load_model


def measure(given: Given, clips: list[Clip]) -> list[Figure]:
    """copied_*, removed_*: shares of clips on which the attack succeeds."""
    model = load_model()
    strength, reader = model.strength, FastReader(model.reader)
    done: dict[str, list[float]] = {name: [] for name in WAYS}
    for number, clip in enumerate(clips):
        key, message = secrets.token_bytes(32), secrets.randbits(64)
        marker = PictureMarker(message, key)
        marked = [marker.mark(frame) for frame in clip]
        few, other = marked[::10], clips[(number + 1) % len(clips)][::10]
        mark = _residual(marked)
        signs = np.sign(sum(reader(square(luma(frame))) for frame in few)).astype(np.float32)
        pattern = FastPattern(strength, signs)
        sent = {
            "copied_by_averaging": attacks.h264([_laid(frame, mark) for frame in other], 23),
            "copied_by_reader": attacks.h264([add_pattern(frame, pattern(frame)) for frame in other], 23),
            "removed_by_averaging": [_laid(frame, -mark) for frame in few],
            "removed_by_reader": [add_pattern(frame, -pattern(frame)) for frame in few],
            "removed_by_repainting": [_repainted(frame) for frame in few],
        }
        for name, frames in sent.items():
            read = _read(frames, key).message == message
            done[name].append(float(read == name.startswith("copied")))
    return [mean_figure(name, done[name], "", better="lower", note=note) for name, note in WAYS.items()]


_AVERAGE = "what stands out from its surroundings, averaged over the clip"
_SIGNS = "signs that our own networks, which anybody has, see in some frames"
WAYS = {
    "copied_by_averaging": f"{_AVERAGE}, laid over other footage, CRF 23",
    "copied_by_reader": f"{_SIGNS}, laid over other footage, CRF 23",
    "removed_by_averaging": f"{_AVERAGE}, taken off",
    "removed_by_reader": f"{_SIGNS}, taken off",
    "removed_by_repainting": "half size and back, then denoised",
}


def _residual(frames: Clip) -> np.ndarray:
    """An estimate of the mark by somebody who knows nothing of it, float32 (H, W, 3)."""
    return np.mean([frame.astype(np.float32) - cv2.blur(frame, (25, 25)) for frame in frames], axis=0)


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
