"""Recipe: what each pixel around a face shows, from people who do not exist and photographs of volunteers.

Of people who do not exist every pixel is known. Of the volunteers it is known where the studio's backdrop is and where
the bare middle of the face is; what may be several things is learned as such: the likelihood of a partial label is the
sum of what it allows (Cour et al. 2011, "Learning from partial labels"). The backbone is that of the landmarks, which
has seen faces under all that can happen to pictures, and is not trained further; the decoder is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from faces.landmarks import WEIGHTS as LANDMARKS
from faces.landmarks import crop_matrix, warp_crop
from faces.regions import SCALE, SIDE, Kind
from lab.networks.regions import RegionNet
from lab.people.labels import Region
from lab.pictures.degrade import degrade
from lab.pictures.london import London, background_mask
from lab.pictures.photographs import random_background
from lab.training import Plan, bf16_is_fast
from lab.training.loop import batches_ahead
from lab.training.recipe import Run, Trial, recipe
from lab.weights import load_weights
from media.atomic import replacing
from media.errors import UsageError

SHOT = 448  # pixels a side of the pictures that are taken
PICTURES = 64  # a shard
SHARDS = 48, 6  # of people who do not exist, to learn from and to validate on
BATCH = 24
REAL = 0.3  # share of photographs of volunteers
TYPICAL = 0.15  # share of all pixels at which a kind has a weight of 1
ANSWER = SIDE // 2  # pixels a side of the labels
HELD_OUT = 1 << 52  # seeds of people who are validated on; those who are learned from start at half of it
KIND_OF = {
    Region.BACKGROUND: Kind.BACKGROUND,
    Region.SKIN: Kind.SKIN,
    Region.HAIR: Kind.HAIR,
    Region.BEARD: Kind.BEARD,
    Region.GLASSES: Kind.GLASSES,
    Region.HAT: Kind.HAT,
    Region.CLOTHES: Kind.CLOTHES,
    Region.OCCLUDER: Kind.OCCLUDER,
}  # of the other regions `Kind.FEATURES`
SOMEBODY, BARE = len(Kind), len(Kind) + 1  # labels: anything but the background; what the middle of a face can show
UNKNOWN = 255  # label: anything
ALLOWED = np.zeros((len(Kind) + 2, len(Kind)), np.float32)  # label -> the kinds that it allows
ALLOWED[: len(Kind)] = np.eye(len(Kind))
ALLOWED[SOMEBODY, 1:] = 1
ALLOWED[SOMEBODY, [Kind.HAT, Kind.OCCLUDER, Kind.GLASSES]] = 0  # volunteers wear none, and hold nothing before them
ALLOWED[BARE, [Kind.SKIN, Kind.FEATURES, Kind.BEARD]] = 1
BARE_OUTLINE = (105, 66, 107, 336, 296, 334, 300, 447, 411, 379, 152, 150, 187, 227, 70)  # mesh points around it
CHIN = 152  # mesh point
CLEAR = 0.08, 0.92  # a mask of the person is trusted below the one and above the other
IMPORTANT = (Kind.HAIR, Kind.SKIN, Kind.BACKGROUND)  # by which weights are chosen

Rows = tuple[np.ndarray, np.ndarray]  # pictures uint8 (N, 192, 192, 3), labels uint8 (N, 96, 96)


def kinds_of(regions: np.ndarray) -> np.ndarray:
    """`Region` (H, W) -> `Kind` (H, W) uint8."""
    table = np.full(len(Region), Kind.FEATURES, np.uint8)
    for region, kind in KIND_OF.items():
        table[region] = kind
    return table[regions]


def row(picture: np.ndarray, labels: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> Rows:
    """The crop of a picture as a reader lays it, a little off, with its labels."""
    size = float(np.ptp(points[:468], axis=0).max())
    off = points[:468] + rng.normal(0, 0.03 * size, (1, 2))
    matrix = crop_matrix(off, SIDE, SCALE * rng.uniform(0.78, 1.05))
    angle = rng.normal(0, 0.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.hstack([turn @ matrix[:, :2], (turn @ (matrix[:, 2] - SIDE / 2) + SIDE / 2)[:, None]])
    halved = matrix / 2 + [[0, 0, -0.25], [0, 0, -0.25]]
    placed = cv2.warpAffine(labels, halved, (ANSWER, ANSWER), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return warp_crop(picture, matrix, SIDE), placed


class People:
    """number -> crops of `PICTURES` people who do not exist, kept in `folder`."""

    def __init__(self, assets: Path, skins: Path | None, first: int, folder: Path, name: str) -> None:
        from lab.people import Wardrobe

        self.wardrobe, self.first, self.folder, self.name = Wardrobe(assets, skins), first, folder, name

    def __call__(self, number: int) -> Path:
        from lab.people import Person

        path = self.folder / f"{self.name}{number:04d}.npz"
        if not path.exists():
            rows = []
            for seed in range(self.first + number * PICTURES, self.first + (number + 1) * PICTURES):
                shot = Person.random(seed, self.wardrobe).photograph(self.wardrobe, SHOT, supersample=1)
                labels = kinds_of(shot.segmentation)
                rows.append(row(shot.picture, labels, shot.mesh[:, :2], np.random.default_rng((seed, 9))))
            pictures, labels = (np.stack(column) for column in zip(*rows, strict=True))
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, pictures=pictures, labels=labels)
        return path


def read_rows(paths: list[Path]) -> Rows:
    """Files of crops as one set."""
    parts = []
    for path in paths:
        with np.load(path) as file:
            parts.append((file["pictures"], file["labels"]))
    return np.concatenate([p for p, _ in parts]), np.concatenate([q for _, q in parts])


class Volunteers:
    """Takes crops of photographs of volunteers, before other backgrounds mostly, with what is known of them."""

    def __init__(self, london: London, people: list) -> None:
        self.kept = []
        for person in people:
            for expression in ("neutral", "smile"):
                picture = person.picture(expression)
                points = london.mesh[f"{person.id}_{expression}"][:, :2]
                self.kept.append((*_half(picture, background_mask(picture)), points / 2))

    def __call__(self, rng: np.random.Generator) -> Rows:
        picture, mask, points = self.kept[int(rng.integers(len(self.kept)))]
        labels = np.where(mask > CLEAR[1], SOMEBODY, Kind.BACKGROUND).astype(np.uint8)
        cv2.fillPoly(labels, [points[list(BARE_OUTLINE)].round().astype(np.int32)], BARE)
        labels[(mask > CLEAR[0]) & (mask < CLEAR[1])] = UNKNOWN
        if rng.random() < 0.7:
            ground = random_background(rng, len(picture))
            picture = (mask[..., None] * picture + (1 - mask[..., None]) * ground).astype(np.uint8)
        else:  # white shirts pass for the backdrop
            below = labels[int(points[CHIN, 1]) :]
            below[below == Kind.BACKGROUND] = UNKNOWN
        return row(picture, labels, points, rng)


def _half(picture: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = picture.shape[1] // 2, picture.shape[0] // 2
    return tuple(cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (picture, mask))


Batch = tuple[torch.Tensor, torch.Tensor]  # crops (B, 3, 192, 192) in [0, 1], labels (B, 96, 96)


class Batches:
    """step -> crops, mirrored and degraded as chance has it, with their labels."""

    def __init__(self, drawn: Rows, volunteers: Volunteers | None, seed: int, batch: int) -> None:
        self.drawn, self.volunteers, self.seed, self.batch = drawn, volunteers, seed, batch

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 96))
        rows = []
        for _ in range(self.batch):
            if self.volunteers is not None and rng.random() < REAL:
                picture, labels = self.volunteers(rng)
            else:
                k = int(rng.integers(len(self.drawn[0])))
                picture, labels = self.drawn[0][k], self.drawn[1][k]
            rows.append((picture[:, ::-1], labels[:, ::-1]) if rng.random() < 0.5 else (picture, labels))
        pictures, answers = as_batch(*(np.stack(column) for column in zip(*rows, strict=True)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(1 << 62)))
            worse = torch.randperm(self.batch)[: self.batch // 2]
            pictures[worse] = degrade(pictures[worse], spare=0.0)
        return pictures, answers


def as_batch(pictures: np.ndarray, labels: np.ndarray) -> Batch:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels).long()


Features = Callable[[torch.Tensor], list[torch.Tensor]]


def importance(labels: np.ndarray) -> np.ndarray:
    """Weight of each label, (11,) float32: what is rare counts for more, by the root of how rare it is."""
    share = np.bincount(labels.ravel(), minlength=len(ALLOWED))[: len(Kind)] / labels.size
    weights = np.ones(len(ALLOWED), np.float32)
    weights[: len(Kind)] = np.clip(np.sqrt(TYPICAL / np.maximum(share, 1e-6)), 0.6, 5.0)
    return weights


class Loss:
    """Log likelihood of labels that may allow several kinds; weights as of `importance`."""

    def __init__(self, features: Features, weights: np.ndarray, device: str) -> None:
        self.features, self.device = features, device
        self.weights = torch.from_numpy(weights).to(device)
        self.allowed = torch.from_numpy(ALLOWED).to(device)

    def __call__(self, decoder: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        pictures, labels = (part.to(self.device) for part in batch)
        with torch.no_grad():
            maps = self.features(pictures)
        kind = next(decoder.parameters()).dtype
        shares = decoder([m.to(kind) for m in maps]).float().softmax(1)
        code = labels.clamp_max(len(ALLOWED) - 1)
        known = (labels != UNKNOWN) * self.weights[code]
        allowed = self.allowed[code].permute(0, 3, 1, 2)
        log = torch.log((shares * allowed).sum(1) + 1e-4)
        value = -(log * known).sum() / known.sum().clamp_min(1)
        return value, {}


def overlap(found: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Intersection over union of each kind, all pixels of (N, H, W) together."""
    out = {}
    for kind in Kind:
        one, other = found == kind, labels == kind
        out[kind.name.lower()] = float((one & other).sum() / max(1, (one | other).sum()))
    return out


def validator(features: Features, unseen: Rows, device: str) -> Callable[[nn.Module], dict[str, float]]:
    """Intersection over union of each kind on crops of people who are never trained on; `iou` is the mean of the
    important ones."""

    def validate(decoder: nn.Module) -> dict[str, float]:
        found = []
        kind = next(decoder.parameters()).dtype
        for start in range(0, len(unseen[0]), 32):
            pictures, _ = as_batch(unseen[0][start : start + 32], unseen[1][start : start + 32])
            logits = decoder([m.to(kind) for m in features(pictures.to(device))])
            found.append(logits.argmax(1).to(torch.uint8).cpu().numpy())
        figures = {f"{name}_iou": value for name, value in overlap(np.concatenate(found), unseen[1]).items()}
        return figures | {"iou": float(np.mean([figures[f"{k.name.lower()}_iou"] for k in IMPORTANT]))}

    return validate


def body_of_landmarks(net: RegionNet, weights: Path = LANDMARKS) -> None:
    """Give `net` the first stages of the landmark network."""
    tensors = load_weights(weights, "landmarks")[0]
    own = {name for name in net.state_dict() if name.startswith("body.")}
    net.load_state_dict({name: tensors[name] for name in own}, strict=False)
    net.body.requires_grad_(False).eval()


@recipe("regions", steps=3000)
def train(
    run: Run,
    data: Path,
    *,
    lr: float = 2e-3,
    batch: int = BATCH,
    shards: tuple[int, int] = SHARDS,
    assets: Path | None = None,
    skins: Path | None = None,
    features: Features | None = None,
) -> Trial:
    """The decoder of `RegionNet` from the London folder `data` and people who do not exist.

    Args:
        shards: of `PICTURES` people who do not exist, to learn from and to validate on; kept in `run.workdir`, made
            once.
        assets, skins: folders for people who do not exist (`vasari data assets`).
        features: what computes the maps of the backbone, crops (B, 3, 192, 192) -> maps; the network itself by default.
    """
    if assets is None:
        raise UsageError("train regions: give MakeHuman's assets with --assets FOLDER (see `vasari data assets`)")
    london = London(data)
    run.workdir.mkdir(parents=True, exist_ok=True)

    def rows_of(name: str, first: int, count: int) -> Rows:
        paths = [run.workdir / f"{name}{number:04d}.npz" for number in range(count)]
        if not all(path.exists() for path in paths):
            people = People(assets, skins, first, run.workdir, name)
            paths = list(batches_ahead(people, range(count), run.workers))
        return read_rows(paths)

    drawn, unseen = rows_of("people", HELD_OUT // 2, shards[0]), rows_of("people_unseen", HELD_OUT, shards[1])
    torch.manual_seed(run.seed)
    net = RegionNet()
    body_of_landmarks(net)
    net.body.to(run.device)
    features = features or net.features
    steps, bf16 = run.steps, run.device == "cpu" and bf16_is_fast()
    return Trial(
        net.decoder,
        Plan(steps=steps, lr=lr, seed=run.seed, ema=0.995, validate_every=min(250, steps), bf16=bf16),
        Batches(drawn, Volunteers(london, london.training), run.seed, batch),
        Loss(features, importance(drawn[1]), run.device),
        validator(features, unseen, run.device),
        select="iou",
        higher_is_better=True,
        kept=net,
        data=f"{len(drawn[0])} people who do not exist, from MakeHuman's assets (CC0); Face Research Lab London Set "
        f"(CC-BY 4.0), {len(london.training)} training people, of whom backdrop and bare face are known; backbone "
        "of the landmark network",
    )
