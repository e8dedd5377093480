"""Recipe: sound and lips that belong together, told from those that do not, on performances of a speech set."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from faces.lipsync import compared
from generate.acting import EMOTIONS, Controls, Style
from lab.mel import log_mel
from lab.networks.lipsync import LipSyncNet
from lab.performances import perform
from lab.performances.speechset import Clip, load_speech_set
from lab.training import Plan
from lab.training.recipe import Run, Trial, recipe
from media.errors import UsageError
from media.mel import HISTORY
from media.units import SAMPLE_RATE, SAMPLES_PER_FRAME

FRAMES = 75  # of an example: 3 s
BATCH = 16
SHARPNESS = 12.0  # of the contrast: cosines are multiplied by it
NEAR = 2  # frames around the true one that are neither right nor wrong
DATA = "Performances by lab.performances of a speech set (vasari data speech), lips from timed phones. No video."


@dataclass(frozen=True)
class Batch:
    """B examples of T frames."""

    mel: torch.Tensor  # (B, BINS, 4 T)
    actions: torch.Tensor  # (B, T, 52)


def _example(clip: Clip, rng: np.random.Generator, frames: int, *, spoiled: bool) -> tuple[torch.Tensor, torch.Tensor]:
    speech = clip.speech.astype(np.float32) / 32768
    mood = Controls(emotion=(str(rng.choice(EMOTIONS)), float(rng.random() * 0.8)))
    seed = int(rng.integers(2**31))
    actions = perform(clip.phones, speech, seed=seed, style=Style.draw(seed), controls=mood).actions
    length = frames * SAMPLES_PER_FRAME
    first = int(rng.integers(0, max(1, len(actions) - frames + 1)))
    sound = np.zeros(HISTORY + length, np.float32)
    part = speech[max(0, first * SAMPLES_PER_FRAME - HISTORY) : first * SAMPLES_PER_FRAME + length]
    at = HISTORY - min(HISTORY, first * SAMPLES_PER_FRAME)
    sound[at : at + len(part)] = part[: len(sound) - at]
    shown = np.zeros((frames, actions.shape[1]), np.float32)
    shown[: len(actions) - first] = actions[first : first + frames]
    if spoiled:
        gain = 10 ** rng.uniform(-1.0, 0.4) * 0.1 / (sound.std() + 1e-4)
        hiss = 10 ** rng.uniform(-3.5, -1.6)
        sound = (sound * gain + rng.normal(0, hiss, len(sound))).astype(np.float32)
        shown = shown * rng.uniform(0.6, 1.3) + rng.normal(0, rng.uniform(0, 0.02), shown.shape).astype(np.float32)
    else:
        sound = sound * np.float32(0.05 / (sound.std() + 1e-4))
    return log_mel(torch.from_numpy(sound)), torch.from_numpy(shown.astype(np.float32))


class Data:
    """step -> batch; depends on the seed and the step alone."""

    def __init__(self, clips: list[Clip], seed: int, frames: int, batch: int) -> None:
        self._train = [c for c in clips if c.split == "train" and len(c.speech) > SAMPLE_RATE]
        self._unseen = [c for c in clips if c.split == "validation" and len(c.speech) > SAMPLE_RATE]
        self._seed, self._frames, self._batch = seed, frames, batch

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, step, 5))
        chosen = rng.integers(0, len(self._train), self._batch)
        return _stacked([_example(self._train[i], rng, self._frames, spoiled=True) for i in chosen])

    def validation(self, count: int) -> Batch:
        rng = np.random.default_rng(6)
        chosen = rng.permutation(len(self._unseen))[:count]
        return _stacked([_example(self._unseen[i], rng, self._frames, spoiled=False) for i in chosen])


def _stacked(examples: list[tuple[torch.Tensor, torch.Tensor]]) -> Batch:
    return Batch(*(torch.stack(parts) for parts in zip(*examples, strict=True)))


def contrast(net: nn.Module, batch: Batch) -> tuple[torch.Tensor, Mapping[str, float]]:
    """Which frame of lips belongs to a frame of sound, among those of its clip and of the others, and the reverse
    (van den Oord et al. 2018, equation 4)."""
    device = next(net.parameters()).device
    sound, lips = net(batch.mel.to(device), batch.actions.to(device))
    count, frames = sound.shape[:2]
    others = lips[:, ::5].reshape(-1, lips.shape[-1])
    inside = SHARPNESS * sound @ lips.transpose(1, 2)  # (B, T, T)
    outside = SHARPNESS * sound @ others.T
    place = torch.arange(frames, device=device)
    apart = (place[:, None] - place).abs()
    near = (apart > 0) & (apart <= NEAR)
    owner = torch.arange(count, device=device).repeat_interleave(lips[:, ::5].shape[1])
    own = owner[None] == torch.arange(count, device=device)[:, None]
    inside = inside.masked_fill(near, -1e4)
    outside = outside.masked_fill(own[:, None], -1e4)
    told = place.repeat(count)
    forward = F.cross_entropy(torch.cat([inside, outside], -1).flatten(0, 1), told)
    backward = F.cross_entropy(inside.transpose(1, 2).flatten(0, 1), told)
    right = (inside.argmax(-1) == place).float().mean()
    return forward + backward, {"frame_pct": 100 * float(right)}


@recipe("lipsync", steps=2500)
def train(run: Run, data: Path | None) -> Trial:
    """The score of lips against sound, from a speech set."""
    if data is None:
        raise UsageError("train lipsync: give a speech set with --data SPEECH (`vasari data speech -o SPEECH`)")
    clips = load_speech_set(Path(data))
    small = len(clips) < 50
    source = Data(clips, run.seed, FRAMES, 2 if small else BATCH)
    found = source.validation(2 if small else 96)
    torch.manual_seed(run.seed)
    model = LipSyncNet(16, 8) if small else LipSyncNet()

    def validate(net: nn.Module) -> dict[str, float]:
        value, parts = contrast(net, found)
        points = (part.cpu().numpy() for part in net(found.mel, found.actions))
        scores = [compared(a, b) for a, b in zip(*points, strict=True)]
        within = np.mean([abs(s.offset) <= 1 for s in scores])
        return {
            "loss": float(value), "in_sync_pct": 100 * float(within),
            "confidence": float(np.mean([s.confidence for s in scores])),
        } | dict(parts)  # fmt: skip

    steps = run.steps
    plan = Plan(steps=steps, lr=2e-3, warmup=min(100, steps), seed=run.seed, validate_every=min(250, steps),
                checkpoint_every=250, bf16=False)  # fmt: skip
    return Trial(model, plan, source, contrast, validate, select="loss", config=model.config, data=DATA)
