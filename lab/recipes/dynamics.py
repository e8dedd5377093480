"""Recipe: the code of facial dynamics, from what faces do.

Rows are facial actions at rest, in speech, in feeling and in play (`lab.people.behaviour`), moments of performances
(`lab.performances`), on the way from one to another, and with single actions set by hand, so that edits are known
too. They are drawn anew at every step and no data are needed. Errors count by how far they move the face: in the metric
that the head's own actions give.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from faces.fit import mesh_actions
from generate.acting import CLASSES, EMOTIONS, Controls, Style
from generate.dynamics import ACTIONS
from lab.networks.dynamics import DynamicsNet
from lab.people.behaviour import random_actions
from lab.performances import Phones, perform
from lab.training import Plan
from lab.training.recipe import Run, Trial, recipe
from media.units import SAMPLE_RATE

BATCH = 256
POOL = 4096  # expressions to mix from
FRESH = 8  # new ones a step
SPOKEN = 0.4  # share of rows that are moments of performances
KL = 1e-5  # weight of the distance of codes from the prior, against squared errors of actions
VALIDATION = 1024  # rows


def performed(rng: np.random.Generator, seconds: int = 6) -> np.ndarray:
    """Facial actions (T, 52) of somebody who says anything, in any mood and style, more or less loudly."""
    lengths = rng.gamma(4, 0.025, 16 * seconds) + 0.03
    lengths[rng.random(len(lengths)) < 0.06] += 0.5
    ends = np.cumsum(lengths)
    phones = Phones(rng.integers(0, len(CLASSES), len(ends)), ends - lengths, ends)
    loud = np.repeat(rng.uniform(0, 0.1, seconds * 5), SAMPLE_RATE // 5)
    mood = Controls(
        gaze=tuple(np.radians(rng.uniform(-20, 20, 2))), emotion=(str(rng.choice(EMOTIONS)), float(rng.random()))
    )
    speech = (loud * rng.normal(size=len(loud))).astype(np.float32)
    seed = int(rng.integers(2**31))
    return perform(phones, speech, seed=seed, style=Style.draw(seed), controls=mood).actions


class Rows:
    """step -> facial actions (B, 52) float32; depends on seed and step alone."""

    def __init__(self, seed: int, batch: int = BATCH, pool: int = POOL) -> None:
        rng = np.random.default_rng((seed, 32))
        self.seed, self.batch = seed, batch
        self.pool = np.stack([random_actions(rng, calm=rng.random() < 0.12) for _ in range(pool)])
        self.spoken = np.concatenate([performed(rng) for _ in range(max(2, pool // 75))])

    def __call__(self, step: int) -> torch.Tensor:
        rng = np.random.default_rng((self.seed, step, 33))
        for place in rng.integers(0, len(self.pool), FRESH):
            self.pool[place] = random_actions(rng, calm=rng.random() < 0.12)
        mixed = self.mixed(rng, self.batch - round(self.batch * SPOKEN))
        spoken = self.spoken[rng.integers(0, len(self.spoken), self.batch - len(mixed))]
        return torch.from_numpy(np.concatenate([mixed, spoken]))

    def mixed(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Expressions as they are, half-way to others, and with an action or two set."""
        one, other = self.pool[rng.integers(0, len(self.pool), (2, count))]
        share = np.where(rng.random((count, 1)) < 0.5, 0, rng.random((count, 1)))
        rows = (1 - share) * one + share * other
        rows *= np.where(rng.random((count, 1)) < 0.3, rng.random((count, 1)), 1)  # on the way from rest
        for _ in range(2):
            edited = np.flatnonzero(rng.random(count) < 0.25)
            rows[edited, rng.integers(0, ACTIONS, len(edited))] = rng.random(len(edited))
        return rows.astype(np.float32)


def metric() -> torch.Tensor:
    """(52, 52): how far errors of actions move the face's mesh points, mean squared, scaled to a mean diagonal of 1;
    half of it is the plain square, for what the mesh does not show."""
    moved = mesh_actions().reshape(ACTIONS, -1)
    gram = moved @ moved.T
    return torch.from_numpy(0.5 * gram / np.diag(gram).mean() + 0.5 * np.eye(ACTIONS)).float()


class Loss:
    """Evidence lower bound (Kingma and Welling 2014, eq. 10) with squared errors in the metric of the face."""

    def __init__(self, device: str = "cpu") -> None:
        self.metric = metric().to(device)

    def __call__(self, net: nn.Module, rows: torch.Tensor) -> tuple[torch.Tensor, Mapping[str, float]]:
        rows = rows.to(self.metric.device)
        mean, log_variance = net.encode(rows)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean) if net.training else mean
        told = net.decode(code)
        error = told - rows
        idle = ((told < 0) & (rows <= 0)) | ((told > 1) & (rows >= 1))  # clipped to the truth
        error = torch.where(idle, 0.1 * error, error)
        near = torch.einsum("bi,ij,bj->b", error, self.metric, error).mean() / ACTIONS
        prior = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()
        return near + KL * prior, {"near": float(near.detach()), "kl": float(prior.detach())}


def validator(rows: torch.Tensor, loss: Loss) -> Callable[[nn.Module], dict[str, float]]:
    """Loss, and the mean absolute error of actions through the code, on fixed rows."""

    def validate(net: nn.Module) -> dict[str, float]:
        value, parts = loss(net, rows)
        device = next(net.parameters()).device
        told = net.decode(net.encode(rows.to(device))[0]).clamp(0, 1).cpu()
        return {"loss": float(value), "action_error": float((told - rows).abs().mean())} | dict(parts)

    return validate


@recipe("dynamics", steps=20_000)
def train(run: Run, data: Path | None, *, width: int = 256, batch: int = BATCH) -> Trial:
    """The code of facial dynamics; `data` is not used. About 3 ms a step."""
    del data
    torch.manual_seed(run.seed)
    net, loss, steps = DynamicsNet(width), Loss(run.device), run.steps
    unseen = Rows(run.seed + 10_000, pool=VALIDATION)
    rows = torch.from_numpy(np.concatenate([unseen.mixed(np.random.default_rng(9), VALIDATION), unseen.spoken]))
    plan = Plan(steps=steps, lr=1e-3, warmup=min(200, steps), weight_decay=1e-4, seed=run.seed,
                validate_every=min(1000, steps), checkpoint_every=500, bf16=False)  # fmt: skip
    return Trial(
        net,
        plan,
        Rows(run.seed, batch),
        loss,
        validator(rows, loss),
        select="loss",
        config={"width": width},
        dtype=torch.float32,
        data="facial actions drawn from lab.people.behaviour (emotions after EMFACS, visemes after JALI, lids, play) "
        "and moments of lab.performances",
    )
