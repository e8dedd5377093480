"""How heads move in talk: they turn between phrases, sway, and nod and shake with what is stressed.

Filmed people who are free to move (news, interviews) deviate by 3.8, 4.2 and 2.6 degrees in yaw, pitch and roll and
move at 11, 16 and 6 degrees a second; people told to hold still by a quarter of it. The constants here were set so that
performances show the former at intensity 1 (`vasari bench motion` prints both). What heads do when:

- Slow sway under 1.8 Hz and nods between 1.8 and 3.7 Hz (Hadar et al. 1983).
- Rotation follows the voice's energy and pitch (Munhall et al. 2004, Busso et al. 2007).
- Heads are held anew where a phrase begins, and at rest in between (Hadar et al. 1984; Graf et al. 2002).
- Large gaze shifts recruit the head (Stahl 1999).
"""

import math

import numpy as np

from generate.acting import Style
from generate.acting.placement import DT, spring

HELD = np.radians([3.0, 2.9, 2.0])  # standard deviation of where the head is held in a phrase: yaw, pitch, roll
SWAY = np.radians([3.9, 5.0, 2.0])  # of what it sways to while speaking
PLACED, DRIFT = np.array([0.040, 0.022, 0.050]), np.array([0.014, 0.012, 0.012])  # likewise of its place, head widths
NOD = np.radians(2.6)  # mean size of a nod on a stressed syllable
QUIET = 0.30  # share of the sway that is left while nobody speaks
LEAN = 0.22  # share of the way that the head goes with the eyes
PAUSE = 0.22  # seconds of silence after which another phrase begins


class HeadMotion:
    """Rotation and translation of a head, one frame at a time.

    Args:
        rng: draws.
        style: how this person moves.
    """

    def __init__(self, rng: np.random.Generator, style: Style) -> None:
        self._rng, self._style = rng, style
        self._held, self._sway, self._nod = spring(0.75, 3), spring(1.3, 3), spring(2.2, 3)
        self._place, self._drift, self._lean = spring(0.45, 3), spring(0.6, 3), spring(1.1, 2)
        self._hold, self._at, self._hold_left = np.zeros(3), np.zeros(3), 1.0
        self._to, self._beside, self._sway_left = np.zeros(3), np.zeros(3), 0.0
        self._pushes: list[tuple[float, np.ndarray]] = []  # of nods under way: seconds left, where to
        self._rest, self._silent, self._time = 0.0, 1.0, 0.0
        self._breath = rng.uniform(0, 2 * math.pi)

    def step(
        self, activity: float, emphasis: float, target: np.ndarray, lively: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Voice activity and emphasis in [0, 1], where the eyes look (2,) radians, liveliness (1 is usual) -> rotation
        (3,) radians and translation (3,) head widths."""
        self._time += DT
        self._rest += DT
        self._phrase(activity)
        self._sway_left -= DT
        if self._sway_left <= 0:
            self._sway_left = 0.16 + float(self._rng.exponential(0.34))
            self._to = self._rng.normal(0, SWAY) - 0.35 * self._to
            self._beside = self._rng.normal(0, DRIFT)
        if emphasis > 0.12 and self._rest > 0.35:
            self._stress(emphasis)
        share = QUIET + (1 - QUIET) * activity
        sway = self._style.times("sway") * (self._held.step(self._hold) + share * self._sway.step(self._to))
        rotation = sway + self._style.times("nod") * self._nod.step(self._pushed())
        breath = math.sin(2 * math.pi * 0.25 * self._time + self._breath) * min(1.0, self._time)
        rotation = lively * (rotation + np.array([0, math.radians(0.3) * breath, 0]))
        rotation[:2] += min(lively, 1.0) * self._lean.step(LEAN * target)
        moved = self._place.step(self._at) + share * self._drift.step(self._beside)
        moved = moved + np.array([0.012 * rotation[0], 0.004 * breath, 0])
        return rotation, moved * min(lively, 1.5)

    def hold(self, amount: float = 1.0) -> None:
        """Hold the head anew."""
        self._hold = amount * self._rng.normal(0, HELD) - 0.15 * self._hold
        self._at = amount * self._rng.normal(0, PLACED)
        self._hold_left = 1.2 + float(self._rng.exponential(2.2))

    def nod(self, size: float, count: int = 1) -> None:
        """Nod by `size` radians, `count` times."""
        for k in range(count):
            self._pushes.append((0.20 + 0.42 * k, 0.7**k * size * np.array([0.0, 1.0, 0.0])))
        self._rest = 0.0

    def _phrase(self, activity: float) -> None:
        """Holds the head anew where a phrase begins and now and then in long ones; less while nobody speaks."""
        begins = activity > 0.3 and self._silent > PAUSE
        self._silent = 0.0 if activity > 0.3 else self._silent + DT
        self._hold_left -= DT * (1.0 if activity > 0.3 else 0.5)
        if (begins and self._rng.random() < 0.7) or self._hold_left <= 0:
            self.hold(1.0 if activity > 0.3 else 0.6)

    def _pushed(self) -> np.ndarray:
        """Where the nods under way push to."""
        self._pushes = [(left - DT, to) for left, to in self._pushes if left > 0]
        pushed = np.zeros(3)
        for left, to in self._pushes:
            pushed += to * (left < 0.21)
        return pushed

    def _stress(self, emphasis: float) -> None:
        """Answer an emphasis with a nod, mostly down, now and then with a toss or a shake."""
        if self._rng.random() < 0.75:
            self._rest = 0.0
            size = NOD * self._rng.gamma(3.0, 0.6) * (0.5 + emphasis)
            down = self._rng.choice([1.0, -0.7], p=[0.72, 0.28])
            to = size * np.array([self._rng.normal(0, 0.55), down, self._rng.normal(0, 0.3)])
            self._pushes.append((0.20, to))
