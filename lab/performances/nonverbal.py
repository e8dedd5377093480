"""What a face does besides speaking: head, gaze, blinks, lids and brows, as a seeded process that listens.

This is a process built from published statistics, not a learned model. It steps frame by frame with bounded state, so
a stream and a whole recording get the same motion. Its parts are in `gaze`, `headmotion` and `listening`; brows rise
with some emphases (Ekman 1979, "batons"; Cave et al. 1996), and one of them often higher.
"""

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting import Controls, Style, spring
from generate.acting.emotions import emotion_liveliness
from generate.acting.placement import DT
from lab.performances.gaze import Eyes
from lab.performances.headmotion import HeadMotion
from lab.performances.listening import Listening

BATON = 0.35  # chance that an emphasis raises the brows
RAISED = (0.12, 0.50)  # browInnerUp then
FROWN = 0.2  # share of them in which the brows are drawn together instead
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
        self._eyes, self._head = Eyes(self._rng, self._style, gaze), HeadMotion(self._rng, self._style)
        self._listening = Listening(self._rng, self._style, self._eyes, self._head, self._lift)
        self._brow, self._raise, self._raise_left = spring(2.4, 4), np.zeros(4), 0.0  # inner, left, right, drawn down
        self._since = 1.0  # seconds since the brows answered an emphasis
        self._crooked = 1 + _SIDES * self._style.slant

    def step(
        self, activity: float, emphasis: float, controls: Controls, other: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Voice activity and emphasis in [0, 1], the other speaker's likewise -> actions (52,), rotation (3,),
        translation (3,), gaze (2,)."""
        speaking = activity > 0.3
        lively = controls.intensity * emotion_liveliness(controls.amounts)
        self._since += DT
        if emphasis > 0.12 and self._since > 0.4 and self._rng.random() < BATON:
            self._baton(emphasis)
        self._listening.step(*other, speaking)
        gaze, lids, wide = self._eyes.step(speaking, np.asarray(controls.gaze, float))
        rotation, translation = self._head.step(activity, emphasis, self._eyes.target, lively)
        self._raise_left -= DT
        brow = np.clip(self._brow.step(self._raise if self._raise_left > 0 else np.array([0.02, 0.02, 0.02, 0])), 0, 1)
        face = dict.fromkeys(("cheekSquintLeft", "cheekSquintRight"), 0.03 * activity)
        face |= {"browInnerUp": brow[0], "browOuterUpLeft": brow[1], "browOuterUpRight": brow[2]}
        for side in ("Left", "Right"):
            face["browDown" + side] = brow[3]
            face["eyeSquint" + side] = max(-wide, 0) + 0.05 * activity
            face["eyeWide" + side] = max(wide, 0)
            face["mouthSmile" + side] = self._style.smile
        actions = np.zeros(len(FACIAL_ACTIONS))
        for name, value in face.items():
            actions[ACTION_INDEX[name]] = value
        actions *= self._crooked
        for side in ("Left", "Right"):
            actions[ACTION_INDEX["eyeBlink" + side]] = lids
        return actions, rotation, translation, gaze

    def _baton(self, emphasis: float) -> None:
        """Answer an emphasis with the brows."""
        self._since = 0.0
        strength = min(0.5 + emphasis, 1.2)
        if self._rng.random() < FROWN:
            self._raise = np.array([0.0, 0.0, 0.0, self._rng.uniform(0.1, 0.3) * strength])
            self._raise_left = float(self._rng.uniform(0.25, 0.5))
            self._eyes.widen(-0.2)
        else:
            up = float(self._rng.uniform(*RAISED)) * strength * self._style.times("brows")
            self._lift(up)
            self._eyes.widen(0.5 * up)

    def _lift(self, up: float) -> None:
        """Raise the brows for a moment, one of them less than the other."""
        share = self._rng.uniform(0.5, 1.0, 2)
        self._raise = np.array([up, *(up * share), 0.0])
        self._raise_left = float(self._rng.uniform(0.2, 0.5))
