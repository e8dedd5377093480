"""The network that finds faces; `faces.finder` tells what its answers mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import timm
import torch
from torch import nn

from lab.networks.graph import EPSILON, Graph
from lab.training.backbone import ARCHITECTURE, MEAN, STD, load_imagenet

LARGER = 4.0  # added to the logarithm of the size, so that an untrained network says a middling one


class FinderNet(nn.Module):
    """(B, 3, H, W) RGB in [0, 1], H and W multiples of 32 -> (B, 2, H/8, W/8): logit of "a face's middle is here",
    log of the face's size in cells."""

    def __init__(self, width: int = 64, *, pretrained: bool = False) -> None:
        super().__init__()
        self.body = timm.create_model(ARCHITECTURE, features_only=True, out_indices=(2, 3, 4))
        if pretrained:
            load_imagenet(self.body)
        channels = self.body.feature_info.channels()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.mix = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.SiLU(),
        )  # fmt: skip
        self.head = nn.Conv2d(width, 2, 1)
        nn.init.constant_(self.head.bias, -2.0)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        maps = [lat(m) for lat, m in zip(self.lateral, self.body((pictures - MEAN) / STD), strict=True)]
        total = maps[-1]
        for finer in reversed(maps[:-1]):
            total = finer + nn.functional.interpolate(total, size=finer.shape[-2:], mode="nearest")
        out = self.head(self.mix(total))
        return torch.stack([out[:, 0], out[:, 1] + LARGER], 1)


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """uint8 RGB (B, H, W, 3), H and W multiples of 32 -> (B, 2, H / 8, W / 8)."""
    g = Graph(tensors)
    x = g.pictures("pictures", ("B", "H", "W", 3))
    maps = [g.convolution(m, f"lateral.{i}", pad=0) for i, m in enumerate(g.lite0(x, (2, 4, 6)))]
    total = maps[-1]
    for finer in reversed(maps[:-1]):
        total = g.node("Add", finer, g.doubled(total))
    for conv, norm in (("mix.0", "mix.1"), ("mix.3", "mix.4")):
        total = g.silu(g.normed(g.convolution(total, conv, pad=1), norm, EPSILON))
    larger = g.constant(np.array([0.0, LARGER]).reshape(1, 2, 1, 1))
    g.output(g.node("Add", g.convolution(total, "head", pad=0), larger), "cells", ("B", 2, "H/8", "W/8"))
    return g


def answers(net: FinderNet, part: str, pictures: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [net(pictures.permute(0, 3, 1, 2).float() / 255)]
