"""The tracker's networks as OpenVINO graphs, built straight from their tensors.

The reference is torch (`LandmarkNet`, `FinderNet`); nothing is traced or converted, so that a tracker is ready in a
fraction of a second. Batch normalisation is folded into the convolutions before it. Inference runs in bfloat16 where
the processor has it, except for the last layer, whose rounding would be seen as jitter: read-outs leave the graph
without their bias, which is added in float32.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

BN_EPSILON = 1e-3  # of every batch normalisation inside the backbone (TensorFlow's value)
MIX_EPSILON = 1e-5  # of those of the finder's own layers (torch's default)
DOWN = (1, 2, 3, 5)  # stages of EfficientNet-Lite0 that halve the picture

Tensors = Mapping[str, np.ndarray]


@cache
def _opset():
    from openvino import opset13

    return opset13


def _convolution(x, weight: np.ndarray, bias: np.ndarray | None, stride: int = 1, pad: int | None = None):
    """Convolution with padding as TensorFlow's SAME, or of `pad` pixels; depth-wise where `weight` (O, 1, k, k) says
    so."""
    ops, steps = _opset(), ([stride, stride], [0, 0], [0, 0], [1, 1])
    weight = np.ascontiguousarray(weight, np.float32)
    if pad is not None:
        y = ops.convolution(x, ops.constant(weight), [stride, stride], [pad, pad], [pad, pad], [1, 1])
    elif weight.shape[1] == 1 and weight.shape[0] > 1:
        y = ops.group_convolution(x, ops.constant(weight[:, None]), *steps, auto_pad="same_upper")
    else:
        y = ops.convolution(x, ops.constant(weight), *steps, auto_pad="same_upper")
    if bias is None:
        return y
    return ops.add(y, ops.constant(np.ascontiguousarray(bias, np.float32).reshape(1, -1, 1, 1)))


def _normed(x, tensors: Tensors, conv: str, norm: str, stride: int = 1, epsilon: float = BN_EPSILON):
    """Convolution and the batch normalisation after it, folded into one."""
    gain = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + epsilon)
    weight = tensors[f"{conv}.weight"] * gain.reshape(-1, 1, 1, 1)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * gain
    if f"{conv}.bias" in tensors:
        bias = bias + tensors[f"{conv}.bias"] * gain
    return _convolution(x, weight, bias, stride)


def _relu6(x):
    return _opset().clamp(x, 0.0, 6.0)


def _silu(x):
    return _opset().swish(x)


def _body(x, tensors: Tensors, taps: tuple[int, ...]) -> list:
    """EfficientNet-Lite0 (timm's names, under "body.") -> the maps after the stages `taps`."""
    x = _relu6(_normed(x, tensors, "body.conv_stem", "body.bn1", 2))
    maps = []
    for stage in range(7):
        block = 0
        while f"body.blocks.{stage}.{block}.conv_pw.weight" in tensors:
            name = f"body.blocks.{stage}.{block}"
            stride = 2 if stage in DOWN and block == 0 else 1
            if stage == 0:  # depth-wise, then point-wise
                y = _relu6(_normed(x, tensors, f"{name}.conv_dw", f"{name}.bn1"))
                x = _normed(y, tensors, f"{name}.conv_pw", f"{name}.bn2")
            else:
                y = _relu6(_normed(x, tensors, f"{name}.conv_pw", f"{name}.bn1"))
                y = _relu6(_normed(y, tensors, f"{name}.conv_dw", f"{name}.bn2", stride))
                y = _normed(y, tensors, f"{name}.conv_pwl", f"{name}.bn3")
                x = _opset().add(x, y) if block > 0 else y
            block += 1
        if stage in taps:
            maps.append(x)
    return maps


def _pictures(shape: list[int]):
    """Parameter for uint8 RGB pictures (B, H, W, 3) -> (parameter, float (B, 3, H, W) in [-1, 1])."""
    ops = _opset()
    entry = ops.parameter(shape, np.uint8)
    x = ops.transpose(ops.convert(entry, "f32"), ops.constant(np.array([0, 3, 1, 2])))
    return entry, ops.subtract(ops.multiply(x, np.float32(1 / 127.5)), np.float32(1))


def landmark_graph(tensors: Tensors, side: int):
    """`LandmarkNet`: uint8 (B, side, side, 3) -> what its read-outs give before their bias, (B, points * 2 (+ points)
    + 1) float32: points, log of the expected error where the network knows it, score."""
    import openvino

    ops = _opset()
    entry, x = _pictures([-1, side, side, 3])
    x = _body(x, tensors, (6,))[0]
    x = _relu6(_normed(x, tensors, "body.conv_head", "body.bn2"))
    x = _silu(_convolution(x, tensors["squeeze.weight"], tensors["squeeze.bias"]))
    x = ops.reshape(x, ops.constant(np.array([0, -1])), special_zero=True)
    weight = np.concatenate([tensors[f"{name}.weight"] for name in readouts(tensors)]).astype(np.float32)
    if "mix.weight" in tensors:  # the read-outs of a network of low rank share a linear layer
        weight = weight @ tensors["mix.weight"].astype(np.float32)
    return openvino.Model([ops.matmul(x, ops.constant(weight), False, True)], [entry], "landmarks")


def readouts(tensors: Tensors) -> list[str]:
    """Names of the linear layers whose outputs `landmark_graph` gives, in their order."""
    return [name for name in ("points", "log_sigma", "score") if f"{name}.weight" in tensors]


def finder_graph(tensors: Tensors):
    """`FinderNet`: uint8 (B, H, W, 3), H and W multiples of 32 -> (B, 2, H/8, W/8) float32."""
    import openvino

    ops = _opset()
    entry, x = _pictures([-1, -1, -1, 3])
    maps = [
        _convolution(m, tensors[f"lateral.{i}.weight"], tensors[f"lateral.{i}.bias"])
        for i, m in enumerate(_body(x, tensors, (2, 4, 6)))
    ]
    total = maps[-1]
    for finer in reversed(maps[:-1]):
        total = ops.add(finer, _doubled(total))
    for conv, norm in (("mix.0", "mix.1"), ("mix.3", "mix.4")):
        total = _silu(_normed(total, tensors, conv, norm, epsilon=MIX_EPSILON))
    total = _convolution(total, tensors["head.weight"], tensors["head.bias"] + (0.0, 4.0))
    return openvino.Model([total], [entry], "finder")


def closeup_graph(tensors: Tensors):
    """`CloseupNet.judge` for one face: uint8 eyes (2, 48, 64, 3), face (1, 96, 96, 3), float32 (2, 160) -> what its
    read-outs give before their bias: (2, 36), (1, 13)."""
    import openvino

    from faces.closeup import EYE, FACE

    ops = _opset()

    def linear(x, *names: str, bias: bool = True):
        weight = np.concatenate([tensors[f"{name}.weight"] for name in names]).astype(np.float32)
        y = ops.matmul(x, ops.constant(weight), False, True)
        return ops.add(y, ops.constant(tensors[f"{names[0]}.bias"].astype(np.float32))) if bias else y

    def part(name: str, count: int, shape: tuple[int, int]):
        entry, x = _pictures([count, *shape, 3])
        layer, before = 0, 3
        while f"{name}.body.{layer}.weight" in tensors:
            weight = tensors[f"{name}.body.{layer}.weight"]
            stride = 1 if len(weight) == before else 2
            gain = tensors[f"{name}.body.{layer + 1}.weight"]
            gain = gain / np.sqrt(tensors[f"{name}.body.{layer + 1}.running_var"] + MIX_EPSILON)
            shift = tensors[f"{name}.body.{layer + 1}.bias"] - tensors[f"{name}.body.{layer + 1}.running_mean"] * gain
            x = ops.relu(_convolution(x, weight * gain.reshape(-1, 1, 1, 1), shift, stride, pad=1))
            layer, before = layer + 3, len(weight)
        x = ops.relu(_convolution(x, tensors[f"{name}.squeeze.weight"], tensors[f"{name}.squeeze.bias"]))
        x = ops.reshape(x, ops.constant(np.array([count, -1])), special_zero=False)
        return entry, ops.relu(linear(x, f"{name}.out"))

    placed = ops.parameter([2, len(tensors["shape.bias"])], np.float32, name="placed")
    own = ops.slice(placed, np.array([0]), np.array([1]), np.array([1]), np.array([0]))
    (eyes, seen), (face, whole) = part("eye", 2, EYE), part("face", 1, FACE)
    eye = linear(ops.relu(linear(ops.concat([seen, placed], 1), "mix_eye")), "iris", "lids", bias=False)
    both = ops.reshape(seen, ops.constant(np.array([1, -1])), special_zero=False)
    look = linear(ops.relu(linear(ops.concat([both, whole, own], 1), "mix")), "look", bias=False)
    return openvino.Model([eye, look], [eyes, face, placed], "closeup")


def region_graph(tensors: Tensors, side: int, taps: tuple[int, ...]):
    """`RegionNet`: uint8 (1, side, side, 3) -> logits (1, kinds, side / 2, side / 2)."""
    import openvino

    ops = _opset()

    def conv(x, name: str, pad: int = 0):
        return _convolution(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], pad=pad)

    entry, x = _pictures([1, side, side, 3])
    maps = _body(x, tensors, taps)
    last = len(maps) - 1
    x = ops.relu(conv(maps[last], f"decoder.lateral.{last}"))
    x = ops.relu(conv(ops.add(x, ops.relu(conv(x, "decoder.context", 2))), f"decoder.mix.{last}", 1))
    for level in reversed(range(last)):
        x = ops.relu(ops.add(_doubled(conv(x, f"decoder.down.{level}")), conv(maps[level], f"decoder.lateral.{level}")))
        x = ops.relu(conv(x, f"decoder.mix.{level}", 1))
    return openvino.Model([conv(x, "decoder.out")], [entry], "regions")


def patch_graph(tensors: Tensors, side: int, stage: int):
    """A backbone up to `stage` and two point-wise layers, "squeeze" and "out": uint8 (B, side, side, 3) -> logits of
    the places (B, outputs, h, w), and the mean over the places of what they were read from (B, width)."""
    import openvino

    ops = _opset()
    entry, x = _pictures([-1, side, side, 3])
    x = _body(x, tensors, (stage,))[0]
    x = _relu6(_convolution(x, tensors["squeeze.weight"], tensors["squeeze.bias"]))
    mean = ops.reduce_mean(x, ops.constant(np.array([2, 3])), False)
    return openvino.Model([_convolution(x, tensors["out.weight"], tensors["out.bias"]), mean], [entry], "patches")


def _doubled(x):
    """Twice as high and wide, by repetition."""
    return _opset().interpolate(
        x,
        np.array([2.0, 2.0], np.float32),
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=np.array([2, 3]),
    )


def plain(tensors: Mapping[str, "torch.Tensor"]) -> dict[str, np.ndarray]:
    """Tensors of a weight file as arrays."""
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def compiled(graph, *, precise: bool = False, threads: int = 0):
    """Compile a graph for this processor; in float32 where `precise`. `threads`: 0 lets OpenVINO choose."""
    import openvino

    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if not precise and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    options |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
    return core.compile_model(graph, "CPU", options)
