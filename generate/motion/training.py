"""The recipe of the motion network: performances made from a speech set, learned frame by frame by flow matching.

Every condition is left out in some scenes, so that guidance can weigh it (Ho and Salimans 2021). The past that the
network is shown is a little wrong, as its own will be.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.performances import GAP
from faces.performances.speechset import Clip, load_speech_set
from generate.dynamics import CODE, DynamicsNet
from generate.dynamics import WEIGHTS as DYNAMICS
from generate.motion.network import GROUPS, MotionNet
from generate.motion.scenes import Scene, make_scene
from generate.motion.space import Steps, rest
from generate.speech.toy import toy_set
from learning import Plan, WeightCard, fit, load_weights, save_weights
from media.atomic import replacing

SCENES, VALIDATION = 1500, 48  # to learn from, to choose by
FRAMES = 160  # of an example
BATCH = 10  # examples
DRAWS = 3  # of noise for every frame: the head is cheap beside the transformer
LEFT_OUT = 0.1  # share of scenes without one condition, for each
ALL_OUT = 0.05  # share of scenes without any
WRONG = 0.5  # largest error of the past that is shown, in knees of the steps (`Steps`)
DATA = (
    "Performances by faces.performances of clips of a speech set (vasari data speech: recorded prompts CC-BY-SA 3.0, "
    "speech synthesised with espeak-ng, flite, festival and Kokoro-82M): moods, styles, gazes, listening, all drawn. "
    "Numbers from published figures of how people move; no video, no faces of people."
)


@dataclass(frozen=True)
class Batch:
    """B examples of T frames; each frame has one before it."""

    motion: torch.Tensor  # (B, T + 2, M): two frames more, before the first
    told: dict[str, torch.Tensor]  # conditions of the last T frames
    heard: dict[str, torch.Tensor]  # (B,) bool: which examples are told which condition


class Data:
    """step -> batch; depends on the seed and the step alone. Scenes are made once and kept in `folder`."""

    def __init__(
        self, clips: list[Clip], folder: Path, seed: int, scenes: int, validation: int, frames: int, batch: int
    ) -> None:
        train = [c for c in clips if c.split == "train"]
        others = [c for c in clips if c.split == "validation"]
        assert not {c.name for c in train} & {c.name for c in others}
        self._seed, self._frames, self._batch = seed, frames, batch
        self._scenes = _scenes(train, folder / "scenes.pt", scenes, (seed, 1))
        self.unseen = _scenes(others, folder / "unseen.pt", validation, (seed, 2))
        self.steps = Steps.of([s.motion for s in self._scenes[:400]])

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, step, 3))
        return self._of([self._scenes[i] for i in rng.integers(0, len(self._scenes), self._batch)], rng)

    def validation(self) -> Batch:
        """Unseen voices, all conditions told."""
        batch = self._of(self.unseen, np.random.default_rng(9))
        return Batch(batch.motion, batch.told, {name: torch.ones_like(h) for name, h in batch.heard.items()})

    def _of(self, scenes: list[Scene], rng: np.random.Generator) -> Batch:
        motion, told = [], {name: [] for name in GROUPS}
        for scene in scenes:
            first = int(rng.integers(0, len(scene.motion) - self._frames + 1)) if rng.random() < 0.9 else 0
            still = np.repeat(rest()[None], max(0, 2 - first), 0)
            motion.append(np.concatenate([still, scene.motion[max(0, first - 2) : first + self._frames]]))
            for name, value in scene.told().items():
                told[name].append(value[first : first + self._frames])
        to = {name: torch.from_numpy(np.stack(values)) for name, values in told.items()}
        none = rng.random(len(scenes)) < ALL_OUT
        heard = {name: torch.from_numpy((rng.random(len(scenes)) >= LEFT_OUT) & ~none) for name in GROUPS}
        return Batch(torch.from_numpy(np.stack(motion)), to, heard)


def _scenes(clips: list[Clip], path: Path, count: int, seed: tuple[int, int]) -> list[Scene]:
    """`count` scenes, made now or read from where they were kept. About 0.3 s a scene."""
    if path.is_file():
        kept = [Scene(**{k: v.numpy() for k, v in row.items()}) for row in torch.load(path, weights_only=True)]
        if len(kept) == count:
            return kept
    made = [make_scene(clips, np.random.default_rng((*seed, i))) for i in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        torch.save([{k: torch.from_numpy(v) for k, v in vars(scene).items()} for scene in made], temporary)
    return made


class Loss:
    """Flow matching of the companded steps, and what the face that they lead to looks like."""

    def __init__(self, steps: Steps, device: str) -> None:
        self.steps = steps.to(device)
        tensors, card = load_weights(DYNAMICS, "dynamics")
        self.face = DynamicsNet(card.config["width"]).to(device).requires_grad_(False)
        self.face.load_state_dict(tensors)
        self.gap = torch.tensor([GAP.get(name, 0.0) for name in FACIAL_ACTIONS], device=device)
        self.weight = torch.ones(len(FACIAL_ACTIONS), device=device)
        for name in ("eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight"):
            self.weight[ACTION_INDEX[name]] = 4.0

    def __call__(self, net: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        device = self.gap.device
        motion = batch.motion.to(device)
        told, heard = ({k: v.to(device) for k, v in each.items()} for each in (batch.told, batch.heard))
        wrong = torch.rand(len(motion), 1, 1, device=device).square() * WRONG * self.steps.knee
        seen = motion[:, :-1] + wrong * torch.randn_like(motion[:, :-1])
        before, now = seen[:, 1:], motion[:, 2:]
        past = self.steps.past(before, self.steps.squeeze(before - seen[:, :-1]))
        wanted = self.steps.squeeze(now - before)
        context = net.context(past, told, heard)
        time = torch.rand(DRAWS, *wanted.shape[:2], 1, device=device)
        noisy = (1 - time) * torch.randn(DRAWS, *wanted.shape, device=device) + time * wanted
        drawn = net.flow(noisy, time, context[None])
        # Errors of the velocity are those of its end over (1 - time); bounded, so that the last moment is not all.
        near = ((drawn - wanted).square() / ((1 - time).square() + 0.05)).mean() / 6
        shown, true = (self.face.decode(x[..., :CODE]) for x in (before + self.steps.stretch(drawn), now))
        error = (shown.clamp(0, 1) - true.clamp(0, 1)) * time
        actions = (error.abs() * self.weight).mean()
        lips = (error @ self.gap).abs().mean()
        figures = {"near": near, "actions": actions, "lips": lips}
        return near + 5 * actions + 10 * lips, {name: float(value.detach()) for name, value in figures.items()}


def train(
    data: Path | None,
    out: Path,
    *,
    steps: int = 8000,
    workdir: Path | str,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> WeightCard:
    """Train the motion network and write its weights.

    Args:
        data: folder of `vasari data speech`; None trains on a tiny set of tones with known phones, to try the recipe.
        out: where the weights go (float16 safetensors).
        steps: optimiser steps in all, of 10 examples of 6.4 s.
        workdir: keeps scenes, checkpoint and log; a run that was broken off goes on from there when `resume`.

    Raises:
        UnreadableError: `data` holds no speech set.
    """
    toy = data is None
    clips = toy_set(seed) if data is None else load_speech_set(Path(data))
    sizes = (3, 2, 40, 2) if toy else (SCENES, VALIDATION, FRAMES, BATCH)
    source = Data(clips, Path(workdir), seed, *sizes)
    torch.manual_seed(seed)
    model = MotionNet(32, 2, 2, 1) if toy else MotionNet()
    loss, found = Loss(source.steps, device), source.validation()

    def validate(net: nn.Module) -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            value, parts = loss(net, found)
        return {"loss": float(value)} | dict(parts)

    plan = Plan(
        steps=steps,
        lr=1e-3,
        warmup=min(200, steps // 4 + 1),
        seed=seed,
        validate_every=min(500, steps),
        checkpoint_every=200,
        bf16=not toy,
    )
    figures = fit(
        model, plan, source, loss, validate,
        select="loss", workdir=workdir, resume=resume, device=device, progress=progress,
    )  # fmt: skip
    described = "toy set of tones; not for use" if toy else DATA
    recipe = f"vasari train motion --data SPEECH --steps {steps} --seed {seed}"
    card = WeightCard("motion", model.config, described, int(figures["step"]), figures, recipe=recipe)
    return save_weights(out, model.cpu().state_dict() | source.steps.tensors(), card, dtype=torch.float16)
