"""Small autoencoders, as diffusion generators have them before and behind: what a face is like once it came through.

A variational one (Kingma and Welling 2014; of the shape of Rombach et al. 2022, arXiv 2112.10752, section 3.1) or one
whose latents are rounded (finite scalar quantisation, Mentzer et al. 2024, arXiv 2309.15505, section 3.1). The ways in
which decoders enlarge leave different traces, so all three are here.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

Upsampling = Literal["nearest", "shuffle", "transposed"]


class Block(nn.Module):
    """x + conv(silu(conv(silu(x)))); starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.SiLU(), conv(width, width), nn.SiLU(), conv(width, width))
        nn.init.zeros_(self.layers[-1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class Autoencoder(nn.Module):
    """Pictures (B, 3, H, W) RGB in [0, 1] -> latents (B, latent, H / stride, W / stride) -> pictures.

    Args:
        latent: channels of the latents, where they vary; `levels` has one number a channel instead.
        levels: how many values each channel is rounded to; none: the autoencoder is variational.
        widths: channels at full size, half size ...; H and W are multiples of `stride`, 2 ** (len(widths) - 1).
        upsampling: "nearest" repeats pixels before a convolution, "shuffle" sorts channels into pixels behind it,
            "transposed" is a convolution of 4 x 4 with a step of half a pixel.
        pixels: latents are the picture itself, smaller; nothing is learned but how to enlarge it.
        depth: blocks of the decoder at the size of the latents.
    """

    def __init__(
        self,
        latent: int = 4,
        levels: Sequence[int] = (),
        widths: Sequence[int] = (16, 48, 96, 112),
        upsampling: Upsampling = "nearest",
        pixels: bool = False,
        depth: int = 1,
    ) -> None:
        super().__init__()
        self.stride, self.levels, self.pixels = 2 ** (len(widths) - 1), tuple(levels), pixels
        inner, deepest = 3 if pixels else latent if not levels else len(levels), widths[-1]
        down: list[nn.Module] = [conv(3, widths[0])]
        for wide, narrow in pairwise(widths):
            down += [nn.Conv2d(wide, narrow, 3, stride=2, padding=1), Block(narrow)]
        learned = nn.Sequential(*down, nn.SiLU(), conv(deepest, inner if levels else 2 * inner))
        self.encoder = nn.AvgPool2d(self.stride) if pixels else learned
        up: list[nn.Module] = [conv(inner, deepest), *(Block(deepest) for _ in range(depth))]
        for narrow, wide in pairwise(reversed(widths)):
            up += [enlarging(narrow, wide, upsampling), Block(wide)]
        self.decoder = nn.Sequential(*up, nn.SiLU())
        self.leave = conv(widths[0], 3)

    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """-> latents as they are meant, and how far they are unsure (standard deviations; 0 where they are rounded)."""
        found = self.encoder(2 * pictures.to(self.leave.weight.dtype) - 1).float()
        if self.pixels or self.levels:
            return found if self.pixels else rounded(found, self.levels), torch.zeros_like(found)
        mean, log_variance = found.chunk(2, 1)
        return mean, (log_variance.clamp(-30, 10) / 2).exp()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """-> pictures, not yet cut to [0, 1]."""
        return (self.leave(self.decoder(latents.to(self.leave.weight.dtype))).float() + 1) / 2

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """There and back: pictures, and the divergence of the latents from a normal distribution, in nats a number.

        While it trains, latents are drawn; else they are what is meant."""
        mean, deviation = self.encode(pictures)
        if self.pixels or self.levels:
            return self.decode(mean), mean.new_zeros(())
        nats = 0.5 * (mean.square() + deviation.square() - 1) - deviation.clamp_min(1e-12).log()
        drawn = mean + deviation * torch.randn_like(mean) if self.training else mean
        return self.decode(drawn), nats.mean()


def conv(inner: int, outer: int) -> nn.Conv2d:
    """3 x 3, same size."""
    return nn.Conv2d(inner, outer, 3, padding=1)


def enlarging(inner: int, outer: int, way: Upsampling) -> nn.Module:
    """To twice the size."""
    if way == "shuffle":
        return nn.Sequential(conv(inner, 4 * outer), nn.PixelShuffle(2))
    if way == "transposed":
        return nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), conv(inner, outer))


def rounded(latents: torch.Tensor, levels: Sequence[int]) -> torch.Tensor:
    """Latents (B, len(levels), H, W) squeezed into [-1, 1] and rounded to so many values a channel; the gradient
    passes as if they were not (equations 1 and 2 of the paper, with its offset for even numbers)."""
    count = torch.tensor(levels, dtype=latents.dtype, device=latents.device).view(1, -1, 1, 1)
    half, offset = (count - 1) * 1.001 / 2, 0.5 * (1 - count % 2)
    bound = torch.tanh(latents + torch.atanh(offset / half)) * half - offset
    return (bound + (bound.round() - bound).detach()) / (count / 2).floor()
