"""Recipe: the second look, from people who do not exist and volunteers lifted (`closeup_views`).

Worker processes make the views; what was cut is kept on disk, and the training steps draw from all of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from faces.closeup import EYE, FACE, mirrored_actions, mirrored_shape
from faces.landmarks import LandmarkReader
from lab.networks.closeup import CloseupNet, rotations
from lab.pictures.compositeset import CompositeSet
from lab.pictures.london import London
from lab.recipes.closeup_views import (
    SHOT,
    Batch,
    People,
    Shards,
    Source,
    Views,
    Volunteers,
    joined,
    read_shards,
)
from lab.recipes.tracker import lift_volunteers
from lab.training import Plan, bf16_is_fast
from lab.training.loop import batches_ahead
from lab.training.recipe import Run, Trial, recipe
from media.errors import UsageError

SHARDS = 130, 44, 6  # of people who do not exist, of lifted volunteers (and composites), of each to validate on
SHIFT = 3  # pixels by which crops are shifted at most
HIDDEN = 0.3  # share of faces of which a patch is hidden
BATCH = 128
MIXED = 1 << 20  # from the number of a volunteer to that of a composite
HELD_OUT = 1 << 52  # seeds of people who are validated on; those who are learned from start at half of it


class Batches:
    """step -> views drawn at random in pairs of the same person, half of the pairs as a mirror shows them: a quarter
    of the batch, the other views of the same people, then mirrored a quarter and its others."""

    def __init__(self, views: Views, seed: int, batch: int) -> None:
        self.views, self.seed, self.batch = views, seed, batch
        self.order = np.argsort(views["who"], kind="stable")
        _, self.group, self.counts = np.unique(views["who"], return_inverse=True, return_counts=True)
        self.starts = np.cumsum(self.counts) - self.counts

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 17))
        chosen = rng.integers(len(self.order), size=self.batch // 2)
        groups = self.group[chosen]
        others = self.order[self.starts[groups] + rng.integers(self.counts[groups])]
        plain, turned = np.split(np.stack([chosen, others]), 2, axis=1)
        return tensors(varied(joined([self.take(plain.ravel()), mirrored(self.take(turned.ravel()))]), rng))

    def take(self, index: np.ndarray) -> Views:
        return {name: column[index] for name, column in self.views.items()}


def varied(views: Views, rng: np.random.Generator) -> Views:
    """Views as they would be of another camera, and of a first reading that erred a little otherwise: crops are
    shifted, and what is asked for with them; light, tint and noise change, and a patch may hide a part of the face.
    Pictures change in place."""
    out, count = dict(views), len(views["real"])
    gain = np.exp(rng.normal(0, 0.2, (count, 1)) + rng.normal(0, 0.07, (count, 3))).astype(np.float32)
    lift, grain = rng.normal(0, 12, count).astype(np.float32), 9 * rng.random(count, np.float32) ** 2
    shifts = rng.integers(-SHIFT, SHIFT + 1, (count, 4, 2))  # of both eyes, mouth and face, pixels
    for row in range(count):
        for picture, shift in zip((*out["eyes"][row], out["mouth"][row], out["face"][row]), shifts[row], strict=True):
            noise = grain[row] * np.resize(rng.standard_normal(4999, np.float32), picture.shape)
            picture[:] = np.clip(np.roll(picture, shift, (1, 0)) * gain[row] + lift[row] + noise, 0, 255)
        if rng.random() < HIDDEN:
            x, y, wide, high = *rng.integers(0, FACE[0] - 20, 2), *rng.integers(8, 40, 2)
            out["face"][row, y : y + high, x : x + wide] = rng.integers(0, 256, 3)
    moved = shifts[:, :2].astype(np.float32) * (2 / EYE[1])
    out["iris"], out["lids"] = views["iris"] + moved, views["lids"] + moved[:, :, None]
    out["shape"] = views["shape"].copy()
    out["shape"][..., :2] += 0.006 * rng.standard_normal((*views["shape"].shape[:2], 2))
    return out


def mirrored(views: Views) -> Views:
    """Views as a mirror shows them: what is of one eye is then of the other."""
    out = {name: column[:, ::-1] for name, column in views.items() if name.startswith(("eyes", "iris", "lids", "gaze"))}
    out |= {name: views[name][:, :, ::-1] for name in ("mouth", "face")}
    out["actions"] = mirrored_actions(views["actions"])
    out["shape"] = mirrored_shape(views["shape"])
    flip = np.array([-1, 1, 1], np.float32)
    return out | {"rotation": views["rotation"] * flip[:, None] * flip, "real": views["real"], "who": views["who"]}


def tensors(views: Views) -> Batch:
    """Views as tensors, pictures (..., 3, H, W), with the mirrored shape beside the shape."""
    out = {name: torch.from_numpy(np.ascontiguousarray(column)) for name, column in views.items()}
    for name in ("eyes", "mouth", "face"):
        out[name] = out[name].movedim(-1, -3).contiguous()
    out["shape"] = torch.from_numpy(np.stack([views["shape"], mirrored_shape(views["shape"])], 1))
    return out


@dataclass(frozen=True)
class Errors:
    """What a network says against what is true; weights are 0 where nothing can be known."""

    iris: torch.Tensor  # (B, 2, 2) half widths of the crop
    lids: torch.Tensor  # (B, 2, 16, 2)
    gaze: torch.Tensor  # (B, 2, 2) radians
    turn: torch.Tensor  # (B, 3, 3)
    actions: torch.Tensor  # (B, 43)
    doubt: dict[
        str, torch.Tensor
    ]  # logs of expected errors: iris, gaze (B, 2), turn (B,), lids (B, 2), actions (B, 43)


def on_device(net: nn.Module, batch: Batch) -> Batch:
    """A batch where the network is."""
    device = next(net.parameters()).device
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}


def errors(net: nn.Module, batch: Batch) -> Errors:
    """Look at a batch."""
    kind = next(net.parameters()).dtype
    seen = (batch[name].to(kind) for name in ("eyes", "mouth", "face", "shape"))
    eye, look, acts = (out.float() for out in net(*seen))
    count = len(eye)
    return Errors(
        iris=eye[..., :2] - batch["iris"],
        lids=eye[..., 3:35].reshape(count, 2, 16, 2) - batch["lids"],
        gaze=look[:, :4].reshape(count, 2, 2) - batch["gaze"],
        turn=rotations(look[:, 6:12]) - batch["rotation"],
        actions=acts[:, 0] - batch["actions"],
        doubt={
            "iris": eye[..., 2],
            "gaze": look[:, 4:6],
            "turn": look[:, 12],
            "lids": eye[..., 35],
            "actions": acts[:, 1],
        },
    )


WEIGHTS = {"iris": 1.0, "gaze": 2.0, "turn": 4.0, "lids": 1.0}
ACTIONS, CHANGES = 1.0, 1.0  # weights of the actions, and of how they differ between two views of a person
REAL_ACTIONS = 0.3  # weight of the actions of photographed people: what they do at rest comes from a fit
BETA = {"iris": 0.04, "gaze": 0.1, "turn": 0.05, "lids": 0.04}  # error up to which it is squared
SMALL = 0.15  # error of an action up to which it is squared: the mean is asked for, of which most are 0
REAL_TURN = 0.3  # weight of the turn of photographed heads, which comes from a fit
DRAWN_POINTS = 0.4  # weight of the lids of drawn heads, whose mesh points sit a little elsewhere


def loss(net: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
    """Smooth L1 of everything, and the likelihood of the expected errors, which does not move what they are about."""
    batch = on_device(net, batch)
    found, real = errors(net, batch), batch["real"].float()
    seen = batch["gaze_seen"].float()
    points = real + DRAWN_POINTS * (1 - real)
    trust = {
        "iris": seen,
        "gaze": seen,
        "turn": 1 - (1 - REAL_TURN) * real,
        "lids": batch["lids_seen"].float() * points[:, None, None],
    }
    total, doubt, figures = real.new_zeros(()), real.new_zeros(()), {}
    for name, weight in trust.items():
        error, log = getattr(found, name), found.doubt[name]
        value = nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=BETA[name], reduction="none")
        value = value.flatten(weight.ndim).mean(-1)
        part = (value * weight).sum() / weight.sum().clamp_min(1)
        size = expected(name, error).detach()
        while size.ndim > log.ndim:
            size, weight = (size * weight).sum(-1) / weight.sum(-1).clamp_min(1e-6), (weight.sum(-1) > 0).float()
        doubt = doubt + ((log + size * torch.exp(-log)) * (weight > 0)).sum() / (weight > 0).sum().clamp_min(1)
        total = total + WEIGHTS[name] * part
        figures[name] = float(part.detach())
    own, log = found.actions, found.doubt["actions"]
    weight = (1 - (1 - REAL_ACTIONS) * real)[:, None].expand_as(own)
    acts = (nn.functional.smooth_l1_loss(own, torch.zeros_like(own), beta=SMALL, reduction="none") * weight).sum()
    acts = acts / weight.sum()
    paired = own.view(2, 2, -1, own.shape[-1])
    change = nn.functional.smooth_l1_loss(paired[:, 0], paired[:, 1], beta=SMALL)
    size = own.detach().abs() + 1e-3
    doubt = doubt + ((log + size * torch.exp(-log)) * weight).sum() / weight.sum()
    total = total + ACTIONS * acts + CHANGES * change
    figures |= {"actions": float(acts.detach()), "changes": float(change.detach())}
    return total + 0.004 * doubt, figures | {"doubt": float(doubt.detach())}


def expected(name: str, error: torch.Tensor) -> torch.Tensor:
    """Size of an error in one direction: of a turn about one axis, of the others along one axis, root mean square."""
    if name == "turn":
        return (error.square().sum((-1, -2)) / 6 + 1e-12).sqrt()  # |R - R'|^2 = 2 angle^2, over three axes
    return (error.square().mean(-1) + 1e-12).sqrt()


def validator(sets: dict[str, Views]) -> Callable[[nn.Module], dict[str, float]]:
    """Errors on people who are never trained on: of gaze and turn in degrees, of irises in % of the width of the crop,
    of lids as a share of what it was at first reading, of actions of what it is of a face at rest; `total` sums them
    for the choice of weights."""

    def validate(net: nn.Module) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, views in sets.items():
            rows: dict[str, list[torch.Tensor]] = {}
            for start in range(0, len(views["real"]), 128):
                batch = on_device(net, tensors({key: column[start : start + 128] for key, column in views.items()}))
                found, seen = errors(net, batch), batch["gaze_seen"]
                gaze, iris = found.gaze.norm(dim=-1)[seen], found.iris.norm(dim=-1)[seen]
                turn = found.turn.square().sum((-1, -2)).div(2).sqrt()
                lids = batch["lids_seen"]
                parts = {
                    "gaze_deg": gaze.rad2deg(),
                    "iris_pct": 50 * iris,
                    "turn_deg": turn.rad2deg(),
                    "actions": found.actions.abs().mean(-1),
                    "actions_at_rest": batch["actions"].abs().mean(-1),
                    "lids": found.lids.norm(dim=-1)[lids],
                    "lids_before": batch["lids"].norm(dim=-1)[lids],
                    "gaze_over_doubt": expected("gaze", found.gaze)[seen] / found.doubt["gaze"][seen].exp(),
                    "turn_over_doubt": expected("turn", found.turn) / found.doubt["turn"].exp(),
                }
                for key, value in parts.items():
                    rows.setdefault(key, []).append(value)
            means = {key: float(torch.cat(values).mean()) for key, values in rows.items()}
            means["lids"] /= means.pop("lids_before")
            means["actions"] /= means.pop("actions_at_rest")
            figures |= {f"{name}_{key}": value for key, value in means.items()}
        weights = {"gaze_deg": 1.0, "turn_deg": 1.0, "iris_pct": 1.0, "lids": 3.0, "actions": 6.0}
        figures["total"] = sum(w * figures[f"{name}_{key}"] for name in sets for key, w in weights.items())
        return figures

    return validate


@recipe("closeup", steps=4000)
def train(
    run: Run,
    data: Path,
    *,
    lr: float = 2e-3,
    batch: int = BATCH,
    shards: tuple[int, int, int] = SHARDS,
    assets: Path | None = None,
    skins: Path | None = None,
    composites: Path | None = None,
    reader: LandmarkReader | None = None,
) -> Trial:
    """`CloseupNet` from the London folder `data` and people who do not exist.

    Args:
        shards: of `SCENES` pictures: of people who do not exist, of lifted volunteers (and as many of composites, where
            there are any), of each to validate on. They are kept in `run.workdir`, and made once.
        assets, skins: folders for people who do not exist (`vasari data assets`).
        composites: folder of `vasari data composites`, of this set's training people.
        reader: first look; the one that ships by default.
    """
    if assets is None:
        raise UsageError("train closeup: give MakeHuman's assets with --assets FOLDER (see `vasari data assets`)")
    views, unseen = pictures(run, data, assets, skins, composites, shards, reader)
    torch.manual_seed(run.seed)
    net, steps, bf16 = CloseupNet(), run.steps, run.device == "cpu" and bf16_is_fast()
    return Trial(
        net,
        Plan(
            steps=steps, lr=lr, seed=run.seed, weight_decay=0.05, ema=0.995, validate_every=min(250, steps), bf16=bf16
        ),
        Batches(views, run.seed, batch),
        loss,
        validator(unseen),
        select="total",
        data="people who do not exist, from MakeHuman's assets (CC0), and the training people of the Face Research Lab "
        f"London Set (CC-BY 4.0), lifted: {len(views['real'])} views, {100 * views['real'].mean():.0f}% of them lifted",
    )


def pictures(
    run: Run,
    data: Path,
    assets: Path,
    skins: Path | None,
    composites: Path | None,
    shards: tuple[int, int, int],
    reader: LandmarkReader | None,
) -> tuple[Views, dict[str, Views]]:
    """Views to learn from, and views of each kind to validate on; what is not in the run's folder yet is made."""
    london, threads = London(data), max(1, run.workers)
    run.workdir.mkdir(parents=True, exist_ok=True)

    def volunteers(source: London | CompositeSet, people: list, *, correct: bool, first: int = 0) -> Volunteers:
        lifted = lift_volunteers(source, people, correct=correct, size=SHOT, threads=threads)
        return Volunteers(lifted, run.seed + first)

    def shards_of(name: str, source: Callable[[], Source], count: int) -> Views:
        paths = [run.workdir / f"{name}{number:04d}.npz" for number in range(count)]
        if not all(path.exists() for path in paths):
            maker = Shards(source(), reader, run.workdir, name, run.seed)
            paths = list(batches_ahead(maker, range(count), run.workers))
        return read_shards(paths)

    drawn, lifted, kept = shards
    unseen = {
        "people": shards_of("people_unseen", lambda: People(assets, skins, HELD_OUT), kept),
        "lifted": shards_of("lifted_unseen", lambda: volunteers(london, london.validation, correct=False), kept),
    }
    parts = [
        shards_of("people", lambda: People(assets, skins, HELD_OUT // 2), drawn),
        shards_of("lifted", lambda: volunteers(london, london.training, correct=True), lifted),
    ]
    if composites is not None:
        mixed = CompositeSet(composites)
        parts.append(shards_of("mixed", lambda: volunteers(mixed, mixed.training, correct=False, first=MIXED), lifted))
        parts[-1]["who"] += MIXED
    return joined(parts), unseen
