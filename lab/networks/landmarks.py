"""The network that reads dense landmarks; `faces.landmarks` tells what its answers mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from faces.landmarks import POINTS, READOUTS, USUAL_SIGMA
from lab.networks.graph import Graph
from lab.training.backbone import MEAN, STD, lite0


class LandmarkNet(nn.Module):
    """(B, 3, side, side) float RGB in [0, 1] -> points (B, 478, 2) in units of the crop (0..1), log of their expected
    error (B, 478) in the same unit, score logit (B,)."""

    def __init__(
        self,
        width: int = 128,
        side: int = 192,
        *,
        rank: int | None = 320,
        uncertainty: bool = True,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        self.side = side
        self._still: list[nn.Module] = []
        self.body = lite0(pretrained=pretrained, num_classes=0, global_pool="")
        self.squeeze = nn.Conv2d(self.body.num_features, width, 1)
        features = width * (side // 32) ** 2
        self.mix = nn.Identity() if rank is None else nn.Linear(features, rank, bias=False)
        features = features if rank is None else rank
        self.points = nn.Linear(features, POINTS * 2)
        self.log_sigma = nn.Linear(features, POINTS) if uncertainty else None
        self.score = nn.Linear(features, 1)
        nn.init.normal_(self.points.weight, std=1e-3 if rank is None else 0.02)
        if self.log_sigma is not None:
            nn.init.zeros_(self.log_sigma.weight)
            nn.init.constant_(self.log_sigma.bias, np.log(USUAL_SIGMA))

    def freeze(self, stages: int) -> None:
        """Let the backbone's stem and its first `stages` stages stay as they are, their norms included."""
        self._still = [self.body.conv_stem, self.body.bn1, *self.body.blocks[:stages]] if stages else []
        for part in self._still:
            part.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "LandmarkNet":
        super().train(mode)
        for part in self._still:
            part.eval()
        return self

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        features = self.mix(nn.functional.silu(self.squeeze(self.body((crops - MEAN) / STD))).flatten(1))
        points = self.points(features).view(-1, POINTS, 2) * 0.25 + 0.5
        if self.log_sigma is None:
            log_sigma = torch.full_like(points[..., 0], float(np.log(USUAL_SIGMA)))
        else:
            log_sigma = self.log_sigma(features)
        return points, log_sigma, self.score(features).squeeze(1)


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """uint8 RGB (B, side, side, 3) -> what the read-outs give before their bias, (B, points * 2 (+ points) + 1):
    points, logarithm of the expected error where the network knows it, score."""
    g, side = Graph(tensors), int(config["side"])
    x = g.lite0(g.pictures("crops", ("B", side, side, 3)), (6,))[0]
    x = g.relu6(g.normed(g.convolution(x, "body.conv_head"), "body.bn2"))
    x = g.node("Flatten", g.silu(g.convolution(x, "squeeze")), axis=1)
    x = g.linear(x, "mix") if g.has("mix.weight") else x
    names = [name for name in READOUTS if g.has(f"{name}.weight")]
    g.output(g.linear_all(x, names), "readouts", ("B", sum(len(tensors[f"{name}.bias"]) for name in names)))
    return g


def answers(net: LandmarkNet, part: str, crops: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    pictures = (crops.permute(0, 3, 1, 2).float() / 255 - MEAN) / STD
    features = net.mix(nn.functional.silu(net.squeeze(net.body(pictures))).flatten(1))
    layers = [layer for layer in (net.points, net.log_sigma, net.score) if layer is not None]
    return [torch.cat([features @ layer.weight.T for layer in layers], 1)]
