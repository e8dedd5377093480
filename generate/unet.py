"""A small U-Net on pixel-unshuffled pictures, and how it runs fast on a processor."""

import warnings
from itertools import pairwise

import torch
from torch import nn


class Block(nn.Module):
    """x + conv(relu(conv(relu(x)))); starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class UNet(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W), all 0 before training (Ronneberger et al. 2015, with sums for skips).

    H and W are multiples of 2 ** len(widths): the picture is unshuffled to half its size, where the first width works,
    and halved again for each further one.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        self.enter = nn.Conv2d(inputs * 4, widths[0], 3, padding=1)
        self.before = nn.ModuleList(Block(w) for w in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
        self.deepest = nn.Sequential(Block(widths[-1]), Block(widths[-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in steps)
        self.after = nn.ModuleList(Block(w) for w in widths[:-1])
        self.leave = nn.Conv2d(widths[0], outputs * 4, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        x = self.enter(nn.functional.pixel_unshuffle(seen, 2))
        kept = []
        for block, down in zip(self.before, self.down, strict=False):
            x = block(x)
            kept.append(x)
            x = down(x)
        x = self.deepest(self.before[-1](x))
        for block, up, skip in zip(reversed(self.after), reversed(self.up), reversed(kept), strict=True):
            x = block(skip + up(x))
        return nn.functional.pixel_shuffle(self.leave(torch.relu(x)), 2)


def compiled(net: nn.Module, shape: tuple[int, ...], threads: int = 0):
    """`net` for inputs of one shape in OpenVINO, in bfloat16 where the processor has it.

    threads: processor threads a call may use; 0 lets OpenVINO choose.
    """
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit.trace, which OpenVINO still converts from
        model = openvino.convert_model(net, example_input=torch.zeros(shape), input=[shape])
    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY"}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    options |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
    return core.compile_model(model, "CPU", options)
