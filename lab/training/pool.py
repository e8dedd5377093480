"""The last rows that were made, to draw batches from: where making a row costs more than learning from it."""

import torch

Rows = tuple[torch.Tensor, ...]  # columns, each (N, ...)


class Pool:
    """Keeps the last `size` rows on `device`; the oldest make way for the newest."""

    def __init__(self, size: int, device: str = "cpu") -> None:
        self.size, self.device = size, device
        self.columns: list[torch.Tensor] = []
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, self.size)

    def add(self, rows: Rows) -> None:
        """Put rows in; all calls bring the same columns."""
        if not self.columns:
            self.columns = [torch.empty((self.size, *t.shape[1:]), dtype=t.dtype, device=self.device) for t in rows]
        at = torch.arange(self.added, self.added + len(rows[0])) % self.size
        for column, new in zip(self.columns, rows, strict=True):
            column[at] = new.to(self.device, non_blocking=True)
        self.added += len(rows[0])

    def draw(self, count: int) -> Rows:
        """`count` rows at random, with repetition."""
        chosen = torch.randint(len(self), (count,), device=self.device)
        return tuple(column[chosen] for column in self.columns)
