"""Speed and cost of a frame, beside those of other talking faces."""

from benchmarks.speed.suite import Setting, run

__all__ = ["Setting", "run"]
