"""Steady landmarks without lag.

Jitter and motion are told apart by how large the innovation (new reading minus old estimate) is against the noise that
the readings themselves show: small innovations are averaged over many frames, large ones are followed at once. This is
the idea of the one-euro filter (Casiez et al. 2012) with the innovation in the place of the low-passed speed, so that
nothing has to speed up before the filter opens; it is opened for a point by what its neighbours do too.

A face is filtered in two layers: its placement (a similarity of the plane, for all points together) and its shape in
that placement's frame. A still mouth in a moving head stays still.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from faces.actions import TOLD
from faces.fit import at_mesh
from faces.head import load_head
from faces.landmarks import OUTER_EYES, Closeup

STILLEST = 0.035  # share of an innovation that is followed when it is far below the noise
OPENING = 4.5  # innovation, in units of the noise, at which the filter is half open
NOISE_START = 1.5e-3  # of the outer eyes' distance: noise before any was seen
NOISE_LEAST, NOISE_MOST = 2e-4, 4e-3
MEMORY = 24  # frames that the noise is estimated over
ACTIONS = 0.1  # of an action at full strength: the same
ANGLES = 0.25  # of a radian: what is as large to these filters as the distance of the outer eyes
REACH = 0.22  # units of the head over which points open each other's filters


class Adaptive:
    """Filters a state of N vectors (N, D); each opens by its own innovation and by those of its neighbours.

    Args:
        mixing: (N, N) rows that sum to 1: whose innovations count for whom.
    """

    def __init__(self, mixing: np.ndarray) -> None:
        self.mixing = mixing.astype(np.float32)
        self.state: np.ndarray | None = None
        self.recent: list[np.ndarray] = []  # the last two readings
        self.rough: list[np.ndarray] = []  # squared second differences (N,), the last MEMORY

    def step(self, reading: np.ndarray) -> np.ndarray:
        """Take in a reading (N, D), give the estimate (N, D)."""
        if self.state is None:
            self.state = reading.copy()
        noise = self._noise(reading)
        innovation = reading - self.state
        u2 = self.mixing @ np.square(innovation).sum(1) / np.square(noise)
        opened = u2 * u2 / (u2 * u2 + OPENING**4)
        gain = STILLEST + (1 - STILLEST) * opened
        self.state = self.state + gain[:, None] * innovation
        return self.state

    def _noise(self, reading: np.ndarray) -> np.ndarray:
        """Standard deviation (N,) of the readings' noise: from second differences, of which smooth motion has little;
        their lower half over the last frames, so that a gesture does not count as noise."""
        if len(self.recent) == 2:
            second = np.square(reading - 2 * self.recent[1] + self.recent[0]).sum(1) / 6
            self.rough = [*self.rough[1 - MEMORY :], self.mixing @ second]
        self.recent = [*self.recent[-1:], reading.copy()]
        if len(self.rough) < 4:
            return np.full(len(reading), NOISE_START, np.float32)
        typical = np.sqrt(np.quantile(np.stack(self.rough), 0.4, axis=0) * 1.3)
        noise: np.ndarray = np.clip(typical, NOISE_LEAST, NOISE_MOST)
        return noise


@cache
def _neighbours() -> np.ndarray:
    """(478, 478) Gaussian weights of mesh points for each other by distance on the mean face; rows sum to 1."""
    mean = at_mesh(load_head().mean)
    eyes = load_head().eye_mean
    points = np.vstack([mean, np.repeat(eyes, 5, axis=0)])  # right eye first, as in the mesh
    weights = np.exp(-0.5 * np.square(points[:, None] - points[None]).sum(-1) / REACH**2)
    weights[:468, 468:], weights[468:, :468] = 0, 0  # eyes move under still lids
    shares: np.ndarray = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return shares


class Smoother:
    """Smooths the mesh points of one face through a video, frame by frame."""

    def __init__(self) -> None:
        self.placement = Adaptive(np.ones((1, 1)))
        self.shape = Adaptive(_neighbours())
        self.reference: np.ndarray | None = None  # (478, 2) shape that placements are measured against
        self.unit = 1.0  # pixels: outer eyes' distance when the face was first seen

    def step(self, points: np.ndarray) -> np.ndarray:
        """Mesh points (478, 2) as read, pixels -> smoothed, pixels."""
        points = points.astype(np.float64)
        if self.reference is None:
            eyes = points[list(OUTER_EYES)]
            self.unit = max(float(np.linalg.norm(eyes[1] - eyes[0])), 1e-3)
            self.reference = (points - points[:468].mean(0)) / self.unit
        linear, shift = similarity(self.reference[:468], points[:468] / self.unit)
        scale = float(np.hypot(linear[0, 0], linear[1, 0]))
        place = np.array([[*shift, np.log(scale), np.arctan2(linear[1, 0], linear[0, 0])]])
        place[0, 3] = self._unwound(place[0, 3])
        own = np.linalg.solve(linear, (points / self.unit - shift).T).T
        shape = self.shape.step(own)
        x, y, log_scale, angle = self.placement.step(place)[0]
        c, s = np.exp(log_scale) * np.cos(angle), np.exp(log_scale) * np.sin(angle)
        placed = shape @ np.array([[c, s], [-s, c]]) + (x, y)
        pixels: np.ndarray = (placed * self.unit).astype(np.float32)
        return pixels

    def _unwound(self, angle: float) -> float:
        """The angle by whole turns next to the last one."""
        if self.placement.state is None:
            return float(angle)
        last = float(self.placement.state[0, 3])
        return last + float((angle - last + np.pi) % (2 * np.pi) - np.pi)


class CloseupSmoother:
    """Smooths what is seen of turn, gaze and actions of one face through a video, frame by frame."""

    def __init__(self) -> None:
        self.turn = Adaptive(np.ones((1, 1)))
        self.gaze = Adaptive(np.full((2, 2), 0.5))  # eyes move together
        self.actions = Adaptive(np.eye(len(TOLD)))

    def step(self, closeup: Closeup | None) -> Closeup | None:
        """The estimate after one more frame; of a frame without a second look, none."""
        if closeup is None:
            return None
        columns = self.turn.step(ANGLES * closeup.rotation.reshape(1, 9)).reshape(3, 3)
        gaze = self.gaze.step(ANGLES * closeup.gaze.astype(np.float64)) / ANGLES
        actions = self.actions.step(ACTIONS * closeup.actions.astype(np.float64)[:, None])[:, 0] / ACTIONS
        return replace(
            closeup,
            rotation=_nearest_rotation(columns),
            gaze=gaze.astype(np.float32),
            actions=actions.astype(np.float32),
        )


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    u, _, vt = np.linalg.svd(matrix)
    rotation: np.ndarray = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares similarity that takes points (N, 2) to others: linear part (2, 2) and shift (2,)."""
    middle, there = source.mean(0), target.mean(0)
    a, b = source - middle, target - there
    size = max(float(np.square(a).sum()), 1e-12)
    c, s = float((a * b).sum()) / size, float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    if np.hypot(c, s) < 1e-6:
        c, s = 1e-6, 0.0
    linear = np.array([[c, -s], [s, c]])
    return linear, there - linear @ middle


def smooth_run(points: np.ndarray) -> np.ndarray:
    """Smooth the mesh points of one face over consecutive frames (T, 478, 2) with past and future: the mean of a run
    forwards and a run backwards, so that what lags in one leads in the other."""
    forward, backward = Smoother(), Smoother()
    ahead = np.stack([forward.step(p) for p in points])
    back = np.stack([backward.step(p) for p in points[::-1]])[::-1]
    steady: np.ndarray = ((ahead + back) / 2).astype(np.float32)
    return steady


def smooth_closeups(closeups: Sequence[Closeup | None]) -> list[Closeup | None]:
    """What was seen of turn, gaze and actions over consecutive frames, smoothed as by `smooth_run`."""
    forward, backward = CloseupSmoother(), CloseupSmoother()
    ahead = [forward.step(c) for c in closeups]
    back = [backward.step(c) for c in closeups[::-1]][::-1]
    return [
        None
        if a is None or b is None
        else replace(
            a,
            rotation=_nearest_rotation(a.rotation + b.rotation),
            gaze=(a.gaze + b.gaze) / 2,
            actions=(a.actions + b.actions) / 2,
        )
        for a, b in zip(ahead, back, strict=True)
    ]


class Crop:
    """Where the next frame is read: follows the face with a dead zone, so that jitter does not move the crop, and
    what the crop adds to the reading stays the same while the face is still."""

    LOOSE = np.array([0.025, 0.025, 0.04, 0.05])  # of the crop's side (shifts), of its log size, radians

    def __init__(self, side: int, scale: float) -> None:
        self.side, self.scale = side, scale
        self.at: np.ndarray | None = None  # x, y (pixels), log of the side (pixels), angle

    def follow(self, points: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Crop matrix (2, 3) for the next frame, from smoothed mesh points (478, 2) and how far they are expected to
        move (2,), pixels."""
        wanted = _crop_of(points + ahead, self.scale)
        if self.at is None:
            self.at = wanted
        else:
            gap = wanted - self.at
            gap[3] = (gap[3] + np.pi) % (2 * np.pi) - np.pi
            loose = self.LOOSE * np.array([*np.repeat(np.exp(self.at[2]), 2), 1, 1])
            self.at = self.at + gap * np.clip(1 - loose / np.maximum(np.abs(gap), 1e-9), 0, 1)
        x, y, log_side, angle = self.at
        zoom = self.side / np.exp(log_side)
        c, s = zoom * np.cos(angle), zoom * np.sin(angle)
        half = (self.side - 1) / 2
        return np.array([[c, s, half - c * x - s * y], [-s, c, half + s * x - c * y]])


def _crop_of(points: np.ndarray, scale: float) -> np.ndarray:
    right, left = points[OUTER_EYES[0]], points[OUTER_EYES[1]]
    angle = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = points @ rotation.T
    low, high = turned.min(0), turned.max(0)
    middle = rotation.T @ ((low + high) / 2)
    return np.array([*middle, np.log(max(scale * float((high - low).max()), 1e-3)), angle])
