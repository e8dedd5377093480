"""The network from speech features to lips: causal convolutions whose state can be carried from block to block."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from generate.acting import CHANNELS, CLASSES
from generate.speech.stepping import DILATIONS
from lab.networks.graph import Graph
from media.mel import BINS

STEP = 4  # rows of features in a frame
State = list[torch.Tensor]


class CausalConv(nn.Conv1d):
    """A convolution over time that sees the past only. Its state is the tail of its input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, dilation=dilation)
        self.past = (kernel - 1) * dilation - (stride - 1)  # input frames before the block that the first output needs

    def step(self, x: torch.Tensor, state: State, fresh: State) -> torch.Tensor:
        """x (B, inputs, T) -> (B, outputs, T / stride). Takes its state off `state` and puts the next onto `fresh`."""
        before = state.pop(0) if state else x.new_zeros(x.shape[0], x.shape[1], self.past)
        x = torch.cat([before, x], -1)
        fresh.append(x[..., x.shape[-1] - self.past :])
        return super().forward(x)


def _normalised(norm: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
    """LayerNorm over the channels of (B, C, T), in float32 whatever the rest computes in."""
    return norm(x.transpose(1, 2).float()).transpose(1, 2).to(x.dtype)


class Block(nn.Module):
    """Residual block: normalise, causal dilated convolution, GELU, mix."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = CausalConv(width, width, 3, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def step(self, x: torch.Tensor, state: State, fresh: State) -> torch.Tensor:
        y = _normalised(self.norm, x)
        return x + self.mix(F.gelu(self.conv.step(y, state, fresh)))


class LipNet(nn.Module):
    """Log-mel at 100 a second -> lip channels and closure at 25 a second, phone classes at 50 a second.

    Outputs are `generate.speech.stepping.DELAY` frames late: output k + DELAY is about frame k. One second is heard
    before each answer.
    """

    def __init__(self, width: int = 192, dilations: tuple[int, ...] = DILATIONS) -> None:
        super().__init__()
        self.config = {"width": width, "dilations": list(dilations)}
        self.stem = CausalConv(BINS, width, 3)
        self.down = CausalConv(width, width, 4, stride=2)
        self.blocks = nn.ModuleList(Block(width, d) for d in dilations)
        self.norm = nn.LayerNorm(width)
        self.quarter = CausalConv(width, width, 4, stride=2)
        self.last = CausalConv(width, width, 3)
        self.lips = nn.Conv1d(width, len(CHANNELS) + 1, 1)
        self.phones = nn.Conv1d(width, len(CLASSES), 1)

    def forward(
        self, mel: torch.Tensor, state: State | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, State]:
        """mel (B, BINS, 4 T) and the state after the block before (None at the start) ->

        channels (B, T, len(CHANNELS)), closure logits (B, T), phone logits (B, 2 T, len(CLASSES)), state.
        """
        state = list(state or [])
        fresh: State = []
        x = F.gelu(self.stem.step(mel.to(self.stem.weight.dtype), state, fresh))
        x = self.down.step(x, state, fresh)
        for block in self.blocks:
            assert isinstance(block, Block)
            x = block.step(x, state, fresh)
        x = _normalised(self.norm, x)
        phones = self.phones(x)
        x = F.gelu(self.quarter.step(x, state, fresh))
        x = x + F.gelu(self.last.step(x, state, fresh))
        lips = self.lips(x).transpose(1, 2).float()
        return lips[..., :-1], lips[..., -1], phones.transpose(1, 2).float(), fresh


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """One frame, 40 ms: features (1, 80, 4) and the tail of the input of every causal convolution, in their order ->
    lip channels and the logit of closure (1, 1, channels + 1), phone logits (1, 2, classes), the next tails."""
    g, tails = Graph(tensors), []

    def past(x: str, name: str, stride: int = 1, dilation: int = 1) -> str:
        _, inputs, kernel = g.tensors[f"{name}.weight"].shape
        length = (kernel - 1) * dilation - (stride - 1)
        before = g.input(f"before {name}", (1, inputs, length))
        x = g.node("Concat", before, x, axis=2)
        tails.append((name, (1, inputs, length), g.sliced(x, -length, 2**31 - 1, 2)))
        return g.convolution(x, name, stride=stride, pad=0, dilation=dilation)

    x = g.input("mel", (1, BINS, STEP))
    x = past(g.gelu(past(x, "stem")), "down", 2)
    for number, dilation in enumerate(config["dilations"]):
        y = g.gelu(past(_norm(g, x, f"blocks.{number}.norm"), f"blocks.{number}.conv", 1, dilation))
        x = g.node("Add", x, g.convolution(y, f"blocks.{number}.mix", pad=0))
    x = _norm(g, x, "norm")
    phones = g.node("Transpose", g.convolution(x, "phones", pad=0), perm=[0, 2, 1])
    x = g.gelu(past(x, "quarter", 2))
    x = g.node("Add", x, g.gelu(past(x, "last")))
    lips = g.node("Transpose", g.convolution(x, "lips", pad=0), perm=[0, 2, 1])
    g.output(lips, "channels", (1, 1, len(CHANNELS) + 1))
    g.output(phones, "classes", (1, 2, len(CLASSES)))
    for name, shape, tail in tails:
        g.output(tail, f"after {name}", shape)
    return g


def _norm(g: Graph, x: str, name: str) -> str:
    x = g.layer_norm(g.node("Transpose", x, perm=[0, 2, 1]), g.tensor(f"{name}.weight"), g.tensor(f"{name}.bias"))
    return g.node("Transpose", x, perm=[0, 2, 1])


def build(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> LipNet:
    """The network, of its weights."""
    net = LipNet(config["width"], tuple(config["dilations"]))
    net.load_state_dict(tensors)
    return net


def answers(net: LipNet, part: str, mel: torch.Tensor, *before: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    channels, closure, phones, after = net(mel, list(before))
    return [torch.cat([channels, closure[..., None]], -1), phones, *after]
