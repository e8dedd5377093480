"""The network that mends whole frames; `generate.refiner` shows it what it sees and composes frames of its answers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from generate.refiner import ANSWERS, CHANNELS, GRID, PERSON
from lab.networks.graph import Graph
from lab.networks.unet import UNet, export_unet, unet_answers

WIDTHS = (32, 64, 96, 160)


class RefinerNet(UNet):
    """(B, 21, 128, 128) what `Viewer.see` shows -> (B, 8, 128, 128): correction of the person's shift and shift of what
    is behind, x and y in cells; logit of the person's share; residual RGB."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__(CHANNELS, ANSWERS, widths, (*(1 for _ in widths[1:]), 3))


def composed(picture: torch.Tensor, shift: torch.Tensor, answers: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """`generate.refiner.compose` in torch, for training: picture (B, 3, S, S) in [0, 1], shift (B, 2, S', S') in cells,
    answers (B, 8, 128, 128) -> the frame (B, 3, S, S), not clipped, and the person's share (B, 1, S, S)."""
    size = picture.shape[-1]

    def full(field: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(field, size=(size, size), mode="bilinear", align_corners=False)

    def travel(cells: torch.Tensor) -> torch.Tensor:
        axis = (torch.arange(size, device=picture.device, dtype=picture.dtype) + 0.5) * (2 / size) - 1
        middle = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
        at = middle + cells.permute(0, 2, 3, 1) * (2 / GRID)
        return nn.functional.grid_sample(picture, at, mode="bilinear", padding_mode="border", align_corners=False)

    answers = full(answers)
    share = torch.sigmoid(answers[:, 4:5] + PERSON)
    person, behind = travel(full(shift) + answers[:, :2]), travel(answers[:, 2:4])
    return share * person + (1 - share) * behind + answers[:, 5:], share


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Blocks of 2 x 2 cells, float32 (1, 64, 64, 84) -> those of the answers, (1, 64, 64, 32)."""
    g = Graph(tensors)
    export_unet(g, (1, CHANNELS, GRID, GRID), config.get("ranges") or {})
    return g


def build(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> RefinerNet:
    """The network, of its weights."""
    net = RefinerNet(tuple(config["widths"]))
    net.load_state_dict(tensors)
    return net


def answers(net: RefinerNet, part: str, blocks: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [unet_answers(net, blocks)]
