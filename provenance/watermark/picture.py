"""The picture mark at work: `PictureMarker` lays a message over frames, `PictureReader` finds it again."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from learning import load_weights
from provenance.watermark.chips import CHIPS, Chips
from provenance.watermark.code import PICTURE
from provenance.watermark.fast import FastPattern, FastReader, reader_graph, small_square, strength_graph
from provenance.watermark.nets import Watermark

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "watermark.safetensors"


@functools.cache
def load_model(path: Path = WEIGHTS) -> Watermark:
    """The shipped networks, float32, ready to run."""
    tensors, card = load_weights(path, "watermark")
    model = Watermark(**card.config)
    model.load_state_dict(tensors)
    return model.eval()


@functools.cache
def _shipped_graphs() -> tuple[Any, Any]:
    """Strength and reader of the shipped weights, compiled once for all clips and keys."""
    model = load_model()
    return strength_graph(model.strength), reader_graph(model.reader)


def small(frame: np.ndarray) -> torch.Tensor:
    """Frame uint8 RGB (H, W, 3) -> float32 (1, 3, 128, 128) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(small_square(frame).transpose(2, 0, 1))).unsqueeze(0)


@functools.lru_cache(maxsize=4)
def _dither(height: int, width: int) -> np.ndarray:
    """Fixed noise in [-0.5, 0.5), (H, W, 3): rounding must not swallow what is below one grey level.

    Interleaved gradient noise (Jimenez 2014, "Next generation post processing in Call of Duty: Advanced Warfare").
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    noise = np.mod(52.9829189 * np.mod(0.06711056 * x + 0.00583715 * y, 1.0), 1.0) - 0.5
    return np.repeat(noise[..., None], 3, axis=2).astype(np.float32)


def add_pattern(frame: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Frame uint8 RGB (H, W, 3) plus pattern float32 (64, 64, 3) in grey levels, brought to the frame's size."""
    height, width = frame.shape[:2]
    full = cv2.resize(pattern, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.add(full, _dither(height, width), dst=full)
    return cv2.add(frame, full, dtype=cv2.CV_8U)


class PictureMarker:
    """Marks the frames of one clip with one message.

    Args:
        message: 64-bit number, unlike that of any other clip.
        key: the secret watermark key, 32 bytes.
    """

    def __init__(self, message: int, key: bytes, model: Watermark | None = None) -> None:
        signs = Chips.from_key(key, PICTURE.coded_bits).spread(PICTURE.encode(message, key))
        self._pattern = FastPattern(strength_graph(model.strength) if model else _shipped_graphs()[0], signs)

    def mark(self, frame: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> the same, marked, 43 dB or more from the original before rounding."""
        return add_pattern(frame, self._pattern(frame))


@dataclass(frozen=True)
class MarkReading:
    """What was found under one key."""

    message: int | None  # the 64-bit message, None where none could be read
    noticed: bool  # a mark of this key is there, whether or not its message could be read
    p_value: float  # upper bound on the probability that chance alone says so
    pilot_z: float  # correlation with the pilot, in standard deviations of chance
    frames: int  # frames looked at


NOTICED = 1e-6  # the pilot alone is believed below this probability


class PictureReader:
    """Finds the message in the frames of one clip; more frames make it surer.

    Args:
        key: the secret watermark key, 32 bytes.
    """

    def __init__(self, key: bytes, model: Watermark | None = None) -> None:
        self._key = key
        self._reader = FastReader(reader_graph(model.reader) if model else _shipped_graphs()[1])
        self.reset()

    def reset(self, *, attempts: int = 0) -> None:
        """Forget all frames; `attempts` at decoding made before still count in the stated probability of chance."""
        self._soft = np.zeros(CHIPS, np.float64)
        self.attempts = attempts
        self.frames = 0

    def add(self, frame: np.ndarray) -> None:
        """Look at one more frame, uint8 RGB (H, W, 3)."""
        self._soft += self._reader(frame)
        self.frames += 1

    def read(self, key: bytes | None = None) -> MarkReading:
        """What all frames so far say together, under the reader's key or another one."""
        key = self._key if key is None else key
        chips = Chips.from_key(key, PICTURE.coded_bits)
        self.attempts += 1
        z, pilot_p = chips.pilot(self._soft)
        message = PICTURE.decode(chips.gather(self._soft), key)
        chance = self.attempts * (2.0**-PICTURE.tag_bits if message is not None else pilot_p)
        return MarkReading(
            message=message,
            noticed=message is not None or chance < NOTICED,
            p_value=min(1.0, chance),
            pilot_z=z,
            frames=self.frames,
        )

    def bit_accuracy(self, message: int) -> float:
        """Share of the coded bits, before correction, that agree with a known message."""
        chips = Chips.from_key(self._key, PICTURE.coded_bits)
        agree = chips.gather(self._soft) * PICTURE.encode(message, self._key) > 0
        return float(agree.mean())
