"""The painter's and the refiner's networks as OpenVINO graphs, built straight from their tensors.

The reference is torch (`generate.unet.UNet`); nothing is traced, so that a network is ready in a fraction of a second.
Arithmetic is in bfloat16 where the processor has it; convolutions whose inputs' ranges are known (`input_ranges`) are
in 8 bits, weights by channel, which halves their time on processors that multiply bytes. Graphs take and give blocks of
2 x 2 pixels, (B, H / 2, W / 2, 4 C): unshuffling by the graph itself took as long as two convolutions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numba import njit

from media.threads import cores

Ranges = Mapping[str, float]
LEVELS = 256


def graph(tensors: Mapping[str, torch.Tensor], shape: tuple[int, int, int, int], ranges: Ranges | None = None):
    """OpenVINO model of a `UNet` with `tensors`, for inputs of `shape` (B, C, H, W); in 8 bits where `ranges` has a
    convolution. In and out go blocks, float32 (B, H / 2, W / 2, 4 C), rows of a block first, channels last."""
    import openvino
    from openvino import opset13 as ops

    ranges = ranges or {}

    def tensor(name: str) -> np.ndarray:
        values = tensors[name].float().cpu().numpy()
        if name == "enter.weight":  # channels first in torch, last in blocks
            out, inputs, *kernel = values.shape
            values = values.reshape(out, inputs // 4, 4, *kernel).swapaxes(1, 2).reshape(values.shape)
        elif name.startswith("leave."):
            values = values.reshape(-1, 4, *values.shape[1:]).swapaxes(0, 1).reshape(values.shape)
        return np.ascontiguousarray(values)

    def count(name: str) -> int:
        return len({key.split(".")[1] for key in tensors if key.startswith(f"{name}.")})

    def bias(y, name: str):
        return ops.add(y, ops.constant(tensor(f"{name}.bias").reshape(1, -1, 1, 1)))

    def rounded(x, low, high, levels: int):
        low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
        return ops.fake_quantize(x, low, high, low, high, levels)

    def convolution(x, name: str, *, positive: bool):
        weight = tensor(f"{name}.weight")
        filters = ops.constant(weight)
        if name in ranges:
            most = max(ranges[name], 1e-6)
            x = rounded(x, 0.0 if positive else -most, most, LEVELS)
            largest = np.abs(weight).max((1, 2, 3), keepdims=True) + 1e-8
            filters = rounded(filters, -largest, largest, LEVELS - 1)
        return bias(ops.convolution(x, filters, [1, 1], [1, 1], [1, 1], [1, 1]), name)

    def block(x, name: str):
        inner = ops.relu(convolution(ops.relu(x), f"{name}.first", positive=True))
        return ops.add(x, convolution(inner, f"{name}.second", positive=True))

    def blocks(x, level: int):
        for i in range(len({k.split(".")[2] for k in tensors if k.startswith(f"before.{level}.")})):
            x = block(x, f"before.{level}.{i}")
        return x

    batch, channels, height, width = shape
    seen = ops.parameter([batch, height // 2, width // 2, 4 * channels], np.float32)
    x = convolution(ops.transpose(seen, ops.constant(np.array([0, 3, 1, 2]))), "enter", positive=False)
    kept = []
    for level in range(count("down")):
        x = blocks(x, level)
        kept.append(x)
        halved = ops.convolution(x, ops.constant(tensor(f"down.{level}.weight")), [2, 2], [0, 0], [0, 0], [1, 1])
        x = bias(halved, f"down.{level}")
    x = blocks(x, len(kept))
    for level in reversed(range(len(kept))):
        doubled = ops.convolution_backprop_data(
            x,
            ops.constant(tensor(f"up.{level}.weight")),
            strides=[2, 2],
            pads_begin=[0, 0],
            pads_end=[0, 0],
            dilations=[1, 1],
        )
        x = block(ops.add(kept[level], bias(doubled, f"up.{level}")), f"after.{level}")
    answer = ops.transpose(convolution(ops.relu(x), "leave", positive=True), ops.constant(np.array([0, 2, 3, 1])))
    return openvino.Model([answer], [seen])


class Network:
    """A `UNet`, ready to be called.

    Args:
        shape: (B, C, H, W) of what it sees.
        threads: of the processor, that a call may use; 0 for half of what there are, since two networks work at a time.
    """

    def __init__(
        self,
        tensors: Mapping[str, torch.Tensor],
        shape: tuple[int, int, int, int],
        *,
        ranges: Ranges | None = None,
        threads: int = 0,
    ) -> None:
        import openvino

        core = openvino.Core()
        # Pinned, the networks that work side by side would all be pinned to the first core.
        options: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            options["INFERENCE_PRECISION_HINT"] = "bf16"
        options["INFERENCE_NUM_THREADS"] = threads or max(1, cores() // 2)
        self.shape = shape
        self.compiled = core.compile_model(graph(tensors, shape, ranges), "CPU", options)

    def __call__(self, seen: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """What it sees, B pictures of (C, H, W) float32 -> (B, outputs, H, W) float32. Quickest where the channels of a
        pixel lie side by side in memory, as they do in what comes back."""
        batch, channels, height, width = self.shape
        blocks = np.empty((batch, height // 2, width // 2, 4 * channels), np.float32)
        for picture, block in zip(seen, blocks, strict=True):
            _into_blocks(picture.transpose(1, 2, 0), block)
        answer = self.compiled(blocks, share_inputs=True)[0]
        pixels = answer.reshape(batch, height // 2, width // 2, 2, 2, -1).swapaxes(2, 3)
        return pixels.reshape(batch, height, width, -1).transpose(0, 3, 1, 2)


@njit(cache=True, nogil=True)
def _into_blocks(pixels, blocks):
    """(H, W, C) -> (H / 2, W / 2, 4 C)."""
    height, width, channels = pixels.shape
    for y in range(height):
        for x in range(width):
            start = (y % 2 * 2 + x % 2) * channels
            for k in range(channels):
                blocks[y >> 1, x >> 1, start + k] = pixels[y, x, k]
