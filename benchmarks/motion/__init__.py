"""How well faces move: lips, liveliness, control, guidance, and live."""

from benchmarks.motion.suite import Setting, run

__all__ = ["Setting", "run"]
