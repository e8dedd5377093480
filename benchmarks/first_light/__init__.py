"""The suite `first-light`: the whole way of the data once, every part measured."""

from benchmarks.first_light.suite import run

__all__ = ["run"]
