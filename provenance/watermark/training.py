"""The recipe of the picture mark: `vasari train watermark`.

Both networks are trained together. Every sample is a short clip; a random key and message are laid over it at the
strength the first network asks for, the clip is sent on a journey through a real H.264 encoder or another hardship, and
the second network must say for a frame that arrives which bits it bears. No gradient passes a codec, so the journey
enters as a constant added to the marked picture (straight-through estimation, Bengio et al. 2013, arXiv 1308.3432).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from learning import Plan, WeightCard, fit, save_weights
from provenance.watermark import attacks, hosts
from provenance.watermark.chips import CHIPS, Chips
from provenance.watermark.code import PICTURE
from provenance.watermark.nets import WORK, Watermark, pattern_rgb
from provenance.watermark.picture import add_pattern, small

SAMPLES = 12  # clips in a batch
SIDES, SHARES = (192, 256, 384, 512), (0.25, 0.35, 0.25, 0.15)  # sizes of the clips, pixels, and how often each
CLIP = 3  # frames
SEEN = 0.1  # weight of visibility against legibility
VALIDATION_CLIPS, VALIDATION_SIDE = 24, 384


@dataclass(frozen=True)
class Sample:
    """One clip to be marked, before marking."""

    clip: list[np.ndarray]  # uint8 RGB (S, S, 3) each
    chips: Chips
    coded: np.ndarray  # float32 (288,) of -1 and +1
    seed: int  # of the journey


def recipe(
    data: Path | None,
    out: Path,
    *,
    steps: int = 1700,
    workdir: Path,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
    samples: int = SAMPLES,
) -> WeightCard:
    """Train both networks and write them to `out`.

    Args:
        data: folder of photographs to train on beside drawn pictures, or None for drawn ones alone.
        steps: optimiser steps in all, about 0.7 s each on one core.
        workdir: checkpoints and log; with `resume` an interrupted run goes on from there to the same result.
    """
    photographs = hosts.Photographs(data, held=False) if data else None
    held = hosts.Photographs(data, held=True) if data else None
    torch.manual_seed(seed)
    model = Watermark()

    def batch(step: int) -> list[Sample]:
        rng = np.random.default_rng((seed, step))
        return [_sample(rng, photographs) for _ in range(samples)]

    rng = np.random.default_rng((seed, 1 << 40))
    validation = [_sample(rng, held, side=VALIDATION_SIDE) for _ in range(VALIDATION_CLIPS if steps >= 100 else 2)]
    plan = Plan(
        steps=steps,
        lr=1.5e-3,
        warmup=min(100, steps // 4 + 1),
        weight_decay=1e-3,
        seed=seed,
        ema=0.998,
        validate_every=400,
    )
    figures = fit(
        model,
        plan,
        batch,
        _loss,
        lambda m: _validate(m, validation),
        select="loss",
        workdir=workdir,
        resume=resume,
        device=device,
        progress=progress,
    )
    words = "Drawn pictures (noise, gradients, shapes) made by the recipe"
    if photographs:
        words += f" and {len(photographs.pictures)} photographs of the folder '{Path(data).name}'"
        if "london" in Path(data).name.lower():
            words += (
                ": Face Research Lab London Set, DeBruine and Jones 2017, doi 10.6084/m9.figshare.5047666.v5, CC-BY 4.0"
            )
    card = WeightCard(
        model="watermark",
        config={},
        data=words,
        steps=steps,
        figures=figures,
        recipe=f"vasari train watermark --steps {steps} --seed {seed}",
    )
    return save_weights(out, model.state_dict(), card, dtype=torch.float16)


def _sample(rng: np.random.Generator, photographs: hosts.Photographs | None, side: int | None = None) -> Sample:
    side = side or int(rng.choice(SIDES, p=SHARES))
    photograph = photographs is not None and photographs.pictures and rng.random() < 0.65
    picture = photographs.draw(rng, side) if photograph else hosts.drawn(rng, side)
    coded = rng.choice(np.array([-1.0, 1.0], np.float32), PICTURE.coded_bits)
    chips = Chips.random(rng, PICTURE.coded_bits)
    return Sample(hosts.moving(rng, picture, CLIP), chips, coded, int(rng.integers(1 << 62)))


def _sent(model: Watermark, batch: list[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mark every clip and send it on its journey.

    Returns what arrives, (B, 3, 128, 128), with a gradient to the strength, and the mean visibility.
    """
    device = next(model.parameters()).device
    hosts_small = torch.cat([small(sample.clip[0]) for sample in batch]).to(device)
    luma, chroma, seen = model.strength(hosts_small)
    signs = torch.from_numpy(np.stack([s.chips.spread(s.coded) for s in batch])).to(device)
    pattern = pattern_rgb(luma, chroma, signs)
    in_levels = pattern.detach().mul(255).permute(0, 2, 3, 1).cpu().numpy()
    arrived = []
    for sample, levels in zip(batch, in_levels, strict=True):
        clip = [add_pattern(frame, np.ascontiguousarray(levels)) for frame in sample.clip]
        arrived.append(small(attacks.journey(np.random.default_rng(sample.seed), clip)))
    marked = hosts_small + F.interpolate(pattern, size=WORK, mode="bicubic", align_corners=False)
    return marked + (torch.cat(arrived).to(device) - marked).detach(), seen


def _bit_logits(soft: torch.Tensor, batch: list[Sample]) -> torch.Tensor:
    """Soft chips (B, 6144) -> log likelihood ratios of the coded bits and the pilot, (B, 289), pilot first."""
    index = torch.from_numpy(np.stack([s.chips.bit for s in batch]) + 1).long().to(soft.device)
    signs = torch.from_numpy(np.stack([s.chips.sign for s in batch])).to(soft.device)
    return torch.zeros(len(batch), PICTURE.coded_bits + 1, device=soft.device).scatter_add_(1, index, soft * signs)


def _loss(model: Watermark, batch: list[Sample]) -> tuple[torch.Tensor, dict[str, float]]:
    arrived, seen = _sent(model, batch)
    bits = _bit_logits(model.reader(arrived), batch)[:, 1:]
    target = torch.from_numpy(np.stack([s.coded for s in batch])).to(bits.device)
    unread = F.softplus(-bits * target).mean()
    accuracy = (bits * target > 0).float().mean()
    loss = unread + SEEN * seen
    return loss, {"unread": float(unread.detach()), "seen": float(seen.detach()), "bits": float(accuracy)}


def _validate(model: Watermark, batch: list[Sample]) -> dict[str, float]:
    total: dict[str, float] = {}
    for sample in batch:  # one at a time: the memory of a batch of clips is not needed twice
        loss, figures = _loss(model, [sample])
        for name, value in {"loss": float(loss), **figures}.items():
            total[name] = total.get(name, 0.0) + value / len(batch)
    return total


__all__ = ["CHIPS", "recipe"]
