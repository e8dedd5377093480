"""Where eyes look, when lids blink and how wide they stand: a seeded process, frame by frame.

- Gaze: Lee, Badler and Badler (2002), "Eyes Alive": when speaking, eye contact lasts 93.9 +- 94.9 and looking away
  27.8 +- 24.0 frames at 30 a second, when not, 237.5 +- 47.1 and 13.0 +- 7.1; saccade magnitude A follows
  15.7 exp(-A / 6.9) %, eight directions with the shares of `DIRECTIONS`, duration 25 ms + 2.4 ms a degree. Magnitudes
  are cut at 14 degrees here (27.5 and 22.7 there): a face in a small picture that looks further away seems to have
  lost its listener.
- Blinks: 17 a minute at rest and 26 in conversation (Bentivoglio et al. 1997); lids fall faster than they rise
  (VanderWerf et al. 2003); they cluster at large gaze shifts (Evinger et al. 1994) and at pauses of speech (Nakano and
  Kitazawa 2010).
- Lids stand wider and narrower as attention comes and goes; amounts are ours, set by what filmed people show.
"""

import math

import numpy as np

from generate.acting import Style
from generate.acting.placement import DT, spring

DIRECTIONS = np.array([15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79])  # % at 0, 45, ... degrees, 90 = up
CONTACT = {True: (93.9 / 30, 94.9 / 30), False: (237.5 / 30, 47.1 / 30)}  # seconds: mean, deviation, by speaking
AWAY = {True: (27.8 / 30, 24.0 / 30), False: (13.0 / 30, 7.1 / 30)}
LARGEST = 14.0  # degrees
BLINK = (0.35, 1.0, 0.9, 0.62, 0.36, 0.17, 0.06)  # lid closure at 25 frames a second: 80 ms down, 200 ms up
STEADY = math.radians(1.0)  # a change of where to look by less than this is not looked at
BLINKS = {True: 21.0 / 60, False: 12.0 / 60}  # a second, by speaking; pauses and gaze shifts bring 26 and 17 a minute
LIDS = 0.32  # deviation of how wide the lids stand: eyeWide above 0, eyeSquint below


class Eyes:
    """Gaze, blinks and lids, one frame at a time.

    Args:
        rng: draws.
        style: how this person moves.
        gaze: where the eyes rest at the start, yaw and pitch in radians.
    """

    def __init__(self, rng: np.random.Generator, style: Style, gaze: tuple[float, float]) -> None:
        self._rng, self._style = rng, style
        self.aim = np.asarray(gaze, float)  # of eye contact
        self.gaze, self._from, self.target = np.zeros(2), np.zeros(2), np.zeros(2)
        self._saccade, self._length = 1.0, 1.0
        self._contact, self._left = True, 1.0 + self._wait(*CONTACT[True]) * 0.5
        self._shift_left = 0.6
        self._blink: list[float] = []
        self._open_for, self._silent_for = 1.0, 1.0
        self._wide, self._asked, self._wide_left = spring(1.4, 1), 0.0, 0.0

    def step(self, speaking: bool, aim: np.ndarray) -> tuple[np.ndarray, float, float]:
        """Whether the face speaks, where it is asked to look -> gaze (2,), closure of the lids in a blink [0, 1], and
        how wide they stand: above 0 wider than at rest, below narrower."""
        if np.abs(aim - self.aim).max() > STEADY:
            self.aim = aim
            self.meet(speaking)
        self._left -= DT
        self._shift_left -= DT
        if self._left <= 0:
            self._contact = not self._contact
            self._left = self._wait(*(CONTACT if self._contact else AWAY)[speaking])
            self._left *= self._style.times("glances") ** (-1 if self._contact else 1)
            self._look(self.aim if self._contact else self.aim + self._glance())
        elif self._contact and self._shift_left <= 0:
            # During eye contact the eyes go between the listener's eyes and mouth, one to two degrees.
            self._shift_left = float(self._rng.gamma(2.0, 0.55)) + 0.3
            self._look(self.aim + np.radians(self._rng.normal(0, (0.8, 0.5))))
        if self._saccade < 1:
            self._saccade = min(1.0, self._saccade + DT / self._length)
            s = self._saccade
            self.gaze = self._from + (self.target - self._from) * (s * s * (3 - 2 * s))
        lids = self._lids(speaking)
        return self.gaze.copy(), lids, self._stand()

    def meet(self, speaking: bool) -> None:
        """Look at whom one talks to, now, and stay there for a while."""
        away = np.abs(self.target - self.aim).max() > STEADY
        self._contact, self._left = True, self._wait(*CONTACT[speaking])
        if away:
            self._look(self.aim)

    def widen(self, amount: float) -> None:
        """Lids go to `amount` for a moment, as when a word is stressed or something is of interest."""
        self._asked, self._wide_left = amount, float(self._rng.uniform(0.3, 0.8))

    def _wait(self, mean: float, deviation: float) -> float:
        """A duration in seconds from the gamma distribution with this mean and deviation, at least 0.2."""
        shape = (mean / deviation) ** 2
        return max(0.2, float(self._rng.gamma(shape, mean / shape)))

    def _glance(self) -> np.ndarray:
        """Where to look away to: offset (yaw, pitch) in radians."""
        size = LARGEST + 1
        while size > LARGEST:
            size = self._rng.exponential(6.9)
        angle = math.radians(45 * self._rng.choice(8, p=DIRECTIONS / DIRECTIONS.sum()))
        return math.radians(max(size, 2.0)) * np.array([math.cos(angle), -math.sin(angle)])

    def _look(self, target: np.ndarray) -> None:
        amplitude = math.degrees(float(np.hypot(*(target - self.gaze))))
        self._from, self.target, self._saccade = self.gaze.copy(), np.asarray(target, float), 0.0
        self._length = max(DT, 0.025 + 0.0024 * amplitude)
        if amplitude > 8 and self._rng.random() < 0.35:
            self._shut()

    def _lids(self, speaking: bool) -> float:
        self._open_for += DT
        paused = not speaking and 0.1 < self._silent_for <= 0.1 + DT
        self._silent_for = 0.0 if speaking else self._silent_for + DT
        often = BLINKS[speaking] * DT * 1.15 * self._style.times("blinks")
        if self._rng.random() < often or (paused and self._rng.random() < 0.35):
            self._shut()
        return self._blink.pop(0) if self._blink else 0.0

    def _shut(self) -> None:
        if self._open_for > 0.8 and not self._blink:
            self._open_for = 0.0
            self._blink = list(BLINK)

    def _stand(self) -> float:
        self._wide_left -= DT
        if self._wide_left <= 0:
            self.widen(float(self._rng.normal(0, LIDS)))
            self._wide_left += float(self._rng.exponential(1.2))
        return float(self._wide.step(np.array([self._asked]))[0])
