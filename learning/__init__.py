"""How every weight is trained and kept: one training loop, one kind of weight file."""

from learning.loop import Plan, fit
from learning.weights import WeightCard, load_weights, save_weights

__all__ = ["Plan", "WeightCard", "fit", "load_weights", "save_weights"]
