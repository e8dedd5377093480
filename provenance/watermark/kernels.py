"""Loops of the marks that are compiled; imported where they run, since the compiler takes a quarter of a second."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def around(soft: np.ndarray, before: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """`provenance.watermark.code.viterbi` for a trellis: states before each state, and signs of the bits on the way."""
    n, states = len(soft), len(before)
    metric, following = np.zeros(states), np.zeros(states)
    choices = np.zeros((3 * n, states), np.uint8)
    for step in range(3 * n):
        value = soft[step % n]
        most = -np.inf
        for state in range(states):
            first, second = metric[before[state, 0]], metric[before[state, 1]]
            for k in range(len(value)):
                first += signs[state, 0, k] * value[k]
                second += signs[state, 1, k] * value[k]
            choices[step, state] = second > first
            following[state] = max(first, second)
            most = max(most, following[state])
        for state in range(states):
            metric[state] = following[state] - most
    state = int(metric.argmax())
    bits = np.zeros(n, np.int64)
    newest = states // 2
    for step in range(3 * n - 1, n - 1, -1):
        if step < 2 * n:
            bits[step - n] = 1 if state >= newest else 0
        state = before[state, choices[step, state]]
    return bits


@njit(nogil=True, cache=True)
def fold(fine: np.ndarray, speeds: np.ndarray, start: int, length: int, folded: np.ndarray, oversampled: int) -> None:
    """Read `length` samples of oversampled sound from `start` on back at each speed, and add them to `folded`
    (speeds, period) modulo the period. What lies `n` samples after `start` is taken `n / speed` after it."""
    period = folded.shape[1]
    last = min(start + length, len(fine)) - 1
    for row in range(len(speeds)):
        step = oversampled / speeds[row]
        at, into = float(start), 0
        count = int((last - start) / step)
        for _ in range(count):
            whole = int(at)
            part = np.float32(at - whole)
            folded[row, into] += fine[whole] + part * (fine[whole + 1] - fine[whole])
            at += step
            into += 1
            if into == period:
                into = 0


@njit(nogil=True, cache=True)
def lay(field: np.ndarray, back: np.ndarray, width: int, height: int, canvas: np.ndarray) -> None:
    """Add what a field (h + 2, w + 2, 2), with a border of zeros about it, has under the pixels of a plane of `width`
    by `height` to a canvas (2, side, side) with which the plane is tiled: read by straight lines at `back` (2, 3) of
    each pixel, rounded to 1/32 of a pixel just as OpenCV's `warpAffine` rounds it."""
    rows, columns, side = field.shape[0] - 2, field.shape[1] - 2, canvas.shape[1]
    u_step = np.empty(width, np.int64)
    v_step = np.empty(width, np.int64)
    for x in range(width):
        u_step[x], v_step[x] = np.rint(back[0, 0] * x * 1024), np.rint(back[1, 0] * x * 1024)
    for y in range(height):
        u_start = np.int64(np.rint((back[0, 1] * y + back[0, 2]) * 1024)) + 16
        v_start = np.int64(np.rint((back[1, 1] * y + back[1, 2]) * 1024)) + 16
        down = y % side
        for x in range(width):
            u, v = (u_start + u_step[x]) >> 5, (v_start + v_step[x]) >> 5
            left, top = (u >> 5) + 1, (v >> 5) + 1
            if left < 0 or left > columns or top < 0 or top > rows:
                continue
            right, under = np.float32(u & 31) * np.float32(1 / 32), np.float32(v & 31) * np.float32(1 / 32)
            across = x % side
            for plane in range(2):
                above, below = field[top, left, plane], field[top + 1, left, plane]
                above += right * (field[top, left + 1, plane] - above)
                below += right * (field[top + 1, left + 1, plane] - below)
                canvas[plane, down, across] += above + under * (below - above)
