"""The variational autoencoder of a face's dynamics; `generate.dynamics` is what the product makes of its weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from generate.dynamics import ACTIONS, CODE
from lab.networks.graph import Graph


class DynamicsNet(nn.Module):
    """Encoder and decoder, two hidden layers each."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.encoder = _perceptron(ACTIONS, width, 2 * CODE)
        self.decoder = _perceptron(CODE, width, ACTIONS)

    def encode(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 52) -> mean (B, 32) and log variance (B, 32) of the code."""
        mean, log_variance = self.encoder(actions).chunk(2, -1)
        return mean, log_variance.clamp(-12, 4)

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """(B, 32) -> (B, 52), to be clipped to [0, 1]."""
        return self.decoder(code)


def _perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, outputs)
    )


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """Parts "encoder", (B, 52) -> mean and logarithm of the variance of the code (B, 64), and "decoder", (B, 32) ->
    (B, 52)."""
    g = Graph(tensors)
    for name, given, said in (("encoder", ACTIONS, 2 * CODE), ("decoder", CODE, ACTIONS)):
        x = g.part(name).input("given", ("B", given))
        for layer in (0, 2, 4):
            x = g.linear(g.node("Tanh", x) if layer else x, str(layer))
        g.output(x, "said", ("B", said))
    return g


def answers(net: DynamicsNet, part: str, given: torch.Tensor) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    return [net.encoder(given) if part == "encoder" else net.decode(given)]
