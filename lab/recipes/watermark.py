"""The recipe of the picture mark: `vasari train watermark`.

First strength and reader are trained together. Every sample is a short clip; a random key and message are laid over
it at the strength the first network asks for, the clip is sent on a journey through a real H.264 encoder or another
hardship, and the second network must say for a frame that arrives which bits it bears. A frame that was cut or turned
is first laid back onto the grid, about as exactly as `alignment` can. No gradient passes a codec, so the journey enters
as a constant added to the marked picture (straight-through estimation, Bengio et al. 2013, arXiv 1308.3432). Then,
with the strength as it is, the finder is trained (`finding`), which begins as what the reader has learned.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lab import attacks
from lab.networks.watermark import Watermark, small
from lab.pictures import hosts
from lab.recipes import watermark_finder as finding
from lab.recipes.watermark_samples import Batches, Sample, draw_sample
from lab.training import Plan, fit
from lab.training.resuming import guarded
from lab.weights import WeightCard, save_weights
from provenance.marks import geometry
from provenance.marks.chips import CHIPS
from provenance.marks.code import PICTURE
from provenance.marks.geometry import WORK
from provenance.marks.picture import add_pattern, shown_chips

SAMPLES = 12  # clips in a batch
SEEN = 0.06  # weight of visibility against legibility
CHIPS_TOO = 0.5  # weight of single chips, which teach much at first, against bits
FINDING = 1 / 3  # steps of the finder to a step of strength and reader
VALIDATION_CLIPS, VALIDATION_SIDE = 24, 384


@guarded
def train(
    data: Path | None,
    out: Path,
    *,
    steps: int = 2800,
    workdir: Path,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
    samples: int = SAMPLES,
    workers: int = 0,
) -> WeightCard:
    """Train all three networks and write them to `out`.

    Args:
        data: folder of photographs to train on beside drawn pictures, or None for drawn ones alone.
        steps: optimiser steps of strength and reader, about 0.8 s each on one core; the finder takes a third as many.
        workdir: checkpoints and logs; with `resume` an interrupted run goes on from there to the same result.
        workers: processes that make clips ahead of their use.
    """
    photographs = hosts.Photographs(data, held=False) if data else None
    held = hosts.Photographs(data, held=True) if data else None
    torch.manual_seed(seed)
    model = Watermark()
    rng = np.random.default_rng((seed, 1 << 40))
    validation = [draw_sample(rng, held, side=VALIDATION_SIDE) for _ in range(VALIDATION_CLIPS if steps >= 100 else 2)]
    running = {"resume": resume, "device": device, "workers": workers, "progress": progress}

    finder = [parameter.requires_grad_(False) for parameter in model.finder.parameters()]
    figures = fit(
        model,
        _plan(steps, seed),
        Batches(seed, samples, photographs),
        _loss,
        lambda m: _validate(m, validation),
        select="loss",
        workdir=workdir / "reader",
        **running,
    )
    model.requires_grad_(False)
    for parameter in finder:
        parameter.requires_grad_(True)
    model.finder.stem.load_state_dict(model.reader.stem.state_dict())
    model.finder.blocks.load_state_dict(model.reader.blocks.state_dict())
    figures |= fit(
        model,
        _plan(max(1, round(FINDING * steps)), seed),
        Batches(seed + 1, samples, photographs),
        finding.loss,
        lambda m: finding.validate(m, validation),
        select="find",
        workdir=workdir / "finder",
        **running,
    )
    card = WeightCard(
        model="watermark",
        config={},
        data=_words(data, photographs),
        steps=steps,
        figures=figures,
        recipe=f"vasari train watermark --steps {steps} --seed {seed}",
    )
    return save_weights(out, model.state_dict(), card, dtype=torch.float16)


def _plan(steps: int, seed: int) -> Plan:
    return Plan(
        steps=steps,
        lr=1.5e-3,
        warmup=min(100, steps // 4 + 1),
        weight_decay=1e-3,
        seed=seed,
        ema=0.998,
        validate_every=400,
    )


def _words(data: Path | None, photographs: hosts.Photographs | None) -> str:
    """What was trained on, for the weight's card."""
    words = "Drawn pictures (noise, gradients, shapes) made by the recipe"
    if data is None or photographs is None:
        return words
    words += f" and {len(photographs.pictures)} photographs of the folder '{Path(data).name}'"
    if "london" not in Path(data).name.lower():
        return words
    return (
        f"{words}: Face Research Lab London Set (training people), DeBruine and Jones 2017, "
        "doi 10.6084/m9.figshare.5047666.v5, CC-BY 4.0"
    )


def _sent(model: Watermark, batch: list[Sample]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mark every clip and send it on its journey.

    Returns what arrives, (B, 1, 128, 128), with a gradient to the strength; which chips can be seen in it,
    (B, 5120); and the mean visibility.
    """
    device = next(model.parameters()).device
    hosts_small = torch.cat([small(sample.clip[0]) for sample in batch]).to(device)
    signs = torch.from_numpy(np.stack([s.chips.spread(s.coded) for s in batch])).to(device)
    pattern, visibility = model.strength(hosts_small, signs)
    in_levels = pattern.detach().mul(255).squeeze(1).cpu().numpy()
    arrived, seen = [], []
    for sample, levels in zip(batch, in_levels, strict=True):
        clip = [add_pattern(frame, levels) for frame in sample.clip]
        shown, chips = _arrived(np.random.default_rng(sample.seed), clip)
        arrived.append(torch.from_numpy(shown)[None, None])
        seen.append(torch.from_numpy(chips))
    marked = hosts_small + F.interpolate(pattern, size=WORK, mode="bicubic", align_corners=False)
    return marked + (torch.cat(arrived).to(device) - marked).detach(), torch.stack(seen).to(device), visibility


def _arrived(rng: np.random.Generator, clip: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What the reader gets of a clip after its journey: brightness (128, 128), and the chips that it shows (5120,)."""
    frame, matrix = attacks.journey(rng, clip)
    plane = geometry.luma(frame)
    if matrix is None:
        return geometry.square(plane), np.ones(CHIPS, np.float32)
    grid = matrix @ geometry.whole(*clip[0].shape[:2])
    missed = geometry.turned(rng.normal(0, 0.12)) @ geometry.scaled(*rng.normal(1, 0.002, 2))
    missed = geometry.moved(*rng.normal(0.5, 0.0025, 2)) @ missed @ geometry.moved(-0.5, -0.5)
    bright, seen = geometry.aligned(plane, grid @ missed)
    return geometry.square(bright), shown_chips(geometry.square(seen))


def _bit_logits(soft: torch.Tensor, batch: list[Sample]) -> torch.Tensor:
    """Soft chips (B, 5120) -> log likelihood ratios of the coded bits and the pilot, (B, 289), pilot first."""
    index = torch.from_numpy(np.stack([s.chips.bit for s in batch]) + 1).long().to(soft.device)
    signs = torch.from_numpy(np.stack([s.chips.sign for s in batch])).to(soft.device)
    return torch.zeros(len(batch), PICTURE.coded_bits + 1, device=soft.device).scatter_add_(1, index, soft * signs)


def _loss(model: Watermark, batch: list[Sample]) -> tuple[torch.Tensor, dict[str, float]]:
    arrived, seen, visibility = _sent(model, batch)
    soft = model.reader(arrived) * seen
    signs = torch.from_numpy(np.stack([s.chips.spread(s.coded) for s in batch])).to(soft.device)
    chips = (F.softplus(-soft * signs) * seen).sum() / seen.sum()
    bits = _bit_logits(soft, batch)[:, 1:]
    target = torch.from_numpy(np.stack([s.coded for s in batch])).to(bits.device)
    unread = F.softplus(-bits * target).mean()
    accuracy = (bits * target > 0).float().mean()
    readable = (2 * accuracy - 1).clamp(min=0)  # what cannot be read yet is not made fainter still
    loss = unread + CHIPS_TOO * chips + SEEN * readable * visibility
    figures = {"unread": unread, "chips": chips, "seen": visibility, "bits": accuracy}
    return loss, {name: float(value.detach()) for name, value in figures.items()}


def _validate(model: Watermark, batch: list[Sample]) -> dict[str, float]:
    total: dict[str, float] = {}
    for sample in batch:  # one at a time: the memory of a batch of clips is not needed twice
        loss, figures = _loss(model, [sample])
        for name, value in {"loss": float(loss), **figures}.items():
            total[name] = total.get(name, 0.0) + value / len(batch)
    return total


__all__ = ["train"]
