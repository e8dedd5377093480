"""What cameras, codecs, painters and hands do to pictures, for whole batches on any device (torch).

Pictures are (B, 3, H, W) float32 RGB in [0, 1]. Chance comes from torch's global generator, so `torch.manual_seed`
before a call makes it repeatable.
"""

import math

import torch
from torch import nn

LUMA = (0.299, 0.587, 0.114)


def _some(count: int, share: float, device: torch.device) -> torch.Tensor:
    """(B, 1, 1, 1): 1 for about `share` of the batch, 0 for the others."""
    return (torch.rand(count, 1, 1, 1, device=device) < share).float()


def _between(low: float, high: float, *shape: int, device: torch.device) -> torch.Tensor:
    return low + (high - low) * torch.rand(*shape, device=device)


def smooth_fields(count: int, channels: int, cells: int, side: int, device: torch.device) -> torch.Tensor:
    """Smooth noise (B, channels, side, side) of about unit variance, `cells` swells across."""
    coarse = torch.randn(count, channels, cells, cells, device=device)
    return nn.functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)


def colour(pictures: torch.Tensor) -> torch.Tensor:
    """Light that slopes, tint, grey, gamma, contrast."""
    count, device = len(pictures), pictures.device
    slope = 1 + smooth_fields(count, 1, 2, pictures.shape[-1], device) * _between(0, 0.3, count, 1, 1, 1, device=device)
    pictures = torch.where(_some(count, 0.4, device) > 0, pictures * slope.clamp(0.25, 1.8), pictures)
    grey = (pictures * torch.tensor(LUMA, device=device).view(1, 3, 1, 1)).sum(1, keepdim=True).expand_as(pictures)
    pictures = torch.where(_some(count, 0.2, device) > 0, grey, pictures)
    pictures = pictures * _between(0.78, 1.2, count, 3, 1, 1, device=device)
    gamma = torch.exp(0.3 * torch.randn(count, 1, 1, 1, device=device))
    level = pictures.clamp(1e-4, 1) ** gamma
    contrast, lift = (
        _between(0.6, 1.3, count, 1, 1, 1, device=device),
        0.08 * torch.randn(count, 1, 1, 1, device=device),
    )
    dark = torch.where(_some(count, 0.06, device) > 0, _between(0.12, 0.5, count, 1, 1, 1, device=device), 1.0)
    return (((level - 0.5) * contrast + 0.5 + lift) * dark).clamp(0, 1)


def occlude(pictures: torch.Tensor, share: float = 0.25) -> torch.Tensor:
    """Something before a part of the face: a bar or a blot, plain or patterned."""
    count, side, device = len(pictures), pictures.shape[-1], pictures.device
    axis = torch.linspace(-1, 1, side, device=device)
    y, x = axis.view(1, 1, -1, 1), axis.view(1, 1, 1, -1)
    angle = _between(0, math.pi, count, 1, 1, 1, device=device)
    place = _between(-0.9, 0.9, count, 2, 1, 1, device=device)
    u = (x - place[:, :1]) * angle.cos() + (y - place[:, 1:]) * angle.sin()
    v = (y - place[:, 1:]) * angle.cos() - (x - place[:, :1]) * angle.sin()
    width = _between(0.04, 0.35, count, 1, 1, 1, device=device)
    length = torch.where(_some(count, 0.4, device) > 0, 3.0, width * _between(0.6, 1.6, count, 1, 1, 1, device=device))
    hit = ((u / length) ** 2 + (v / width) ** 2 < 1).float() * _some(count, share, device)
    pattern = torch.rand(count, 3, 1, 1, device=device) + 0.25 * smooth_fields(count, 3, 24, side, device) * _some(
        count, 0.5, device
    )
    return hit * pattern.clamp(0, 1) + (1 - hit) * pictures


def blur(pictures: torch.Tensor, share: float = 0.3, most: float = 2.6) -> torch.Tensor:
    """Out of focus, or moved in one direction; of each picture by an amount of its own (sigma up to `most` pixels)."""
    count, device = len(pictures), pictures.device
    taps = torch.arange(-6, 7, device=device).float()
    blurred = pictures
    moved = _some(count, 0.3, device)
    sigma = _between(0.3, most, count, 1, 1, 1, device=device)
    for axis, weight in ((2, torch.ones_like(moved)), (3, 1 - moved)):
        own = (sigma * weight).clamp_min(0.05).view(count, 1)
        kernel = torch.exp(-0.5 * (taps / own) ** 2)
        kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
        shape = (count * 3, 1, len(taps), 1) if axis == 2 else (count * 3, 1, 1, len(taps))
        padding = (0, 0, 6, 6) if axis == 2 else (6, 6, 0, 0)
        rows = nn.functional.pad(blurred, padding, mode="replicate").reshape(1, count * 3, *_padded(blurred, axis))
        blurred = nn.functional.conv2d(rows, kernel.view(shape), groups=count * 3).view_as(pictures)
    return torch.where(_some(count, share, device) > 0, blurred, pictures)


def _padded(pictures: torch.Tensor, axis: int) -> tuple[int, int]:
    height, width = pictures.shape[-2:]
    return (height + 12, width) if axis == 2 else (height, width + 12)


def shrink(pictures: torch.Tensor, share: float = 0.18) -> torch.Tensor:
    """Small pictures enlarged: the first `share` of the batch at one random size, down to a sixth."""
    count, side = round(share * len(pictures)), pictures.shape[-1]
    if count == 0:
        return pictures
    small = max(8, int(side * float(torch.empty(1).uniform_(0.16, 0.7))))
    part = nn.functional.interpolate(pictures[:count], size=(small, small), mode="area")
    part = nn.functional.interpolate(part, size=(side, side), mode="bilinear", align_corners=False)
    return torch.cat([part, pictures[count:]])


def noise(pictures: torch.Tensor, share: float = 0.4, most: float = 0.08) -> torch.Tensor:
    """Grain of a sensor or of film, of each picture by an amount of its own."""
    count, device = len(pictures), pictures.device
    grain = torch.randn_like(pictures)
    grain = torch.where(_some(count, 0.4, device) > 0, grain[:, :1], grain)
    amount = most * torch.rand(count, 1, 1, 1, device=device) ** 2 * _some(count, share, device)
    return (pictures + amount * grain).clamp(0, 1)


def _cosines(device: torch.device) -> torch.Tensor:
    """The 8-point discrete cosine transform as an orthogonal matrix."""
    k = torch.arange(8, device=device).float()
    basis = torch.cos(math.pi * (2 * k.view(1, -1) + 1) * k.view(-1, 1) / 16) * 0.5
    basis[0] /= math.sqrt(2)
    return basis


def block_code(pictures: torch.Tensor, share: float = 0.35) -> torch.Tensor:
    """What JPEG and H.264 leave: 8 x 8 cosine blocks, quantised, colour more than brightness. Sides must be multiples
    of 8."""
    count, device, side = len(pictures), pictures.device, pictures.shape[-1]
    luma = (pictures * torch.tensor(LUMA, device=device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    planes = torch.cat([luma, pictures - luma], 1)
    blocks = planes.view(count, 4, side // 8, 8, side // 8, 8).permute(0, 1, 2, 4, 3, 5)
    basis = _cosines(device)
    spectrum = basis @ blocks @ basis.T
    k = torch.arange(8, device=device).float()
    ramp = 1 + 0.8 * (k.view(-1, 1) + k.view(1, -1))
    step = _between(0.008, 0.07, count, 1, 1, 1, 1, 1, device=device) * ramp
    coarse = torch.tensor([1.0, 2.2, 2.2, 2.2], device=device).view(1, 4, 1, 1, 1, 1)
    spectrum = (spectrum / (step * coarse)).round() * step * coarse
    coded = (basis.T @ spectrum @ basis).permute(0, 1, 2, 4, 3, 5).reshape(count, 4, side, side)
    coded = (coded[:, :1] + coded[:, 1:]).clamp(0, 1)
    return torch.where(_some(count, share, device) > 0, coded, pictures)


def paint_over(pictures: torch.Tensor, share: float = 0.1) -> torch.Tensor:
    """Flat strokes for the last `share` of the batch: each pixel takes the median of its neighbours, twice."""
    count = round(share * len(pictures))
    if count == 0:
        return pictures
    part = pictures[-count:]
    for _ in range(2):
        padded = nn.functional.pad(part, (1, 1, 1, 1), mode="replicate")
        shifted = [padded[..., i : i + part.shape[-2], j : j + part.shape[-1]] for i in range(3) for j in range(3)]
        part = torch.stack(shifted).median(0).values
    return torch.cat([pictures[:-count], part])


def degrade(pictures: torch.Tensor, spare: float = 0.2) -> torch.Tensor:
    """All of it, in the order in which it happens to pictures; a share of them is spared."""
    start = pictures
    for step in (colour, occlude, paint_over, blur, shrink, noise, block_code):
        pictures = step(pictures)
    return torch.where(_some(len(start), spare, start.device) > 0, start, pictures)


def recrop(
    pictures: torch.Tensor, points: torch.Tensor, side: int, *, bend: float = 0.012
) -> tuple[torch.Tensor, torch.Tensor]:
    """New crops of `side` pixels around faces: placed as a finder would (half sloppily, half as a second reading),
    with a little shear, bent smoothly.

    Args:
        pictures: (B, 3, S, S); points: (B, N, 2) pixels of these.
        bend: size of the bending, in units of the crop.

    Returns: crops (B, 3, side, side), points in units of the crop (B, N, 2).
    """
    count, device, source = len(pictures), pictures.device, pictures.shape[-1]
    low, high = points.amin(1), points.amax(1)
    sloppy = (torch.rand(count, device=device) < 0.5).float()
    span = (high - low).amax(1)
    zoom = 1 / (
        span * torch.lerp(_between(1.25, 1.8, count, device=device), _between(1.15, 2.0, count, device=device), sloppy)
    )
    angle = torch.randn(count, device=device) * math.radians(3)
    wild = (torch.rand(count, device=device) < 0.2).float() * sloppy
    angle = angle + sloppy * torch.randn(count, device=device) * math.radians(8)
    angle = angle + wild * _between(-1.0, 1.0, count, device=device) * math.radians(45)
    cos, sin, shear = angle.cos(), angle.sin(), 0.03 * torch.randn(count, device=device)
    tall = 1 + 0.05 * (2 * torch.rand(count, device=device) - 1)
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)
    bias = torch.stack(
        [torch.stack([torch.ones_like(cos), shear], -1), torch.stack([torch.zeros_like(cos), tall], -1)], 1
    )
    linear = zoom.view(-1, 1, 1) * turn @ bias  # picture pixels -> units of the crop
    middle = 0.5 + (0.015 + 0.03 * sloppy).view(-1, 1) * torch.randn(count, 2, device=device).clamp(-2.5, 2.5)
    shift = middle - (linear @ ((low + high) / 2).unsqueeze(-1)).squeeze(-1)
    warp = (
        bend
        * torch.rand(count, 1, 1, 1, device=device)
        * (smooth_fields(count, 2, 4, side, device) + 0.5 * smooth_fields(count, 2, 7, side, device))
    )
    axis = (torch.arange(side, device=device) + 0.5) / side
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    there = grid + warp.permute(0, 2, 3, 1)  # where in the unbent crop each pixel of the bent one comes from
    here = (there - shift.view(-1, 1, 1, 2)) @ torch.linalg.inv(linear).transpose(1, 2).unsqueeze(1)
    crops = nn.functional.grid_sample(
        pictures, (here + 0.5) * (2 / source) - 1, mode="bilinear", padding_mode="border", align_corners=False
    )
    flat = points @ linear.transpose(1, 2) + shift.unsqueeze(1)
    moved = flat
    for _ in range(3):  # where does the bending take each point: solve x + warp(x) = flat
        at = nn.functional.grid_sample(
            warp, (2 * moved - 1).unsqueeze(1), mode="bilinear", padding_mode="border", align_corners=False
        )
        moved = flat - at.squeeze(2).transpose(1, 2)
    return crops, moved
