"""The recipe of the motion network: performances made from a speech set, learned frame by frame by flow matching.

Every condition is left out in some scenes, so that guidance can weigh it (Ho and Salimans 2021). The past that the
network is shown is a little wrong, as its own will be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.signal import lfilter
from torch import nn

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting import ANGLE, GAP, mood_spring
from generate.dynamics import CODE
from generate.dynamics import WEIGHTS as DYNAMICS
from generate.motion.space import FARTHEST, SIZE, Steps, asked_code, events, rest
from generate.motion.stepping import GROUPS
from lab.networks.dynamics import DynamicsNet
from lab.networks.motion import MotionNet
from lab.performances.scenes import Scene, make_scene
from lab.performances.speechset import Clip, load_speech_set
from lab.reference import load_network
from lab.speaking.toy import toy_set
from lab.speaking.tracks import read_tracks
from lab.training import Plan, bf16_is_fast
from lab.training.recipe import Run, Trial, recipe
from lab.weights import load_weights
from media.atomic import replacing

SCENES, VALIDATION = 3000, 48  # to learn from, to choose by
FRAMES = 160  # of an example
BATCH = 10  # examples
DRAWS = 3  # of noise for every frame: the head is cheap beside the transformer
LEFT_OUT = 0.1  # share of scenes without one condition, for each
ALL_OUT = 0.05  # share of scenes without any
UNTOUCHED = 0.2  # share of examples whose past is shown as it was
WRONG = 0.5  # largest error of single frames, in knees and spreads of the steps (`Steps`)
DRIFT = (0.4, 0.6, 0.25)  # largest drift of code, pose and gaze, in deviations of each
BACK = (3.0, 12.0)  # frames in which code and pose that have drifted should come back to 1/e
POSED, LOOKED = 2.0, 4.0  # weights of a number of pose and of gaze, where one of the code has 1
DATA = (
    "Performances by lab.performances of clips of a speech set (vasari data speech: recorded prompts CC-BY-SA 3.0, "
    "speech synthesised with espeak-ng, flite, festival and Kokoro-82M; some of it made to sing, laugh, draw breath, "
    "whisper or shout where the set holds that): moods, styles, gazes, listening, all drawn. "
    "Numbers from published figures of how people move, and how far lips open from 26 filmed sentences of the GRID "
    "corpus (CC-BY 4.0; lab.performances.phones); no other video, no picture of a face."
)


@dataclass(frozen=True)
class Batch:
    """B examples of T frames; each frame has one before it."""

    shown: torch.Tensor  # (B, T + 1, M) the past as it is shown: the two frames before the first, and all but the last
    wanted: torch.Tensor  # (B, T, M) where each frame should be, given that past
    asked: torch.Tensor  # (B, T, CODE) the codes that sound and mood ask for, as far as they are told
    events: torch.Tensor  # (B, T) what happens in them, see `generate.motion.space.events`
    told: dict[str, torch.Tensor]  # conditions of these frames
    heard: dict[str, torch.Tensor]  # (B,) bool: which examples are told which condition


class Data:
    """step -> batch; depends on the seed and the step alone. Scenes are made once and kept in `folder`."""

    def __init__(
        self,
        clips: list[Clip],
        folder: Path,
        seed: int,
        scenes: int,
        validation: int,
        frames: int,
        batch: int,
        more: Sequence[Scene] = (),
    ) -> None:
        train = [c for c in clips if c.split == "train"]
        others = [c for c in clips if c.split == "validation"]
        assert not {c.name for c in train} & {c.name for c in others}
        self._seed, self._frames, self._batch = seed, frames, batch
        self._shown: dict[int, np.ndarray] = {}  # by scene
        self._scenes = _scenes(train, folder / "scenes.pt", scenes, (seed, 1))
        self.unseen = _scenes(others, folder / "unseen.pt", validation, (seed, 2))
        self._scenes += more
        self.steps = Steps.of([s.motion for s in self._scenes[:400]])

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, step, 3))
        return self._of([self._scenes[i] for i in rng.integers(0, len(self._scenes), self._batch)], rng)

    def _moods(self, scene: Scene) -> np.ndarray:
        """Amounts (T, 8) of the emotions that show in a scene."""
        if id(scene) not in self._shown:
            spring = mood_spring()
            amounts = np.concatenate([np.zeros((len(scene.emotion), 1)), scene.emotion], 1)
            self._shown[id(scene)] = np.stack([spring.step(row) for row in amounts]).astype(np.float32)
        return self._shown[id(scene)]

    def validation(self) -> Batch:
        """Unseen voices, all conditions told."""
        batch = self._of(self.unseen, np.random.default_rng(9))
        return replace(batch, heard={name: torch.ones_like(h) for name, h in batch.heard.items()})

    def _of(self, scenes: list[Scene], rng: np.random.Generator) -> Batch:
        shown, wanted, happens, moods, told = [], [], [], [], {name: [] for name in GROUPS}
        for scene in scenes:
            first = int(rng.integers(0, len(scene.motion) - self._frames + 1)) if rng.random() < 0.9 else 0
            still = np.repeat(rest()[None], max(0, 2 - first), 0)
            motion = np.concatenate([still, scene.motion[max(0, first - 2) : first + self._frames]])
            happens.append(events(motion[1:]))
            past, next_ = disturbed(motion, happens[-1] % 2 == 1, self.steps, rng)
            shown.append(past)
            wanted.append(next_)
            moods.append(self._moods(scene)[first : first + self._frames])
            for name, value in scene.told().items():
                told[name].append(value[first : first + self._frames])
        to = {name: torch.from_numpy(np.stack(values)) for name, values in told.items()}
        none = rng.random(len(scenes)) < ALL_OUT
        knows = {name: np.array([name in scene.known for scene in scenes]) for name in GROUPS}
        told_of = {name: (rng.random(len(scenes)) >= LEFT_OUT) & ~none & knows[name] for name in GROUPS}
        heard = {name: torch.from_numpy(told) for name, told in told_of.items()}
        asked = [
            asked_code(sound * told_of["sound"][i], mood * told_of["emotion"][i])
            for i, (sound, mood) in enumerate(zip(told["sound"], moods, strict=True))
        ]
        arrays = (torch.from_numpy(np.stack(rows)) for rows in (shown, wanted, asked, happens))
        return Batch(*arrays, told=to, heard=heard)


def _scenes(clips: list[Clip], path: Path, count: int, seed: tuple[int, int]) -> list[Scene]:
    """`count` scenes, made now or read from where they were kept. About 0.3 s a scene."""
    if path.is_file():
        kept = [Scene(**{k: v.numpy() for k, v in row.items()}) for row in torch.load(path, weights_only=True)]
        if len(kept) == count:
            return kept
    made = [make_scene(clips, np.random.default_rng((*seed, i))) for i in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        torch.save([{k: torch.from_numpy(v) for k, v in _arrays(scene).items()} for scene in made], temporary)
    return made


def _arrays(scene: Scene) -> dict[str, np.ndarray]:
    return {name: value for name, value in vars(scene).items() if name != "known"}


def disturbed(
    motion: np.ndarray, jumps: np.ndarray, steps: Steps, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A past that has gone astray as the network's own will, and where to go from it.

    A network that has only seen faces where they should be never learns to bring them back, and drifts. The code drifts
    by a noise that is forgotten in `BACK` frames, the head starts from elsewhere and comes back smoothly, and each jump
    of the eyes lands beside its aim until the next.

    Args:
        motion: (T + 2, M); jumps: (T,) in which of the last T frames the eyes jump.

    Returns: the past as shown (T + 1, M) and what should follow each of its frames but the first, (T, M).
    """
    count, amount = len(motion), rng.random() * (rng.random() >= UNTOUCHED)
    off, follow = np.zeros((2, *motion.shape))
    code, pose = slice(0, CODE), slice(CODE, SIZE - 2)
    keep = 1 - 1 / BACK[0]
    noise = rng.normal(0, amount * DRIFT[0] * np.sqrt(1 - keep**2), (count, CODE)) * steps.deviation[code]
    off[:, code] = lfilter([1.0], [1.0, -keep], noise, axis=0)
    follow[1:, code] = keep * off[:-1, code]
    time = (np.arange(count) / BACK[1])[:, None]
    start = rng.normal(0, amount * DRIFT[1], SIZE - 2 - CODE) * steps.deviation[pose]
    off[:, pose] = follow[:, pose] = (1 + time) * np.exp(-time) * start
    moving = np.concatenate([[False, False], jumps])
    landed = np.cumsum(np.diff(moving.astype(int), prepend=0) < 0)
    beside = rng.normal(0, amount * DRIFT[2], (landed[-1] + 1, 2)) * steps.deviation[-2:]
    off[:, -2:] = np.where(moving[:, None], 0, beside[landed])
    follow[1:, -2:] = np.where(moving[1:, None], 0, off[:-1, -2:])
    wrong = rng.random() ** 2 * WRONG * steps.knee * np.minimum(steps.spread, 1) * rng.standard_normal(motion.shape)
    shown = motion + off + wrong * (amount > 0)
    return shown[:-1].astype(np.float32), (motion + follow)[2:].astype(np.float32)


class Loss:
    """Flow matching of the steps, the chances of what happens, and what the face that they lead to looks like."""

    def __init__(self, steps: Steps, device: str) -> None:
        parts = {name.removeprefix("steps."): part for name, part in steps.tensors().items()}
        self.steps = {name: torch.from_numpy(part).to(device) for name, part in parts.items()}
        self.face: DynamicsNet = load_network(DYNAMICS, "dynamics").to(device).requires_grad_(False)
        self.gap = torch.tensor([GAP.get(name, 0.0) for name in FACIAL_ACTIONS], device=device)
        self.weight = torch.ones(len(FACIAL_ACTIONS), device=device)
        for name in ("eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight"):
            self.weight[ACTION_INDEX[name]] = 4.0
        self.share = torch.ones(SIZE, device=device)
        self.share[CODE:] = POSED
        self.share[-2:] = LOOKED

    def __call__(self, net: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
        s, device = self.steps, self.gap.device
        shown, now, happens = (part.to(device) for part in (batch.shown, batch.wanted, batch.events))
        told, heard = ({k: v.to(device) for k, v in each.items()} for each in (batch.told, batch.heard))
        before = shown[:, 1:]
        pace = torch.asinh((before - s["leak"] * shown[:, :-1]) / s["knee"])
        asked = told["gaze"]
        far = torch.asinh((asked / ANGLE - before[..., -2:]) / s["knee"][-2:]) / s["spread"][-2:]
        told = told | {"gaze": torch.cat([asked, far], -1)}
        step = torch.asinh((batch.asked.to(device) - before[..., :CODE]) / s["knee"][:CODE]) / s["spread"][:CODE]
        past = torch.cat([(before - s["mean"]) / s["deviation"], pace / s["pace"], step], -1)
        wanted = (torch.asinh((now - s["leak"] * before) / s["knee"]) - s["inertia"] * pace) / s["spread"]
        wanted = wanted.clamp(-FARTHEST, FARTHEST)
        context = net.context(past, told, heard)
        chances = F.cross_entropy(net.event(context).float().flatten(0, 1), happens.flatten())
        context = context + net.happening[happens]
        time = torch.rand(DRAWS, *wanted.shape[:2], 1, device=device)
        noisy = (1 - time) * torch.randn(DRAWS, *wanted.shape, device=device) + time * wanted
        drawn = net.flow(noisy, time, context[None])
        # Errors of the velocity are those of its end over (1 - time); bounded, so that the last moment is not all.
        near = ((drawn - wanted).square() * self.share / ((1 - time).square() + 0.05)).mean() / 6
        moved = drawn.clamp(-FARTHEST, FARTHEST) * s["spread"] + s["inertia"] * pace
        there = s["leak"] * before + torch.sinh(moved.clamp(-8, 8)) * s["knee"]
        seen, true = (self.face.decode(x[..., :CODE]) for x in (there, now))
        error = (seen.clamp(0, 1) - true.clamp(0, 1)) * time
        actions = (error.abs() * self.weight).mean()
        lips = (error @ self.gap).abs().mean()
        figures = {"near": near, "chances": chances, "actions": actions, "lips": lips}
        total = near + chances + 5 * actions + 10 * lips
        return total, {name: float(value.detach()) for name, value in figures.items()}


@recipe("motion", steps=8000)
def train(
    run: Run, data: Path | None, *, tracks: Path | None = None, start: Path | None = None, lr: float = 1e-3
) -> Trial:
    """The motion network, 10 examples of 6.4 s a step; scenes are kept in `run.workdir`.

    Args:
        data: folder of `vasari data speech`; None trains on a tiny set of tones with known phones, to try the recipe.
        tracks: folder of tracks with their sound (`lab.speaking.tracks`), to learn from as well.
        start: weight file to go on from, instead of random weights; steps are written as they are there (`Steps`).
        lr: peak learning rate.

    Raises:
        WeightsError: `start` is missing, damaged or of another model.
    """
    toy = data is None
    known = None if start is None else load_weights(start, "motion")
    clips = toy_set(run.seed) if data is None else load_speech_set(Path(data))
    sizes = (3, 2, 40, 2) if toy else (SCENES, VALIDATION, FRAMES, BATCH)
    filmed = [] if tracks is None else read_tracks(tracks)
    source = Data(clips, run.workdir, run.seed, *sizes, more=filmed)
    torch.manual_seed(run.seed)
    model = MotionNet(32, 2, 2, 1) if toy else MotionNet()
    if known is not None:
        tensors, card = known
        model = MotionNet(**card.config)
        model.load_state_dict({name: t.float() for name, t in tensors.items() if not name.startswith("steps.")})
        kept = Steps.load({name: tensor.numpy() for name, tensor in tensors.items()})
        seen = source.steps  # as fast as it was, or as what is now seen
        source.steps = replace(
            kept, fastest=np.maximum(kept.fastest, np.arcsinh(np.sinh(seen.fastest) * seen.knee / kept.knee))
        )
    loss, found = Loss(source.steps, run.device), source.validation()

    def validate(net: nn.Module) -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            value, parts = loss(net, found)
        return {"loss": float(value)} | dict(parts)

    steps = run.steps
    plan = Plan(
        steps=steps, lr=lr, warmup=min(200, steps // 4 + 1), seed=run.seed, validate_every=min(500, steps),
        checkpoint_every=200, ema=0.998, bf16=not toy and bf16_is_fast(),
    )  # fmt: skip
    described = "toy set of tones; not for use" if toy else DATA
    return Trial(
        model,
        plan,
        source,
        loss,
        validate,
        select="loss",
        config=model.config,
        more=source.steps.tensors(),
        data=described + (f" And {len(filmed)} filmed scenes of the user's own." if filmed else ""),
    )
