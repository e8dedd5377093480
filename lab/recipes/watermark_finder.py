"""The second half of the recipe of the picture mark: the network that finds the grid, with the strength as it is.

A sample goes the same journey as in `training`, but is turned, cut or mirrored more often and is not laid back onto the
grid. For every pixel that arrives, the network says how sure it is of the sign of the pattern there.
"""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from lab import attacks
from lab.networks.watermark import Watermark, small
from lab.recipes.watermark_samples import Sample
from provenance.marks import geometry
from provenance.marks.chips import FINE_GRID, split
from provenance.marks.picture import add_pattern

WINDOW = 128  # side of what is looked at of a sample, pixels
DENSITY = (1.56, 2.56)  # pixels a fine cell
BENDING = 0.75


def loss(model: Watermark, batch: Sequence[Sample]) -> tuple[torch.Tensor, dict[str, float]]:
    """Cross entropy of the signs, fine and coarse, where the grid lies; figures "find" and shares of right signs."""
    device = next(model.parameters()).device
    shown, wanted, weight = (
        torch.stack(part).to(device) for part in zip(*(_arrived(model, s) for s in batch), strict=True)
    )
    said = model.finder(shown)
    entropy = F.binary_cross_entropy_with_logits(said, (wanted + 1) / 2, weight=weight, reduction="none")
    value = entropy.sum() / weight.sum() / 2
    right = ((said * wanted > 0) * weight).sum(dim=(0, 2, 3)) / weight.sum()
    return value, {"find": float(value.detach()), "fine": float(right[0]), "coarse": float(right[1])}


def validate(model: Watermark, batch: Sequence[Sample]) -> Mapping[str, float]:
    """As `loss`, a sample at a time."""
    each = [loss(model, [sample])[1] for sample in batch]
    return {name: sum(one[name] for one in each) / len(each) for name in each[0]}


@torch.no_grad()
def _arrived(model: Watermark, sample: Sample) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What arrives, (1, 128, 128), in [0, 1]; the signs there, (2, 128, 128); and 1 where the grid lies, (1, 128,
    128)."""
    rng = np.random.default_rng(sample.seed)
    signs = sample.chips.spread(sample.coded)
    pattern, _ = model.strength(small(sample.clip[0]), torch.from_numpy(signs)[None])
    levels = pattern[0, 0].mul(255).numpy()
    height, width = sample.clip[0].shape[:2]
    frame, matrix = attacks.journey(rng, [add_pattern(f, levels) for f in sample.clip], bending=BENDING)
    if matrix is None:
        matrix = geometry.scaled(frame.shape[1] / width, frame.shape[0] / height)
    grid = matrix @ geometry.whole(height, width)
    density = math.sqrt(abs(np.linalg.det(grid[:2, :2]))) / FINE_GRID
    factor = math.exp(rng.uniform(*np.log(DENSITY))) / density
    size = tuple(max(24, round(s * factor)) for s in frame.shape[1::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    plane = cv2.resize(geometry.luma(frame), size, interpolation=how).astype(np.float32) / 255
    grid = geometry.scaled(size[0] / frame.shape[1], size[1] / frame.shape[0]) @ grid
    corner = [int(rng.integers(0, max(1, s - WINDOW + 1))) for s in size]
    grid = geometry.moved(-corner[0], -corner[1]) @ grid
    part = plane[corner[1] : corner[1] + WINDOW, corner[0] : corner[0] + WINDOW]
    reach = [(0, WINDOW - s) for s in part.shape]
    shown = np.pad(part, reach, mode="reflect" if min(part.shape) > WINDOW // 2 else "symmetric")
    fine, coarse = split(signs)
    planes = [_drawn(grid, plane) for plane in (fine, coarse)]
    inside = _drawn(grid, np.ones((FINE_GRID, FINE_GRID), np.float32))
    inside[part.shape[0] :] = 0.0
    inside[:, part.shape[1] :] = 0.0
    return tuple(
        torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (shown[None], np.stack(planes), inside[None])
    )


def _drawn(grid: geometry.Map, plane: np.ndarray) -> np.ndarray:
    """Cells of a grid where the grid lies, 0 elsewhere, float32 (128, 128)."""
    large = cv2.resize(plane, (256, 256), interpolation=cv2.INTER_NEAREST)
    return geometry.warped(large, grid @ geometry.scaled(1 / 256, 1 / 256), WINDOW, WINDOW, border=cv2.BORDER_CONSTANT)
