"""`vasari bench attacks`: what verification says of outputs after what may be done to them, as a table."""

from benchmarks.attacks.suite import Setting, run

__all__ = ["Setting", "run"]
