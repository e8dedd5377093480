"""The training loop that all recipes share: seeded, resumable, logged, checkpoint chosen on validation data only."""

import json
import logging
import math
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from lab.training.ranks import Ranks
from lab.training.resuming import check, made_by
from media.atomic import replacing
from media.errors import VasariError

log = logging.getLogger(__name__)
Batch = Any
NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def bf16_is_fast() -> bool:
    """Whether this machine computes in bfloat16 faster than in float32: processors without AVX-512 only imitate it, and
    take some ten times as long."""
    return torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability() == "AVX512"


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train. One comment a field."""

    steps: int  # optimiser steps in all, those of resumed runs included
    lr: float = 1e-3  # peak learning rate (AdamW), reached after `warmup`, then a cosine to zero
    warmup: int = 100  # steps
    weight_decay: float = 1e-2
    seed: int = 0
    ema: float = 0.999  # decay of the averaged weights that are validated and kept
    clip: float = 1.0  # largest gradient norm
    validate_every: int = 500  # steps
    checkpoint_every: int = 200  # steps
    bf16: bool = field(default_factory=bf16_is_fast)  # forward and backward, with float32 master weights


class Masters:
    """bfloat16 weights for the arithmetic, float32 masters for the optimiser. Norms stay in float32.

    On CPUs with AVX-512 bf16 this is several times faster than autocast, which casts every weight at every use.
    """

    def __init__(self, model: nn.Module, *, bf16: bool) -> None:
        self.params = [p for p in model.parameters() if p.requires_grad]
        self.masters = [nn.Parameter(p.detach().clone().float()) for p in self.params]
        if bf16:
            for module in model.modules():
                if not isinstance(module, NORMS):
                    for param in module.parameters(recurse=False):
                        param.data = param.data.bfloat16()

    def gather_grads(self) -> None:
        for param, master in zip(self.params, self.masters, strict=True):
            master.grad = None if param.grad is None else param.grad.float()
            param.grad = None

    @torch.no_grad()
    def scatter(self) -> None:
        for param, master in zip(self.params, self.masters, strict=True):
            param.copy_(master)


AHEAD = 4  # batches that each worker may be ahead of their use

_recipe: Callable[[int], Batch] | None = None  # in a worker: what makes its batches


def _start_worker(batch: Callable[[int], Batch]) -> None:
    global _recipe
    _recipe = batch
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    threadpool_limits(1)


def _make(step: int) -> Batch:
    assert _recipe is not None
    return _recipe(step)


def batches_ahead(batch: Callable[[int], Batch], steps: Sequence[int], workers: int) -> Iterator[Batch]:
    """The batches of `steps`, in order; made ahead of use by `workers` processes, or here and now when there are none.

    Each worker is a fresh process with a copy of the recipe as it is now: forking one that has threads may hang it.
    """
    if workers == 0:
        yield from map(batch, steps)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(batch,))
    try:
        todo = iter(steps)
        waiting = deque(pool.submit(_make, step) for step in islice(todo, AHEAD * workers))
        while waiting:
            ready = waiting.popleft().result()
            waiting.extend(pool.submit(_make, step) for step in islice(todo, 1))
            yield ready
    finally:
        pool.shutdown(cancel_futures=True)


def learning_rate(step: int, plan: Plan) -> float:
    """Linear warm-up, then a cosine to zero at `plan.steps`."""
    if step < plan.warmup:
        return plan.lr * (step + 1) / plan.warmup
    progress = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return 0.5 * plan.lr * (1 + math.cos(math.pi * min(1.0, progress)))


def fit(
    model: nn.Module,
    plan: Plan,
    batch: Callable[[int], Batch],
    loss: Callable[[nn.Module, Batch], tuple[torch.Tensor, Mapping[str, float]]],
    validate: Callable[[nn.Module], Mapping[str, float]],
    *,
    select: str,
    workdir: Path | str,
    higher_is_better: bool = False,
    resume: bool = True,
    device: str = "cpu",
    workers: int = 0,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> dict[str, float]:
    """Train `model` in place and leave the validated best averaged weights in it (float32).

    Under `torchrun` all processes train one model (`lab.training.ranks`): process r of N takes the batches r, N + r,
    2 N + r ..., norms keep the running statistics of the first, and a loss that learns something itself averages its
    gradients.

    Args:
        batch: step -> batch. Must depend on the step (and the recipe's seed) alone, so that a resumed run sees
            what an unbroken one would have seen.
        loss: (model, batch) -> scalar loss and the figures to log. When it learns something itself (an adversary), it
            has `state_dict` and `load_state_dict`, and is resumed with the rest.
        validate: model (eval mode, averaged weights) -> figures on validation data, which `batch` never draws.
        select: the validation figure by which the weights are chosen.
        workdir: holds `state.pt` (checkpoint) and `log.jsonl`; made when missing.
        workers: processes that make batches ahead of their use; 0 makes them in between.

    Returns: the validation figures of the weights that were kept, plus "step".

    Raises:
        UsageError: the checkpoint there was made by another plan, seed or network (`lab.training.resuming`).
        VasariError: no validation gave a finite `select`; a figure that is not finite never wins.
    """
    workdir = Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    ranks = Ranks.join(device)
    torch.manual_seed(plan.seed)
    model.to(device)
    if plan.bf16:  # how convolutions of this type are fastest, on processors and GPUs alike
        model.to(memory_format=torch.channels_last)
    ranks.share(model.state_dict().values())
    masters = Masters(model, bf16=plan.bf16)
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    average = [m.detach().clone() for m in masters.masters]
    optimiser = torch.optim.AdamW(masters.masters, lr=plan.lr, weight_decay=plan.weight_decay, betas=(0.9, 0.99))
    start, best, validated = 0, None, False
    origin = made_by(plan, model, ranks.world)
    state_path = workdir / "state.pt"
    if resume and state_path.is_file():
        state = torch.load(state_path, map_location=device, weights_only=True)
        if "made_by" in state:  # checkpoints of earlier versions do not say
            check(state["made_by"], origin, state["step"], workdir)
        model.load_state_dict(state["buffers"], strict=False)
        for master, value in zip(masters.masters, state["masters"], strict=True):
            master.data.copy_(value)
        average = [a.to(device) for a in state["average"]]
        optimiser.load_state_dict(state["optimiser"])
        start, best = state["step"], state["best"]
        if best is not None and not math.isfinite(best["figures"][select]):
            best = None
        if hasattr(loss, "load_state_dict"):
            loss.load_state_dict(state["loss"])
        masters.scatter()
        log.info("resumed at step %d", start)

    def buffers() -> dict[str, torch.Tensor]:
        return {name: b.detach().clone() for name, b in model.named_buffers()}

    def evaluate(step: int) -> None:
        nonlocal best, validated
        if not ranks.first:
            return
        validated = True
        for param, value in zip(masters.params, average, strict=True):
            param.data = value.clone()
        model.eval()
        with torch.no_grad():
            figures = {k: float(v) for k, v in validate(model).items()}
        value = figures[select]
        if not math.isfinite(value):
            log.warning("step %d: the validation figure '%s' is %s, so these weights are not kept", step, select, value)
        elif best is None or (
            (value > best["figures"][select]) == higher_is_better and value != best["figures"][select]
        ):
            weights = {n: a.detach().clone() for n, a in zip(names, average, strict=True)}
            best = {"figures": figures | {"step": float(step)}, "weights": weights, "buffers": buffers()}
        _restore_precision(model, masters, plan)
        record(step, {f"val_{k}": v for k, v in figures.items()})

    def record(step: int, figures: Mapping[str, float]) -> None:
        if not ranks.first:
            return
        with (workdir / "log.jsonl").open("a") as file:
            row = {"step": step, "time": round(time.time(), 1)} | {k: float(f"{v:.5g}") for k, v in figures.items()}
            file.write(json.dumps(row) + "\n")
        if progress is not None:
            progress(step, figures)

    def checkpoint(step: int) -> None:
        if not ranks.first:
            return
        state = {
            "step": step,
            "made_by": origin,
            "masters": [m.detach() for m in masters.masters],
            "average": average,
            "optimiser": optimiser.state_dict(),
            "buffers": buffers(),
            "best": best,
            "loss": loss.state_dict() if hasattr(loss, "state_dict") else None,
        }
        with replacing(state_path) as temporary:
            torch.save(state, temporary)

    model.train()
    steps = range(start, plan.steps)
    own = range(start * ranks.world + ranks.rank, plan.steps * ranks.world, ranks.world)
    for step, ready in zip(steps, batches_ahead(batch, own, workers), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, plan)
        torch.manual_seed((plan.seed << 32) ^ (step * ranks.world + ranks.rank))
        value, figures = loss(model, ready)
        value.backward()
        masters.gather_grads()
        ranks.average(m.grad for m in masters.masters)
        norm = torch.nn.utils.clip_grad_norm_(masters.masters, plan.clip)
        if torch.isfinite(norm):
            optimiser.step()
        optimiser.zero_grad()
        masters.scatter()
        decay = min(plan.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(average, [m.detach() for m in masters.masters], 1 - decay)
        if step % 50 == 0:
            record(step, {"loss": float(value.detach()), "lr": learning_rate(step, plan)} | dict(figures))
        done = step + 1
        if done % plan.validate_every == 0 or done == plan.steps:
            evaluate(done)
        if done % plan.checkpoint_every == 0 or done == plan.steps:
            checkpoint(done)
    if best is None and not validated:
        evaluate(plan.steps)
    model.float()
    if best is not None:
        model.load_state_dict(best["weights"] | best["buffers"], strict=False)
    ranks.share(model.state_dict().values())
    model.eval()
    figures = ranks.told(None if best is None else dict(best["figures"]))
    if figures is None:
        raise VasariError(
            f"{workdir}: no validation gave a finite '{select}', so no weights are kept (see log.jsonl there); "
            "try a lower --lr or another --seed, in another --workdir"
        )
    return figures


def _better(value: float, best: float, higher_is_better: bool) -> bool:
    return value > best if higher_is_better else value < best


def _restore_precision(model: nn.Module, masters: Masters, plan: Plan) -> None:
    """Put the training weights back in place of the averaged ones."""
    norm_params = {id(p) for m in model.modules() if isinstance(m, NORMS) for p in m.parameters(recurse=False)}
    for param, master in zip(masters.params, masters.masters, strict=True):
        keep = torch.float32 if not plan.bf16 or id(param) in norm_params else torch.bfloat16
        param.data = master.detach().clone().to(keep)
    model.train()
