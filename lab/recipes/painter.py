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
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.crop import face_crop
from faces.fit import FaceParameters
from faces.fit import fit as fit_head
from faces.head import load_head
from generate.latent import FaceLatent
from generate.painter import KINDS, Painter, network_input
from generate.renderer import Renderer
from generate.windows import EYE_RIGHT, MOUTH, SHAPES, WINDOWS, cut
from lab.networks.painter import WIDTHS, PainterNets, Widths
from lab.networks.unet import input_ranges
from lab.people.assets import Wardrobe
from lab.people.behaviour import random_actions
from lab.people.person import Person
from lab.pictures.london import London
from lab.training import Plan
from lab.training.backbone import Perceptual
from lab.training.pool import Pool
from lab.training.recipe import IMAGENET, Run, Trial, recipe
from media.threads import one_blas_thread

SIZE = 512
BATCH = 8  # windows of either kind a step
WEIGHT = 0.35  # of the distance in features
TURNS = np.radians((12.0, 7.0, 5.0))  # usual turn of a head between two photographs: yaw, pitch, roll
TARGETS = 3  # renderings of each
VALIDATION_BATCHES = 12
EXPRESSIONS = (
    *("mouthSmile", "mouthStretch", "mouthFunnel", "mouthPucker", "mouthUpperUp", "mouthLowerDown", "mouthFrown"),
    *("mouthPress", "mouthRollLower", "mouthRollUpper", "mouthDimple", "mouthShrugLower", "mouthLeft", "mouthRight"),
    *("browInnerUp", "browDown", "browOuterUp", "cheekSquint", "noseSneer"),
)
HEED = 0.5  # share of the teacher in what is to be learned of photographs
POSED = 0.4  # share of the scenes that show people who do not exist
KEEP = 1500  # mouths to draw from; eyes twice as many
FIRST = 150  # scenes to begin with
EVERY = 4  # steps from one scene to the next
FIRST_VALIDATION = 1 << 41  # seeds of people who are never trained on

# network -> [(seen (14, H, W), truth (3, H, W), what the teacher paints (3, H, W), share of the teacher)]
Sample = dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]]


def random_expression(rng: np.random.Generator, rest: np.ndarray, *, calm: bool) -> np.ndarray:
    """Facial actions (52,) as speech, emotion and blinking mix them; `calm` for what people do in portraits."""
    actions = rest * (rng.random() < 0.3)
    amount = 0.25 if calm else 1.0

    def put(name: str, value: float, spread: float = 0.1) -> None:
        for side in ("Left", "Right") if name + "Left" in ACTION_INDEX else ("",):
            index = ACTION_INDEX[name + side]
            actions[index] = np.clip(actions[index] + amount * (value + rng.normal(0, spread) * value), 0, 1)

    jaw = abs(rng.normal(0, 0.3)) if not calm else 0.0
    put("jawOpen", min(jaw, 0.8))
    if rng.random() < 0.4:
        put("mouthClose", jaw * rng.uniform(0, 1))
    for name in EXPRESSIONS:
        if rng.random() < 0.28:
            put(name, float(rng.uniform(0, 0.7)))
    if rng.random() < 0.45:
        put("eyeBlink", float(rng.choice([1.0, rng.uniform(0, 1)])) if not calm else rng.uniform(0, 1.2), 0.02)
    elif rng.random() < 0.3:
        put("eyeWide", float(rng.uniform(0, 0.6)))
    assert len(actions) == len(FACIAL_ACTIONS)
    return actions.astype(np.float32)


def random_move(rng: np.random.Generator, latent: FaceLatent, *, calm: bool) -> FaceLatent:
    """The same face elsewhere: turned up to about 20 degrees, looking somewhere, with another expression."""
    spread = np.radians((8, 6, 4)) * (0.6 if calm else 1.0)
    pose = latent.pose.moved(
        rng.normal(0, spread).clip(-0.35, 0.35), rng.normal(0, 0.05, 3), rng.normal(0, (0.18, 0.1)).clip(-0.5, 0.5)
    )
    return latent.with_pose(pose).with_actions(random_expression(rng, latent.actions, calm=calm))


class Portraits:
    """Fitted face crops of the London people, made on first use and kept."""

    def __init__(self, london: London, people: list) -> None:
        self.london, self.people = london, people
        self.kept: dict[tuple[int, str], FaceLatent] = {}

    def latent(self, person: int, expression: str) -> FaceLatent:
        key = (person, expression)
        if key not in self.kept:
            who = self.people[person]
            parameters = fit_head(self.london.mesh[f"{who.id}_{expression}"])
            crop, parameters = face_crop(who.picture(expression), parameters, SIZE)
            self.kept[key] = FaceLatent.from_parameters(crop, parameters)
        return self.kept[key]

    def load(self) -> None:
        """Make all of them now, so that worker processes get them with their copy."""
        with one_blas_thread():
            for person in range(len(self.people)):
                for expression in ("neutral", "smile"):
                    self.latent(person, expression)


def misfit(rng: np.random.Generator, parameters: FaceParameters) -> FaceParameters:
    """The same head with the errors that a tracker makes: about a pixel, smooth over the face."""
    free = parameters.actions > 0.02
    return replace(
        parameters,
        identity=(parameters.identity + rng.normal(0, 0.1, parameters.identity.shape)).astype(np.float32),
        actions=np.clip(parameters.actions + free * rng.normal(0, 0.05, 52), 0, 1).astype(np.float32),
        centre=(parameters.centre + rng.normal(0, 0.006, 2) * parameters.scale).astype(np.float32),
        gaze=(parameters.gaze + np.radians(rng.normal(0, 1.5, (2, 2)))).astype(np.float32),
    )


def _windows(
    source: FaceLatent,
    points: np.ndarray,
    depth: np.ndarray,
    truth: np.ndarray,
    teacher: Painter | None,
    heed: float,
) -> Sample:
    """What the painter sees when `source`'s appearance is moved to `points`, and what it should have painted."""
    renderer = Renderer(source)
    frame = renderer.warp(points, depth)
    sample: Sample = {"mouth": [], "eye": []}
    for name in WINDOWS:
        window = renderer.maker.make(name, frame, points, depth)
        height, width = renderer.maker.shapes[name]
        wanted = cut(truth, window.left, window.top, height, width).astype(np.float32) / 255
        wanted = cv2.resize(wanted, SHAPES[name][::-1], interpolation=cv2.INTER_LINEAR)
        wanted = (wanted[:, ::-1] if name == EYE_RIGHT else wanted).transpose(2, 0, 1)
        kind, seen = "mouth" if name == MOUTH else "eye", network_input(window, name)
        if heed == 0:  # what is beside the head is not the painter's
            head = cv2.blur(cv2.erode(_head(seen), np.ones((5, 5), np.uint8)), (5, 5))
            wanted = seen[:3] + head * (wanted - seen[:3])
        taught = wanted
        if teacher is not None and heed > 0:
            both = [seen] if kind == "mouth" else [seen, seen]
            taught = np.clip(seen[:3] + teacher.residual(kind, both)[0], 0, 1)
        sample[kind].append((seen.astype(np.float16), *(t.astype(np.float16) for t in (wanted, taught)), heed))
    return sample


def _head(seen: np.ndarray) -> np.ndarray:
    """1 where a window (14, H, W) shows the head, else 0: (H, W) float32."""
    shown: np.ndarray = (np.abs(seen[13]) > 1e-4) | (seen[9:13].sum(0) > 0)
    return shown.astype(np.float32)


def _relight(rng: np.random.Generator, *pictures: np.ndarray) -> list[np.ndarray]:
    """The same change of gain, tint and gamma for uint8 pictures."""
    gain, gamma = rng.uniform(0.7, 1.15) * rng.uniform(0.93, 1.07, 3), np.exp(rng.normal(0, 0.18))
    table = np.stack([255 * np.clip(np.linspace(0, 1, 256) ** gamma * g, 0, 1) for g in gain], -1)
    return [cv2.LUT(p, table.astype(np.uint8)[None]) for p in pictures]


def samples(
    portraits: Portraits, rng: np.random.Generator, teacher: Painter | None, targets: int = TARGETS
) -> Sample:
    """One photograph's worth of samples: `targets` mouths and twice as many eyes."""
    person = int(rng.integers(len(portraits.people)))
    expression = "smile" if rng.random() < 0.6 else "neutral"
    latent, other = (portraits.latent(person, e) for e in (expression, "neutral" if expression == "smile" else "smile"))
    original, second = _relight(rng, latent.appearance.picture, other.appearance.picture)
    latent = FaceLatent.from_parameters(original, face_parameters(latent))
    direct = Renderer(latent)
    away = random_move(rng, latent, calm=rng.random() < 0.7)
    source = FaceLatent.from_parameters(direct.render(away), misfit(rng, face_parameters(away)))
    made = [_windows(source, *direct.geometry(latent), original, teacher, HEED)]  # restore
    for _ in range(targets - 1):
        if rng.random() < 0.5:  # pair
            pair = FaceLatent.from_parameters(second, face_parameters(other))
            made.append(_windows(pair, *direct.geometry(latent), original, teacher, HEED))
        else:  # carry
            there = random_move(rng, latent, calm=False)
            made.append(_windows(source, *direct.geometry(there), direct.render(there), teacher, 1.0))
    return _together(made)


def _together(samples: list[Sample]) -> Sample:
    return {kind: [row for sample in samples for row in sample[kind]] for kind in KINDS}


class Posed:
    """Scenes of people who do not exist, photographed again after they moved."""

    def __init__(self, assets: Path, skins: Path | None, first: int) -> None:
        self.wardrobe, self.first = Wardrobe(assets, skins), first

    def __call__(self, rng: np.random.Generator, targets: int = TARGETS) -> Sample:
        """`targets` mouths and twice as many eyes of one person."""
        person = Person.random(self.first + int(rng.integers(1 << 40)), self.wardrobe, calm=True)
        pictures = [person.photograph(self.wardrobe, SIZE)]
        for _ in range(targets):
            turn = person.camera.rotation + rng.normal(0, TURNS)
            actions = random_expression(rng, np.zeros(len(FACIAL_ACTIONS), np.float32), calm=False)
            posed = person.posed(
                actions=actions if rng.random() < 0.7 else random_actions(rng, calm=False),
                rotation=np.clip(turn, -0.5, 0.5).astype(np.float32),
                gaze=person.gaze + rng.normal(0, (0.2, 0.1)),
            )
            pictures.append(posed.photograph(self.wardrobe, SIZE))
        made = []
        source = pictures[0] if rng.random() < 0.7 else pictures[1]
        fitted = misfit(rng, source.parameters)
        latent = FaceLatent.from_parameters(source.picture, fitted)
        for target in (p for p in pictures if p is not source):
            moved = moved_to(latent, with_errors_of(target.parameters, source.parameters, fitted))
            made.append(_windows(latent, *Renderer(latent).geometry(moved), target.picture, None, 0.0))
        return _together(made)


def with_errors_of(target: FaceParameters, source: FaceParameters, fitted: FaceParameters) -> FaceParameters:
    """`target` as a tracker would have it that took `source` for `fitted`."""
    return replace(
        target,
        identity=fitted.identity,
        actions=np.clip(target.actions + fitted.actions - source.actions, 0, 1),
        centre=target.centre + fitted.centre - source.centre,
        gaze=target.gaze + fitted.gaze - source.gaze,
    )


def moved_to(latent: FaceLatent, target: FaceParameters) -> FaceLatent:
    """`latent` in the pose and with the expression of `target`."""
    there = replace(latent.pose, rotation=target.rotation, centre=target.centre, scale=target.scale, gaze=target.gaze)
    return latent.with_pose(there).with_actions(target.actions)


def face_parameters(latent: FaceLatent) -> FaceParameters:
    return FaceParameters(
        latent.identity.code,
        latent.actions,
        latent.pose.rotation,
        latent.pose.centre,
        latent.pose.scale,
        latent.pose.gaze,
        latent.identity.detail,
    )


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
) -> Trial:
    """The painter from the London folder `data` and people who do not exist. About 2 s a step on one core.

    `batch`: windows of either kind a step; `assets`, `skins`: what people are made of; without assets volunteers alone
    are shown. `teacher`: weights of a painter to learn from besides.
    """
    load_head()
    london, steps = London(data), run.steps
    torch.manual_seed(run.seed)
    nets = PainterNets(widths)
    perceptual = Perceptual(pretrained=pretrained).to(run.device)
    plan = Plan(steps=steps, lr=1e-3, warmup=min(100, steps), seed=run.seed, validate_every=min(200, steps))
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
        looked = [batches.made(step) for step in range(8)]
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
