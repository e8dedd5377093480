"""An adversary: a network that tells painted patches from photographed ones, and the gradient that fools it.

Patch discriminator after Isola et al. 2017 (arXiv 1611.07004), hinge loss after Lim and Ye 2017, spectral norm after
Miyato et al. 2018, weight of the adversarial gradient after Esser et al. 2021 (arXiv 2012.09841, equation 7).
"""

from typing import Any

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from lab.training.ranks import Ranks


class PatchNet(nn.Module):
    """(B, C, H, W) -> (B, 1, H/8, W/8): how photographed each patch of about 38 pixels looks."""

    def __init__(self, channels: int = 3, width: int = 48) -> None:
        super().__init__()
        layers, inner = [], channels
        for outer in (width, 2 * width, 4 * width):
            layers += [spectral_norm(nn.Conv2d(inner, outer, 4, 2, 1)), nn.LeakyReLU(0.2)]
            inner = outer
        layers += [spectral_norm(nn.Conv2d(inner, inner, 3, 1, 1)), nn.LeakyReLU(0.2), nn.Conv2d(inner, 1, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.layers(2 * pictures - 1)


class Adversary:
    """Learns beside a generator; `learn` with what is real and what was made, `fool` for the generator's loss.

    Args:
        share: size of the adversarial gradient, at the generator's last layer, as a share of that of its other losses.
    """

    def __init__(self, *, device: str = "cpu", share: float = 0.4, lr: float = 2e-4, width: int = 48) -> None:
        self.net = PatchNet(width=width).to(device)
        self.share = share
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=lr, betas=(0.5, 0.99))

    def learn(self, real: torch.Tensor, made: torch.Tensor) -> float:
        """One step of the hinge loss on pictures (B, 3, H, W) in [0, 1]. Returns the loss."""
        loss = (1 - self.net(real)).relu().mean() + (1 + self.net(made.detach())).relu().mean()
        self.optimiser.zero_grad()
        loss.backward()
        Ranks.join(str(made.device)).average(p.grad for p in self.net.parameters())
        self.optimiser.step()
        return float(loss.detach())

    def fool(
        self, made: torch.Tensor, other: torch.Tensor, last: torch.Tensor, look: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Loss that moves `made` towards what the adversary takes for real.

        Args:
            made: (B, 3, H, W) pictures that depend on `last`.
            other: the generator's other loss, a scalar that depends on `last`.
            last: weights of the generator's last layer, at which the two gradients are weighed.
            look: (B, 1, H, W) where it matters; everywhere by default.
        """
        self.net.requires_grad_(False)
        verdict = self.net(made)
        if look is None:
            loss = -verdict.mean()
        else:
            weight = nn.functional.adaptive_avg_pool2d(look, verdict.shape[-2:])
            loss = -(verdict * weight).sum() / weight.sum().clamp_min(1e-6)
        self.net.requires_grad_(True)
        wanted = torch.autograd.grad(other, last, retain_graph=True)[0].float().norm()
        given = torch.autograd.grad(loss, last, retain_graph=True)[0].float().norm()
        return self.share * (wanted / (given + 1e-6)).clamp(max=1e3).detach() * loss

    def state_dict(self) -> dict[str, Any]:
        return {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
