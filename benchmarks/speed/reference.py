"""A network of another talking face's cost, timed beside ours: machines differ, ratios less so.

The decoder of FLOAT (Ki et al. 2024, arXiv 2412.01064), which is that of LIA (Wang et al. 2022, arXiv 2203.09043): a
StyleGAN2 synthesis network (Karras et al. 2020, arXiv 1912.04958, figure 2) from 4 x 4 to 512 x 512 pixels with the
channels below, 22.5 M parameters and 37.8 GFLOP a frame as published. Weights are random: time does not see them.
"""

import time

import numpy as np
import torch
from torch import nn

from benchmarks.figures import Figure
from media.networks import openvino
from media.threads import cores

CHANNELS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32}  # side in pixels -> channels
STYLE = 512
TIMES, TIMES_QUICK = 7, 3


class Styled(nn.Module):
    """A modulated convolution: its inputs are scaled by the style, its outputs back to the size that they had."""

    def __init__(self, inputs: int, outputs: int, side: int = 3, *, up: bool = False) -> None:
        super().__init__()
        kind = nn.ConvTranspose2d if up else nn.Conv2d
        more = {"stride": 2, "padding": 1, "output_padding": 1} if up else {"padding": side // 2}
        self.layer = kind(inputs, outputs, side, bias=False, **more)
        self.style = nn.Linear(STYLE, inputs)
        self.back = nn.Parameter(torch.ones(outputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        x = self.layer(x * self.style(style)[..., None, None]) * self.back
        return nn.functional.leaky_relu(x + self.bias, 0.2)


class Decoder(nn.Module):
    """Style (1, 512) -> picture (1, 3, 512, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, CHANNELS[4], 4, 4))
        self.first = Styled(CHANNELS[4], CHANNELS[4])
        sides = list(CHANNELS)[1:]
        self.up = nn.ModuleList(Styled(CHANNELS[side // 2], CHANNELS[side], up=True) for side in sides)
        self.same = nn.ModuleList(Styled(CHANNELS[side], CHANNELS[side]) for side in sides)
        self.colour = nn.ModuleList(nn.Conv2d(CHANNELS[side], 3, 1) for side in sides)

    def forward(self, style: torch.Tensor) -> torch.Tensor:
        x, picture = self.first(self.start, style), torch.zeros(1, 3, 4, 4)
        for up, same, colour in zip(self.up, self.same, self.colour, strict=True):
            x = same(up(x, style), style)
            picture = nn.functional.interpolate(picture, scale_factor=2, mode="bilinear") + colour(x)
        return picture


def operations(decoder: Decoder) -> float:
    """GFLOP a frame; a multiplication and an addition are two."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        decoder(torch.zeros(1, STYLE))
    return counter.get_total_flops() / 1e9


@torch.no_grad()
def reference_ms(times: int) -> tuple[float, float]:
    """Median milliseconds of a frame on all cores, by the engine that runs our networks, and its GFLOP."""
    torch.manual_seed(0)
    decoder = Decoder().eval()
    model = openvino().convert_model(decoder, example_input=torch.zeros(1, STYLE), input=[1, STYLE])
    options = {"INFERENCE_NUM_THREADS": cores(), "PERFORMANCE_HINT": "LATENCY"}
    request = openvino().Core().compile_model(model, "CPU", options).create_infer_request()
    spent = []
    for _ in range(times + 2):  # the first ones warm up
        began = time.perf_counter()
        request.infer([np.ones((1, STYLE), np.float32)])
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent[2:])), operations(decoder)


def measure(ours_ms: float, *, quick: bool) -> list[Figure]:
    """times_reference: its milliseconds over ours for a rendered and marked frame, in the same run."""
    took, cost = reference_ms(TIMES_QUICK if quick else TIMES)
    note = f"decoder of FLOAT's size, {cost:.3g} GFLOP, random weights, the same engine on all cores"
    return [
        Figure(name="reference_ms", value=took, unit="ms", better="lower", n=TIMES, note=note),
        Figure(name="times_reference", value=took / ours_ms, unit="", goal=30, n=TIMES,
               note=f"its network alone over our whole frame, rendered and marked ({ours_ms:.1f} ms)"),
    ]  # fmt: skip
