"""Recipe: the refiner, from people who do not exist who moved between photographs, and from volunteers who smile.

A person who does not exist sits for a few photographs in the same light and place: the head turns on its neck, speaks,
looks elsewhere. Any of these photographs is a source and any other a truth, hair, shoulders and background included,
and the heads are known exactly; the source is taken apart with the errors that a tracker makes, which the truth then
shares. Volunteers (London Set) lend the same with real skin: neutral to smile and back.

A teacher, a refiner of before that may be many times as slow, says of every pair how it would bend the flow.

Worker processes photograph all the time; the last few thousand pairs are kept, and every step draws from them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from faces.head import Part, load_head
from faces.raster import Raster
from generate.latent import FaceLatent
from generate.refiner import GRID, Refiner
from generate.renderer import Renderer
from lab.networks.refiner import WIDTHS, RefinerNet, composed
from lab.networks.unet import input_ranges
from lab.people.behaviour import random_actions
from lab.people.outfit import random_outfit
from lab.people.person import Person
from lab.pictures.london import London
from lab.recipes.painter_scenes import Portraits, face_parameters, misfit, moved_to, with_errors_of
from lab.training import Plan
from lab.training.backbone import Perceptual
from lab.training.pool import Pool
from lab.training.recipe import IMAGENET, Run, Trial, recipe

SIZE = 256  # pixels a side of the pictures
SITTING = 4  # photographs of a person
PAIRS = 6  # drawn from a sitting
TURNS = np.radians((15.0, 8.0, 6.0))  # usual turn of the head between photographs: yaw, pitch, roll
FURTHEST = np.radians((34.0, 22.0, 15.0))
INNER = (Part.CAVITY, Part.TONGUE, Part.TEETH_UPPER, Part.TEETH_LOWER, Part.EYE_RIGHT, Part.EYE_LEFT, Part.SOCKET)
VOLUNTEERS = 0.25  # share of the batches that show volunteers
BATCH = 12
EVERY = 3  # steps from one sitting to the next: making one takes longer than learning from it
TAUGHT = 5  # of the answers, that the teacher teaches: the colour is learned from the truth alone
KEEP = 2400  # pairs to draw from
FIRST = 16  # sittings to begin with
FIRST_VALIDATION = 1 << 41  # seeds of people who are never trained on
UNSEEN = 2  # batches of volunteers who are never trained on
LOOKED = 8  # batches from which the ranges of the inputs are taken

# source (3, S, S) uint8, truth (3, S, S) uint8, shift (2, S / 2, S / 2) float16 cells, seen (21, 128, 128) float16,
# trust (1, S, S) uint8: 0 inside mouth and eyes, which the painter paints, more on the head; what the teacher answers,
# flows and share alone (5, 128, 128) float16, 0 without one
Pair = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Batch = tuple[torch.Tensor, ...]


def make_pair(source: FaceLatent, moved: FaceLatent, truth: np.ndarray, teacher: Refiner | None) -> Pair:
    """What the refiner sees when `source` is moved, and the photograph (S, S, 3) uint8 of where it moved to."""
    renderer = Renderer(source)
    points, depth = renderer.geometry(moved)
    view = renderer.viewer.see(moved, points, depth)
    size, head = truth.shape[0], renderer.head
    raster = Raster(size, size).draw(points, depth, head.triangles, cull=True)
    part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0).astype(np.uint8)
    inner = cv2.dilate(np.isin(part, INNER).astype(np.uint8), np.ones((5, 5), np.uint8))
    trust = np.where(inner > 0, 0, np.where(part > 0, 2, 1)).astype(np.uint8)
    taught = np.zeros((TAUGHT, GRID, GRID), np.float32) if teacher is None else teacher.answer(view.seen)[:TAUGHT]
    return (
        np.ascontiguousarray(source.appearance.picture.transpose(2, 0, 1)),
        np.ascontiguousarray(truth.transpose(2, 0, 1)),
        np.ascontiguousarray(view.shift.transpose(2, 0, 1) * (GRID / size)).astype(np.float16),
        view.seen.astype(np.float16),
        trust[None],
        taught.astype(np.float16),
    )


class People:
    """Sittings of people who do not exist."""

    def __init__(self, assets: Path, skins: Path | None, first: int) -> None:
        from lab.people import Wardrobe

        self.wardrobe, self.first = Wardrobe(assets, skins), first

    def __call__(self, rng: np.random.Generator, teacher: Refiner | None = None) -> list[Pair]:
        person = Person.random(self.first + int(rng.integers(1 << 40)), self.wardrobe, calm=True)
        if rng.random() < 0.4:  # glasses and hats move with the head
            outfit = random_outfit(rng, person.look.tone)
            person = replace(person, outfit=replace(outfit, held=None))
        camera = person.camera
        camera = replace(
            camera,
            centre=camera.centre + rng.normal(0, 0.02, 2),
            scale=camera.scale * float(np.exp(rng.normal(0, 0.06))),
            body=camera.body + rng.normal(0, (0.15, 0.05, 0.03)),
        )
        person = replace(person, camera=camera)
        middle = camera.rotation * rng.uniform(0, 1.5)
        sitting = []
        for number in range(SITTING):
            turn = np.clip(middle + rng.normal(0, TURNS) * (0.4 if number == 0 else 1.0), -FURTHEST, FURTHEST)
            actions = random_actions(rng, calm=number == 0 or rng.random() < 0.2)
            look = person.gaze + rng.normal(0, (0.15, 0.08))
            posed = person.posed(actions=actions, rotation=turn.astype(np.float32), gaze=look)
            sitting.append(posed.photograph(self.wardrobe, SIZE))
        pairs = [(0, 1), (0, 2), (0, 3), (1, 0), (2, 3), (3, 1), (1, 2), (2, 0), (3, 2), (1, 3), (2, 1), (3, 0)]
        chosen = [*range(3), *(3 + rng.permutation(len(pairs) - 3)[: PAIRS - 3])]
        made = []
        for one, other in (pairs[i] for i in chosen):
            source, target = sitting[one], sitting[other]
            fitted = misfit(rng, source.parameters)
            latent = FaceLatent.from_parameters(source.picture, fitted)
            moved = with_errors_of(target.parameters, source.parameters, fitted)
            made.append(make_pair(latent, moved_to(latent, moved), target.picture, teacher))
        return made


class Volunteers:
    """Neutral and smiling photographs of the same volunteer, one after the other."""

    def __init__(self, portraits: Portraits) -> None:
        self.portraits = portraits
        self.portraits.load()

    def __call__(self, rng: np.random.Generator, teacher: Refiner | None = None) -> list[Pair]:
        person = int(rng.integers(len(self.portraits.people)))
        factor = SIZE / 512
        faces = []
        for expression in ("neutral", "smile"):
            latent = self.portraits.latent(person, expression)
            picture = cv2.resize(latent.appearance.picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            faces.append((picture, face_parameters(latent).scaled(factor)))
        made = []
        for (picture, own), (truth, target) in (faces, faces[::-1]):
            fitted = misfit(rng, own) if rng.random() < 0.7 else own
            latent = FaceLatent.from_parameters(picture, fitted)
            made.append(make_pair(latent, moved_to(latent, with_errors_of(target, own, fitted)), truth, teacher))
        return made


class Batches:
    """step -> pairs (see `Pair`), stacked, or None where the step draws on what there is; depends on seed and step
    alone."""

    def __init__(self, people: People | None, volunteers: Volunteers, teacher: Path | None, seed: int) -> None:
        self.people, self.volunteers, self.path, self.seed = people, volunteers, teacher, seed

    @cached_property
    def teacher(self) -> Refiner | None:
        return None if self.path is None else Refiner(self.path, threads=1)

    def __getstate__(self) -> dict[str, Any]:  # a worker loads its own teacher
        return {k: v for k, v in self.__dict__.items() if k != "teacher"}

    def __call__(self, step: int) -> Batch | None:
        return None if step % EVERY else self.made(step)

    def made(self, step: int) -> Batch:
        """Pairs of a sitting, or of volunteers."""
        rng = np.random.default_rng((self.seed, step, 8))
        if self.people is None or rng.random() < VOLUNTEERS:
            made = [pair for _ in range(PAIRS // 2) for pair in self.volunteers(rng, self.teacher)]
        else:
            made = self.people(rng, self.teacher)
        return tuple(torch.from_numpy(np.stack(column)) for column in zip(*made, strict=True))


def prepared(batch: Batch, device: torch.device | str, *, change: bool) -> Batch:
    """Floats of a batch on `device`; with `change`, mirrored and in other colours as chance has it."""
    source, truth, shift, seen, trust, taught = (t.to(device, non_blocking=True).float() for t in batch)
    source, truth = source / 255, truth / 255
    if change:
        flip = torch.rand(len(source), device=device) < 0.5
        signs = torch.ones(seen.shape[1], device=device)
        signs[[6, 9, 12, 15, 18]] = -1  # what points along x
        source, truth, trust = (torch.where(flip.view(-1, 1, 1, 1), t.flip(-1), t) for t in (source, truth, trust))
        seen = torch.where(flip.view(-1, 1, 1, 1), seen.flip(-1) * signs.view(1, -1, 1, 1), seen)
        sideways = torch.tensor([-1.0, 1.0], device=device).view(1, 2, 1, 1)
        shift = torch.where(flip.view(-1, 1, 1, 1), shift.flip(-1) * sideways, shift)
        answer = torch.tensor([-1.0, 1.0, -1.0, 1.0, 1.0], device=device).view(1, TAUGHT, 1, 1)
        taught = torch.where(flip.view(-1, 1, 1, 1), taught.flip(-1) * answer, taught)
        gain = torch.empty(len(source), 3, 1, 1, device=device).uniform_(0.85, 1.1)
        gain = gain * torch.empty(len(source), 1, 1, 1, device=device).uniform_(0.75, 1.1)
        gamma = torch.exp(0.2 * torch.randn(len(source), 1, 1, 1, device=device))
        source, truth = ((gain * p.clamp(0, 1) ** gamma).clamp(0, 1) for p in (source, truth))
        pictures = (gain.repeat(1, 2, 1, 1) * seen[:, :6].clamp(0, 1) ** gamma).clamp(0, 1)
        seen = torch.cat([pictures, seen[:, 6:]], 1)
    return source, truth, shift, seen, trust, taught


def _parts(pictures: tuple[torch.Tensor, ...], *, anywhere: bool) -> list[torch.Tensor]:
    """The same square of half the side out of each of `pictures` (B, C, S, S): of each row its own, or the middle."""
    count, size = len(pictures[0]), pictures[0].shape[-1]
    corners = torch.randint(size // 2 + 1, (count, 2)) if anywhere else torch.full((count, 2), size // 4)
    return [
        torch.stack([p[:, y : y + size // 2, x : x + size // 2] for p, (y, x) in zip(t, corners.tolist(), strict=True)])
        for t in pictures
    ]


def bend(field: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of neighbours in a field (B, C, H, W)."""
    return (field[..., 1:] - field[..., :-1]).abs().mean() + (field[..., 1:, :] - field[..., :-1, :]).abs().mean()


class Loss:
    """Charbonnier distance and distance in the feature space of a backbone between frame and truth; flows should be
    smooth, and colour added only where nothing can travel there."""

    def __init__(
        self,
        perceptual: Perceptual,
        first: Iterable[Batch],
        draw: int = BATCH,
        kept: int = KEEP,
        device: str = "cpu",
    ) -> None:
        self.perceptual, self.first, self.draw, self.device = perceptual, first, draw, device
        self.pool = Pool(kept, device)

    def __call__(self, net: nn.Module, fresh: Batch | None) -> tuple[torch.Tensor, Mapping[str, float]]:
        if not len(self.pool):  # the first step of a run, or of one that is resumed
            for some in self.first:
                self.pool.add(some)
        if fresh is not None:
            self.pool.add(fresh)
        return self.of(net, prepared(self.pool.draw(self.draw), self.device, change=True))

    def of(self, net: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        """Loss and its parts for a prepared batch."""
        source, truth, shift, seen, trust, taught = batch
        answers = net(seen.to(next(net.parameters()).dtype)).float()
        frame, share = composed(source, shift, answers)
        near = (((frame - truth).square() + 1e-5).sqrt().mean(1, keepdim=True) * trust).sum() / trust.sum()
        far = self.perceptual(*_parts((frame.clamp(0, 1), truth, trust), anywhere=net.training))
        smooth = 0.002 * bend(answers[:, :2]) + 0.001 * bend(answers[:, 2:4]) + 0.01 * bend(answers[:, 5:])
        spare = 0.05 * answers[:, 5:].abs().mean() + 0.01 * (share * (1 - share)).mean()
        heed = 0.0 if not taught.any() else 0.02 * (answers[:, :TAUGHT] - taught).abs().clamp(max=4).mean()
        parts = {"near": near, "perceptual": far, "smooth": smooth, "spare": spare, "teacher": torch.as_tensor(heed)}
        return near + 0.4 * far + smooth + spare + heed, {name: float(part.detach()) for name, part in parts.items()}


def validator(sets: dict[str, list[Batch]], loss: Loss) -> Callable[[nn.Module], dict[str, float]]:
    """Loss and PSNR (whole frame, mouth and eyes left out) on fixed pairs of people never trained on, beside the
    flow's own."""

    def psnr(frame: torch.Tensor, truth: torch.Tensor, trust: torch.Tensor) -> float:
        looked = (trust > 0).float()
        error = ((frame.clamp(0, 1) - truth).square().mean(1, keepdim=True) * looked).sum((1, 2, 3))
        return float((-10 * torch.log10(error / looked.sum((1, 2, 3)) + 1e-8)).mean())

    untouched = torch.tensor([0.0] * 4 + [20.0] + [0.0] * 3, device=loss.device).view(1, -1, 1, 1)
    untouched = untouched.expand(-1, -1, GRID, GRID)

    def validate(net: nn.Module) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, batches in sets.items():
            rows = []
            for batch in batches:
                source, truth, shift, seen, trust, taught = prepared(batch, loss.device, change=False)
                value, parts = loss.of(net, (source, truth, shift, seen, trust, taught))
                answers = net(seen.to(next(net.parameters()).dtype)).float()
                frame, _ = composed(source, shift, answers)
                flow, _ = composed(source, shift, untouched.expand(len(source), -1, -1, -1))
                rows.append((float(value), parts["perceptual"], psnr(frame, truth, trust), psnr(flow, truth, trust)))
            means = np.mean(rows, axis=0)
            labels = ("loss", "perceptual", "psnr_db", "flow_psnr_db")
            figures |= {f"{name}_{label}": float(m) for label, m in zip(labels, means, strict=True)}
        figures["loss"] = float(np.mean([v for k, v in figures.items() if k.endswith("_loss")]))
        return figures

    return validate


@recipe("refiner", steps=6000)
def train(
    run: Run,
    data: Path,
    *,
    pretrained: bool = True,
    widths: tuple[int, ...] = WIDTHS,
    batch: int = BATCH,
    kept: int = KEEP,
    assets: Path | None = None,
    skins: Path | None = None,
    teacher: Path | None = None,
) -> Trial:
    """The refiner from the London folder `data` and people who do not exist.

    `batch`: pairs a step; `kept`: pairs to draw from; `assets`, `skins`: what people are made of; without assets
    volunteers alone are shown. `teacher`: weights of a refiner to learn from besides.
    """
    load_head()
    london, steps = London(data), run.steps
    torch.manual_seed(run.seed)
    net = RefinerNet(widths)
    perceptual = Perceptual(pretrained=pretrained).to(run.device)
    plan = Plan(steps=steps, lr=1e-3, warmup=min(100, steps), seed=run.seed, validate_every=min(240, steps),
                checkpoint_every=20 * EVERY)  # fmt: skip
    seen_once = np.random.default_rng(5)
    unseen = Volunteers(Portraits(london, london.validation))
    sets = {"volunteers": [_stacked([p for _ in range(4) for p in unseen(seen_once)]) for _ in range(UNSEEN)]}
    if assets is not None:
        nobody = People(assets, skins, FIRST_VALIDATION)
        sets["people"] = [_stacked(nobody(seen_once)) for _ in range(6)]
    people = None if assets is None else People(assets, skins, 0)
    batches = Batches(people, Volunteers(Portraits(london, london.training)), teacher, run.seed)
    loss = Loss(perceptual, map(batches.made, range(1 << 30, (1 << 30) + FIRST)), batch, kept, run.device)

    def config() -> dict:
        looked = [batches.made(step)[3].float() for step in range(LOOKED)]
        return {"widths": list(widths), "ranges": input_ranges(net.cpu(), looked)}

    return Trial(
        net,
        plan,
        batches,
        loss,
        validator(sets, loss),
        select="loss",
        ahead=True,
        config=config,
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, neutral to smile and "
        "back; people who do not exist (MakeHuman shapes and materials, CC0), photographed again after they moved; "
        f"perceptual loss in features of {IMAGENET}",
    )


def _stacked(pairs: list[Pair]) -> Batch:
    return tuple(torch.from_numpy(np.stack(column)) for column in zip(*pairs, strict=True))
