"""The network that tells which phone sounds; `lab.performances.align` finds the times of a text with it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from generate.acting import CLASSES
from lab.networks.graph import EPSILON, Graph
from media.mel import BINS


class AlignerNet(nn.Module):
    """Log-mel features (B, BINS, n), 100 a second -> logits of `CLASSES` (B, n, classes), each from half a second
    around it."""

    prior: torch.Tensor  # (classes,) logarithm of each class's share of what was heard

    def __init__(self, width: int = 160, dilations: tuple[int, ...] = (1, 2, 4, 8, 4, 2, 1)) -> None:
        super().__init__()
        self.config = {"width": width, "dilations": list(dilations)}
        self.stem = nn.Conv1d(BINS, width, 5, padding=2)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in dilations)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in dilations)
        self.mixes = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in dilations)
        self.out = nn.Conv1d(width, len(CLASSES), 1)
        self.register_buffer("prior", torch.zeros(len(CLASSES)))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        x = self.stem(mel.to(self.stem.weight.dtype))
        for norm, conv, mix in zip(self.norms, self.convs, self.mixes, strict=True):
            x = x + mix(F.gelu(conv(norm(x))))
        return self.out(F.gelu(x)).transpose(1, 2).float()


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Features (1, 80, n) -> logits (1, n, classes)."""
    g = Graph(tensors)
    x = g.convolution(g.input("mel", (1, BINS, "n")), "stem", pad=2)
    for number, dilation in enumerate(config["dilations"]):
        y = g.gelu(g.convolution(_norm(g, x, f"norms.{number}"), f"convs.{number}", pad=dilation, dilation=dilation))
        x = g.node("Add", x, g.convolution(y, f"mixes.{number}", pad=0))
    x = g.node("Transpose", g.convolution(g.gelu(x), "out", pad=0), perm=[0, 2, 1])
    g.output(x, "logits", (1, "n", len(CLASSES)))
    return g


def _norm(g: Graph, x: str, name: str) -> str:
    """Over channels and time together."""
    axes = g.constant([1, 2], np.int64)
    x = g.node("Sub", x, g.node("ReduceMean", x, axes))
    spread = g.node("ReduceMean", g.node("Mul", x, x), axes)
    x = g.node("Div", x, g.node("Sqrt", g.node("Add", spread, g.constant(EPSILON))))
    scale, shift = (g.reshaped(g.tensor(f"{name}.{part}"), (-1, 1)) for part in ("weight", "bias"))
    return g.node("Add", g.node("Mul", x, scale), shift)


def answers(net: AlignerNet, part: str, mel: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [net(mel)]
