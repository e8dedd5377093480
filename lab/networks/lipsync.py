"""The networks that put sound and lips on a sphere; `faces.lipsync` compares them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from faces.lipsync import MOUTH
from lab.networks.graph import Graph
from media.mel import BINS


class LipSyncNet(nn.Module):
    """Sound and lips -> points on the unit sphere, one a frame, each of which sees about 0.2 s around it."""

    def __init__(self, width: int = 64, size: int = 48) -> None:
        super().__init__()
        self.config = {"width": width, "size": size}
        self.sound = nn.Sequential(
            nn.Conv1d(BINS, width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(width, 2 * width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(2 * width, 2 * width, 3, padding=1), nn.GELU(),
            nn.Conv1d(2 * width, size, 1),
        )  # fmt: skip
        self.lips = nn.Sequential(
            nn.Conv1d(len(MOUTH), width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, 2 * width, 3, padding=1), nn.GELU(),
            nn.Conv1d(2 * width, size, 1),
        )  # fmt: skip

    def forward(self, mel: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mel (B, BINS, 4 T) and facial actions (B, T, 52) -> sound (B, T, size), lips (B, T, size)."""
        sound = self.sound(mel.to(self.sound[0].weight.dtype)).transpose(1, 2).float()
        shown = actions[..., MOUTH].transpose(1, 2).to(self.lips[0].weight.dtype)
        return F.normalize(sound, dim=-1), F.normalize(self.lips(shown).transpose(1, 2).float(), dim=-1)


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Parts "sound", features (1, 80, 4 T) -> points (1, T, size), and "lips", the actions `MOUTH` (1, T, n) -> points
    (1, T, size)."""
    g, size = Graph(tensors), int(config["size"])
    x = g.part("sound").input("mel", (1, BINS, "4T"))
    for layer, stride in ((0, 1), (2, 2), (4, 2), (6, 1)):
        x = g.gelu(g.convolution(x, str(layer), stride=stride, pad=1))
    _points(g, g.convolution(x, "8", pad=0), size)
    x = g.node("Transpose", g.part("lips").input("actions", (1, "T", len(MOUTH))), perm=[0, 2, 1])
    for layer in (0, 2):
        x = g.gelu(g.convolution(x, str(layer), pad=1))
    _points(g, g.convolution(x, "4", pad=0), size)
    return g


def _points(g: Graph, x: str, size: int) -> None:
    x = g.node("Transpose", x, perm=[0, 2, 1])
    length = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", x, x), g.constant([2], np.int64), keepdims=1))
    g.output(g.node("Div", x, g.node("Max", length, g.constant(1e-12))), "points", (1, "T", size))


def answers(net: LipSyncNet, part: str, given: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    if part == "sound":
        return [F.normalize(net.sound(given).transpose(1, 2), dim=-1)]
    return [F.normalize(net.lips(given.transpose(1, 2)).transpose(1, 2), dim=-1)]
