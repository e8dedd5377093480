"""ONNX graphs, built straight from tensors.

Every tensor keeps the name it has in training and the type it is stored in, so that a file serves twice: an engine runs
it, and training starts from it. Batch normalisation stays a node of its own, which engines fold into the convolution
before it; half floats are cast to float32, which engines do once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR = 18, 8
BN_EPSILON = 1e-3  # of every batch normalisation inside EfficientNet-Lite0 (TensorFlow's value)
EPSILON = 1e-5  # torch's default
DOWN = (1, 2, 3, 5)  # stages of EfficientNet-Lite0 that halve the picture
Shape = Sequence[int | str]


class Graph:
    """A graph that grows. Values are known by their names.

    Args:
        tensors: all that goes into the file, by name.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.tensors = tensors
        self.prefix = self._own = ""  # of names in the part that is being built, and of its tensors' names
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._cast: dict[str, str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def part(self, name: str, *, tensors: str | None = None) -> "Graph":
        """What follows belongs to the network of this name; its tensors' names begin with `tensors`, or "name."."""
        self.prefix = f"{name}."
        self._own = self.prefix if tensors is None else tensors
        return self

    def input(self, name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> str:
        """An input of the part."""
        self._inputs.append(helper.make_tensor_value_info(self.prefix + name, kind, list(shape)))
        return self.prefix + name

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Let a value, float32, leave the part under a name."""
        self._add("Identity", [value], [self.prefix + name])
        self._outputs.append(helper.make_tensor_value_info(self.prefix + name, TensorProto.FLOAT, list(shape)))

    def has(self, name: str) -> bool:
        """Is there a tensor of this name in the part?"""
        return self._own + name in self.tensors

    def array(self, name: str) -> np.ndarray:
        """A tensor of the part, float32."""
        return self.tensors[self._own + name].astype(np.float32)

    def tensor(self, name: str) -> str:
        """A tensor of the part as a float32 value."""
        name = self._own + name
        if self.tensors[name].dtype == np.float32:
            return name
        key = self.prefix + name
        if key not in self._cast:
            self._cast[key] = self._add("Cast", [name], [f"{self.prefix}float.{len(self._nodes)}"], to=1)
        return self._cast[key]

    def constant(self, values: Any, kind: type = np.float32) -> str:
        """Numbers that belong to the graph alone."""
        name = f"/{self.prefix}{len(self._constants)}"
        self._constants[name] = np.asarray(values, kind)
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output."""
        return self._add(kind, list(inputs), [f"{self.prefix}{len(self._nodes)}"], **attributes)

    def _add(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        name = f"{self.prefix}{kind}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, outputs, name, **attributes))
        return outputs[0]

    def model(self) -> onnx.ModelProto:
        """The whole, checked; without a card."""
        kept = [numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in self.tensors.items()]
        kept += [numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in self._constants.items()]
        graph = helper.make_graph(self._nodes, "vasari", self._inputs, self._outputs, kept)
        model = helper.make_model(
            graph, producer_name="vasari", ir_version=IR, opset_imports=[helper.make_opsetid("", OPSET)]
        )
        onnx.checker.check_model(model)
        return model

    def convolution(
        self, x: str, name: str, *, stride: int = 1, pad: int | None = None, dilation: int = 1, weight: str = ""
    ) -> str:
        """Convolution over all axes but two, padded as TensorFlow's SAME or by `pad`; depth-wise where the weight has
        one input channel and several outputs. `weight`: a value to take in the place of its own."""
        shape = self.tensors[f"{self._own}{name}.weight"].shape
        axes = len(shape) - 2
        groups = shape[0] if shape[1] == 1 and shape[0] > 1 else 1
        where = {"auto_pad": "SAME_UPPER"} if pad is None else {"pads": [pad] * 2 * axes}
        given = [x, weight or self.tensor(f"{name}.weight")]
        given += [self.tensor(f"{name}.bias")] if self.has(f"{name}.bias") else []
        return self.node(
            "Conv", *given, kernel_shape=list(shape[2:]), strides=[stride] * axes, dilations=[dilation] * axes,
            group=groups, **where,
        )  # fmt: skip

    def normed(self, x: str, name: str, epsilon: float = BN_EPSILON) -> str:
        """Batch normalisation with what it has learned."""
        parts = [self.tensor(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.node("BatchNormalization", x, *parts, epsilon=epsilon)

    def linear(self, x: str, name: str, *, bias: bool = True) -> str:
        """A linear layer over the last axis."""
        y = self.node("MatMul", x, self.node("Transpose", self.tensor(f"{name}.weight"), perm=[1, 0]))
        return self.node("Add", y, self.tensor(f"{name}.bias")) if bias and self.has(f"{name}.bias") else y

    def layer_norm(self, x: str, scale: str, shift: str) -> str:
        """Normalisation over the last axis."""
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=EPSILON)

    def sliced(self, x: str, start: int, end: int, axis: int) -> str:
        """From `start` up to `end` of an axis."""
        return self.node("Slice", x, *(self.constant([k], np.int64) for k in (start, end, axis)))

    def linear_all(self, x: str, names: Sequence[str]) -> str:
        """Several linear layers side by side, without their bias."""
        weights = [self.tensor(f"{name}.weight") for name in names]
        weight = self.node("Concat", *weights, axis=0) if len(weights) > 1 else weights[0]
        return self.node("MatMul", x, self.node("Transpose", weight, perm=[1, 0]))

    def relu(self, x: str) -> str:
        """Positive part."""
        return self.node("Relu", x)

    def relu6(self, x: str) -> str:
        """Clipped to 0..6."""
        return self.node("Clip", x, self.constant(0.0), self.constant(6.0))

    def silu(self, x: str) -> str:
        """x times its logistic function."""
        return self.node("Mul", x, self.node("Sigmoid", x))

    def gelu(self, x: str) -> str:
        """x times the normal distribution's cumulative function."""
        wide = self.node("Erf", self.node("Mul", x, self.constant(0.5**0.5)))
        half = self.node("Mul", x, self.constant(0.5))
        return self.node("Mul", half, self.node("Add", wide, self.constant(1.0)))

    def reshaped(self, x: str, shape: Sequence[int]) -> str:
        """0 keeps a size, -1 is what is left."""
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def doubled(self, x: str) -> str:
        """Twice as high and wide, by repetition."""
        return self.node(
            "Resize", x, "", self.constant([1, 1, 2, 2]), mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )  # fmt: skip

    def pictures(self, name: str, shape: Shape) -> str:
        """An input of uint8 RGB pictures (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1]."""
        entry = self.input(name, shape, TensorProto.UINT8)
        x = self.node("Transpose", self.node("Cast", entry, to=1), perm=[0, 3, 1, 2])
        return self.node("Sub", self.node("Mul", x, self.constant(1 / 127.5)), self.constant(1.0))

    def lite0(self, x: str, taps: Sequence[int], names: "Names | None" = None) -> list[str]:
        """EfficientNet-Lite0 -> the maps after the stages `taps`."""
        names = names or Names()
        x = self.relu6(self.normed(self.convolution(x, names.stem, stride=2), names.norm))
        maps = []
        for stage in range(max(taps) + 1):
            block = 0
            while self.has(f"{names.block(stage, block)}.conv_pw.weight"):
                x = self._block(x, names.block(stage, block), stage, block)
                block += 1
            if stage in taps:
                maps.append(x)
        return maps

    def _block(self, x: str, name: str, stage: int, block: int) -> str:
        stride = 2 if stage in DOWN and block == 0 else 1
        if stage == 0:  # depth-wise, then point-wise
            y = self.relu6(self.normed(self.convolution(x, f"{name}.conv_dw"), f"{name}.bn1"))
            return self.normed(self.convolution(y, f"{name}.conv_pw"), f"{name}.bn2")
        y = self.relu6(self.normed(self.convolution(x, f"{name}.conv_pw"), f"{name}.bn1"))
        y = self.relu6(self.normed(self.convolution(y, f"{name}.conv_dw", stride=stride), f"{name}.bn2"))
        y = self.normed(self.convolution(y, f"{name}.conv_pwl"), f"{name}.bn3")
        return self.node("Add", x, y) if block else y


class Names:
    """How the tensors of EfficientNet-Lite0 are called: timm's names under "body."."""

    stem, norm = "body.conv_stem", "body.bn1"

    def block(self, stage: int, block: int) -> str:
        """Of a block of a stage."""
        return f"body.blocks.{stage}.{block}"
