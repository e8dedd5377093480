"""The dynamics of a face as one code: a variational autoencoder over everything that moves besides pose and gaze.

As in VASA-1 (Xu et al. 2024, section 3.1) facial dynamics are one holistic code, here of 32 numbers whose prior is a
standard normal (Kingma and Welling 2014). The 52 facial actions are read from it (`decode`) and written to it
(`encode`, `write`). It knows nothing of who moves: the same code on two heads is the same expression.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from media.errors import UsageError
from media.threads import one_blas_thread
from media.weights import read_weights

WEIGHTS = Path(__file__).parent / "data" / "dynamics.onnx"
CODE = 32
ACTIONS = len(FACIAL_ACTIONS)
ROWS = 128  # codes that are sought together
STEPS = 12  # of Gauss-Newton, at most
TIE = 1e-4  # squared pull towards the code that the encoder says, against squared errors of actions
SETTLED = 1e-4  # change of every number of a code at which it has arrived


class Dynamics:
    """Reads and writes codes, in numpy: a code takes some microseconds."""

    def __init__(self, weights: Path | str = WEIGHTS) -> None:
        file = read_weights(weights, "dynamics")
        self.card = file.card
        layers = {k: t.astype(np.float64) for k, t in file.tensors().items()}
        self.encoder, self.decoder = (
            [(layers[f"{name}.{i}.weight"], layers[f"{name}.{i}.bias"]) for i in (0, 2, 4)]
            for name in ("encoder", "decoder")
        )

    @classmethod
    @cache
    def load(cls) -> "Dynamics":
        """The code that ships."""
        return cls()

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Codes (..., 32) -> facial actions (..., 52) float32 in [0, 1]."""
        actions: np.ndarray = np.clip(_run(self.decoder, np.asarray(code, np.float64)), 0, 1).astype(np.float32)
        return actions

    def encode(self, actions: np.ndarray, *, exact: bool = True) -> np.ndarray:
        """The codes (..., 32) float32 whose actions come nearest to `actions` (..., 52).

        Args:
            exact: follow the encoder's mean with Gauss-Newton on the decoder. Without it codes are a little less true,
                but change as smoothly as the actions do.
        """
        wanted = np.asarray(actions, np.float64)
        rows = wanted.reshape(-1, ACTIONS)
        if not exact:
            mean = _run(self.encoder, rows)[:, :CODE]
            return mean.reshape(*wanted.shape[:-1], CODE).astype(np.float32)
        with one_blas_thread():  # matrices are small: several threads would wait for one another
            codes = [self._settle(rows[i : i + ROWS]) for i in range(0, len(rows), ROWS)]
        return np.concatenate(codes or [np.zeros((0, CODE))]).reshape(*wanted.shape[:-1], CODE).astype(np.float32)

    def _settle(self, actions: np.ndarray) -> np.ndarray:
        """Codes (N, 32) of actions (N, 52)."""
        anchor = _run(self.encoder, actions)[:, :CODE]
        codes, moving = anchor.copy(), np.arange(len(actions))
        for _ in range(STEPS):
            wanted = actions[moving]
            now, slope = _slope(self.decoder, codes[moving])
            beyond = ((now < 0) & (wanted <= 0)) | ((now > 1) & (wanted >= 1))  # clipped to what is wanted
            error = np.where(beyond, 0, wanted - now)
            slope = np.where(beyond[..., None], 0, slope)
            curved = np.swapaxes(slope, 1, 2)
            pull = (curved @ error[..., None])[..., 0] + TIE * (anchor - codes)[moving]
            step = np.linalg.solve(curved @ slope + TIE * np.eye(CODE), pull[..., None])[..., 0]
            codes[moving] += np.clip(step, -1, 1)
            moving = moving[np.abs(step).max(1) >= SETTLED]
            if not len(moving):
                break
        return codes

    def write(self, code: np.ndarray, actions: Mapping[str, float]) -> np.ndarray:
        """The code (32,) with single facial actions set, for example `{"jawOpen": 0.3}`; the others stay as they are.

        Raises:
            UsageError: a name is not a facial action.
        """
        wanted = self.decode(code)
        for name, value in actions.items():
            wanted[action_index(name)] = value
        return self.encode(wanted)

    def sample(self, rng: np.random.Generator, count: int = 1, *, spread: float = 1.0) -> np.ndarray:
        """Codes (count, 32) from the prior; `spread` below 1 stays nearer to the mean face."""
        return (spread * rng.standard_normal((count, CODE))).astype(np.float32)


def action_index(name: str) -> int:
    """Index of a facial action by its name.

    Raises:
        UsageError: it is not a facial action.
    """
    if name not in ACTION_INDEX:
        raise UsageError(f"'{name}' is not a facial action; see faces.actions.FACIAL_ACTIONS")
    return ACTION_INDEX[name]


Layers = list[tuple[np.ndarray, np.ndarray]]


def _run(layers: Layers, x: np.ndarray) -> np.ndarray:
    for weight, bias in layers[:-1]:
        x = np.tanh(x @ weight.T + bias)
    weight, bias = layers[-1]
    return x @ weight.T + bias


def _slope(layers: Layers, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (N, K) at x (N, M) and their derivatives (N, K, M)."""
    slope = np.eye(x.shape[1])[None]
    for weight, bias in layers[:-1]:
        x = np.tanh(x @ weight.T + bias)
        slope = (1 - x * x)[..., None] * (weight @ slope)
    weight, bias = layers[-1]
    return x @ weight.T + bias, weight @ slope
