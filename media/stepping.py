"""Small networks one moment at a time, in numpy.

A frame of speech or motion is so little arithmetic that numpy is quicker than OpenVINO (motion 2.1 ms against 3.2 on
one thread of an AMD EPYC, speech 0.46 against 0.76), and what is remembered can be copied in microseconds. Layers here
take rows (n, inputs) of float32 and carry what they remember; they agree with the torch modules they are made from to
float precision. Moments are never grouped, so it does not matter in which pieces they come.
"""

import copy
from collections.abc import Mapping
from typing import Self

import numpy as np
from numba import njit

Weights = Mapping[str, np.ndarray]


def gelu(x: np.ndarray) -> np.ndarray:
    """As torch has it by default: x times the normal distribution's cumulative function."""
    return _gelu(x.reshape(-1)).reshape(x.shape)


def silu(x: np.ndarray) -> np.ndarray:
    """x times the logistic function of x."""
    y: np.ndarray = x / (np.float32(1) + np.exp(-x))
    return y


def normalised(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Rows (n, inputs) to zero mean and unit deviation, as LayerNorm does, times `scale`, plus `shift`. All are
    (n, inputs); one row of any of them is one for all."""
    return _normalised(x, scale, shift)


# Compiled: each would be three to ten calls of numpy, which cost more than the arithmetic and hold the interpreter's
# lock, for which the threads that draw are waiting.
@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _gelu(x: np.ndarray) -> np.ndarray:
    """With the error function as a quotient of two polynomials (that of the Eigen library); what comes out is within
    1e-6. Nothing in the loop calls, branches or may fail, so it becomes vectors: ten times as fast as `math.erf`."""
    out = np.empty_like(x)
    most, half, one, root = np.float32(3.8325068), np.float32(0.5), np.float32(1), np.float32(0.70710678)
    a0, a1, a2 = np.float32(-2.72614226e-10), np.float32(2.77068142e-08), np.float32(-2.10102402e-06)
    a3, a4 = np.float32(-5.69250639e-05), np.float32(-7.34990630e-04)
    a5, a6 = np.float32(-2.95459981e-03), np.float32(-1.60960333e-02)
    b0, b1, b2 = np.float32(-1.45660718e-05), np.float32(-2.13374055e-04), np.float32(-1.68282697e-03)
    b3, b4 = np.float32(-7.37332917e-03), np.float32(-1.42647390e-02)
    for i in range(len(x)):
        z = x[i] * root
        z = most if z > most else z
        z = -most if z < -most else z
        t = z * z
        over = ((((((a0 * t + a1) * t + a2) * t + a3) * t + a4) * t + a5) * t + a6) * z
        under = (((b0 * t + b1) * t + b2) * t + b3) * t + b4
        out[i] = half * x[i] * (one + over / under)
    return out


@njit(nogil=True, cache=True, fastmath=True)
def _normalised(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    inputs, share = x.shape[1], np.float32(1 / x.shape[1])
    out = np.empty((max(len(x), len(scale)), inputs), np.float32)
    for r in range(len(out)):
        row, at = x[min(r, len(x) - 1)], min(r, len(scale) - 1)
        mean, spread = np.float32(0), np.float32(0)
        for i in range(inputs):
            mean += row[i]
        mean *= share
        for i in range(inputs):
            spread += (row[i] - mean) * (row[i] - mean)
        spread = np.float32(1) / np.sqrt(spread * share + np.float32(1e-5))
        for i in range(inputs):
            out[r, i] = (row[i] - mean) * spread * scale[at, i] + shift[at, i]
    return out


class Constant:
    """What never changes once made: copies of what holds it share it."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


class Memory:
    """What replaces what it remembers and never writes into it: a copy is another memory of the same past."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return copy.copy(self)


class Norm(Constant):
    """LayerNorm."""

    def __init__(self, weights: Weights, name: str) -> None:
        self._scale, self._shift = weights[f"{name}.weight"][None], weights[f"{name}.bias"][None]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return normalised(x, self._scale, self._shift)


class Dense(Constant):
    """Linear, or a convolution of one sample."""

    def __init__(self, weights: Weights, name: str) -> None:
        matrix = weights[f"{name}.weight"]
        self._matrix = np.ascontiguousarray(matrix.reshape(len(matrix), -1).T)
        self._bias = weights[f"{name}.bias"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y: np.ndarray = x @ self._matrix + self._bias
        return y


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
        y: np.ndarray = seen.reshape(len(firsts), -1) @ self._matrix + self._bias
        return y

    @property
    def held(self) -> int:
        """Numbers remembered."""
        return self._past.size
