"""A small U-Net on pixel-unshuffled pictures: the painter's and the refiner's networks."""

from itertools import pairwise

import torch
from torch import nn


class Block(nn.Module):
    """x + conv(relu(conv(relu(x)))); starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class UNet(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W), all 0 before training (after Ronneberger et al. 2015, with sums for
    skips).

    The picture is unshuffled to half its size, where the first of `widths` works, and halved again for each further
    one: H and W are multiples of 2 ** len(widths). `blocks`: how many there are at each width on the way down; there is
    one at each on the way up.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        self.enter = nn.Conv2d(inputs * 4, widths[0], 3, padding=1)
        self.before = nn.ModuleList(
            nn.Sequential(*(Block(w) for _ in range(n))) for w, n in zip(widths, blocks, strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in steps)
        self.after = nn.ModuleList(Block(w) for w in widths[:-1])
        self.leave = nn.Conv2d(widths[0], outputs * 4, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        x = self.enter(nn.functional.pixel_unshuffle(seen, 2))
        kept = []
        for block, down in zip(self.before, self.down, strict=False):
            x = block(x)
            kept.append(x)
            x = down(x)
        x = self.before[-1](x)
        for block, up, skip in zip(reversed(self.after), reversed(self.up), reversed(kept), strict=True):
            x = block(skip + up(x))
        return nn.functional.pixel_shuffle(self.leave(torch.relu(x)), 2)


@torch.no_grad()
def input_ranges(net: UNet, batches: list[torch.Tensor]) -> dict[str, float]:
    """What an 8-bit copy of `net` needs to know: for each convolution of its blocks (and "enter"), the largest value
    that goes in, over `batches` of what the network sees; one in ten thousand values may be larger."""
    ranges: dict[str, float] = {}

    def watch(name: str):
        def look(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            values = given[0].abs().flatten().float()
            rank = max(1, int(values.numel() * 1e-4))
            ranges[name] = max(ranges.get(name, 0.0), float(values.topk(rank).values[-1]))

        return look

    names = {n: m for n, m in net.named_modules() if n == "enter" or n.endswith((".first", ".second"))}
    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in names.items()]
    for batch in batches:
        net(batch)
    for hook in hooks:
        hook.remove()
    return {name: round(value, 5) for name, value in ranges.items()}
