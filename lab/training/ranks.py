"""Several processes that train one model together, as `torchrun` starts them: on one machine or many, GPUs or cores.

    torchrun --nproc-per-node 4 -m vasari train detector --data FAKES --device cuda

Every process draws batches of its own and all step with the mean of their gradients, so N processes take N batches a
step. The first one validates, writes and speaks. Alone, everything here does nothing.
"""

import atexit
import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

LEAVING = timedelta(seconds=20)  # that one waits for the others at the end
PATIENCE = timedelta(hours=4)  # how long the others wait while the first prepares data or validates


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int = 0
    world: int = 1
    local: int = 0  # among those of this machine

    @classmethod
    def join(cls, device: str = "cpu") -> "Ranks":
        """What `torchrun` says in the environment; the first call meets the others."""
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
            atexit.register(_leave)
        return cls(dist.get_rank(), world, int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def device(self, asked: str) -> str:
        """ "cuda" is the GPU of this process; any other device stays what it is."""
        return f"cuda:{self.local}" if asked == "cuda" and self.world > 1 else asked

    def average(self, tensors: Iterable[torch.Tensor | None]) -> None:
        """Put the mean over all processes into every tensor, in place; the same ones are missing (None) everywhere."""
        if self.world == 1:
            return
        kept = [t for t in tensors if t is not None]
        flat = torch.cat([t.reshape(-1).float() for t in kept])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, mean in zip(kept, flat.split([t.numel() for t in kept]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def share(self, tensors: Iterable[torch.Tensor]) -> None:
        """Put what the first process has into every tensor, in place."""
        if self.world > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def told(self, figures: Mapping[str, float] | None) -> dict[str, float] | None:
        """The figures that the first process gives, None where it has none."""
        said = [figures]
        if self.world > 1:
            dist.broadcast_object_list(said, 0)
        return None if said[0] is None else dict(said[0])

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def first_to_begin(ranks: Ranks | None = None) -> Iterator[None]:
    """Let the first process through alone, then the others: what it leaves on disk is made once."""
    ranks = Ranks.join() if ranks is None else ranks
    if not ranks.first:
        ranks.wait()
    yield
    if ranks.first:
        ranks.wait()


def _leave() -> None:
    """Part from the others: threads that outlive the process would abort it."""
    with contextlib.suppress(RuntimeError, ValueError):  # the others are gone, or the group is
        if dist.get_backend() == "gloo":
            dist.monitored_barrier(timeout=LEAVING)
        dist.destroy_process_group()
