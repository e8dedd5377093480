"""The two learned parts of the picture mark: how strong it may be where, and what of a picture is mark.

Both look at the picture shrunk to 128x128, whatever its size, so both are small and the same for every picture.

`Strength` shapes the keyed pattern to the picture, more where texture hides it, at a fixed total energy. `Reader` is
a blind
estimator: from a picture that was coded, shrunk or repainted it estimates, for every chip, the log likelihood
ratio of its sign. It never sees the key: it learns what keyed patterns of this band look like after a codec has been at
them, and what pictures look like, so one set of weights serves every key. The keyed part (`chips`, `code`) is exact
arithmetic on what it returns. Spread-spectrum marks of this kind go back to Cox et al. 1997, "Secure spread spectrum
watermarking for multimedia"; the learned estimator takes the place of the whitening filter.
"""

import torch
import torch.nn.functional as F
from torch import nn

from provenance.watermark.chips import CHROMA_GRID, LUMA_GRID

WORK = 128  # side of the square that both networks look at, pixels
PSNR = 43.0  # dB; the mark is weakened where it would go below, before rounding and clipping
FLAT = 0.002  # amplitude just noticeable where nothing hides it, of the range: half a grey level
TEXTURE = 0.12  # share of the surrounding texture that hides a mark
MOST = 0.010  # no threshold of brightness is above 2.5 grey levels
MOST_COLOUR = 0.0035  # brightness hides little of a colour: its thresholds stop here before they are weighted
COLOUR = (1.0, 0.45)  # thresholds of blue and of red differences, against that of brightness
LEAST_FACTOR, MOST_FACTOR = 0.4, 1.5  # bounds of the learned factor
INTERPOLATION_LOSS = 0.87  # root mean square of +-1 chips after cubic interpolation to pixels
# Full-range BT.601, RGB in [0, 1] -> Y in [0, 1], Cb and Cr in [-0.5, 0.5], and one unit of each back in RGB.
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def features(rgb: torch.Tensor) -> torch.Tensor:
    """(B, 3, 128, 128) RGB in [0, 1] -> (B, 20, 64, 64): where the picture departs from its surroundings, and
    brightness.

    The mark is below a hundredth of the range: it must be set free from the picture before anything is
    rounded to bfloat16.
    """
    matrix = torch.tensor(TO_YCC, device=rgb.device)
    ycc = torch.einsum("ij,bjhw->bihw", matrix, rgb.float())
    near = ycc - _blur(ycc, 5)
    far = ycc[:, :1] - _blur(ycc[:, :1], 21)
    return F.pixel_unshuffle(torch.cat([16 * near, 4 * far, ycc[:, :1] - 0.5], dim=1), 2)


def _blur(x: torch.Tensor, size: int) -> torch.Tensor:
    half = size // 2
    x = F.pad(x, (half, half, half, half), mode="reflect")
    return F.avg_pool2d(F.avg_pool2d(x, (1, size), 1), (size, 1), 1)


def thresholds(rgb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How much each cell bears before the eye notices, in units of the range.

    (B, 3, 128, 128) RGB in [0, 1] -> brightness (B, 1, 64, 64) and colour differences (B, 2, 32, 32). The threshold
    grows with the distance from middle brightness and with the texture around (after Chou and Li 1995, "A perceptually
    tuned subband image coder", equations 2 to 5, much simplified); a lone edge counts less than texture, as its flat
    side hides nothing. The eye forgives blue against yellow more than red against green (Mullen 1985).
    """
    weights = torch.tensor(TO_YCC[0], device=rgb.device)[:, None, None]
    luma = (rgb.float() * weights).sum(dim=1, keepdim=True)
    departure = F.avg_pool2d((luma - _blur(luma, 5)).abs(), 2)
    texture = _blur((departure + 1e-8).sqrt(), 5).square()
    bright = F.avg_pool2d(luma, 2)
    seen = FLAT * (1 + 0.8 * (bright - 0.4).abs()) + TEXTURE * texture
    seen = seen.clamp(max=MOST)
    coarse = F.avg_pool2d(seen.clamp(max=MOST_COLOUR), LUMA_GRID // CHROMA_GRID)
    return seen, coarse * torch.tensor(COLOUR, device=rgb.device)[:, None, None]


class Strength(nn.Module):
    """How much of the pattern each cell bears: the visibility threshold times a learned factor between two bounds.

    The lower bound keeps every region marked, so that none can be replaced unseen.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(20, width, 1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, 3, 128, 128) RGB in [0, 1] -> amplitudes in units of the range, all positive, of brightness
        (B, 1, 64, 64) and of both colour differences (B, 2, 32, 32); and the visibility: the mean fourth power of the
        factors, as what is seen pools over the picture (Watson 1979, "Probability summation over time").
        """
        raw = self.layers(features(rgb).to(self.layers[0].weight.dtype)).float()
        factor = LEAST_FACTOR + (MOST_FACTOR - LEAST_FACTOR) * raw.sigmoid()
        luma_seen, chroma_seen = thresholds(rgb)
        coarse = F.avg_pool2d(factor[:, 1:], LUMA_GRID // CHROMA_GRID)
        luma, chroma = luma_seen * factor[:, :1], chroma_seen * coarse
        back = torch.tensor(TO_RGB, device=rgb.device).square().mean(dim=0)  # energy in RGB of one unit of Y, Cb, Cr
        energy = back[0] * luma.square().mean(dim=(1, 2, 3)) + (back[1:, None, None] * chroma.square()).mean(
            dim=(2, 3)
        ).sum(dim=1)
        gain = (10 ** (-PSNR / 20) / (INTERPOLATION_LOSS * energy.sqrt())).clamp(max=1.0)[:, None, None, None]
        return luma * gain, chroma * gain, factor.pow(4).mean()


class Reader(nn.Module):
    """Estimates the sign of every chip, blind to host and key."""

    def __init__(self, width: int = 32, dilations: tuple[int, ...] = (1, 2, 4, 1, 2)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(20, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(width, d) for d in dilations)
        self.luma = nn.Conv2d(width, 1, 3, padding=1)
        self.chroma = nn.Conv2d(width, 2, 4, stride=2, padding=1)

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        """(B, 3, 128, 128) RGB in [0, 1] -> (B, 6144) log likelihood ratios, positive where a chip is +1."""
        x = self.stem(features(rgb).to(self.stem.weight.dtype))
        for block in self.blocks:
            x = block(x)
        return torch.cat([self.luma(x).flatten(1), self.chroma(x).flatten(1)], dim=1).float()


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
    """Both parts together: what one weight file holds."""

    def __init__(self, width: int = 32, strength_width: int = 16) -> None:
        super().__init__()
        self.strength = Strength(strength_width)
        self.reader = Reader(width)


def pattern_rgb(luma: torch.Tensor, chroma: torch.Tensor, chips: torch.Tensor) -> torch.Tensor:
    """Amplitudes (B, 1, 64, 64) and (B, 2, 32, 32) and chip signs (B, 6144) -> RGB to add, (B, 3, 64, 64)."""
    count = LUMA_GRID**2
    signed = luma * chips[:, :count].reshape_as(luma)
    coloured = chroma * chips[:, count:].reshape_as(chroma)
    coloured = F.interpolate(coloured, size=LUMA_GRID, mode="bicubic", align_corners=False)
    ycc = torch.cat([signed, coloured], dim=1)
    return torch.einsum("ij,bjhw->bihw", torch.tensor(TO_RGB, device=ycc.device), ycc)
