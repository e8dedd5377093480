"""The network that embeds faces; `faces.recognition` lays its crops."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from faces.recognition import SIDE
from lab.networks.graph import EPSILON, Graph, Names
from lab.training.backbone import MEAN, STD, lite0

LATE = 3  # stage of the backbone from which on it is trained


class RecognitionNet(nn.Module):
    """(B, 3, 112, 112) float RGB in [0, 1] -> (B, 128) unit vectors.

    EfficientNet-Lite0 up to stride 16 (up to stride 8 as ImageNet left it), then a depthwise convolution over the whole
    map, which weighs each place of the face on its own (after Chen et al. 2018, MobileFaceNets, arXiv 1804.07573).
    """

    def __init__(self, width: int = 256, size: int = 128, *, pretrained: bool = False) -> None:
        super().__init__()
        self.size = size
        body: Any = lite0(pretrained=pretrained, num_classes=0, global_pool="")
        self.early = nn.Sequential(body.conv_stem, body.bn1, *body.blocks[:LATE]).requires_grad_(False)
        self.late = nn.Sequential(*body.blocks[LATE:5])
        inner = body.feature_info[3]["num_chs"]
        self.squeeze = nn.Sequential(nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))
        self.gather = nn.Conv2d(width, width, SIDE // 16, groups=width, bias=False)
        self.embed = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, size, bias=False), nn.BatchNorm1d(size))

    def train(self, mode: bool = True) -> "RecognitionNet":
        super().train(mode)
        self.early.eval()  # its norms stay as they are
        return self

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            low = self.early(((crops - MEAN) / STD).to(next(self.early.parameters()).dtype))
        features = self.squeeze(self.late(low.to(self.gather.weight.dtype)))
        return nn.functional.normalize(self.embed(self.gather(features).flatten(1)).float())


class _Split(Names):
    """The backbone in two halves."""

    stem, norm = "early.0", "early.1"

    def block(self, stage: int, block: int) -> str:
        return f"early.{stage + 2}.{block}" if stage < LATE else f"late.{stage - LATE}.{block}"


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """uint8 RGB (B, 112, 112, 3) -> (B, 128) unit vectors."""
    g = Graph(tensors)
    x = g.lite0(g.pictures("crops", ("B", SIDE, SIDE, 3)), (4,), _Split())[0]
    x = g.normed(g.convolution(x, "squeeze.0", pad=0), "squeeze.1", EPSILON)
    x = g.node("PRelu", x, g.reshaped(g.tensor("squeeze.2.weight"), (-1, 1, 1)))
    x = g.node("Flatten", g.convolution(x, "gather", pad=0), axis=1)
    x = g.normed(g.linear(g.normed(x, "embed.0", EPSILON), "embed.1"), "embed.2", EPSILON)
    length = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", x, x), g.constant([1], np.int64), keepdims=1))
    g.output(
        g.node("Div", x, g.node("Max", length, g.constant(1e-12))), "embeddings", ("B", len(tensors["embed.2.bias"]))
    )
    return g


def answers(net: RecognitionNet, part: str, crops: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [net(crops.permute(0, 3, 1, 2).float() / 255)]
