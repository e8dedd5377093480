"""Recipe: who a face is, from people who do not exist and volunteers lifted, each photographed several times.

Every step sees a few photographs each of some people, and draws those of one person together and away from the others
(supervised contrastive loss, Khosla et al. 2020, arXiv 2004.11362, equation 2). Pictures are made once
(`lab.pictures.recognition`); every step crops them anew and does to them what cameras, codecs and hands do. Weights are
chosen on people who are never trained on.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from faces.recognition import SIDE, verification
from lab.networks.recognition import RecognitionNet
from lab.pictures.degrade import degrade
from lab.pictures.london import London
from lab.pictures.recognition import KEPT, ROOM, SHOT, People, Volunteers, picture_set
from lab.recipes.tracker import lift_volunteers
from lab.training import Plan
from lab.training.recipe import IMAGENET, Run, Trial, recipe

log = logging.getLogger(__name__)
BATCH = 96
TOGETHER = 3  # photographs of a person in a batch
TEMPERATURE = 0.1  # of the cosines
SPARE = 0.5  # share of the crops that are left as they are
LONDON_SHARE = 0.25  # of the people of a batch
SHOTS = 4  # of each person who does not exist
SHOTS_LONDON = 48  # of each volunteer, who are few
PEOPLE, STRANGERS = 2400, 120  # who do not exist: to learn from, to choose by
FIRST, FIRST_STRANGER = 3_000_000, 1 << 51  # seeds

Batch = tuple[torch.Tensor, torch.Tensor]  # crops (B, 3, KEPT, KEPT) uint8, who (B,)


class Draw:
    """step -> batch; depends on seed and step alone. Groups of crops (people, shots, KEPT, KEPT, 3) with the share of
    the people in a batch that each gets; nobody is in a batch twice."""

    def __init__(self, groups: list[tuple[np.ndarray, float]], seed: int, batch: int) -> None:
        self.groups, self.seed, self.people = groups, seed, max(2, batch // TOGETHER)

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 52))
        rows: list[np.ndarray] = []
        left, total = self.people, sum(share for _, share in self.groups)
        for number, (crops, share) in enumerate(self.groups, 1):
            count = left if number == len(self.groups) else round(self.people * share / total)
            left -= count
            for person in rng.choice(len(crops), min(count, len(crops)), replace=False):
                rows += list(crops[person, rng.choice(crops.shape[1], TOGETHER, replace=False)])
        who = torch.arange(len(rows)) // TOGETHER
        return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).contiguous(), who


def recut(crops: torch.Tensor) -> torch.Tensor:
    """Crops of SIDE out of (B, 3, KEPT, KEPT), a little turned, shifted and zoomed, as landmarks err; half mirrored."""
    count, device = len(crops), crops.device
    zoom = torch.exp(0.05 * torch.randn(count, device=device)) / ROOM
    angle = 0.05 * torch.randn(count, device=device)
    shift = 0.03 * torch.randn(count, 2, 1, device=device)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    flip = 1 - 2 * (torch.rand(count, device=device) < 0.5).float()
    linear = torch.stack([torch.stack([cos * flip, -sin], -1), torch.stack([sin * flip, cos], -1)], 1)
    grid = nn.functional.affine_grid(torch.cat([linear, shift], 2), [count, 3, SIDE, SIDE], align_corners=False)
    return nn.functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)


def contrast(found: torch.Tensor, who: torch.Tensor) -> torch.Tensor:
    """Khosla et al. 2020, equation 2, of unit vectors (B, D) of people (B,)."""
    itself = torch.eye(len(found), dtype=torch.bool, device=found.device)
    logits = (found @ found.T / TEMPERATURE).masked_fill(itself, -1e9)
    same = (who[:, None] == who[None]) & ~itself
    likely = logits - logits.logsumexp(1, keepdim=True)
    return -((likely * same).sum(1) / same.sum(1).clamp_min(1)).mean()


def loss(net: nn.Module, batch: Batch, device: str = "cpu") -> tuple[torch.Tensor, Mapping[str, float]]:
    """Contrast of degraded crops; `nearest`: how often the nearest crop is of the same person."""
    crops, who = (t.to(device, non_blocking=True) for t in batch)
    seen = degrade(recut(crops.float() / 255), SPARE).contiguous(memory_format=torch.channels_last)
    found = net(seen)
    with torch.no_grad():
        nearest = (found @ found.T).fill_diagonal_(-2).argmax(1)
    return contrast(found, who), {"nearest": float((who[nearest] == who).float().mean())}


def embeddings(net: nn.Module, crops: np.ndarray, device: str) -> np.ndarray:
    """Crops (N, KEPT, KEPT, 3) uint8 -> (N, 128), each the mean with its mirror image, as `Recogniser` has it."""
    low = round(KEPT * (1 - 1 / ROOM) / 2)
    found = []
    for start in range(0, len(crops), 64):
        part = torch.from_numpy(crops[start : start + 64, low : KEPT - low, low : KEPT - low]).to(device)
        part = nn.functional.interpolate(part.permute(0, 3, 1, 2).float() / 255, (SIDE, SIDE), mode="bilinear")
        found.append(nn.functional.normalize(net(part) + net(part.flip(-1))).cpu().numpy())
    return np.concatenate(found)


def validator(sets: dict[str, np.ndarray], device: str) -> Callable[[nn.Module], dict[str, float]]:
    """How well crops (people, shots, KEPT, KEPT, 3) of unseen people are told apart, for each set and in the mean."""

    def validate(net: nn.Module) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, crops in sets.items():
            people, shots = crops.shape[:2]
            found = embeddings(net, crops.reshape(-1, KEPT, KEPT, 3), device)
            alike, who = found @ found.T, np.repeat(np.arange(people), shots)
            pairs = np.triu(np.ones(alike.shape, bool), 1)
            same = who[:, None] == who[None]
            told = verification(alike[pairs & same], alike[pairs & ~same])
            figures |= {f"{name}_{k}": v for k, v in told.items()}
        for kind in ("auc", "tpr_fpr1"):
            figures[kind] = float(np.mean([v for k, v in figures.items() if k.endswith(f"_{kind}")]))
        return figures

    return validate


@recipe("recognition", steps=900)
def train(
    run: Run,
    data: Path,
    *,
    pretrained: bool = True,
    batch: int = BATCH,
    lr: float = 1e-3,
    width: int = 256,
    people: int = PEOPLE,
    shots_london: int = SHOTS_LONDON,
    assets: Path | None = None,
    skins: Path | None = None,
) -> Trial:
    """`RecognitionNet` from the London folder `data`.

    Args:
        assets, skins: folders for people who do not exist (`vasari data assets`); volunteers alone without them.
        people: how many who do not exist are learned from. Pictures are kept in `run.workdir`/pictures.
    """
    london = London(data)
    pictures = run.workdir / "pictures"
    groups, sets = [], {}
    if assets is not None:

        def say(done: int) -> None:
            log.info("%d people photographed", done)

        crops = picture_set(
            pictures / "people", People(assets, skins, FIRST), people, SHOTS, workers=run.workers, progress=say
        )
        groups.append((crops, 1 - LONDON_SHARE))
        strangers = min(people, STRANGERS)
        sets["people"] = picture_set(
            pictures / "strangers", People(assets, skins, FIRST_STRANGER), strangers, SHOTS, workers=run.workers
        )
    for name, volunteers, shots in (
        ("training", london.training, shots_london),
        ("validation", london.validation, min(shots_london, 10)),
    ):
        shoot = Volunteers(partial(lift_volunteers, london, volunteers, correct=False, size=SHOT), run.seed)
        crops = picture_set(pictures / f"london_{name}", shoot, len(volunteers), shots)
        if name == "training":
            groups.append((crops, LONDON_SHARE))
        else:
            sets["london"] = crops
    torch.manual_seed(run.seed)
    net, steps = RecognitionNet(width, pretrained=pretrained).to(memory_format=torch.channels_last), run.steps
    return Trial(
        net,
        Plan(steps=steps, lr=lr, seed=run.seed, weight_decay=0.05, validate_every=min(250, steps), clip=5.0),
        Draw(groups, run.seed, batch),
        partial(loss, device=run.device),
        validator(sets, run.device),
        select="tpr_fpr1",
        higher_is_better=True,
        config={"width": width, "size": net.size},
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, as they were "
        f"photographed and lifted, {shots_london} pictures of each"
        + (
            f"; {people} people who do not exist, {SHOTS} pictures of each, from MakeHuman's assets (CC0)"
            * bool(assets)
        )
        + f"; backbone from {IMAGENET}",
    )
