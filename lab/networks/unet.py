"""A small U-Net on pixel-unshuffled pictures: the painter's and the refiner's networks.

Its blocks are those of ConvNeXt without a norm (Liu et al. 2022, "A ConvNet for the 2020s"): a convolution of each
channel by itself looks around, two of single pixels mix the channels. On processors this learns more from a
multiplication than convolutions of all channels at once.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from lab.networks.graph import Graph

Ranges = Mapping[str, float]


LOOKS = 5  # pixels a side that a block sees
MIXING = (".widen", ".mix")  # convolutions of blocks that mix channels
WIDER = 2  # times as many channels inside a block


class Block(nn.Module):
    """x + mix(relu(widen(look(x)))); starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(width, width, LOOKS, padding=LOOKS // 2, groups=width)
        self.widen = nn.Conv2d(width, WIDER * width, 1)
        self.mix = nn.Conv2d(WIDER * width, width, 1)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mix(torch.relu(self.widen(self.look(x))))


class UNet(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W), all 0 before training (after Ronneberger et al. 2015, with sums for
    skips).

    The picture is unshuffled to half its size, where the first of `widths` works, and halved again for each further
    one: H and W are multiples of 2 ** len(widths). `blocks`: how many there are at each width on the way down; there is
    one at each on the way up.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        self.enter = nn.Conv2d(inputs * 4, widths[0], 1)
        self.before = nn.ModuleList(
            nn.Sequential(*(Block(w) for _ in range(n))) for w, n in zip(widths, blocks, strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
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
        x = self.before[-1](x)
        for block, up, skip in zip(reversed(self.after), reversed(self.up), reversed(kept), strict=True):
            x = block(skip + up(x))
        return nn.functional.pixel_shuffle(self.leave(torch.relu(x)), 2)


@torch.no_grad()
def input_ranges(net: UNet, batches: list[torch.Tensor]) -> dict[str, float]:
    """What an 8-bit copy of `net` needs to know: for each convolution that mixes the channels of its blocks, the
    largest value that goes in, over `batches` of what the network sees; one in ten thousand values may be larger."""
    ranges: dict[str, float] = {}

    def watch(name: str):
        def look(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            values = given[0].abs().flatten().float()
            rank = max(1, int(values.numel() * 1e-4))
            ranges[name] = max(ranges.get(name, 0.0), float(values.topk(rank).values[-1]))

        return look

    names = {n: m for n, m in net.named_modules() if n == "enter" or n.endswith(MIXING)}
    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in names.items()]
    for batch in batches:
        net(batch)
    for hook in hooks:
        hook.remove()
    return {name: round(value, 5) for name, value in ranges.items()}


def export_unet(g: Graph, shape: tuple[int, int, int, int], ranges: Ranges) -> None:
    """A `UNet` as the part that is being built, for inputs of `shape` (B, C, H, W).

    In and out go blocks of 2 x 2 pixels, float32 (B, H / 2, W / 2, 4 C), rows of a block first, channels last:
    unshuffling by the graph itself took as long as two convolutions. Convolutions whose inputs' largest values `ranges`
    knows are in 8 bits, weights by channel, which halves their time on processors that multiply bytes.
    """
    batch, channels, height, width = shape
    seen = g.input("blocks", (batch, height // 2, width // 2, 4 * channels))
    x = _convolution(g, g.node("Transpose", seen, perm=[0, 3, 1, 2]), "enter", ranges, positive=False)
    kept = []
    while g.has(f"down.{len(kept)}.weight"):
        x = _blocks(g, x, len(kept), ranges)
        kept.append(x)
        x = g.convolution(x, f"down.{len(kept) - 1}", stride=2, pad=0)
    x = _blocks(g, x, len(kept), ranges)
    for level in reversed(range(len(kept))):
        weights = g.tensor(f"up.{level}.weight"), g.tensor(f"up.{level}.bias")
        doubled = g.node("ConvTranspose", x, *weights, kernel_shape=[2, 2], strides=[2, 2])
        x = _block(g, g.node("Add", kept[level], doubled), f"after.{level}", ranges)
    x = _convolution(g, g.relu(x), "leave", ranges, positive=True)
    outputs = len(g.array("leave.bias"))
    g.output(g.node("Transpose", x, perm=[0, 2, 3, 1]), "answer", (batch, height // 2, width // 2, outputs))


def _blocks(g: Graph, x: str, level: int, ranges: Ranges) -> str:
    number = 0
    while g.has(f"before.{level}.{number}.look.weight"):
        x = _block(g, x, f"before.{level}.{number}", ranges)
        number += 1
    return x


def _block(g: Graph, x: str, name: str, ranges: Ranges) -> str:
    looked = g.convolution(x, f"{name}.look", pad=LOOKS // 2)
    inner = g.relu(_convolution(g, looked, f"{name}.widen", ranges, positive=False))
    return g.node("Add", x, _convolution(g, inner, f"{name}.mix", ranges, positive=True))


def _convolution(g: Graph, x: str, name: str, ranges: Ranges, *, positive: bool) -> str:
    """In 8 bits where `ranges` has it; "enter" and "leave" with the channels of blocks."""
    weight, bias, largest = g.tensor(f"{name}.weight"), g.tensor(f"{name}.bias"), np.abs(g.array(f"{name}.weight"))
    outputs, inputs, *kernel = largest.shape
    if name == "enter":  # channels first in torch, last in blocks
        weight = g.node("Transpose", g.reshaped(weight, (outputs, inputs // 4, 4, *kernel)), perm=[0, 2, 1, 3, 4])
        weight = g.reshaped(weight, (outputs, inputs, *kernel))
    elif name == "leave":
        weight = g.node("Transpose", g.reshaped(weight, (outputs // 4, 4, inputs, *kernel)), perm=[1, 0, 2, 3, 4])
        weight = g.reshaped(weight, (outputs, inputs, *kernel))
        bias = g.reshaped(g.node("Transpose", g.reshaped(bias, (outputs // 4, 4)), perm=[1, 0]), (outputs,))
    if name in ranges:
        most = max(ranges[name], 1e-6)
        kind = (1 / 255, np.uint8) if positive else (2 / 255, np.int8)
        x = _rounded(g, x, g.constant(most * kind[0]), g.constant(0, kind[1]))
        scale = (largest.max((1, 2, 3)) + 1e-8) / 127
        weight = _rounded(g, weight, g.constant(scale), g.constant(np.zeros(outputs), np.int8), axis=0)
    pad = [kernel[0] // 2] * 4
    return g.node("Conv", x, weight, bias, kernel_shape=kernel, pads=pad)


def _rounded(g: Graph, x: str, scale: str, zero: str, **axis: int) -> str:
    """To 8 bits and back."""
    return g.node("DequantizeLinear", g.node("QuantizeLinear", x, scale, zero, **axis), scale, zero, **axis)


def unet_answers(net: UNet, blocks: torch.Tensor) -> torch.Tensor:
    """What the graph of a `UNet` answers, by torch."""
    batch, height, width, channels = blocks.shape
    pixels = blocks.reshape(batch, height, width, 2, 2, channels // 4).permute(0, 5, 1, 3, 2, 4)
    answer = net(pixels.reshape(batch, channels // 4, 2 * height, 2 * width))
    split = answer.reshape(batch, answer.shape[1], height, 2, width, 2).permute(0, 2, 4, 3, 5, 1)
    return split.reshape(batch, height, width, -1)
