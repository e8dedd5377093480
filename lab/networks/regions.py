"""The network that tells what each pixel around a face shows; `faces.regions` lays its crop."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from faces.regions import SIDE, Kind
from lab.networks.graph import Graph
from lab.training.backbone import MEAN, STD, lite0

DEEPEST = 4  # last stage of the backbone that is used, at a sixteenth of the crop
TAPS = (0, 1, 2, DEEPEST)  # stages whose maps the decoder takes, at a half, a quarter, an eighth, a sixteenth
TAPPED = (16, 24, 40, 112)  # their channels
WIDTHS = (16, 32, 48, 64)  # of the decoder at each


class Decoder(nn.Module):
    """Maps of the stages `TAPS` -> logits of `Kind`, as large as the first map."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(TAPPED, WIDTHS, strict=True))
        self.mix = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in WIDTHS)
        self.down = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(WIDTHS))
        self.context = nn.Conv2d(WIDTHS[-1], WIDTHS[-1], 5, padding=2)
        self.out = nn.Conv2d(WIDTHS[0], len(Kind), 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        x = nn.functional.relu(self.lateral[-1](maps[-1]))
        x = nn.functional.relu(self.mix[-1](x + nn.functional.relu(self.context(x))))
        for level in reversed(range(len(WIDTHS) - 1)):
            x = nn.functional.interpolate(self.down[level](x), scale_factor=2.0, mode="nearest")
            x = nn.functional.relu(self.mix[level](nn.functional.relu(x + self.lateral[level](maps[level]))))
        return self.out(x)


class RegionNet(nn.Module):
    """(B, 3, 192, 192) float RGB in [0, 1] -> logits of `Kind` (B, 9, 96, 96). The body is that of `LandmarkNet`, as
    far as it goes."""

    def __init__(self) -> None:
        super().__init__()
        body = lite0(pretrained=False, num_classes=0, global_pool="")
        self.body = nn.ModuleDict({"conv_stem": body.conv_stem, "bn1": body.bn1, "blocks": body.blocks[: DEEPEST + 1]})
        self.decoder = Decoder()

    def features(self, crops: torch.Tensor) -> list[torch.Tensor]:
        """Maps of the stages `TAPS`."""
        x = self.body["bn1"](self.body["conv_stem"]((crops - MEAN) / STD))
        maps = []
        for stage, block in enumerate(self.body["blocks"]):
            x = block(x)
            if stage in TAPS:
                maps.append(x)
        return maps

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.features(crops))


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """uint8 RGB (1, 192, 192, 3) -> logits of `Kind` (1, 9, 96, 96)."""
    g = Graph(tensors)
    maps = g.lite0(g.pictures("crop", (1, SIDE, SIDE, 3)), TAPS)
    last = len(maps) - 1
    x = g.relu(g.convolution(maps[last], f"decoder.lateral.{last}", pad=0))
    context = g.relu(g.convolution(x, "decoder.context", pad=2))
    x = g.relu(g.convolution(g.node("Add", x, context), f"decoder.mix.{last}", pad=1))
    for level in reversed(range(last)):
        coarse = g.doubled(g.convolution(x, f"decoder.down.{level}", pad=0))
        x = g.relu(g.node("Add", coarse, g.convolution(maps[level], f"decoder.lateral.{level}", pad=0)))
        x = g.relu(g.convolution(x, f"decoder.mix.{level}", pad=1))
    g.output(g.convolution(x, "decoder.out", pad=0), "logits", (1, len(Kind), SIDE // 2, SIDE // 2))
    return g


def answers(net: RegionNet, part: str, crop: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [net(crop.permute(0, 3, 1, 2).float() / 255)]
