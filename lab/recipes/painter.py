"""Recipe: the painter, from photographs that are bent away and painted back.

A sample starts from a photograph P with a fitted head. What the painter must produce is always exact:

- *restore*: P is rendered into another pose and expression, that rendering becomes the source portrait, and the
  painter must bring back P itself (so it learns real teeth, real eyes, real lips from real pixels);
- *pair*: the source is the same person's other photograph (neutral and smile), the truth is P;
- *carry*: the source is a rendering of P, the truth is another rendering of P (open mouths, shut eyes), painted by a
  teacher: a painter of before, which may be many times as slow;
- *posed*: a person who does not exist is photographed twice; teeth and tongue behind wide open lips, lids that shut.

Sources are taken apart with the small errors that a tracker makes. What is learned is the truth, and of photographs
half of what the teacher makes of them (Hinton et al. 2015), which has seen more of them than a small network can.

Scenes take longer to make than to learn from: the last few thousand windows are kept, and every step draws from them.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from faces.head import load_head
from generate.painter import KINDS, Painter
from lab.networks.painter import WIDTHS, PainterNets, Widths
from lab.networks.unet import input_ranges
from lab.pictures.london import London
from lab.recipes.painter_scenes import Portraits, Posed, samples
from lab.training import Plan
from lab.training.backbone import Perceptual
from lab.training.pool import Pool
from lab.training.recipe import IMAGENET, Run, Trial, recipe
from lab.weights import load_weights

BATCH = 8  # windows of either kind a step
WEIGHT = 0.35  # of the distance in features
VALIDATION_BATCHES = 12
LOOKED = 8  # batches from which the ranges of the inputs are taken
POSED = 0.4  # share of the scenes that show people who do not exist
KEEP = 1500  # mouths to draw from; eyes twice as many
FIRST = 150  # scenes to begin with
EVERY = 4  # steps from one scene to the next
FIRST_VALIDATION = 1 << 41  # seeds of people who are never trained on

Batch = dict[str, tuple[torch.Tensor, ...]]  # network -> seen, truth, taught, share of the teacher


class Batches:
    """step -> the windows of a scene, or None where the step draws on what there is; depends on seed and step alone."""

    def __init__(self, portraits: Portraits, posed: Posed | None, teacher: Path | None, seed: int) -> None:
        self.portraits, self.posed, self.path, self.seed = portraits, posed, teacher, seed

    @cached_property
    def teacher(self) -> Painter | None:
        return None if self.path is None else Painter(self.path, threads=1)

    def __call__(self, step: int) -> Batch | None:
        return None if step % EVERY else self.made(step)

    def made(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 11))
        if self.posed is not None and rng.random() < POSED:
            scene = self.posed(rng)
        else:
            scene = samples(self.portraits, rng, self.teacher)
        return {kind: _stacked(rows) for kind, rows in scene.items()}

    def __getstate__(self) -> dict[str, Any]:  # a worker loads its own teacher
        return {k: v for k, v in self.__dict__.items() if k != "teacher"}


def _stacked(rows: list) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(np.stack(column).astype(np.float16)) for column in zip(*rows, strict=True))


def _look(seen: torch.Tensor) -> torch.Tensor:
    """Where people look: weights (B, 1, H, W), highest inside the mouth and the eye and at their rims."""
    inner = seen[:, 9:13].sum(1, keepdim=True).clamp(0, 1)
    near = nn.functional.avg_pool2d(nn.functional.max_pool2d(inner, 9, 1, 4), 9, 1, 4)
    height, width = seen.shape[-2:]
    y = torch.linspace(-1, 1, height, device=seen.device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, device=seen.device).view(1, 1, 1, -1)
    middle = (1.15 - torch.maximum(x.abs(), y.abs())).clamp(0, 0.3) / 0.3
    return (0.5 + 2.0 * near + 2.0 * inner) * middle


class Loss:
    """Charbonnier distance plus distance in the feature space of a backbone, both looking where people look."""

    def __init__(
        self, perceptual: Perceptual, first: Iterable[Batch] = (), draw: int = BATCH, device: str = "cpu"
    ) -> None:
        self.perceptual, self.first, self.draw, self.device = perceptual, first, draw, device
        self.pools = {kind: Pool(KEEP * (1 if kind == "mouth" else 2), device) for kind in KINDS}

    def __call__(self, nets: nn.Module, fresh: Batch | None) -> tuple[torch.Tensor, Mapping[str, float]]:
        if not len(self.pools["mouth"]):  # the first step of a run, or of one that is resumed
            for some in self.first:
                self._keep(some)
        if fresh is not None:
            self._keep(fresh)
        batch = {kind: _changed(pool.draw(self.draw)) for kind, pool in self.pools.items()}
        return self.of(nets, batch)

    def _keep(self, scene: Batch) -> None:
        for kind, rows in scene.items():
            self.pools[kind].add(rows)

    def of(self, nets: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        """Loss and its parts for windows as they are."""
        total, figures = torch.zeros((), device=self.device), {}
        for kind in KINDS:
            seen, truth, taught, heed = (t.to(self.device).float() for t in batch[kind])
            net = getattr(nets, kind)
            painted = seen[:, :3] + net(seen.to(next(nets.parameters()).dtype)).float()
            look, heed = _look(seen), heed.view(-1, 1, 1, 1)
            off = sum(
                share * ((painted - wanted).square() + 1e-5).sqrt().mean(1, keepdim=True)
                for wanted, share in ((truth, 1 - heed), (taught, heed))
            )
            near = (off * look).sum() / look.sum()
            far = self.perceptual(painted.clamp(0, 1), torch.where(heed == 1, taught, truth), look)
            figures |= {f"{kind}_l1": near, f"{kind}_perceptual": far}
            total = total + near + WEIGHT * far
        return total, {name: float(torch.as_tensor(figure).detach()) for name, figure in figures.items()}


def _changed(rows: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Windows mirrored and in other colours, as chance has it."""
    seen, truth, taught, heed = (t.float() for t in rows)
    flip = (torch.rand(len(seen), device=seen.device) < 0.5).view(-1, 1, 1, 1)
    gain = torch.empty(len(seen), 3, 1, 1, device=seen.device).uniform_(0.85, 1.1)
    gain = gain * torch.empty(len(seen), 1, 1, 1, device=seen.device).uniform_(0.7, 1.1)
    gamma = torch.exp(0.15 * torch.randn(len(seen), 1, 1, 1, device=seen.device))

    def lit(pictures: torch.Tensor) -> torch.Tensor:
        shape = (len(gain), -1, 3, *pictures.shape[2:])
        return (gain[:, None] * pictures.clamp(0, 1).reshape(shape) ** gamma[:, None]).clamp(0, 1).flatten(1, 2)

    seen = torch.cat([lit(seen[:, :9]), seen[:, 9:]], 1)
    seen, truth, taught = (torch.where(flip, t.flip(-1), t) for t in (seen, lit(truth), lit(taught)))
    return seen, truth, taught, heed


def psnr(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor) -> float:
    """Peak signal to noise (dB) of pictures in [0, 1] where `weight` looks."""
    error = ((a - b).square().mean(1, keepdim=True) * weight).sum() / weight.sum()
    return float(-10 * torch.log10(error.clamp_min(1e-8)))


def validator(sets: dict[str, list[Batch]], loss: Loss) -> Callable[[nn.Module], dict[str, float]]:
    """Loss and PSNR on fixed windows of people never trained on, beside the composite without a painter, and beside
    the teacher."""

    def validate(nets: nn.Module) -> dict[str, float]:
        figures: dict[str, list[float]] = {}
        for name, batches in sets.items():
            for batch in batches:
                value, parts = loss.of(nets, batch)
                figures.setdefault("loss", []).append(float(value))
                figures.setdefault(f"{name}_loss", []).append(float(value))
                figures.setdefault("perceptual", []).append(sum(parts[f"{kind}_perceptual"] for kind in KINDS))
                for kind in KINDS:
                    seen, truth, taught, heed = (t.float() for t in batch[kind])
                    shown = heed < 1
                    seen, truth, taught = seen[shown], truth[shown], taught[shown]
                    painted = seen[:, :3] + getattr(nets, kind)(seen.to(next(nets.parameters()).device)).float().cpu()
                    inner = seen[:, 9:13].sum(1, keepdim=True).clamp(0, 1) + 1e-6
                    for label, made in (("", painted), ("unpainted_", seen[:, :3]), ("teacher_", taught)):
                        figures.setdefault(f"{name}_{kind}_{label}psnr_db", []).append(psnr(made, truth, inner))
        return {name: float(np.mean(values)) for name, values in figures.items()}

    return validate


@recipe("painter", steps=4000)
def train(
    run: Run,
    data: Path,
    *,
    pretrained: bool = True,
    widths: Mapping[str, Widths] = WIDTHS,
    batch: int = BATCH,
    assets: Path | None = None,
    skins: Path | None = None,
    teacher: Path | None = None,
    start: Path | None = None,
    lr: float = 1e-3,
) -> Trial:
    """The painter from the London folder `data` and people who do not exist. About 2 s a step on one core.

    `batch`: windows of either kind a step; `assets`, `skins`: what people are made of; without assets volunteers alone
    are shown. `teacher`: weights of a painter to learn from besides. `start`: weights to go on from.
    """
    load_head()
    london, steps = London(data), run.steps
    torch.manual_seed(run.seed)
    nets = PainterNets(widths)
    if start is not None:
        nets.load_state_dict({name: tensor.float() for name, tensor in load_weights(start, "painter")[0].items()})
    perceptual = Perceptual(pretrained=pretrained).to(run.device)
    plan = Plan(steps=steps, lr=lr, warmup=min(100, steps), seed=run.seed, validate_every=min(200, steps))
    people = None if assets is None else Posed(assets, skins, 0)
    portraits = Portraits(london, london.training)
    portraits.load()
    batches = Batches(portraits, people, teacher, run.seed)
    loss = Loss(perceptual, map(batches.made, range(1 << 30, (1 << 30) + FIRST)), batch, run.device)
    unseen = Batches(Portraits(london, london.validation), None, teacher, 10_000)
    sets = {"volunteers": [unseen.made(step) for step in range(VALIDATION_BATCHES)]}
    if assets is not None:
        nobody = Posed(assets, skins, FIRST_VALIDATION)
        scenes = [nobody(np.random.default_rng(step)) for step in range(VALIDATION_BATCHES // 2)]
        sets["people"] = [{kind: _stacked(rows) for kind, rows in scene.items()} for scene in scenes]

    def config() -> dict:
        looked = [batches.made(step) for step in range(LOOKED)]
        ranges = {kind: input_ranges(getattr(nets.cpu(), kind), [b[kind][0].float() for b in looked]) for kind in KINDS}
        return {"widths": {kind: list(w) for kind, w in widths.items()}, "ranges": ranges}

    return Trial(
        nets,
        plan,
        batches,
        loss,
        validator(sets, loss),
        select="loss",
        ahead=True,
        config=config,
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, both photographs, "
        "bent and painted back, and what a painter of before makes of them; people who do not exist (MakeHuman shapes "
        f"and materials, CC0), photographed again after they moved; perceptual loss in features of {IMAGENET}",
    )
