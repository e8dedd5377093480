"""How good the talking faces are, ours and others': distances from truth, identity, lips, movement, cost, marks."""

from benchmarks.generation.suite import Setting, run

__all__ = ["Setting", "run"]
