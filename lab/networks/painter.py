"""The networks that paint mouth and eye windows; `generate.painter` tells what they see."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from generate.painter import SIZES
from generate.windows import CHANNELS
from lab.networks.graph import Graph
from lab.networks.unet import UNet, export_unet, unet_answers

Widths = tuple[int, int, int]
WIDTHS: dict[str, Widths] = {"mouth": (32, 64, 128), "eye": (32, 64, 96)}


class PainterNet(UNet):
    """(B, 14, H, W) what `windows` sees -> (B, 3, H, W) residual for the composite, RGB; H and W multiples of 8."""

    def __init__(self, widths: Widths = WIDTHS["eye"], deep: int = 2) -> None:
        super().__init__(CHANNELS, 3, widths, (1, 2, deep))


class PainterNets(nn.Module):
    """Both networks, as they are trained and stored."""

    def __init__(self, widths: Mapping[str, Widths] = WIDTHS) -> None:
        super().__init__()
        self.mouth = PainterNet(widths["mouth"], deep=4)
        self.eye = PainterNet(widths["eye"])


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Parts "mouth" and "eye": blocks of 2 x 2 pixels, float32 (B, H / 2, W / 2, 56), of one mouth or two eyes -> those
    of the residual, (B, H / 2, W / 2, 12)."""
    g = Graph(tensors)
    for kind, size in SIZES.items():
        export_unet(g.part(kind), size, config.get("ranges", {}).get(kind, {}))
    return g


def build(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> PainterNets:
    """Both networks, of their weights."""
    nets = PainterNets({kind: tuple(widths) for kind, widths in config["widths"].items()})
    nets.load_state_dict(tensors)
    return nets


def answers(net: PainterNets, part: str, blocks: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [unet_answers(getattr(net, part), blocks)]
