"""Small networks one moment at a time, in numpy.

A frame of speech or motion is so little arithmetic that calling torch costs ten times what computing does. Layers here
take rows (n, inputs) of float32 and carry what they remember; they agree with the torch modules they are made from to
float precision. Moments are never grouped, so it does not matter in which pieces they come.
"""

import copy
from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from scipy.special import erf

Weights = Mapping[str, np.ndarray]


def weights_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """The tensors of a module by name, float32."""
    return {name: np.ascontiguousarray(t.detach().float().numpy()) for name, t in module.state_dict().items()}


def gelu(x: np.ndarray) -> np.ndarray:
    """As torch has it by default: x times the normal distribution's cumulative function."""
    return np.float32(0.5) * x * (np.float32(1) + erf(x * np.float32(np.sqrt(0.5))))


def silu(x: np.ndarray) -> np.ndarray:
    """x times the logistic function of x."""
    return x / (np.float32(1) + np.exp(-x))


def normalised(x: np.ndarray) -> np.ndarray:
    """Rows to zero mean and unit deviation, as LayerNorm does before its own scale."""
    share = np.float32(1 / x.shape[-1])
    x = x - np.add.reduce(x, -1, keepdims=True) * share
    return x / np.sqrt(np.einsum("...i,...i->...", x, x)[..., None] * share + np.float32(1e-5))


class Constant:
    """What never changes once made: copies of what holds it share it."""

    def __deepcopy__(self, memo: dict) -> Self:
        return self


class Memory:
    """What replaces what it remembers and never writes into it: a copy is another memory of the same past."""

    def __deepcopy__(self, memo: dict) -> Self:
        return copy.copy(self)


class Norm(Constant):
    """LayerNorm."""

    def __init__(self, weights: Weights, name: str) -> None:
        self._scale, self._shift = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return normalised(x) * self._scale + self._shift


class Dense(Constant):
    """Linear, or a convolution of one sample."""

    def __init__(self, weights: Weights, name: str) -> None:
        matrix = weights[f"{name}.weight"]
        self._matrix = np.ascontiguousarray(matrix.reshape(len(matrix), -1).T)
        self._bias = weights[f"{name}.bias"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self._matrix + self._bias


class PastConv(Memory):
    """A causal convolution over rows of time that remembers the rows it still needs."""

    def __init__(self, weights: Weights, name: str, *, stride: int = 1, dilation: int = 1) -> None:
        kernel = weights[f"{name}.weight"]  # (outputs, inputs, k)
        outputs, inputs, size = kernel.shape
        self._matrix = np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(size * inputs, outputs))
        self._bias = weights[f"{name}.bias"]
        self._taps = np.arange(size) * dilation
        self._stride = stride
        self._past = np.zeros(((size - 1) * dilation - (stride - 1), inputs), np.float32)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n, inputs) -> (n / stride, outputs), n a multiple of the stride."""
        rows = np.concatenate([self._past, x])
        self._past = rows[len(rows) - len(self._past) :]
        firsts = np.arange(0, len(x), self._stride)
        seen = rows[firsts[:, None] + self._taps]
        return seen.reshape(len(firsts), -1) @ self._matrix + self._bias

    @property
    def held(self) -> int:
        """Numbers remembered."""
        return self._past.size
