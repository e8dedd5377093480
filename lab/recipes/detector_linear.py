"""Fits the linear parts of the detector."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from detect.linear import Linear, expanded


def fit_linear(features: np.ndarray, made: np.ndarray, *, strength: float = 0.02) -> Linear:
    """Fit to features (N, F) and labels (N,) bool; both classes weigh the same. `strength` is sklearn's C."""
    mean, scale = features.mean(0), features.std(0) + 1e-6
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
    model.fit(expanded(features, mean, scale), made)
    return Linear(mean, scale, model.coef_[0], float(model.intercept_[0]))
