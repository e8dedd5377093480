"""The learned parts of the picture mark in torch: how strong it may be where, and what of a picture is mark.

All look at the brightness of the picture shrunk to 128x128, whatever its size, so all are small and the same for
every picture.

`Strength` shapes the keyed pattern to the picture: more where texture hides it, and, since it is shown the pattern too,
more where the picture itself speaks against it (informed embedding; Cox, Miller and McKellips 1999, "Watermarking as
communications with side information"). `Reader` is a blind estimator: from a picture that was coded, shrunk or
repainted it estimates, for every chip, the log likelihood ratio of its sign. It never sees the key: it learns what
keyed patterns of this band look like after a codec has been at them, and what pictures look like, so one set of
weights serves every key. The keyed part (`chips`, `code`) is exact arithmetic on what it returns. Spread-spectrum
marks of this kind go back to Cox et al. 1997, "Secure spread spectrum watermarking for multimedia"; the learned
estimator takes the place of the whitening filter.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lab.networks.graph import Graph
from provenance.marks.chips import COARSE_GRID, FINE_CHIPS, FINE_GRID
from provenance.marks.geometry import luma, square
from provenance.marks.nets import (
    FEATURES,
    FLAT,
    INTERPOLATION_LOSS,
    LEAST_FACTOR,
    LEAST_SHARE,
    MOST,
    MOST_FACTOR,
    PSNR,
    TEXTURE,
)

DILATIONS = (1, 2, 4, 1, 2)  # of reader and finder


def features(luma: torch.Tensor) -> torch.Tensor:
    """(B, 1, H, W) brightness in [0, 1] -> (B, 12, H / 2, W / 2): where the picture departs from its near and far
    surroundings, and brightness.

    The mark is below a hundredth of the range: it must be set free from the picture before anything is
    rounded to bfloat16.
    """
    luma = luma.float()
    near, far = luma - _blur(luma, 5), luma - _blur(luma, 21)
    return F.pixel_unshuffle(torch.cat([16 * near, 4 * far, luma - 0.5], dim=1), 2)


def _blur(x: torch.Tensor, size: int) -> torch.Tensor:
    half = size // 2
    x = F.pad(x, (half, half, half, half), mode="reflect")
    return F.avg_pool2d(F.avg_pool2d(x, (1, size), 1), (size, 1), 1)


def thresholds(luma: torch.Tensor) -> torch.Tensor:
    """How much each fine cell bears before the eye notices, in units of the range.

    (B, 1, 128, 128) brightness in [0, 1] -> (B, 1, 64, 64). The threshold grows with the texture around (after Chou and
    Li 1995, "A perceptually tuned subband image coder", equations 2 to 5, much simplified) and where it is very dark;
    a lone edge counts less than texture, as its flat side hides nothing.
    """
    luma = luma.float()
    departure = F.avg_pool2d((luma - _blur(luma, 5)).abs(), 2)
    around = _blur((departure + 1e-8).sqrt(), 3)
    texture = -F.max_pool2d(-around, 3, stride=1, padding=1)  # the least nearby: beside an edge lies a flat side
    texture = texture.square()
    dark = (1 - 4 * F.avg_pool2d(luma, 2)).clamp(min=0)
    return (FLAT * (1 + dark) + TEXTURE * texture).clamp(max=MOST)


def planes(chips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Chips (B, 5120) -> (B, 1, 64, 64) fine and (B, 1, 32, 32) coarse."""
    fine, coarse = chips[:, :FINE_CHIPS], chips[:, FINE_CHIPS:]
    return fine.reshape(-1, 1, FINE_GRID, FINE_GRID), coarse.reshape(-1, 1, COARSE_GRID, COARSE_GRID)


def small(frame: np.ndarray) -> torch.Tensor:
    """Frame uint8 RGB (H, W, 3) -> its brightness, float32 (1, 1, 128, 128) in [0, 1]."""
    return torch.from_numpy(square(luma(frame)))[None, None]


class Strength(nn.Module):
    """How much of the pattern each cell bears: the visibility threshold times a learned factor between two bounds, and
    how its energy is shared between the fine and the coarse grid.

    The lower bounds keep every region marked, so that none can be replaced unseen.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(FEATURES + 2, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2, 3, padding=1),
        )
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.constant_(self.layers[-1].bias, 1.5)  # begins strong and fine, as that is learned from soonest

    def forward(self, luma: torch.Tensor, chips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, 128, 128) brightness in [0, 1] and chip signs (B, 5120) -> the pattern to add, in units of the range,
        (B, 1, 64, 64); and the visibility: the mean fourth power of the factors, as what is seen pools over the picture
        (Watson 1979, "Probability summation over time").
        """
        fine, coarse = planes(chips)
        shown = torch.cat([features(luma), fine, F.interpolate(coarse, size=FINE_GRID, mode="nearest")], dim=1)
        raw = self.layers(shown.to(self.layers[0].weight.dtype)).float()
        factor = LEAST_FACTOR + (MOST_FACTOR - LEAST_FACTOR) * raw[:, :1].sigmoid()
        share = LEAST_SHARE + (1 - 2 * LEAST_SHARE) * raw[:, 1:].sigmoid()
        amplitude = thresholds(luma) * factor
        wide = F.avg_pool2d(amplitude * (1 - share).sqrt(), FINE_GRID // COARSE_GRID) * coarse
        pattern = amplitude * share.sqrt() * fine
        pattern = pattern + F.interpolate(wide, size=FINE_GRID, mode="bicubic", align_corners=False)
        size = pattern.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        gain = (10 ** (-PSNR / 20) / (INTERPOLATION_LOSS * size)).clamp(max=1.0)
        return pattern * gain, factor.pow(4).mean()


class Reader(nn.Module):
    """Estimates the sign of every chip, blind to host and key."""

    def __init__(self, width: int = 32, dilations: tuple[int, ...] = DILATIONS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(FEATURES, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(width, d) for d in dilations)
        self.fine = nn.Conv2d(width, 1, 3, padding=1)
        self.coarse = nn.Conv2d(width, 1, 4, stride=2, padding=1)

    def forward(self, luma: torch.Tensor) -> torch.Tensor:
        """(B, 1, 128, 128) brightness in [0, 1] -> (B, 5120) log likelihood ratios, positive where a chip is +1."""
        x = self.stem(features(luma).to(self.stem.weight.dtype))
        for block in self.blocks:
            x = block(x)
        return torch.cat([self.fine(x).flatten(1), self.coarse(x).flatten(1)], dim=1).float()


class Finder(nn.Module):
    """Estimates, pixel by pixel, the sign of the pattern that lies there, wherever the grid may lie: for a picture
    that is turned, cut or mirrored and shown at about two pixels a fine cell (0.78 to 1.28 times that)."""

    def __init__(self, width: int = 32, dilations: tuple[int, ...] = DILATIONS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(FEATURES, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(width, d) for d in dilations)
        self.head = nn.Conv2d(width, 8, 3, padding=1)

    def forward(self, luma: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W) brightness in [0, 1], even sizes of 24 or more -> (B, 2, H, W) log likelihood ratios, positive
        where the fine (first) and the coarse pattern (second) is +1."""
        x = self.stem(features(luma).to(self.stem.weight.dtype))
        for block in self.blocks:
            x = block(x)
        return F.pixel_shuffle(self.head(x), 2).float()


class Block(nn.Module):
    """Two convolutions around a residual, the first one dilated to see far."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class Watermark(nn.Module):
    """All parts together: what one weight file holds."""

    def __init__(self, width: int = 32, strength_width: int = 16) -> None:
        super().__init__()
        self.strength = Strength(strength_width)
        self.reader = Reader(width)
        self.finder = Finder(width)


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Parts "strength", "reader" and "finder", each from its features on, as `provenance.marks.nets` has them."""
    g = Graph(tensors).part("strength")
    x = g.input("seen", (1, FEATURES + 2, FINE_GRID, FINE_GRID))
    for layer in (0, 2, 4):
        x = g.convolution(g.silu(x) if layer else x, f"layers.{layer}", pad=1)
    low = np.array([LEAST_FACTOR, LEAST_SHARE], np.float32).reshape(1, 2, 1, 1)
    span = np.array([MOST_FACTOR - LEAST_FACTOR, 1 - 2 * LEAST_SHARE], np.float32).reshape(1, 2, 1, 1)
    x = g.node("Add", g.node("Mul", g.node("Sigmoid", x), g.constant(span)), g.constant(low))
    g.output(x, "factor_share", (1, 2, FINE_GRID, FINE_GRID))

    x = _trunk(g.part("reader"), g.input("seen", (1, FEATURES, FINE_GRID, FINE_GRID)))
    heads = g.convolution(x, "fine", pad=1), g.convolution(x, "coarse", stride=2, pad=1)
    x = g.node("Concat", *(g.reshaped(head, (1, -1)) for head in heads), axis=1)
    g.output(x, "chips", (1, FINE_CHIPS + COARSE_GRID**2))

    x = _trunk(g.part("finder"), g.input("seen", (1, FEATURES, "H", "W")))
    x = g.node("DepthToSpace", g.convolution(x, "head", pad=1), blocksize=2, mode="CRD")
    g.output(x, "signs", (1, 2, "2H", "2W"))
    return g


def _trunk(g: Graph, x: str) -> str:
    x = g.convolution(x, "stem", pad=1)
    for number, dilation in enumerate(DILATIONS):
        y = g.convolution(g.silu(x), f"blocks.{number}.first", pad=dilation, dilation=dilation)
        x = g.node("Add", x, g.convolution(g.silu(y), f"blocks.{number}.second", pad=1))
    return x


def answers(net: Watermark, part: str, seen: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    if part == "strength":
        raw = net.strength.layers(seen)
        factor = LEAST_FACTOR + (MOST_FACTOR - LEAST_FACTOR) * raw[:, :1].sigmoid()
        return [torch.cat([factor, LEAST_SHARE + (1 - 2 * LEAST_SHARE) * raw[:, 1:].sigmoid()], 1)]
    own = net.reader if part == "reader" else net.finder
    x = own.stem(seen)
    for block in own.blocks:
        x = block(x)
    if part == "finder":
        return [F.pixel_shuffle(net.finder.head(x), 2)]
    return [torch.cat([net.reader.fine(x).flatten(1), net.reader.coarse(x).flatten(1)], 1)]
