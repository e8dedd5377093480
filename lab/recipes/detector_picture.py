"""Recipe of the look at single pictures: pairs that are drawn of folders of people (`detector_pairs`), and every fake
of labelled sets beside the real of its sitting, both spoiled alike."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lab.fakes.blending import SelfBlend
from lab.fakes.spoiling import Spoiling
from lab.labelled.crops import Shelf, cut_all
from lab.labelled.manifest import REAL, SOUND_KINDS, ClipSet, Item, Split, check_splits
from lab.networks.detector import FROZEN, PictureNet, pooled, scores
from lab.recipes import detector_pairs as drawn
from lab.training import Plan, fit
from lab.training.ranks import first_to_begin
from media.errors import UsageError

PAIRS = 16  # of a batch
BLENDED = 0.2  # share of the fakes that are self-blended from the real crop itself
PHOTOGRAPHED = 0.6  # share of the pairs that show photographed people, where there are others
SPOILT = 0.6  # share of the pairs that something happens to
CROPS = 4  # kept of each clip
SPOILED = 2  # looks at each validation crop: as it is, and spoiled
RANKED = 0.3  # weight of the order within pairs
ABOVE = 0.5  # weight of the order between the fakes and those reals of the batch that look made most
QUIET = 0.15  # weight of every single place of a real
SMOOTH = 0.02  # what is taken off certainty
DRAWN = 0.6  # share of the pairs that are drawn of folders of people, where labelled sets are given besides
NEW = 0.3  # of these, how many show a fake that was not seen before
BACK = 256  # fakes among which the others are drawn
BEFORE = (0.3, 0.5)  # shares of the weights gone on from, in the means that are tried

Batch = tuple[torch.Tensor, torch.Tensor]  # crops (2 PAIRS, 3, SIDE, SIDE) uint8: reals, then fakes; labels


class Sittings:
    """Crops by sitting: the reals of each and its fakes by kind."""

    def __init__(self, items: Sequence[Item], crops: Sequence[Shelf]) -> None:
        self.reals: dict[str, list[Shelf]] = {}
        self.fakes: dict[str, dict[str, list[Shelf]]] = {}
        self.source: dict[str, str] = {}
        for item, found in zip(items, crops, strict=True):
            if not len(found) or item.kind in SOUND_KINDS:
                continue
            name = item.sitting or item.file
            if item.label == REAL:
                self.reals.setdefault(name, []).append(found)
                self.source[name] = item.source
            else:
                self.fakes.setdefault(name, {}).setdefault(item.kind, []).append(found)
        self.photographed = [n for n in self.reals if self.source[n] != "rendered"]
        self.rendered = [n for n in self.reals if self.source[n] == "rendered"]
        self.lonely = [n for n in self.fakes if n not in self.reals]  # fakes of sets that name no sittings
        if not self.reals:
            raise UsageError("the set has no real clip with a face in its train split")


class Draw:
    """step -> batch; depends on seed and step alone."""

    def __init__(
        self, sittings: Sittings | None, seed: int, pairs: int = PAIRS, others: drawn.Pairs | None = None
    ) -> None:
        self.sittings, self.seed, self.pairs, self.others = sittings, seed, pairs, others

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 77))
        reals, fakes = [], []
        for place in range(self.pairs):
            if self.others is not None and (self.sittings is None or rng.random() < DRAWN):
                newest = int((step * self.pairs + place) * NEW)
                real, fake = self.others.drawn((self.seed << 32) + newest + int(rng.integers(BACK)), rng)
            else:
                assert self.sittings is not None
                real, fake = self._pair(self.sittings, rng)
            reals.append(real)
            fakes.append(fake)
        crops = torch.from_numpy(np.stack(reals + fakes)).permute(0, 3, 1, 2)
        return crops, torch.arange(2 * self.pairs).ge(self.pairs).float()

    def _pair(self, own: Sittings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        groups = [g for g in (own.photographed, own.rendered) if g]
        group = groups[0] if len(groups) == 1 or rng.random() < PHOTOGRAPHED else groups[1]
        name = group[int(rng.integers(len(group)))]
        spoil = Spoiling.draw(rng, float(rng.random() < SPOILT) * rng.uniform(0.2, 1))
        shown = _one(own.reals[name], rng)
        real, mesh = shown
        kinds = own.fakes.get(name)
        if kinds is None and own.lonely:
            kinds = own.fakes[own.lonely[int(rng.integers(len(own.lonely)))]]
        if kinds is None or rng.random() < BLENDED:
            fake = SelfBlend.draw(rng)(real, mesh)
        else:
            kind = sorted(kinds)[int(rng.integers(len(kinds)))]
            fake, _ = _one(kinds[kind], rng)
        if rng.random() < 0.15:  # the same face once more, altered as a whole: neither is made
            real = _retouched(real, rng)
        return spoil(real), spoil(fake)


def _one(clips: list[Shelf], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    clip = clips[int(rng.integers(len(clips)))].crops()
    k = int(rng.integers(len(clip.pictures)))
    return clip.pictures[k], clip.meshes[k]


def _retouched(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Softer or with other colours everywhere, so that neither alone says "made"."""
    import cv2

    soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.8)))
    gain = np.exp(rng.normal(0, 0.06, 3))
    return np.clip(soft * gain + 0.5, 0, 255).astype(np.uint8)


def loss(net: nn.Module, batch: Batch, device: str = "cpu") -> tuple[torch.Tensor, Mapping[str, float]]:
    """Cross-entropy of the pooled evidence, the order within pairs and against the most suspicious reals, as thresholds
    of few false alarms are set by these, and no evidence anywhere in a real."""
    crops, labels = (t.to(device, non_blocking=True) for t in batch)
    evidence, _ = net((crops.float() / 255).contiguous(memory_format=torch.channels_last))
    logits = pooled(evidence)
    entropy = F.binary_cross_entropy_with_logits(logits, labels * (1 - 2 * SMOOTH) + SMOOTH)
    half = len(logits) // 2
    order = F.softplus(logits[:half] - logits[half:]).mean()
    highest = 2 * (logits[:half] / 2).logsumexp(0) - 2 * math.log(half)
    above = F.softplus(highest - logits[half:]).mean()
    quiet = F.softplus(evidence[:half]).mean()
    right = ((logits > 0) == (labels > 0.5)).float().mean()
    told = {"right": float(right), "order": float(order.detach()), "above": float(above.detach())}
    return entropy + RANKED * order + ABOVE * above + QUIET * quiet, told


def validator(items: Sequence[Item], crops: Sequence[Shelf], device: str) -> Callable[[nn.Module], dict[str, float]]:
    """AUC over clips, each the mean of its crops: as they are, spoiled, and of every kind."""
    from sklearn.metrics import roc_auc_score

    kept = [(i, c) for i, c in zip(items, crops, strict=True) if len(c) and i.kind not in SOUND_KINDS]
    if len({i.label for i, _ in kept}) < 2:
        raise UsageError("the set's validation split needs reals and fakes with faces")
    rng = np.random.default_rng(9)
    views = []
    for strength in (0.0, 1.0)[:SPOILED]:
        by_sitting: dict[str, Spoiling] = {}
        rows = []
        for item, found in kept:
            spoil = by_sitting.setdefault(item.sitting or item.file, Spoiling.draw(rng, strength))
            rows.append(np.stack([spoil(p) for p in found.crops().pictures]))
        views.append(rows)
    made = np.array([i.is_fake for i, _ in kept])
    kinds = np.array([i.kind for i, _ in kept])

    def looked(net: nn.Module, rows: list[np.ndarray]) -> np.ndarray:
        found = []
        for pictures in rows:
            seen = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device).float() / 255
            found.append(float(scores(net(seen)[0]).mean()))
        return np.array(found)

    def validate(net: nn.Module) -> dict[str, float]:
        told = [looked(net, rows) for rows in views]
        figures = {"auc_clean": roc_auc_score(made, told[0]), "auc_spoiled": roc_auc_score(made, told[-1])}
        figures["auc"] = float(np.mean(list(figures.values())))
        for kind in np.unique(kinds[made]):
            part = ~made | (kinds == kind)
            figures[f"auc_{kind}"] = roc_auc_score(made[part], told[0][part])
        return figures

    return validate


def together(*validators: Callable[[nn.Module], dict[str, float]]) -> Callable[[nn.Module], dict[str, float]]:
    """Figures of all; "auc" is the mean of what each calls so."""

    def validate(net: nn.Module) -> dict[str, float]:
        told = [one(net) for one in validators]
        return {
            **{k: v for figures in told for k, v in figures.items()},
            "auc": float(np.mean([f["auc"] for f in told])),
        }

    return validate


@torch.no_grad()
def averaged(
    net: nn.Module,
    before: Mapping[str, torch.Tensor],
    figures: Mapping[str, float],
    validate: Callable[[nn.Module], Mapping[str, float]],
) -> dict[str, float]:
    """Leave in `net`, whose figures are given, its mean with the weights that it went on from where that is better on
    validation data: it forgets less of what those had seen (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
    models", arXiv 2109.01903, section 3). Returns the figures of what is left, and the share of those "before"."""
    learned = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    best, kept = {**figures, "before": 0.0}, learned
    for share in BEFORE:
        mean = {n: t.lerp(before[n].to(t), share) if t.is_floating_point() else t for n, t in learned.items()}
        net.load_state_dict(mean)
        told = validate(net)
        if told["auc"] > best["auc"]:
            best, kept = {**best, **told, "before": share}, mean
    net.load_state_dict(kept)
    return best


def train_picture(
    sets: Sequence[ClipSet],
    folders: Sequence[Path],
    *,
    steps: int,
    workdir: Path,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    workers: int = 0,
    batch: int = PAIRS,
    lr: float = 6e-4,
    pretrained: bool = True,
    start: Mapping[str, torch.Tensor] | None = None,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> tuple[PictureNet, dict[str, float]]:
    """Train `PictureNet` on those who teach in labelled sets and in folders of people; the checkpoint is the best on
    those who validate, who are nobody else. `start`: tensors of `PictureNet` to go on from.

    Raises:
        UsageError: splits overlap, or one of them is empty.
    """
    validators, sittings, pairs = [], None, None
    with first_to_begin():
        if sets:
            taught, checked = (_cut(sets, split, workdir / "crops", workers) for split in ("train", "validation"))
            sittings = Sittings(*taught)
            validators.append(validator(*checked, device))
        if folders:
            known, held = (
                drawn.gathered_faces(folders, workdir / "crops", split, workers=workers)
                for split in ("train", "validation")
            )
            pairs = drawn.Pairs(known)
            validators.append(drawn.validator(drawn.checked(drawn.Pairs(held)), device))
    validate = together(*validators)
    torch.manual_seed(seed)
    net = PictureNet(pretrained=pretrained)
    if start is not None:
        net.load_state_dict(start)
    for part in (net.body["conv_stem"], net.body["bn1"], *net.body["blocks"][:FROZEN]):
        part.requires_grad_(False)
    plan = Plan(
        steps=steps, lr=lr, warmup=min(100, steps), seed=seed, ema=0.998, validate_every=min(200, steps),
        checkpoint_every=50, weight_decay=2e-2,
    )  # fmt: skip
    figures = fit(
        net, plan, Draw(sittings, seed, batch, pairs), lambda n, b: loss(n, b, device), validate, select="auc",
        higher_is_better=True, workdir=workdir / "picture", resume=resume, device=device, workers=workers,
        progress=progress,
    )  # fmt: skip
    return net, figures if start is None else averaged(net, start, figures, validate)


def _cut(sets: Sequence[ClipSet], split: Split, folder: Path, workers: int) -> tuple[list[Item], list[Shelf]]:
    """Clips of one split of all sets, and where their crops are kept."""
    items: list[Item] = []
    shelves: list[Shelf] = []
    for clips in sets:
        check_splits(clips.items)
        own = [i for i in clips.of(split) if i.kind not in SOUND_KINDS]
        items += own
        shelves += cut_all(clips, own, folder, CROPS, workers=workers)
    return items, shelves
