"""How every network is trained: one training loop for all."""

from lab.training.loop import Plan, fit

__all__ = ["Plan", "fit"]
