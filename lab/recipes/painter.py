"""Recipe: the painter, from photographs that are bent away and painted back.

A sample starts from a photograph P with a fitted head. What the painter must produce is always exact:

- *restore*: P is rendered into another pose and expression, that rendering becomes the source portrait, and the
  painter must bring back P itself (so it learns real teeth, real eyes, real lips from real pixels);
- *pair*: the source is the same person's other photograph (neutral and smile), the truth is P;
- *carry*: the source is a rendering of P, the truth is another rendering of P (open mouths, shut eyes). What is
  behind its lips and lids is drawn, not photographed, so it is trusted less there.

Sources are taken apart with the small errors that a tracker makes. An adversary, which sees only photographed truths as
real, keeps what is painted from blurring.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
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
from generate.painter import KINDS, network_input
from generate.renderer import Renderer
from generate.windows import EYE_RIGHT, MOUTH, SHAPES, WINDOWS, cut
from lab.networks.painter import PainterNets
from lab.networks.unet import input_ranges
from lab.pictures.london import London
from lab.training import Plan
from lab.training.adversary import Adversary
from lab.training.backbone import Perceptual
from lab.training.recipe import IMAGENET, Run, Trial, recipe
from media.threads import one_blas_thread

SIZE = 512
SCENES = 2  # source portraits a batch
TARGETS = 3  # renderings of each
VALIDATION_BATCHES = 12
EXPRESSIONS = (
    *("mouthSmile", "mouthStretch", "mouthFunnel", "mouthPucker", "mouthUpperUp", "mouthLowerDown", "mouthFrown"),
    *("mouthPress", "mouthRollLower", "mouthRollUpper", "mouthDimple", "mouthShrugLower", "mouthLeft", "mouthRight"),
    *("browInnerUp", "browDown", "browOuterUp", "cheekSquint", "noseSneer"),
)
INNER_TRUST = {"mouth": 0.25, "eye": 0.6}  # weight of what is drawn, not photographed, behind lips and lids

# network -> [(seen (14, H, W), truth (3, H, W), trust (1, H, W), whether the truth is a photograph)]
Sample = dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, bool]]]


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
    source: FaceLatent, points: np.ndarray, depth: np.ndarray, truth: np.ndarray, *, photographed: bool
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
        wanted = wanted[:, ::-1] if name == EYE_RIGHT else wanted
        kind, seen = "mouth" if name == MOUTH else "eye", network_input(window, name)
        trust = np.ones((1, *SHAPES[name]), np.float32)
        if not photographed:
            trust -= (1 - INNER_TRUST[kind]) * seen[9:13].sum(0).clip(0, 1)
        sample[kind].append((seen, np.ascontiguousarray(wanted.transpose(2, 0, 1)), trust, photographed))
    return sample


def _relight(rng: np.random.Generator, *pictures: np.ndarray) -> list[np.ndarray]:
    """The same change of gain, tint and gamma for uint8 pictures."""
    gain, gamma = rng.uniform(0.7, 1.15) * rng.uniform(0.93, 1.07, 3), np.exp(rng.normal(0, 0.18))
    table = np.stack([255 * np.clip(np.linspace(0, 1, 256) ** gamma * g, 0, 1) for g in gain], -1)
    return [cv2.LUT(p, table.astype(np.uint8)[None]) for p in pictures]


def samples(portraits: Portraits, rng: np.random.Generator, targets: int = TARGETS) -> Sample:
    """One photograph's worth of samples: `targets` mouths and twice as many eyes."""
    person = int(rng.integers(len(portraits.people)))
    expression = "smile" if rng.random() < 0.6 else "neutral"
    latent, other = (portraits.latent(person, e) for e in (expression, "neutral" if expression == "smile" else "smile"))
    original, second = _relight(rng, latent.appearance.picture, other.appearance.picture)
    latent = FaceLatent.from_parameters(original, face_parameters(latent))
    direct = Renderer(latent)
    sample: Sample = {"mouth": [], "eye": []}

    def add(other: Sample) -> None:
        for kind, pairs in other.items():
            sample[kind].extend(pairs)

    away = random_move(rng, latent, calm=rng.random() < 0.7)
    portrait = direct.render(away)
    source = FaceLatent.from_parameters(portrait, misfit(rng, face_parameters(away)))
    add(_windows(source, *direct.geometry(latent), original, photographed=True))  # restore
    for _ in range(targets - 1):
        if rng.random() < 0.5:  # pair
            pair = FaceLatent.from_parameters(second, face_parameters(other))
            add(_windows(pair, *direct.geometry(latent), original, photographed=True))
        else:  # carry
            there = random_move(rng, latent, calm=False)
            add(_windows(source, *direct.geometry(there), direct.render(there), photographed=False))
    return sample


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


Batch = dict[str, tuple[torch.Tensor, ...]]  # network -> seen, truth, trust, photographed


class Batches:
    """step -> network -> (seen, truth, trust, photographed); depends on seed and step alone."""

    def __init__(self, portraits: Portraits, seed: int, scenes: int = SCENES) -> None:
        self.portraits, self.seed, self.scenes = portraits, seed, scenes

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, 11))
        total: Sample = {"mouth": [], "eye": []}
        for _ in range(self.scenes):
            for kind, pairs in samples(self.portraits, rng).items():
                total[kind].extend(pairs)
        batch = {}
        for kind, pairs in total.items():
            seen, truth, trust, photographed = (torch.from_numpy(np.stack(c)) for c in zip(*pairs, strict=True))
            if rng.random() < 0.5:
                seen, truth, trust = seen.flip(-1), truth.flip(-1), trust.flip(-1)
            batch[kind] = (seen, truth, trust, photographed)
        return batch


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
    """Charbonnier distance plus distance in the feature space of a backbone, both looking where people look; and, with
    `adversary_from` steps behind it, an adversary for each network."""

    def __init__(
        self, perceptual: Perceptual, weight: float = 0.35, *, adversary_from: int | None = None, device: str = "cpu"
    ) -> None:
        self.perceptual, self.weight = perceptual, weight
        self.adversary_from, self.step = adversary_from, 0
        self.adversaries = {k: Adversary(device=device) for k in KINDS} if adversary_from is not None else {}

    def __call__(self, nets: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        parameter = next(nets.parameters())
        total, figures = torch.zeros((), device=parameter.device), {}
        for kind in KINDS:
            seen, truth, trust, photographed = (t.to(parameter.device, non_blocking=True) for t in batch[kind])
            net = getattr(nets, kind)
            painted = seen[:, :3] + net(seen.to(parameter.dtype)).float()
            look = _look(seen) * trust
            near = (((painted - truth).square() + 1e-5).sqrt().mean(1, keepdim=True) * look).sum() / look.sum()
            far = self.perceptual(painted.clamp(0, 1), truth, look)
            value = near + self.weight * far
            figures |= {f"{kind}_l1": near, f"{kind}_perceptual": far}
            if nets.training and self.adversaries and photographed.any():
                adversary = self.adversaries[kind]
                figures[f"{kind}_adversary"] = adversary.learn(truth[photographed], painted)
                if self.step >= (self.adversary_from or 0):
                    value = value + adversary.fool(painted, value, net.leave.weight, _look(seen))
            total = total + value
        self.step += nets.training
        return total, {name: float(torch.as_tensor(figure).detach()) for name, figure in figures.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step} | {kind: a.state_dict() for kind, a in self.adversaries.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        for kind, adversary in self.adversaries.items():
            adversary.load_state_dict(state[kind])


def psnr(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor) -> float:
    """Peak signal to noise (dB) of pictures in [0, 1] where `weight` looks."""
    error = ((a - b).square().mean(1, keepdim=True) * weight).sum() / weight.sum()
    return float(-10 * torch.log10(error.clamp_min(1e-8)))


def validator(batches: Batches, count: int, loss: Loss) -> Callable[[nn.Module], dict[str, float]]:
    """Loss and PSNR on `count` fixed batches of validation people, beside the composite without a painter."""
    kept = [batches(step) for step in range(count)]

    def validate(nets: nn.Module) -> dict[str, float]:
        figures: dict[str, list[float]] = {}
        for batch in kept:
            value, parts = loss(nets, batch)
            figures.setdefault("loss", []).append(float(value))
            figures.setdefault("perceptual", []).append(sum(parts[f"{kind}_perceptual"] for kind in KINDS))
            for name, part in parts.items():
                figures.setdefault(name, []).append(part)
            for kind in KINDS:
                seen, truth = batch[kind][:2]
                painted = seen[:, :3] + getattr(nets, kind)(seen.to(next(nets.parameters()).device)).float().cpu()
                inner = seen[:, 9:13].sum(1, keepdim=True).clamp(0, 1) + 1e-6
                figures.setdefault(f"{kind}_psnr_db", []).append(psnr(painted, truth, inner))
                figures.setdefault(f"{kind}_unpainted_psnr_db", []).append(psnr(seen[:, :3], truth, inner))
        return {name: float(np.mean(values)) for name, values in figures.items()}

    return validate


@recipe("painter", steps=1200)
def train(
    run: Run,
    data: Path,
    *,
    pretrained: bool = True,
    widths: tuple[int, int, int] = (40, 80, 120),
    batch: int = SCENES,
    adversary: bool = True,
) -> Trial:
    """The painter from the London folder `data`. About 2 s a step on one core.

    `batch`: source portraits a step; `adversary`: from a fifth of the way on.
    """
    load_head()
    london, steps = London(data), run.steps
    torch.manual_seed(run.seed)
    nets = PainterNets(widths)
    perceptual = Perceptual(pretrained=pretrained).to(run.device)
    loss = Loss(perceptual, adversary_from=steps // 5 if adversary else None, device=run.device)
    plan = Plan(
        steps=steps, lr=6e-4, warmup=min(100, steps), seed=run.seed, validate_every=min(200, steps), checkpoint_every=50
    )
    unseen = Batches(Portraits(london, london.validation), seed=10_000, scenes=SCENES)
    portraits = Portraits(london, london.training)
    portraits.load()
    batches = Batches(portraits, run.seed, batch)

    def config() -> dict:
        looked = [batches(step) for step in range(4)]
        ranges = {kind: input_ranges(getattr(nets.cpu(), kind), [b[kind][0] for b in looked]) for kind in KINDS}
        return {"widths": list(widths), "ranges": ranges}

    return Trial(
        nets,
        plan,
        batches,
        loss,
        validator(unseen, VALIDATION_BATCHES, Loss(perceptual)),
        select="perceptual",
        ahead=True,
        config=config,
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, both photographs, "
        f"bent and painted back; perceptual loss in features of {IMAGENET}",
    )
