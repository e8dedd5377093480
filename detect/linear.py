"""Logistic regression that ships as plain numbers: fitted by `lab.recipes.detector_linear`, applied by NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FARTHEST = 4.0  # deviations at which features are clipped: what was never seen must not shout


@dataclass(frozen=True)
class Linear:
    """Standardised, clipped features and their squares -> logit."""

    mean: np.ndarray  # (F,)
    scale: np.ndarray  # (F,)
    weight: np.ndarray  # (2 F,): of the features, of their squares
    bias: float

    @classmethod
    def silent(cls, count: int) -> "Linear":
        """One of `count` features that says nothing: there was nothing to learn from."""
        return cls(np.zeros(count), np.ones(count), np.zeros(2 * count), 0.0)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(..., F) -> logits (...)."""
        logits: np.ndarray = expanded(features, self.mean, self.scale) @ self.weight + self.bias
        return logits

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """What is kept of it, by "name.field"."""
        values = {"mean": self.mean, "scale": self.scale, "weight": self.weight, "bias": np.array([self.bias])}
        return {f"{name}.{key}": np.asarray(value, np.float32) for key, value in values.items()}

    @classmethod
    def load(cls, tensors: Mapping[str, np.ndarray], name: str) -> "Linear":
        """What `tensors` kept."""
        mean, scale, weight, bias = (tensors[f"{name}.{key}"] for key in ("mean", "scale", "weight", "bias"))
        return cls(mean, scale, weight, float(bias[0]))


def expanded(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Features (..., F), standardised and clipped, and their squares less 1: (..., 2 F)."""
    z = np.clip((features - mean) / scale, -FARTHEST, FARTHEST)
    return np.concatenate([z, np.square(z) - 1], -1)
