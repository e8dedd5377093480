"""Both networks once more, for running video: OpenCV for their features, OpenVINO for their layers.

The same weights and the same arithmetic as `nets` (a test holds the two together), but a pattern takes about 1 ms
on one thread, however many threads torch thinks it may use beside renderer and encoder.
"""

import cv2
import numpy as np
import openvino
import torch
from openvino import opset13 as op

from provenance.watermark.chips import CHROMA_GRID, LUMA_CHIPS, LUMA_GRID
from provenance.watermark.nets import (
    COLOUR,
    FLAT,
    INTERPOLATION_LOSS,
    LEAST_FACTOR,
    MOST,
    MOST_COLOUR,
    MOST_FACTOR,
    PSNR,
    TEXTURE,
    TO_RGB,
    TO_YCC,
    WORK,
    Reader,
    Strength,
)

_TO_YCC = np.array(TO_YCC, np.float32)
_TO_RGB = np.array(TO_RGB, np.float32)
# Outputs bear this share of the strength that was trained with. Marks read so well that flat walls, where the eye is
# keenest, can be spared; at this share no message was lost on the validation people at CRF 33.
DOSE = 0.7
SPARED_FROM = 256  # pixels of the shorter side; smaller pictures, where a cell is only a few pixels, bear all of it
_COLOUR = np.array(COLOUR, np.float32)[:, None, None]
_ENERGY = np.square(_TO_RGB).mean(axis=0)


def small_square(frame: np.ndarray) -> np.ndarray:
    """Frame uint8 RGB (H, W, 3) -> float32 (128, 128, 3) in [0, 1]. Stretched: the grid covers the whole picture."""
    shrink = frame.shape[0] >= WORK and frame.shape[1] >= WORK
    square = cv2.resize(frame, (WORK, WORK), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
    return square.astype(np.float32) * np.float32(1 / 255)


def features(square: np.ndarray) -> np.ndarray:
    """As `nets.features`: (128, 128, 3) RGB -> (1, 20, 64, 64)."""
    return _features(cv2.transform(square, _TO_YCC))


def _features(ycc: np.ndarray) -> np.ndarray:
    near = 16 * (ycc - _blurred(ycc, 5))
    luma = ycc[..., 0]
    far = 4 * (luma - _blurred(luma, 21))
    planes = np.stack([near[..., 0], near[..., 1], near[..., 2], far, luma - np.float32(0.5)])
    blocks = planes.reshape(-1, LUMA_GRID, 2, LUMA_GRID, 2).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(blocks.reshape(1, -1, LUMA_GRID, LUMA_GRID))


class FastPattern:
    """Frame -> the keyed pattern at the strength the frame bears.

    Args:
        graph: of the trained network, from `strength_graph`. May be shared; a `FastPattern` may not, among threads.
        signs: chip signs, float32 (6144,).
    """

    def __init__(self, graph: openvino.CompiledModel, signs: np.ndarray) -> None:
        self._luma_signs = signs[:LUMA_CHIPS].reshape(LUMA_GRID, LUMA_GRID)
        self._chroma_signs = signs[LUMA_CHIPS:].reshape(2, CHROMA_GRID, CHROMA_GRID)
        self._infer = graph.create_infer_request()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> what to add, float32 RGB (64, 64, 3) in grey levels."""
        square = small_square(frame)
        ycc = cv2.transform(square, _TO_YCC)
        factor = self._infer.infer([_features(ycc)], share_inputs=True)[0][0]
        seen = thresholds(ycc[..., 0])
        luma = factor[0] * seen
        coarse = _halved(factor[1]), _halved(factor[2])
        chroma = np.stack(coarse) * _halved(np.minimum(seen, np.float32(MOST_COLOUR))) * _COLOUR
        energy = _ENERGY[0] * np.square(luma).mean() + (_ENERGY[1:] * np.square(chroma).mean(axis=(1, 2))).sum()
        gain = np.float32(255 * dose(frame) * min(1.0, 10 ** (-PSNR / 20) / (INTERPOLATION_LOSS * np.sqrt(energy))))
        signed = np.ascontiguousarray((chroma * self._chroma_signs).transpose(1, 2, 0))
        coloured = cv2.resize(signed, (LUMA_GRID, LUMA_GRID), interpolation=cv2.INTER_CUBIC)
        return cv2.transform(np.dstack([luma * self._luma_signs, coloured]) * gain, _TO_RGB)


def dose(frame: np.ndarray) -> float:
    """Share of the trained strength that a frame bears."""
    return DOSE if min(frame.shape[:2]) >= SPARED_FROM else 1.0


def thresholds(luma: np.ndarray) -> np.ndarray:
    """As `nets.thresholds`, of brightness alone: (128, 128) -> (64, 64)."""
    departure = _halved(np.abs(luma - _blurred(luma, 5)))
    texture = np.square(_blurred(np.sqrt(departure + np.float32(1e-8)), 5))
    seen = FLAT * (1 + 0.8 * np.abs(_halved(luma) - 0.4)) + TEXTURE * texture
    return np.minimum(seen, MOST).astype(np.float32, copy=False)


def _blurred(plane: np.ndarray, size: int) -> np.ndarray:
    return cv2.blur(plane, (size, size), borderType=cv2.BORDER_REFLECT_101)


def _halved(plane: np.ndarray) -> np.ndarray:
    """Mean of 2x2 cells."""
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)


class FastReader:
    """As `nets.Reader`: frame -> log likelihood ratios of all chips.

    Args:
        graph: of the trained network, from `reader_graph`. May be shared; a `FastReader` may not, among threads.
    """

    def __init__(self, graph: openvino.CompiledModel) -> None:
        self._infer = graph.create_infer_request()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> float32 (6144,), positive where a chip is +1."""
        return self._infer.infer([features(small_square(frame))], share_inputs=True)[0][0].copy()


def reader_graph(reader: Reader) -> openvino.CompiledModel:
    """`nets.Reader` after its features."""
    source = op.parameter([1, 20, LUMA_GRID, LUMA_GRID], np.float32)
    x = _convolution(source, reader.stem)
    for block in reader.blocks:
        inner = _convolution(op.swish(x), block.first)
        x = op.add(x, _convolution(op.swish(inner), block.second))
    flat = op.constant(np.array([1, -1]))
    parts = [op.reshape(_convolution(x, head), flat, False) for head in (reader.luma, reader.chroma)]
    return _compiled(op.concat(parts, 1), source)


def strength_graph(strength: Strength) -> openvino.CompiledModel:
    """The layers of `nets.Strength`, up to the factors."""
    source = op.parameter([1, 20, LUMA_GRID, LUMA_GRID], np.float32)
    x: openvino.Node = source
    for layer in strength.layers:
        x = _convolution(x, layer) if isinstance(layer, torch.nn.Conv2d) else op.swish(x)
    span = op.constant(np.float32(MOST_FACTOR - LEAST_FACTOR))
    return _compiled(op.add(op.multiply(op.sigmoid(x), span), op.constant(np.float32(LEAST_FACTOR))), source)


def _convolution(x: openvino.Node, layer: torch.nn.Conv2d) -> openvino.Node:
    weight = op.constant(layer.weight.detach().float().cpu().numpy())
    bias = op.constant(layer.bias.detach().float().cpu().numpy().reshape(1, -1, 1, 1))
    pad = list(layer.padding)
    return op.add(op.convolution(x, weight, list(layer.stride), pad, pad, list(layer.dilation)), bias)


def _compiled(output: openvino.Node, source: openvino.Node) -> openvino.CompiledModel:
    """Graphs are built by hand because tracing a torch module would take a second at every start."""
    options = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(openvino.Model([output], [source], "watermark"), "CPU", options)
