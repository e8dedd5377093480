"""What a face does besides speaking: head, gaze, blinks and brows, as a seeded process that listens to the voice.

This is a process built from published statistics, not a learned model. It steps frame by frame with bounded state, so
a stream and a whole recording get the same motion.

- Gaze: Lee, Badler and Badler (2002), "Eyes Alive": when speaking, eye contact lasts 93.9 +- 94.9 and looking away
  27.8 +- 24.0 frames at 30 a second, when not, 237.5 +- 47.1 and 13.0 +- 7.1; saccade magnitude A follows
  15.7 exp(-A / 6.9) %, eight directions with the shares of `DIRECTIONS`, duration 25 ms + 2.4 ms a degree. Magnitudes
  are cut at 14 degrees here (27.5 and 22.7 there): a face in a small picture that looks further away seems to have
  lost its listener.
- Large gaze shifts recruit the head (Stahl 1999); the eyes hold their target while the head moves (vestibulo-ocular
  reflex).
- Blinks: 17 a minute at rest (Bentivoglio et al. 1997); lids fall faster than they rise (VanderWerf et al. 2003); they
  cluster at large gaze shifts (Evinger et al. 1994) and at pauses of speech (Nakano and Kitazawa 2010).
- Head: slow sway under 1.8 Hz and nods between 1.8 and 3.7 Hz (Hadar et al. 1983); rotation follows the voice's energy
  and pitch (Munhall et al. 2004, Busso et al. 2007: a few degrees in neutral speech); amounts are ours.
- Brows rise with some emphases (Ekman 1979, "batons"; Cave et al. 1996).
- Listening: while nobody speaks, small nods now and then (Hadar et al. 1985: most movements of listeners are nods).
"""

import math

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting import Controls, Style
from generate.acting.emotions import emotion_liveliness
from generate.acting.placement import DT, spring

DIRECTIONS = np.array([15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79])  # % at 0, 45, ... degrees, 90 = up
CONTACT = {True: (93.9 / 30, 94.9 / 30), False: (237.5 / 30, 47.1 / 30)}  # seconds: mean, deviation, by speaking
AWAY = {True: (27.8 / 30, 24.0 / 30), False: (13.0 / 30, 7.1 / 30)}
LARGEST = 14.0  # degrees
SWAY = np.radians([2.6, 1.7, 1.4])  # standard deviation of slow yaw, pitch, roll while speaking
DRIFT = np.array([0.012, 0.008, 0.014])  # standard deviation of slow translation, head widths
BLINK = (0.35, 1.0, 0.9, 0.62, 0.36, 0.17, 0.06)  # lid closure at 25 frames a second: 80 ms down, 200 ms up
STEADY = math.radians(1.0)  # a change of where to look by less than this is not looked at
LISTENING_NODS = 0.12  # a second, in silence
BASE_BLINKS = 15.0 / 60  # a second; those at pauses and gaze shifts bring the total to about 17 a minute


_SIDES = np.array([name.endswith("Left") * 1.0 - name.endswith("Right") for name in FACIAL_ACTIONS])


class Life:
    """Head, gaze, blinks and brows, one frame at a time.

    Args:
        seed: the same seed, style, controls and sound give the same motion.
        style: how this person moves.
        gaze: where the eyes rest at the start.
    """

    def __init__(self, seed: int, style: Style | None = None, gaze: tuple[float, float] = (0.0, 0.0)) -> None:
        self._rng = np.random.default_rng([seed, 0x11FE])
        self._style = style or Style()
        self._lively, self._aim = 1.0, np.asarray(gaze, float)
        self._sway, self._drift, self._nod = spring(0.55, 3), spring(0.25, 3), spring(2.0, 3)
        self._brow, self._lean = spring(2.2, 2), spring(1.1, 2)
        self._wander, self._place = np.zeros(3), np.zeros(3)
        self._sway_left = 0.0  # seconds until the sway picks another target
        self._push, self._push_left = np.zeros(3), 0.0  # a nod under way
        self._raise, self._raise_left = np.zeros(2), 0.0  # a brow raise under way
        self._rest = 0.0  # seconds since the last nod
        self._eyes, self._from, self._to = np.zeros(2), np.zeros(2), np.zeros(2)
        self._saccade, self._length = 1.0, 1.0
        self._contact, self._gaze_left = True, 1.0 + self._wait(*CONTACT[True]) * 0.5
        self._shift_left = 0.6
        self._blink: list[float] = []
        self._open_for, self._silent_for, self._time = 1.0, 1.0, 0.0
        self._breath = self._rng.uniform(0, 2 * math.pi)
        self._crooked = 1 + _SIDES * self._style.slant

    def step(
        self, activity: float, emphasis: float, controls: Controls
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Voice activity and emphasis in [0, 1] -> actions (52,), rotation (3,), translation (3,), gaze (2,)."""
        self._time += DT
        speaking = activity > 0.3
        self._lively = controls.intensity * emotion_liveliness(controls.amounts)
        aim = np.asarray(controls.gaze, float)
        if np.abs(aim - self._aim).max() > STEADY:
            self._aim, self._contact, self._gaze_left = aim, True, self._wait(*CONTACT[speaking])
            self._look(aim)
        self._step_gaze(speaking)
        rotation, translation = self._step_head(activity, emphasis)
        lids = self._step_blink(speaking)
        actions = np.zeros(len(FACIAL_ACTIONS))
        brow = np.clip(self._brow.position, 0, 1)
        actions[ACTION_INDEX["browInnerUp"]] = brow[0]
        for side in ("Left", "Right"):
            actions[ACTION_INDEX["browOuterUp" + side]] = brow[1]
            actions[ACTION_INDEX["eyeSquint" + side]] = 0.05 * activity
            actions[ACTION_INDEX["cheekSquint" + side]] = 0.03 * activity
            actions[ACTION_INDEX["mouthSmile" + side]] = self._style.smile
        actions *= self._crooked
        for side in ("Left", "Right"):
            actions[ACTION_INDEX["eyeBlink" + side]] = lids
        return actions, rotation, translation, self._eyes.copy()

    def _wait(self, mean: float, deviation: float) -> float:
        """A duration in seconds from the gamma distribution with this mean and deviation, at least 0.2."""
        shape = (mean / deviation) ** 2
        return max(0.2, float(self._rng.gamma(shape, mean / shape)))

    def _step_gaze(self, speaking: bool) -> None:
        self._gaze_left -= DT
        self._shift_left -= DT
        if self._gaze_left <= 0:
            self._contact = not self._contact
            self._gaze_left = self._wait(*(CONTACT if self._contact else AWAY)[speaking])
            self._gaze_left *= self._style.times("glances") ** (-1 if self._contact else 1)
            self._look(self._aim if self._contact else self._aim + self._glance())
        elif self._contact and self._shift_left <= 0:
            # During eye contact the eyes go between the listener's eyes and mouth, one to two degrees.
            self._shift_left = float(self._rng.gamma(2.0, 0.55)) + 0.3
            self._look(self._aim + np.radians(self._rng.normal(0, (0.8, 0.5))))
        if self._saccade < 1:
            self._saccade = min(1.0, self._saccade + DT / self._length)
            s = self._saccade
            self._eyes = self._from + (self._to - self._from) * (s * s * (3 - 2 * s))

    def _glance(self) -> np.ndarray:
        """Where to look away to: offset (yaw, pitch) in radians."""
        size = LARGEST + 1
        while size > LARGEST:
            size = self._rng.exponential(6.9)
        angle = math.radians(45 * self._rng.choice(8, p=DIRECTIONS / DIRECTIONS.sum()))
        return math.radians(max(size, 2.0)) * np.array([math.cos(angle), -math.sin(angle)])

    def _look(self, target: np.ndarray) -> None:
        amplitude = math.degrees(float(np.hypot(*(target - self._eyes))))
        self._from, self._to, self._saccade = self._eyes.copy(), np.asarray(target, float), 0.0
        self._length = max(DT, 0.025 + 0.0024 * amplitude)
        if amplitude > 8 and self._rng.random() < 0.35:
            self._start_blink()

    def _step_head(self, activity: float, emphasis: float) -> tuple[np.ndarray, np.ndarray]:
        self._sway_left -= DT
        if self._sway_left <= 0:
            self._sway_left = 0.7 + float(self._rng.exponential(1.3))
            self._wander = self._rng.normal(0, SWAY) - 0.3 * self._wander
            self._place = self._rng.normal(0, DRIFT)
        self._rest += DT
        if emphasis > 0.12 and self._rest > 0.45:
            self._stress(emphasis)
        elif activity < 0.1 and self._rest > 2 and self._rng.random() < LISTENING_NODS * DT:
            self._nod_along()
        self._push_left -= DT
        self._raise_left -= DT
        self._nod.step(self._push if self._push_left > 0 else np.zeros(3))
        self._brow.step(self._raise if self._raise_left > 0 else np.full(2, 0.02))
        sway = self._sway.step(self._wander * (0.35 + 0.65 * activity))
        drift = self._drift.step(self._place * (0.4 + 0.6 * activity))
        lean = self._lean.step(0.22 * self._to)  # the head goes part of the way with the eyes
        breath = math.sin(2 * math.pi * 0.25 * self._time + self._breath) * min(1.0, self._time)
        rotation = self._lively * (
            self._style.times("sway") * sway + self._nod.position + np.array([0, math.radians(0.25) * breath, 0])
        )
        rotation[:2] += min(self._lively, 1.0) * lean
        moved = drift + np.array([0.012 * rotation[0], 0.003 * breath, 0])
        return rotation, moved * min(self._lively, 1.5)

    def _stress(self, emphasis: float) -> None:
        """Answer an emphasis with a nod (mostly down) and sometimes with the brows."""
        self._rest = 0.0
        strength = 0.5 + emphasis
        if self._rng.random() < min(0.95, 0.6 * self._style.times("nod")):
            size = math.radians(self._rng.gamma(4.0, 0.55)) * strength
            self._push = size * np.array(
                [self._rng.normal(0, 0.35), self._rng.choice([1.0, -0.5], p=[0.8, 0.2]), self._rng.normal(0, 0.25)]
            )
            self._push_left = 0.20
        if self._rng.random() < 0.3:
            up = self._rng.uniform(0.1, 0.35) * min(strength, 1.2) * self._style.times("brows")
            self._raise = np.array([up, up * self._rng.uniform(0.5, 1.0)])
            self._raise_left = self._rng.uniform(0.2, 0.45)

    def _nod_along(self) -> None:
        """A small nod of somebody who listens."""
        self._rest = 0.0
        self._push = math.radians(self._rng.uniform(1.0, 2.5)) * np.array([0, 1.0, 0])
        self._push_left = 0.24

    def _step_blink(self, speaking: bool) -> float:
        self._open_for += DT
        paused = not speaking and 0.1 < self._silent_for <= 0.1 + DT
        self._silent_for = 0.0 if speaking else self._silent_for + DT
        if self._rng.random() < BASE_BLINKS * DT * 1.15 * self._style.times("blinks") or (
            paused and self._rng.random() < 0.35
        ):
            self._start_blink()
        return self._blink.pop(0) if self._blink else 0.0

    def _start_blink(self) -> None:
        if self._open_for > 1.0 and not self._blink:
            self._open_for = 0.0
            self._blink = list(BLINK)
