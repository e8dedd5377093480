"""Both networks once more, for running video: OpenCV for their features, OpenVINO for their layers.

The same weights and the same arithmetic as `nets` (a test holds the two together), but a pattern takes about 1 ms
on one thread, however many threads torch thinks it may use beside renderer and encoder.
"""

import cv2
import numpy as np
import openvino
import torch
from openvino import opset13 as op

from provenance.watermark.chips import FINE_GRID, split
from provenance.watermark.geometry import luma, square
from provenance.watermark.nets import (
    FEATURES,
    FLAT,
    INTERPOLATION_LOSS,
    LEAST_FACTOR,
    LEAST_SHARE,
    MOST,
    MOST_FACTOR,
    PSNR,
    TEXTURE,
    Reader,
    Strength,
)


def features(bright: np.ndarray) -> np.ndarray:
    """As `nets.features`: (128, 128) -> (1, 12, 64, 64)."""
    return np.ascontiguousarray(_features(bright)[None])


def _features(bright: np.ndarray) -> np.ndarray:
    near, far = 16 * (bright - _blurred(bright, 5)), 4 * (bright - _blurred(bright, 21))
    blocks = np.stack([near, far, bright - np.float32(0.5)]).reshape(-1, FINE_GRID, 2, FINE_GRID, 2)
    return blocks.transpose(0, 2, 4, 1, 3).reshape(-1, FINE_GRID, FINE_GRID)


class FastPattern:
    """Frame -> the keyed pattern at the strength the frame bears.

    Args:
        graph: of the trained network, from `strength_graph`. May be shared; a `FastPattern` may not, among threads.
        signs: chip signs, float32 (5120,).
    """

    def __init__(self, graph: openvino.CompiledModel, signs: np.ndarray) -> None:
        self._fine, self._coarse = split(signs)
        wide = cv2.resize(self._coarse, (FINE_GRID, FINE_GRID), interpolation=cv2.INTER_NEAREST)
        self._planes = np.stack([self._fine, wide])
        self._infer = graph.create_infer_request()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> what to add to each colour, float32 (64, 64) in grey levels."""
        return self.under(square(luma(frame)))

    def under(self, bright: np.ndarray) -> np.ndarray:
        """The same for brightness laid on the grid, float32 (128, 128) in [0, 1]."""
        shown = np.concatenate([_features(bright), self._planes])[None]
        factor, share = self._infer.infer([shown], share_inputs=True)[0][0]
        amplitude = thresholds(bright) * factor
        wide = _halved(amplitude * np.sqrt(1 - share)) * self._coarse
        pattern = amplitude * np.sqrt(share) * self._fine
        pattern += cv2.resize(wide, (FINE_GRID, FINE_GRID), interpolation=cv2.INTER_CUBIC)
        size = float(np.sqrt(np.square(pattern).mean()))
        return pattern * np.float32(255 * min(1.0, 10 ** (-PSNR / 20) / (INTERPOLATION_LOSS * size)))


def thresholds(bright: np.ndarray) -> np.ndarray:
    """As `nets.thresholds`: (128, 128) -> (64, 64)."""
    departure = _halved(np.abs(bright - _blurred(bright, 5)))
    around = _blurred(np.sqrt(departure + np.float32(1e-8)), 3)
    texture = np.square(cv2.erode(around, np.ones((3, 3), np.uint8)))
    dark = np.maximum(1 - 4 * _halved(bright), np.float32(0))
    return np.minimum(FLAT * (1 + dark) + TEXTURE * texture, MOST).astype(np.float32, copy=False)


def _blurred(plane: np.ndarray, size: int) -> np.ndarray:
    return cv2.blur(plane, (size, size), borderType=cv2.BORDER_REFLECT_101)


def _halved(plane: np.ndarray) -> np.ndarray:
    """Mean of 2x2 cells."""
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)


class FastReader:
    """As `nets.Reader`: brightness laid on the grid -> log likelihood ratios of all chips.

    Args:
        graph: of the trained network, from `reader_graph`. May be shared; a `FastReader` may not, among threads.
    """

    def __init__(self, graph: openvino.CompiledModel) -> None:
        self._infer = graph.create_infer_request()

    def __call__(self, bright: np.ndarray) -> np.ndarray:
        """float32 (128, 128) in [0, 1] -> float32 (5120,), positive where a chip is +1."""
        return self._infer.infer([features(bright)], share_inputs=True)[0][0].copy()


def reader_graph(reader: Reader) -> openvino.CompiledModel:
    """`nets.Reader` after its features."""
    source = op.parameter([1, FEATURES, FINE_GRID, FINE_GRID], np.float32)
    x = _convolution(source, reader.stem)
    for block in reader.blocks:
        inner = _convolution(op.swish(x), block.first)
        x = op.add(x, _convolution(op.swish(inner), block.second))
    flat = op.constant(np.array([1, -1]))
    parts = [op.reshape(_convolution(x, head), flat, False) for head in (reader.fine, reader.coarse)]
    return _compiled(op.concat(parts, 1), source)


def strength_graph(strength: Strength) -> openvino.CompiledModel:
    """The layers of `nets.Strength`, up to factor and share."""
    source = op.parameter([1, FEATURES + 2, FINE_GRID, FINE_GRID], np.float32)
    x: openvino.Node = source
    for layer in strength.layers:
        x = _convolution(x, layer) if isinstance(layer, torch.nn.Conv2d) else op.swish(x)
    low = np.array([LEAST_FACTOR, LEAST_SHARE], np.float32).reshape(1, 2, 1, 1)
    span = np.array([MOST_FACTOR - LEAST_FACTOR, 1 - 2 * LEAST_SHARE], np.float32).reshape(1, 2, 1, 1)
    return _compiled(op.add(op.multiply(op.sigmoid(x), op.constant(span)), op.constant(low)), source)


def _convolution(x: openvino.Node, layer: torch.nn.Conv2d) -> openvino.Node:
    weight = op.constant(layer.weight.detach().float().cpu().numpy())
    bias = op.constant(layer.bias.detach().float().cpu().numpy().reshape(1, -1, 1, 1))
    pad = list(layer.padding)
    return op.add(op.convolution(x, weight, list(layer.stride), pad, pad, list(layer.dilation)), bias)


def _compiled(output: openvino.Node, source: openvino.Node) -> openvino.CompiledModel:
    """Graphs are built by hand because tracing a torch module would take a second at every start."""
    options = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(openvino.Model([output], [source], "watermark"), "CPU", options)
