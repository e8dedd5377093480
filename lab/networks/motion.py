"""The network that moves a face: a causal transformer remembers, a flow-matching head draws the next frame.

VASA-1 (Xu et al. 2024, section 3.2) denoises windows of motion with a diffusion transformer, several frames at once. A
window has to be heard before it can be drawn, which costs as much delay as it is long. Here every frame is drawn on its
own, given all that came before: the transformer reads what the face did and what was heard, over a window of the last
`WINDOW` frames, and a small head turns noise into the next step by flow matching (Lipman et al. 2023), as Li et al.
(2024, "Autoregressive image generation without vector quantization") do with diffusion. There are no seams between
windows, and a stream is the same as the whole.

What a face does seldom and suddenly, a jump of the eyes or a blink, few steps along a flow would miss: whether it
happens is decided first, by chances that the network tells, and the flow draws the step knowing it.

Shapes: B examples, T frames at 25 a second, M = `generate.motion.space.SIZE` numbers of motion.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from generate.motion.space import EVENTS, PAST, SIZE
from generate.motion.stepping import GROUPS, LEVELS, WINDOW, turning
from lab.networks.graph import Graph


class Attention(nn.Module):
    """Causal self-attention over the last `WINDOW` frames; places are told by rotation (Su et al. 2021)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.outputs = nn.Linear(width, width)
        self.register_buffer("rates", torch.from_numpy(turning(width // heads)), persistent=False)

    def _turned(self, x: torch.Tensor, first: int) -> torch.Tensor:
        """Queries or keys (B, H, T, D) rotated by their places, the first of which is frame `first`."""
        places = torch.arange(first, first + x.shape[2], device=x.device, dtype=torch.float64)
        angles = torch.remainder(places[:, None] * self.rates, 2 * math.pi).float()
        cosine, sine = angles.cos(), angles.sin()
        even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
        turned = torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1)
        return turned.flatten(-2).to(x.dtype)

    def forward(self, x: torch.Tensor, cache: "Cache | None") -> torch.Tensor:
        """x (B, T, width). With a cache: x is what follows what the cache has seen."""
        query, key, value = self.inputs(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        first = 0 if cache is None else cache.seen
        query, key = self._turned(query, first), self._turned(key, first)
        if cache is not None:
            key, value = cache.extend(self, key, value)
        rows, columns = query.shape[2], key.shape[2]
        back = torch.arange(columns - rows, columns, device=x.device)[:, None] - torch.arange(columns, device=x.device)
        seen = (back >= 0) & (back < WINDOW)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.outputs(mixed.transpose(1, 2).flatten(-2))


@dataclass
class Cache:
    """What the layers remember of the frames so far: bounded, however long the performance."""

    seen: int = 0  # frames
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def extend(self, layer: nn.Module, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All keys and values (B, H, n, D) that `layer` now looks back on."""
        if id(layer) in self.kept:
            before = self.kept[id(layer)]
            key, value = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
        self.kept[id(layer)] = key[:, :, -(WINDOW - 1) :], value[:, :, -(WINDOW - 1) :]
        return key, value


def _mixer(width: int, inner: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))


def _normalised(norm: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
    return norm(x.float()).to(x.dtype)


class Layer(nn.Module):
    """Attention and a perceptron, each after a norm and added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.between = nn.LayerNorm(width)
        self.mix = _mixer(width, 3 * width)

    def forward(self, x: torch.Tensor, cache: Cache | None) -> torch.Tensor:
        x = x + self.attention(_normalised(self.before, x), cache)
        return x + self.mix(_normalised(self.between, x))


class Flow(nn.Module):
    """Noise, on its way to a step of motion -> that step, given what the transformer makes of it all."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(SIZE, width)
        self.level = nn.Linear(LEVELS, width)
        self.context = nn.Linear(width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(blocks + 1))
        self.shapes = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(blocks))
        self.mixes = nn.ModuleList(_mixer(width, width) for _ in range(blocks))
        self.last = nn.Linear(width, 2 * width)
        self.outputs = nn.Linear(width, SIZE)

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """noisy (..., M), time (..., 1) in [0, 1], context (..., width) -> (..., M)."""
        waves = torch.exp(torch.linspace(0, math.log(200), LEVELS // 2, device=time.device))
        level = torch.cat([(time * waves).cos(), (time * waves).sin()], -1).to(context.dtype)
        told = F.silu(self.context(context) + self.level(level))
        x = self.inputs(noisy.to(context.dtype))
        for norm, shape, mix in zip(self.norms, self.shapes, self.mixes, strict=False):
            scale, shift, gate = shape(told).chunk(3, -1)
            x = x + gate * mix(_normalised(norm, x) * (1 + scale) + shift)
        scale, shift = self.last(told).chunk(2, -1)
        return self.outputs(_normalised(self.norms[-1], x) * (1 + scale) + shift).float()


class MotionNet(nn.Module):
    """What the face did, what is heard, what is asked for -> what the face does next."""

    def __init__(self, width: int = 192, layers: int = 4, heads: int = 4, blocks: int = 3) -> None:
        super().__init__()
        self.config = {"width": width, "layers": layers, "heads": heads, "blocks": blocks}
        self.past = nn.Linear(PAST, width)
        self.told = nn.ModuleDict({name: nn.Linear(size, width) for name, size in GROUPS.items()})
        self.untold = nn.ParameterDict({name: nn.Parameter(torch.zeros(width)) for name in GROUPS})
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.event = nn.Linear(width, EVENTS)
        self.happening = nn.Parameter(torch.zeros(EVENTS, width))
        self.flow = Flow(width, blocks)

    def context(
        self,
        past: torch.Tensor,
        told: dict[str, torch.Tensor],
        heard: dict[str, torch.Tensor] | None = None,
        cache: Cache | None = None,
    ) -> torch.Tensor:
        """What the head is told about each next frame: (B, T, width).

        Args:
            past: (B, T, PAST) where the face was in the frame before, how it got there, and how far it is from the face
                that sound and mood ask for (`Steps.past`).
            told: conditions by name (`GROUPS`), each (B, T, n).
            heard: for each condition, (B,) bool: is it told at all? None: all are.
            cache: carries the memory from call to call.
        """
        x = self.past(past.to(self.past.weight.dtype))
        for name, layer in self.told.items():
            value = layer(told[name].to(x.dtype))
            if heard is not None:
                value = torch.where(heard[name][:, None, None], value, self.untold[name].to(x.dtype))
            x = x + value
        for layer in self.layers:
            x = layer(x, cache)
        if cache is not None:
            cache.seen += past.shape[1]
        return _normalised(self.norm, x)


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Part "context", one frame of R rows, and part "flow", one evaluation.

    context: past (R, PAST), each condition (R, n) and whether it is told (R, 1), cosines and sines of the frame's
    place (2, D / 2), 0 for each of `WINDOW` frames up to this one that there is and a large negative number for others
    (WINDOW,), keys and values of the frames before (R, H, WINDOW - 1, D) of every layer -> what the head is told (R,
    width), logits of what happens (R, EVENTS), the next keys and values.
    flow: noisy (R, M), time (R, 1), what the head is told, and what happens added to it (R, width) -> (R, M).
    """
    g, heads = Graph(tensors).part("context", tensors=""), int(config["heads"])
    width = len(tensors["past.bias"])
    x = g.linear(g.input("past", ("R", PAST)), "past")
    for name, size in GROUPS.items():
        told = g.linear(g.input(name, ("R", size)), f"told.{name}")
        heard = g.input(f"told {name}", ("R", 1))
        absent = g.node("Mul", g.node("Sub", g.constant(1.0), heard), g.tensor(f"untold.{name}"))
        x = g.node("Add", x, g.node("Add", g.node("Mul", told, heard), absent))
    size = width // heads
    turn, known = g.input("place", (2, size // 2)), g.input("known", (WINDOW,))
    kept = []
    for number in range(int(config["layers"])):
        name = f"layers.{number}"
        seen = _normed(g, x, f"{name}.before")
        parts = g.reshaped(g.linear(seen, f"{name}.attention.inputs"), (-1, 3, heads, 1, size))
        query, key, value = (g.reshaped(g.sliced(parts, part, part + 1, 1), (-1, heads, 1, size)) for part in range(3))
        query, key = _turned(g, query, turn, heads), _turned(g, key, turn, heads)
        key, value = (
            g.node("Concat", g.input(f"{what} {number}", ("R", heads, WINDOW - 1, size)), now, axis=2)
            for what, now in (("keys", key), ("values", value))
        )
        kept += [(f"next keys {number}", key), (f"next values {number}", value)]
        scores = g.node("MatMul", query, g.node("Transpose", key, perm=[0, 1, 3, 2]))
        scores = g.node("Add", g.node("Mul", scores, g.constant(size**-0.5)), known)
        mixed = g.reshaped(g.node("MatMul", g.node("Softmax", scores, axis=-1), value), (-1, width))
        x = g.node("Add", x, g.linear(mixed, f"{name}.attention.outputs"))
        x = g.node("Add", x, _mixed(g, _normed(g, x, f"{name}.between"), f"{name}.mix"))
    x = _normed(g, x, "norm")
    g.output(x, "context", ("R", width))
    g.output(g.linear(x, "event"), "events", ("R", EVENTS))
    for name, value in kept:
        g.output(g.sliced(value, 1, WINDOW, 2), name, ("R", heads, WINDOW - 1, size))
    _flow(g.part("flow"), width, int(config["blocks"]))
    return g


def _normed(g: Graph, x: str, name: str) -> str:
    return g.layer_norm(x, g.tensor(f"{name}.weight"), g.tensor(f"{name}.bias"))


def _mixed(g: Graph, x: str, name: str) -> str:
    return g.linear(g.gelu(g.linear(x, f"{name}.0")), f"{name}.2")


def _turned(g: Graph, x: str, turn: str, heads: int) -> str:
    """Queries or keys (R, H, 1, D) rotated by the frame's place."""
    pairs = g.node("Reshape", x, g.constant((0, heads, -1, 2), np.int64))
    even, odd = (g.reshaped(g.sliced(pairs, k, k + 1, 3), (0, heads, -1)) for k in range(2))
    cosine, sine = (g.sliced(turn, k, k + 1, 0) for k in range(2))
    one = g.node("Sub", g.node("Mul", even, cosine), g.node("Mul", odd, sine))
    other = g.node("Add", g.node("Mul", even, sine), g.node("Mul", odd, cosine))
    both = g.node("Concat", *(g.node("Unsqueeze", part, g.constant([3], np.int64)) for part in (one, other)), axis=3)
    return g.reshaped(both, (0, heads, 1, -1))


def _flow(g: Graph, width: int, blocks: int) -> None:
    noisy, time, context = (g.input(n, ("R", s)) for n, s in (("noisy", SIZE), ("time", 1), ("told", width)))
    waves = np.exp(np.linspace(0, math.log(200), LEVELS // 2))
    angles = g.node("Mul", time, g.constant(waves[None]))
    level = g.node("Concat", g.node("Cos", angles), g.node("Sin", angles), axis=1)
    told = g.silu(g.node("Add", g.linear(context, "context"), g.linear(level, "level")))
    x, none = g.linear(noisy, "inputs"), g.constant(np.zeros(width))

    def shaped(x: str, parts: str) -> str:
        scale, shift = (g.sliced(parts, k * width, (k + 1) * width, 1) for k in range(2))
        x = g.layer_norm(x, g.constant(np.ones(width)), none)
        return g.node("Add", g.node("Mul", x, g.node("Add", scale, g.constant(1.0))), shift)

    for number in range(blocks):
        parts = g.linear(told, f"shapes.{number}")
        gate = g.sliced(parts, 2 * width, 3 * width, 1)
        x = g.node("Add", x, g.node("Mul", gate, _mixed(g, shaped(x, parts), f"mixes.{number}")))
    g.output(g.linear(shaped(x, g.linear(told, "last")), "outputs"), "drawn", ("R", SIZE))


def build(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> MotionNet:
    """The network, of its weights; a file's tensors "steps." are those of `generate.motion.space.Steps`."""
    net = MotionNet(**config)
    net.load_state_dict({name: tensor for name, tensor in tensors.items() if not name.startswith("steps.")})
    return net


def answers(net: MotionNet, part: str, *arrays: torch.Tensor) -> list[torch.Tensor]:
    """What part "flow" answers, by torch; part "context" is `MotionNet.context` frame by frame."""
    assert part == "flow"
    return [net.flow(*arrays)]
