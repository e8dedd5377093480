"""Faces as they come out of an autoencoder, which is what diffusion generators draw through (`vasari train roundtrip`).

Nothing of the picture changes but what the latents could not say and what the decoder leaves.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch

from lab.networks.autoencoder import Autoencoder
from lab.recipes.roundtrip import VARIANTS
from lab.weights import load_weights
from media.errors import UsageError


def weights_of(variant: str = "kl8") -> Path:
    """Where a variant ships.

    Raises:
        UsageError: there is none of this name.
    """
    if variant not in VARIANTS:
        raise UsageError(f"no round trip '{variant}'; there are {', '.join(VARIANTS)}")
    return Path(__file__).parent / "data" / f"{variant}.safetensors"


def shipped(*, enlarging: bool = False) -> tuple[str, ...]:
    """Variants whose weights are here: autoencoders, or those that enlarge a smaller picture."""
    return tuple(name for name, v in VARIANTS.items() if v.enlarges == enlarging and weights_of(name).is_file())


@cache
def autoencoder(weights: Path) -> Autoencoder:
    """The network of a weight file, ready to be used.

    Raises:
        WeightsError: the file is missing, damaged or of another model.
    """
    tensors, card = load_weights(weights, "roundtrip")
    net = Autoencoder(**card.config)
    net.load_state_dict(tensors)
    return net.eval().requires_grad_(False)


@torch.no_grad()
def roundtrip(
    picture: np.ndarray,
    variant: str,
    *,
    scale: float = 1.0,
    stray: float = 0.0,
    rng: np.random.Generator | None = None,
    weights: Path | None = None,
) -> np.ndarray:
    """A picture, there and back.

    Args:
        picture: uint8 RGB (H, W, 3), any size.
        variant: one of `VARIANTS`.
        scale: size at which it goes through, as a share of its own: faces are some 60 to 250 pixels wide in training.
        stray: how far latents are moved from those of the picture, as a sampler's are, in standard deviations of each
            channel; needs `rng`.
        weights: file of the variant (default: the one that ships).

    Returns: uint8 RGB (H, W, 3).

    Raises:
        UsageError: no such variant.
        WeightsError: its weights are missing or damaged.
    """
    net = autoencoder(weights or weights_of(variant))
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    seen = picture if scale == 1 else cv2.resize(picture, size, interpolation=_way(scale))
    pad = [(-length) % net.stride for length in seen.shape[:2]]
    padded = cv2.copyMakeBorder(
        seen, 0, pad[0], 0, pad[1], cv2.BORDER_REFLECT_101 if min(size) > 16 else cv2.BORDER_REPLICATE
    )
    latents, _ = net.encode(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)
    if stray:
        if rng is None:
            raise ValueError("stray latents are drawn: give rng")
        noise = torch.from_numpy(rng.standard_normal(latents.shape, np.float32))
        latents = latents + stray * latents.std((2, 3), keepdim=True) * noise
    made = net.decode(latents)[0].clamp(0, 1).permute(1, 2, 0).mul(255).add(0.5).byte().numpy()
    made = made[: seen.shape[0], : seen.shape[1]]
    return np.ascontiguousarray(
        made if scale == 1 else cv2.resize(made, (width, height), interpolation=_way(1 / scale))
    )


def _way(scale: float) -> int:
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
