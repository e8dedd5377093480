"""The suite `first-light`: the whole way of the data once, every part measured."""

from benchmarks.first_light.suite import Setting, run

__all__ = ["Setting", "run"]
