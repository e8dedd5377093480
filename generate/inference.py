"""The painter's and the refiner's networks as OpenVINO graphs, built straight from their tensors.

The reference is torch (`generate.unet.UNet`); nothing is traced, so that a network is ready in a fraction of a second.
Arithmetic is in bfloat16 where the processor has it; convolutions whose inputs' ranges are known (`input_ranges`) are
in 8 bits, weights by channel, which halves their time on processors that multiply bytes.
"""

from collections.abc import Mapping

import numpy as np
import torch

from learning.threads import cores

Ranges = Mapping[str, float]
LEVELS = 256


def graph(tensors: Mapping[str, torch.Tensor], shape: tuple[int, int, int, int], ranges: Ranges | None = None):
    """OpenVINO model of a `UNet` with `tensors`, for inputs of `shape`; in 8 bits where `ranges` has a convolution."""
    import openvino
    from openvino import opset13 as ops

    ranges = ranges or {}

    def tensor(name: str) -> np.ndarray:
        return np.ascontiguousarray(tensors[name].float().cpu().numpy())

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

    seen = ops.parameter(list(shape), np.float32)
    x = convolution(ops.space_to_depth(seen, "depth_first", 2), "enter", positive=False)
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
    answer = ops.depth_to_space(convolution(ops.relu(x), "leave", positive=True), "depth_first", 2)
    return openvino.Model([answer], [seen])


def compiled(
    tensors: Mapping[str, torch.Tensor],
    shape: tuple[int, int, int, int],
    *,
    ranges: Ranges | None = None,
    threads: int = 0,
):
    """The graph of a `UNet`, ready to be called with (B, C, H, W) float32.

    threads: of the processor, that a call may use; 0 for half of what there are, since two networks work at a time.
    """
    import openvino

    core = openvino.Core()
    # Pinned, the networks that work side by side would all be pinned to the first core.
    options: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    options["INFERENCE_NUM_THREADS"] = threads or max(1, cores() // 2)
    return core.compile_model(graph(tensors, shape, ranges), "CPU", options)
