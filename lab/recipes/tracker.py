"""Recipe: dense landmarks from volunteers lifted and people who do not exist.

Photographs of volunteers are lifted (`lab.people.lifting`) and taken again: turned, with other expressions, shapes,
gazes, lights and backgrounds; people who do not exist (`lab.people`) are photographed with everything a face can meet.
Worker processes make these pictures all the time; the last few thousand are kept, and every step draws from them,
crops them anew and degrades them on the training device. A part of the crops holds no face, for the score. Composites
(`vasari data composites`), photographs of people who do not exist with exact points, are lifted as volunteers are.
Pictures of other real people, whom nobody set points on, are labelled by the public face mesh in several views, as far
as these agree (`lab.labelled.taught`), and lifted too.

The teacher of the volunteers' meshes is a public face mesh; where the London Set has points set by hand, those of the
training people pull the labels towards them.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from faces.fit import fit as fit_head
from faces.landmarks import MIRROR, OUTER_EYES, POINTS
from lab.labelled.taught import Face, taught_faces
from lab.networks.landmarks import LandmarkNet
from lab.people.lifting import Lifted, Shade, elsewhere
from lab.pictures.compositeset import CompositeSet
from lab.pictures.creatures import random_creature
from lab.pictures.degrade import degrade, recrop
from lab.pictures.london import London, Person, background_mask, corrected_meshes
from lab.pictures.photographs import random_background
from lab.training import Plan
from lab.training.loop import batches_ahead
from lab.training.pool import Pool
from lab.training.recipe import IMAGENET, Run, Trial, recipe
from lab.weights import load_weights
from media.threads import one_blas_thread

SHOT = 384  # pixels a side of the pictures that are taken
BASE = 256  # pixels a side of what is kept of them
ROOM = 2.1  # side of what is kept over the longer side of the box of the points
SIDE = 192  # pixels a side of the network's input
BATCH = 256
FRESH = 8  # new pictures a step; of small batches half as many
KEEP = 6144  # pictures to draw from
FURTHEST = (0.7, 0.4)  # yaw and pitch, radians, by which lifted volunteers are turned: half of it and less mostly
NO_FACE_SHARE = 0.12
MIXED = 0.6  # share of composites among the photographed, where there are any
TAUGHT = 0.45  # share of the faces that are people labelled by the public mesh alone, where there are any
BELIEVED = 0.8  # trust of their points on which all views agree
MOST_LIFTED = 400  # of them
VALIDATION_BATCHES, VALIDATION_CROPS = 4, 32  # of each kind
HIDDEN = 0.35  # weight of points that are not seen
BROWS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107, 276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
BETA = 0.006  # error, in units of the crop, up to which it is squared

EYES_AND_LIPS = np.unique([
    *(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    *(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
    *range(468, 478),
])  # fmt: skip


def lift_volunteers(
    london: London | CompositeSet, people: list, *, correct: bool, size: int = SHOT, threads: int = 1
) -> list[Lifted]:
    """Both pictures of each of `people`, lifted; with `correct` the meshes of volunteers pulled towards their hand-set
    points."""
    corrected = corrected_meshes(london, people) if correct and isinstance(london, London) else {}

    def lift(one: tuple[Person, str]) -> Lifted:
        person, expression = one
        name = f"{person.id}_{expression}"
        picture = person.picture(expression)
        mesh = corrected.get(name, london.mesh[name][:, :2])
        return Lifted(picture, fit_head(mesh), mesh, background_mask(picture), size)

    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lift, [(person, e) for person in people for e in ("neutral", "smile")]))


Kept = tuple[np.ndarray, np.ndarray, np.ndarray]  # picture uint8 (BASE, BASE, 3), points (478, 2), trust (478,)


def keep(picture: np.ndarray, points: np.ndarray, visible: np.ndarray) -> Kept:
    """The square around a face, with room to crop in, resized to BASE pixels; trust is 1 in points that are seen."""
    low, high = points.min(0), points.max(0)
    zoom = BASE / (ROOM * float((high - low).max()))
    middle = (low + high) / 2
    matrix = np.array([[zoom, 0, BASE / 2 - zoom * middle[0]], [0, zoom, BASE / 2 - zoom * middle[1]]])
    if zoom < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom)
    crop = cv2.warpAffine(picture, matrix, (BASE, BASE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    trust = np.where(visible, 1.0, HIDDEN).astype(np.float32)
    return crop, (points * zoom + matrix[:, 2]).astype(np.float32), trust


class Volunteers:
    """Takes pictures of lifted volunteers."""

    def __init__(self, lifted: list[Lifted]) -> None:
        self.lifted = lifted

    def __call__(self, rng: np.random.Generator) -> Kept:
        lifted = self.lifted[int(rng.integers(len(self.lifted)))]
        own = lifted.parameters
        if rng.random() < 0.4:  # nearly as the photograph was taken
            moved = replace(own, rotation=(own.rotation + rng.normal(0, 0.05, 3)).astype(np.float32))
        else:
            moved = elsewhere(own, rng, furthest=FURTHEST, reshape=rng.uniform(0, 0.5))
        background = random_background(rng, SHOT) if rng.random() < 0.8 else None
        shot = lifted.shoot(moved, background=background, shade=Shade.random(rng) if rng.random() < 0.6 else None)
        return keep(shot.picture, shot.mesh[:, :2], shot.visible)

    def nothing(self, rng: np.random.Generator) -> Kept:
        """A picture without a whole face: nothing, clothes and hair, a face upside down, far too near or in pieces,
        or an animal."""
        lifted = self.lifted[int(rng.integers(len(self.lifted)))]
        picture, head = lifted.picture, lifted.parameters
        kind = rng.random()
        points, trust = np.full((POINTS, 2), BASE / 2, np.float32), np.zeros(POINTS, np.float32)
        if kind < 0.3:
            return random_background(rng, BASE).astype(np.uint8), points, trust
        if kind < 0.52:
            return random_creature(rng, BASE), points, trust
        centre, unit = head.centre, head.scale
        if kind < 0.7:  # beside the face
            angle, zoom = rng.uniform(-180, 180), BASE / (unit * rng.uniform(2.0, 6.0))
            away = rng.uniform(0, 2 * np.pi)
            centre = centre + unit * rng.uniform(2.6, 3.5) * np.array([np.cos(away), np.sin(away)])
        elif kind < 0.8:  # upside down
            angle, zoom = rng.uniform(115, 245), BASE / (unit * rng.uniform(4.5, 7.0))
        elif kind < 0.9:  # far too near
            angle, zoom = rng.uniform(-60, 60), BASE / (unit * rng.uniform(0.6, 1.3))
            centre = centre + unit * rng.normal(0, 0.6, 2)
        else:  # in pieces
            angle, zoom = rng.uniform(-20, 20), BASE / (unit * rng.uniform(4.5, 6.5))
        matrix = cv2.getRotationMatrix2D(tuple(float(c) for c in centre), float(angle), float(zoom))
        matrix[:, 2] += BASE / 2 - centre
        crop = cv2.warpAffine(picture, matrix, (BASE, BASE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
        return (crop if kind < 0.9 else _in_pieces(crop, rng)), points, trust


def _in_pieces(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The middle of a picture cut into 4 x 4 tiles, mixed up."""
    mixed, side = picture.copy(), BASE // 8
    corners = [(2 + i, 2 + j) for i in range(4) for j in range(4)]
    for (y, x), (v, u) in zip(corners, rng.permutation(corners), strict=True):
        tile = picture[v * side : (v + 1) * side, u * side : (u + 1) * side]
        mixed[y * side : (y + 1) * side, x * side : (x + 1) * side] = tile
    return mixed


class People:
    """Takes pictures of people who do not exist. Their brows are hair of any shape before the same bone, while the mesh
    follows the hair: those points are not learned from them."""

    def __init__(self, assets: Path, skins: Path | None, first: int) -> None:
        from lab.people import Wardrobe

        self.wardrobe, self.first = Wardrobe(assets, skins), first

    def __call__(self, rng: np.random.Generator) -> Kept:
        from lab.people import Person

        person = Person.random(self.first + int(rng.integers(1 << 40)), self.wardrobe)
        photograph = person.photograph(self.wardrobe, 320, supersample=1)
        picture, points, trust = keep(photograph.picture, photograph.mesh[:, :2], photograph.visible)
        trust[list(BROWS)] = 0
        return picture, points, trust


class Others:
    """Takes pictures of people whom nobody set points on: as they are, and lifted some of them."""

    def __init__(self, faces: list[Face], lifted: list[Lifted]) -> None:
        self.faces, self.lifted = faces, Volunteers(lifted) if lifted else None

    def __call__(self, rng: np.random.Generator) -> Kept:
        if self.lifted is not None and rng.random() < 0.5:
            picture, points, trust = self.lifted(rng)
            return picture, points, BELIEVED * trust
        face = self.faces[int(rng.integers(len(self.faces)))]
        picture, points, _ = keep(*face.cut(SHOT), np.ones(POINTS, bool))
        return picture, points, BELIEVED * face.trust


def lift_others(faces: list[Face], *, threads: int = 1) -> list[Lifted]:
    """`MOST_LIFTED` of `faces` or fewer, evenly spread, lifted."""
    chosen = np.unique(np.linspace(0, len(faces) - 1, MOST_LIFTED).round().astype(int))

    def lift(face: Face) -> Lifted:
        picture, points = face.cut(SHOT)
        return Lifted(picture, fit_head(points), points)

    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lift, [faces[k] for k in chosen]))


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]  # uint8 pictures, points, trust, is_face


class Batches:
    """step -> (pictures uint8 (B, 3, BASE, BASE), points (B, 478, 2) pixels, trust (B, 478), is_face (B,)); depends on
    seed and step alone."""

    def __init__(
        self,
        volunteers: Volunteers,
        people: People | None,
        seed: int,
        batch: int,
        share: float = 0.35,
        mixed: Volunteers | None = None,
        others: Others | None = None,
    ) -> None:
        self.volunteers, self.people, self.seed, self.batch, self.share = volunteers, people, seed, batch, share
        self.mixed, self.others = mixed, others

    def _face(self, rng: np.random.Generator) -> Kept:
        if self.others is not None and rng.random() < TAUGHT:
            return self.others(rng)
        if self.people is not None and rng.random() < self.share:
            return self.people(rng)
        return self.mixed(rng) if self.mixed is not None and rng.random() < MIXED else self.volunteers(rng)

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 478))
        rows, is_face = [], []
        for _ in range(self.batch):
            face = rng.random() >= NO_FACE_SHARE
            rows.append(self._face(rng) if face else self.volunteers.nothing(rng))
            is_face.append(face)
        pictures, points, trust = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
        return pictures.permute(0, 3, 1, 2).contiguous(), points, trust, torch.tensor(is_face)


def crops(batch: Batch, device: torch.device | str) -> tuple[torch.Tensor, ...]:
    """Crop, mirror and degrade a batch as chance has it -> crops (B, 3, SIDE, SIDE) in [0, 1], points in units of the
    crop, trust, is_face (float)."""
    pictures, points, trust, is_face = (t.to(device, non_blocking=True) for t in batch)
    box = torch.tensor([[0.5 - 0.5 / ROOM], [0.5 + 0.5 / ROOM]], device=points.device).expand(2, 2) * BASE
    placed = torch.where(is_face[:, None, None], points, box.repeat(1, POINTS // 2, 1).reshape(-1, 2)[None])
    cut, moved = recrop(pictures.float() / 255, placed, SIDE)
    flip = torch.rand(len(cut), device=cut.device) < 0.5
    cut = torch.where(flip[:, None, None, None], cut.flip(-1), cut)
    mirrored = moved[:, MIRROR] * torch.tensor([-1.0, 1.0], device=cut.device) + torch.tensor(
        [1.0, 0.0], device=cut.device
    )
    moved = torch.where(flip[:, None, None], mirrored, moved)
    trust = torch.where(flip[:, None], trust[:, MIRROR], trust)
    return degrade(cut), moved, trust, is_face.float()


def memory_format(device: str) -> torch.memory_format:
    """Channels last is three times faster on GPUs and three times slower on processors."""
    return torch.contiguous_format if device == "cpu" else torch.channels_last


def _weights(device: torch.device | str) -> torch.Tensor:
    weights = torch.ones(POINTS, device=device)
    weights[EYES_AND_LIPS] = 2.5
    return weights / weights.mean()


class Loss:
    """Smooth L1 on the points, heavier on eyes and lips; Laplace likelihood of their expected error, which does not
    move the points; cross-entropy of the score. Draws what it looks at from the last pictures that were made."""

    def __init__(self, draw: int, kept: int, device: str) -> None:
        self.draw, self.device = draw, device
        self.pool = Pool(kept, device)

    def __call__(self, net: nn.Module, fresh: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        self.pool.add(fresh)
        pictures, points, trust, is_face = crops(self.pool.draw(self.draw), self.device)
        predicted, log_sigma, score = net(pictures.contiguous(memory_format=memory_format(self.device)))
        weights = _weights(self.device) * is_face[:, None] * trust
        error = nn.functional.smooth_l1_loss(predicted, points, beta=BETA, reduction="none").sum(-1)
        near = (error * weights).sum() / weights.sum().clamp_min(1)
        distance = (predicted - points).norm(dim=-1).detach()
        doubt = (log_sigma + distance * torch.exp(-log_sigma)) * is_face[:, None] * (trust > 0)
        doubt = doubt.sum() / (is_face.sum().clamp_min(1) * POINTS)
        sure = nn.functional.binary_cross_entropy_with_logits(score, is_face)
        figures = {"points": near, "doubt": doubt, "score": sure}
        value = near + 0.002 * doubt + 0.002 * sure
        return value, {name: float(figure.detach()) for name, figure in figures.items()}


def validator(sets: dict[str, list[Batch]], device: str) -> Callable[[nn.Module], dict[str, float]]:
    """Error on fixed crops of people who are never trained on, in % of the distance of the outer eye corners in 3D
    terms (the larger of it and a third of the points' box, so that profiles do not blow it up)."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        kept = {name: [tuple(t.cpu() for t in crops(b, device)) for b in batches] for name, batches in sets.items()}

    def validate(net: nn.Module) -> dict[str, float]:
        figures: dict[str, float] = {}
        right = []
        for name, batches in kept.items():
            errors, calibration = [], []
            for pictures, points, trust, is_face in batches:
                predicted, log_sigma, score = (t.cpu() for t in net(pictures.to(device)))
                span = (points[:, OUTER_EYES[0]] - points[:, OUTER_EYES[1]]).norm(dim=-1)
                box = (points.amax(1) - points.amin(1)).amax(-1)
                distance = (predicted - points).norm(dim=-1)
                seen = (trust == 1) * is_face[:, None]
                error = (distance * seen).sum(1) / seen.sum(1).clamp_min(1) / torch.maximum(span, box / 3)
                errors.append(error[is_face > 0])
                calibration.append((distance / torch.exp(log_sigma))[seen > 0])
                right.append(((score > 0) == (is_face > 0)).float())
            figures[f"{name}_nme_pct"] = 100 * float(torch.cat(errors).mean())
            figures[f"{name}_error_over_doubt"] = float(torch.cat(calibration).mean())
        figures["score_accuracy"] = float(torch.cat(right).mean())
        figures["nme_pct"] = float(np.mean([v for k, v in figures.items() if k.endswith("_nme_pct")]))
        return figures

    return validate


class AsTaken(Volunteers):
    """Takes volunteers' pictures as they are."""

    def __call__(self, rng: np.random.Generator) -> Kept:
        lifted = self.lifted[int(rng.integers(len(self.lifted)))]
        shot = lifted.shoot(lifted.parameters)
        return keep(lifted.picture, shot.mesh[:, :2], np.ones(POINTS, bool))


@recipe("tracker", steps=4000)
def train(
    run: Run,
    data: Path,
    *,
    pretrained: bool = True,
    start: Path | None = None,
    lr: float = 1e-3,
    batch: int = BATCH,
    fresh: int | None = None,
    kept: int = KEEP,
    share: float = 0.35,
    width: int = 128,
    rank: int = 320,
    assets: Path | None = None,
    skins: Path | None = None,
    composites: Path | None = None,
    taught: Sequence[Path] = (),
    frozen: int = 0,
) -> Trial:
    """`LandmarkNet` from the London folder `data`.

    Args:
        batch: crops a step; fresh: pictures made a step, to be drawn from for about `kept / fresh` steps.
        share: part of the faces that are people who do not exist.
        assets, skins: folders for people who do not exist (`vasari data assets`); volunteers alone without them.
        composites: folder of `vasari data composites`, of this set's training people.
        frozen: stages of the backbone, from its stem on, that stay as they are: a processor learns the rest in a
            fraction of the time.
        taught: folders of pictures of real people with the public mesh's labels (`lab.labelled.public_mesh`).
        start: a weight file to go on from, in place of ImageNet; what fits of it is taken.
    """
    london = London(data)
    torch.manual_seed(run.seed)
    fresh = fresh or (FRESH if batch >= BATCH // 4 else FRESH // 2)
    net = LandmarkNet(width, SIDE, rank=rank, uncertainty=True, pretrained=pretrained)
    if start is not None:
        own = net.state_dict()
        tensors = load_weights(start, "landmarks")[0]
        tensors = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
        net.load_state_dict(tensors, strict=False)
    net.freeze(frozen)
    net = net.to(memory_format=memory_format(run.device))
    threads = max(1, run.workers)
    unseen = lift_volunteers(london, london.validation, correct=False, threads=threads)
    sets = {
        "photo": Batches(AsTaken(unseen), None, 10_000, VALIDATION_CROPS),
        "lifted": Batches(Volunteers(unseen), None, 20_000, VALIDATION_CROPS),
    }
    people = None
    if assets is not None:
        people = People(assets, skins, first=1_000_000)
        strangers = People(assets, skins, first=1 << 50)
        sets["people"] = Batches(Volunteers(unseen), strangers, 30_000, VALIDATION_CROPS, share=1.0)
    made = {name: list(batches_ahead(b, range(VALIDATION_BATCHES), run.workers)) for name, b in sets.items()}
    volunteers, steps = Volunteers(lift_volunteers(london, london.training, correct=True, threads=threads)), run.steps
    mixed = others = None
    if composites is not None:
        found = CompositeSet(composites)
        mixed = Volunteers(lift_volunteers(found, found.training, correct=False, threads=threads))
    if taught:
        known = taught_faces(taught, "train")
        others = Others(known, lift_others(known, threads=threads))
    return Trial(
        net,
        Plan(steps=steps, lr=lr, seed=run.seed, weight_decay=0.02, bf16=False, validate_every=min(500, steps)),
        Batches(volunteers, people, run.seed, fresh, share, mixed, others),
        Loss(batch, kept, run.device),
        validator(made, run.device),
        select="nme_pct",
        ahead=True,
        name="landmarks",
        config={"width": width, "side": SIDE, "rank": rank, "uncertainty": True},
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, lifted, with a public "
        "face mesh as teacher corrected by the set's hand-set points"
        + ("; people who do not exist, from MakeHuman's assets (CC0)" if assets else "")
        + (f"; {len(mixed.lifted)} composites of the training people" if mixed else "")
        + (f"; {len(others.faces)} pictures of real people labelled by that mesh (DATASHEET.md)" if others else "")
        + f"; backbone from {IMAGENET}",
    )
