"""The network of the detector's look at single pictures; `detect.picture` tells what its answers mean. The other
tensors of a detector's file are numbers that `detect.detector` reads."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from detect.picture import CARRIED, CELLS, MOUTH, SHARPNESS, SIDE, UPPER
from lab.networks.graph import Graph
from lab.training.backbone import MEAN, STD, lite0

STAGE = 4  # last stage of the backbone that is used, at a sixteenth of the crop
CHANNELS = 112  # of its map
FROZEN = 2  # stages that stay as ImageNet left them: edges and grain


class PictureNet(nn.Module):
    """(B, 3, 224, 224) float RGB in [0, 1] -> evidence (B, 14, 14) and what it was read from (B, width): logits of
    "made" at each place, and the mean over the places of the last features."""

    def __init__(self, width: int = 64, *, pretrained: bool = False) -> None:
        super().__init__()
        self.config = {"width": width}
        body: Any = lite0(pretrained=pretrained, num_classes=0, global_pool="")
        self.body = nn.ModuleDict({"conv_stem": body.conv_stem, "bn1": body.bn1, "blocks": body.blocks[: STAGE + 1]})
        self.squeeze = nn.Conv2d(CHANNELS, width, 1)
        self.drop = nn.Dropout2d(0.1)
        self.out = nn.Conv2d(width, 1, 1)

    def maps(self, crops: torch.Tensor) -> torch.Tensor:
        """What the backbone sees: (B, 112, 14, 14)."""
        x = ((crops - MEAN) / STD).to(self.body["conv_stem"].weight.dtype)
        x = self.body["bn1"](self.body["conv_stem"](x))
        for stage, block in enumerate(self.body["blocks"]):
            if stage == FROZEN:  # what is not trained may be of another type than what is
                x = x.to(self.out.weight.dtype)
            x = block(x)
        return x

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.maps(crops)
        features = nn.functional.relu6(self.squeeze(x))
        return self.out(self.drop(features))[:, 0].float(), features.float().mean((2, 3))


def pooled(evidence: torch.Tensor) -> torch.Tensor:
    """Evidence (B, H, W) -> logit (B,): the logarithm of the mean of the exponentials."""
    flat = SHARPNESS * evidence.flatten(1)
    return (flat.logsumexp(1) - math.log(flat.shape[1])) / SHARPNESS


def scores(evidence: torch.Tensor) -> torch.Tensor:
    """`detect.picture.scores` in torch, by which weights are chosen: evidence (B, CELLS, CELLS) -> score (B,)."""
    return pooled(evidence) + pooled(evidence[MOUTH]) - CARRIED * pooled(evidence[UPPER])


def build(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> PictureNet:
    """The network of a detector's tensors."""
    own = picture_tensors(tensors)
    net = PictureNet(len(own["squeeze.bias"]))
    net.load_state_dict(own)
    return net


def picture_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those of `PictureNet` among a detector's tensors, by the names that it has for them."""
    return {n.removeprefix("picture."): t for n, t in tensors.items() if n.startswith("picture.")}


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Part "picture": uint8 RGB (B, 224, 224, 3) -> logits of the places (B, 1, 14, 14), and the mean over the places
    of what they were read from (B, width)."""
    g = Graph(tensors).part("picture")
    x = g.lite0(g.pictures("crops", ("B", SIDE, SIDE, 3)), (STAGE,))[0]
    x = g.relu6(g.convolution(x, "squeeze", pad=0))
    g.output(g.convolution(x, "out", pad=0), "evidence", ("B", 1, CELLS, CELLS))
    mean = g.node("Flatten", g.node("GlobalAveragePool", x), axis=1)
    g.output(mean, "features", ("B", len(g.array("squeeze.bias"))))
    return g


def answers(net: PictureNet, part: str, crops: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    evidence, features = net(crops.permute(0, 3, 1, 2).float() / 255)
    return [evidence[:, None], features]
