"""Processes that train together: they step as one with all of their batches, and only the first writes."""

import json
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from lab.training import Plan, fit
from lab.training.ranks import Ranks, first_to_begin

STEPS = 12
SCRIPT = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[2])]!r}
from test_ranks import train
train(sys.argv[1], together=1)
"""


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]])


def train(folder: str, *, together: int) -> None:
    """Train a small network in `folder`, each step on `together` batches at once, and keep its weights."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    def batches(step: int) -> tuple[torch.Tensor, ...]:
        parts = [batch(step * together + k) for k in range(together)]
        return tuple(torch.cat(column) for column in zip(*parts, strict=True))

    def loss(model: nn.Module, rows: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, dict[str, float]]:
        return (model(rows[0]) - rows[1]).square().mean(), {}

    def validate(model: nn.Module) -> dict[str, float]:
        return {"loss": float(loss(model, batch(999))[0])}

    ranks = Ranks.join()
    with first_to_begin(ranks):  # what is prepared is found by those that follow
        prepared = Path(folder) / "prepared"
        assert prepared.exists() != ranks.first
        prepared.touch()
    plan = Plan(steps=STEPS, lr=1e-2, warmup=2, bf16=False, validate_every=6, checkpoint_every=6)
    figures = fit(net, plan, batches, loss, validate, select="loss", workdir=Path(folder) / "run")
    kept = torch.cat([p.detach().flatten() for p in net.parameters()])
    (Path(folder) / f"rank{ranks.rank}.json").write_text(json.dumps([kept.tolist(), figures]))


def test_two_processes_step_as_one_with_both_batches(tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    train(str(alone), together=2)
    (together / "run.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = subprocess.run(
        [*command, str(together / "run.py"), str(together)], timeout=300, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    expected, figures = json.loads((alone / "rank0.json").read_text())
    for rank in (0, 1):
        found, told = json.loads((together / f"rank{rank}.json").read_text())
        torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=1e-4, atol=1e-5)
        assert told["step"] == figures["step"]
    rows = [json.loads(line) for line in (together / "run" / "log.jsonl").read_text().splitlines()]
    assert sum("val_loss" in row for row in rows) == 2  # validated and written by one of them


def test_alone_nothing_is_waited_for_or_changed() -> None:
    ranks = Ranks.join()
    value = torch.ones(3)
    ranks.average([value, None])
    ranks.share([value])
    ranks.wait()
    assert (ranks, value.tolist(), ranks.device("cuda")) == (Ranks(), [1, 1, 1], "cuda")
    assert Ranks(rank=3, world=8, local=1).device("cuda") == "cuda:1"
    assert Ranks(rank=3, world=8, local=1).device("cpu") == "cpu"
