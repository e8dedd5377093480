"""How every network is trained: one training loop for all."""

from lab.training.loop import Plan, bf16_is_fast, fit

__all__ = ["Plan", "bf16_is_fast", "fit"]
