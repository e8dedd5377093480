"""Logistic regression that ships as plain numbers: fitted by scikit-learn, applied by NumPy, kept in safetensors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

FARTHEST = 4.0  # deviations at which features are clipped: what was never seen must not shout


@dataclass(frozen=True)
class Linear:
    """Standardised, clipped features and their squares -> logit."""

    mean: np.ndarray  # (F,)
    scale: np.ndarray  # (F,)
    weight: np.ndarray  # (2 F,): of the features, of their squares
    bias: float

    @classmethod
    def fit(cls, features: np.ndarray, made: np.ndarray, *, strength: float = 0.02) -> "Linear":
        """Fit to features (N, F) and labels (N,) bool; both classes weigh the same. `strength` is sklearn's C."""
        from sklearn.linear_model import LogisticRegression

        mean, scale = features.mean(0), features.std(0) + 1e-6
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
        model.fit(_expanded(features, mean, scale), made)
        return cls(mean, scale, model.coef_[0], float(model.intercept_[0]))

    @classmethod
    def silent(cls, count: int) -> "Linear":
        """One of `count` features that says nothing: there was nothing to learn from."""
        return cls(np.zeros(count), np.ones(count), np.zeros(2 * count), 0.0)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(..., F) -> logits (...)."""
        return _expanded(features, self.mean, self.scale) @ self.weight + self.bias

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """What is kept of it, by "name.field"."""
        values = {"mean": self.mean, "scale": self.scale, "weight": self.weight, "bias": np.array([self.bias])}
        return {f"{name}.{key}": torch.from_numpy(np.asarray(value, np.float32)) for key, value in values.items()}

    @classmethod
    def load(cls, tensors: Mapping[str, torch.Tensor], name: str) -> "Linear":
        """What `tensors` kept."""
        mean, scale, weight, bias = (tensors[f"{name}.{key}"].numpy() for key in ("mean", "scale", "weight", "bias"))
        return cls(mean, scale, weight, float(bias[0]))


def _expanded(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    z = np.clip((features - mean) / scale, -FARTHEST, FARTHEST)
    return np.concatenate([z, np.square(z) - 1], -1)
