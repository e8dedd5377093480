"""The motion network a frame at a time: the arithmetic of `lab.networks.motion.MotionNet`, in numpy.

R rows are computed side by side: everything told, and one row for each condition that guidance leaves out.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numba import njit

from generate.acting import CONDITIONS, TRAITS
from generate.motion.space import OTHER, SOUND
from media.stepping import Constant, Dense, Norm, gelu, normalised, silu

WINDOW = 50  # frames that a layer looks back over
GROUPS = {"sound": SOUND, "gaze": 4, "emotion": CONDITIONS - 3, "manner": 1 + len(TRAITS), "other": OTHER}
"""Conditions that can be left out, each on its own, and how many numbers they are."""
LEVELS = 32  # numbers that tell the flow's time
FINER = 4  # times as many evaluations for a frame in which the eyes jump: where they land hangs on a few of them
EARLIER = 0.7  # exponent of the times of evaluations: steps along the flow are longest at its start, where it is noise


def turning(size: int) -> np.ndarray:
    """Radians a frame by which each pair of `size` numbers turns (Su et al. 2021): (size / 2,) float64."""
    return 1.0 / 2000 ** (np.arange(0, size, 2) / size)


class _Attention:
    """Causal attention that keeps the last keys and values, each in the place of the one that is too old."""

    def __init__(self, weights: Mapping[str, np.ndarray], name: str, heads: int, rates: np.ndarray, rows: int) -> None:
        self._inputs, self._outputs = Dense(weights, f"{name}.inputs"), Dense(weights, f"{name}.outputs")
        self._rates = rates
        self._keys, self._values = np.zeros((2, rows, heads, WINDOW, 2 * len(rates)), np.float32)

    def __call__(self, x: np.ndarray, place: int) -> np.ndarray:
        angles = np.remainder(place * self._rates, 2 * math.pi)
        turn = np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
        return self._outputs(_attend(self._inputs(x), turn, place, self._keys, self._values))

    @property
    def held(self) -> int:
        return self._keys.size + self._values.size


@njit(nogil=True, cache=True, fastmath=True)
def _attend(inputs: np.ndarray, turn: np.ndarray, place: int, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """inputs (R, 3 H D) of frame `place`: query, key and value; turn (2, D / 2) -> (R, H D). Key and value are put
    among those of the frames before (R, H, WINDOW, D), in which places are told by rotation."""
    rows, heads, window, size = keys.shape
    known, now = min(place + 1, window), place % window
    out = np.zeros((rows, heads * size), np.float32)
    query, shares = np.empty(size, np.float32), np.empty(known, np.float32)
    for r in range(rows):
        for h in range(heads):
            at = h * size
            key, value = at + heads * size, at + 2 * heads * size
            for i in range(size // 2):
                cosine, sine = turn[0, i], turn[1, i]
                even, odd = inputs[r, at + 2 * i], inputs[r, at + 2 * i + 1]
                query[2 * i], query[2 * i + 1] = even * cosine - odd * sine, even * sine + odd * cosine
                even, odd = inputs[r, key + 2 * i], inputs[r, key + 2 * i + 1]
                keys[r, h, now, 2 * i] = even * cosine - odd * sine
                keys[r, h, now, 2 * i + 1] = even * sine + odd * cosine
            for i in range(size):
                values[r, h, now, i] = inputs[r, value + i]
            most = np.float32(-np.inf)
            for k in range(known):
                score = np.float32(0)
                for i in range(size):
                    score += query[i] * keys[r, h, k, i]
                shares[k] = score / np.float32(math.sqrt(size))
                most = max(most, shares[k])
            total = np.float32(0)
            for k in range(known):
                shares[k] = np.exp(shares[k] - most)
                total += shares[k]
            for k in range(known):
                for i in range(size):
                    out[r, at + i] += shares[k] / total * values[r, h, k, i]
    return out


class SteppingMotion:
    """What `MotionNet` answers frame after frame. Holds the state of one performance.

    Args:
        weights: tensors of the network by name, float32.
        config: its `heads`, `layers` and `blocks`.
        left_out: for each row after the first, the condition that it is not told.
    """

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        config: Mapping[str, int],
        left_out: Sequence[str],
        evaluations: int,
    ) -> None:
        w = weights
        rows = 1 + len(left_out)
        rates = turning(len(w["past.bias"]) // config["heads"])
        self._past = Dense(w, "past")
        self._told = {name: Dense(w, f"told.{name}") for name in GROUPS}
        self._untold = {name: w[f"untold.{name}"] for name in GROUPS}
        self._missing = {name: [1 + i for i, out in enumerate(left_out) if out == name] for name in GROUPS}
        self._layers = [
            (
                Norm(w, f"layers.{i}.before"),
                _Attention(w, f"layers.{i}.attention", config["heads"], rates, rows),
                Norm(w, f"layers.{i}.between"),
                Dense(w, f"layers.{i}.mix.0"),
                Dense(w, f"layers.{i}.mix.2"),
            )
            for i in range(config["layers"])
        ]
        self._norm = Norm(w, "norm")
        self._event, self._happening = Dense(w, "event"), w["happening"]
        self._flow = _Flow(w, config["blocks"], evaluations)
        self._jumping = _Flow(w, config["blocks"], FINER * evaluations)
        self._rows, self._place = rows, 0

    def context(self, past: np.ndarray, told: Mapping[str, np.ndarray]) -> np.ndarray:
        """past (R, PAST) and the conditions of this frame, each (n,) -> what the head is told, (R, width)."""
        x = self._past(past)
        for name, layer in self._told.items():
            value = np.repeat(layer(told[name][None]), self._rows, 0)
            value[self._missing[name]] = self._untold[name]
            x += value
        for before, attention, between, inner, outer in self._layers:
            x = x + attention(before(x), self._place)
            x = x + outer(gelu(inner(between(x))))
        self._place += 1
        return self._norm(x)

    def chances(self, context: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """context (R, width), the weight of each row (R,) -> the chance of each kind of frame (EVENTS,)."""
        logits = weights @ self._event(context)
        chances = np.exp(logits - logits.max())
        shares: np.ndarray = chances / chances.sum()
        return shares

    def draw(self, noise: np.ndarray, event: int, context: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """noise (M,), what happens, context (R, width), the weight of each row (R,) -> what `Steps` reads (M,)."""
        flow = self._jumping if event % 2 else self._flow
        return flow.draw(noise, context + self._happening[event], weights)

    @property
    def held(self) -> int:
        """Numbers remembered."""
        return sum(attention.held for _, attention, *_ in self._layers)


def times(evaluations: int) -> np.ndarray:
    """When along the flow it is evaluated, from 0 on, and its end, 1: (evaluations + 1,)."""
    return (np.arange(evaluations + 1) / evaluations) ** EARLIER


def follow(end: Callable[[int, np.ndarray], np.ndarray], noise: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Follows a flow from noise (M,) at time 0 to what is drawn (M,) at time 1.

    The end of the flow as it is told on the way is carried on from the evaluation before to the middle of each step
    (Adams and Bashforth's rule of second order), at no evaluation more. Plain steps of Euler's rule pull what is drawn
    towards its mean: of a normal distribution of 0.3 to 1.5, five keep 0.67 to 0.77 of the deviation, these 0.87 to
    0.97.

    Args:
        end: evaluation i and where the flow is (M,) -> where it will end, as far as can be told from there.
        at: times of the evaluations, and 1, see `times`.
    """
    x = before = noise
    for i, length in enumerate(np.diff(at)):
        told = end(i, x)
        ahead = (told - before) * (length / (2 * (at[i] - at[i - 1]))) if i else 0.0
        x = x + (told + ahead - x) * (length / (1 - at[i]))
        before = told
    return x.astype(np.float32)


class _Flow(Constant):
    """The flow head, its levels of noise known beforehand."""

    def __init__(self, weights: Mapping[str, np.ndarray], blocks: int, evaluations: int) -> None:
        self._inputs, self._context = Dense(weights, "flow.inputs"), Dense(weights, "flow.context")
        self._blocks = [
            (
                Dense(weights, f"flow.shapes.{i}"),
                Dense(weights, f"flow.mixes.{i}.0"),
                Dense(weights, f"flow.mixes.{i}.2"),
            )
            for i in range(blocks)
        ]
        self._last, self._outputs = Dense(weights, "flow.last"), Dense(weights, "flow.outputs")
        waves = np.exp(np.linspace(0, math.log(200), LEVELS // 2))
        self._times = times(evaluations)
        angles = self._times[:-1, None] * waves
        self._levels = Dense(weights, "flow.level")(
            np.concatenate([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
        )

    def draw(self, noise: np.ndarray, context: np.ndarray, weights: np.ndarray) -> np.ndarray:
        rows, count = len(context), len(self._levels)
        told = silu(self._context(context) + self._levels[:, None])  # (count, R, width): what each evaluation is told
        told = told.reshape(count * rows, -1)
        shapes = [shape(told).reshape(count, rows, 3, -1) for shape, _, _ in self._blocks]
        lasts = self._last(told).reshape(count, rows, 2, -1)
        for scales in (*shapes, lasts):
            scales[:, :, 0] += 1

        def end(i: int, drawn: np.ndarray) -> np.ndarray:
            x = self._inputs(drawn[None])
            for shape, (_, inner, outer) in zip(shapes, self._blocks, strict=True):
                scale, shift, gate = shape[i, :, 0], shape[i, :, 1], shape[i, :, 2]
                x = x + gate * outer(gelu(inner(normalised(x, scale, shift))))
            y: np.ndarray = weights @ self._outputs(normalised(x, lasts[i, :, 0], lasts[i, :, 1]))
            return y

        return follow(end, noise, self._times)
