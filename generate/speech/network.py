"""The network from speech features to lips: causal convolutions whose state can be carried from block to block."""

import torch
import torch.nn.functional as F
from torch import nn

from faces.performances.phones import CHANNELS, CLASSES
from media.mel import BINS

DELAY = 2  # frames: the network answers frame k when it has heard frame k + DELAY
State = list[torch.Tensor]


class CausalConv(nn.Conv1d):
    """A convolution over time that sees the past only. Its state is the tail of its input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, dilation=dilation)
        self.past = (kernel - 1) * dilation - (stride - 1)  # input frames before the block that the first output needs

    def step(self, x: torch.Tensor, state: State, fresh: State) -> torch.Tensor:
        """x (B, inputs, T) -> (B, outputs, T / stride). Takes its state off `state` and puts the next onto `fresh`."""
        before = state.pop(0) if state else x.new_zeros(x.shape[0], x.shape[1], self.past)
        x = torch.cat([before, x], -1)
        fresh.append(x[..., x.shape[-1] - self.past :])
        return super().forward(x)


def _normalised(norm: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
    """LayerNorm over the channels of (B, C, T), in float32 whatever the rest computes in."""
    return norm(x.transpose(1, 2).float()).transpose(1, 2).to(x.dtype)


class Block(nn.Module):
    """Residual block: normalise, causal dilated convolution, GELU, mix."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = CausalConv(width, width, 3, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def step(self, x: torch.Tensor, state: State, fresh: State) -> torch.Tensor:
        y = _normalised(self.norm, x)
        return x + self.mix(F.gelu(self.conv.step(y, state, fresh)))


class LipNet(nn.Module):
    """Log-mel at 100 a second -> lip channels and closure at 25 a second, phone classes at 50 a second.

    Outputs are `DELAY` frames late: output k + DELAY is about frame k. One second is heard before each answer.
    """

    def __init__(self, width: int = 192, dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)) -> None:
        super().__init__()
        self.config = {"width": width, "dilations": list(dilations)}
        self.stem = CausalConv(BINS, width, 3)
        self.down = CausalConv(width, width, 4, stride=2)
        self.blocks = nn.ModuleList(Block(width, d) for d in dilations)
        self.norm = nn.LayerNorm(width)
        self.quarter = CausalConv(width, width, 4, stride=2)
        self.last = CausalConv(width, width, 3)
        self.lips = nn.Conv1d(width, len(CHANNELS) + 1, 1)
        self.phones = nn.Conv1d(width, len(CLASSES), 1)

    def forward(
        self, mel: torch.Tensor, state: State | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, State]:
        """mel (B, BINS, 4 T) and the state after the block before (None at the start) ->

        channels (B, T, len(CHANNELS)), closure logits (B, T), phone logits (B, 2 T, len(CLASSES)), state.
        """
        state = list(state or [])
        fresh: State = []
        x = F.gelu(self.stem.step(mel.to(self.stem.weight.dtype), state, fresh))
        x = self.down.step(x, state, fresh)
        for block in self.blocks:
            assert isinstance(block, Block)
            x = block.step(x, state, fresh)
        x = _normalised(self.norm, x)
        phones = self.phones(x)
        x = F.gelu(self.quarter.step(x, state, fresh))
        x = x + F.gelu(self.last.step(x, state, fresh))
        lips = self.lips(x).transpose(1, 2).float()
        return lips[..., :-1], lips[..., -1], phones.transpose(1, 2).float(), fresh
