"""Draws the motion of a face, a frame at a time, and remembers what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generate.acting import Controls, MotionClip, Placement, Style, mood_spring
from generate.dynamics import CODE
from generate.motion.space import SIZE, Steps, asked_code, rest, split_conditions, to_clip, within_reach
from generate.motion.stepping import GROUPS, SteppingMotion
from media.errors import UsageError

MOST = 100  # evaluations
FORGOTTEN = np.ones(SIZE, np.float32)
FORGOTTEN[CODE : CODE + 3] = 0.955, 0.945, 0.98
"""Share of its way from rest that a head keeps in a frame (yaw, pitch, roll), beside `Steps.leak`: what is drawn would
wander further and slower than people do who are filmed, and is brought to their figures by this and by `SWING`."""
SWING = np.array([1.0, 1.28, 1.1], np.float32)
"""How many times as far a head turns as is drawn (yaw, pitch, roll)."""
WIDTH = 1.7
"""How many times as far the corners of the mouth move as is drawn: what is drawn lies nearer to the mean than what was
learned, and that moves them less than people do who are filmed."""


@dataclass(frozen=True)
class Guidance:
    """How far each condition is weighed beyond what it is: the lambdas of VASA-1 (Xu et al. 2024, equation 4).

    drawn = (1 + sum of lambdas) * drawn with everything told - sum of lambda_c * drawn with condition c left out

    Raises:
        UsageError: a scale is negative or above 10, or the evaluations are not 1 to 100.
    """

    sound: float = 0.3
    gaze: float = 0.3
    emotion: float = 1.0
    manner: float = 0.0
    other: float = 0.0
    evaluations: int = 8  # of the flow for a frame; more where the eyes jump

    def __post_init__(self) -> None:
        for name, scale in self.scales.items():
            if not 0 <= scale <= 10:
                raise UsageError(f"guidance {name}={scale:g}: must lie between 0 and 10")
        if not 1 <= self.evaluations <= MOST:
            raise UsageError(f"guidance with {self.evaluations} evaluations: must lie between 1 and {MOST}")

    @property
    def scales(self) -> dict[str, float]:
        """By condition."""
        return {name: float(getattr(self, name)) for name in GROUPS}


class Performer:
    """One face in one performance. The same seed, style, sound and controls give the same motion."""

    def __init__(
        self, weights: Mapping[str, np.ndarray], config: Mapping[str, int], steps: Steps, seed: int, style: Style,
        guidance: Guidance,
    ) -> None:  # fmt: skip
        self._steps, self._style = replace(steps, leak=steps.leak * FORGOTTEN), style
        self._rng = np.random.default_rng([seed, 0xF10])
        left_out = [name for name, scale in guidance.scales.items() if scale]
        scales = np.array([guidance.scales[name] for name in left_out], np.float32)
        self._weights = np.concatenate([[1 + scales.sum()], -scales]).astype(np.float32)
        self._network = SteppingMotion(weights, config, left_out, guidance.evaluations)
        self._placement = Placement()
        self._now, self._pace = rest(), np.zeros(SIZE, np.float32)
        self._mood = mood_spring()
        self._deaf = np.array([False, *(name == "sound" for name in left_out)])
        self._numb = np.array([False, *(name == "emotion" for name in left_out)])

    def perform(
        self, sound: np.ndarray, other: np.ndarray, closure: np.ndarray, moments: Sequence[Controls]
    ) -> MotionClip:
        """The next T frames.

        Args:
            sound: (T, SOUND), see `generate.motion.space.heard`.
            other: (T, OTHER), of the other speaker, see `generate.motion.space.overheard`.
            closure: (T,) how far the lips are brought together.
            moments: what is asked for in each frame.
        """
        if not len(sound):
            return to_clip(np.zeros((0, SIZE), np.float32), closure)
        asked = split_conditions(np.stack([m.vector() for m in moments]), self._style)
        told = {"sound": sound, "other": other} | asked
        moods = np.stack([self._mood.step(m.amounts) for m in moments])
        drawn = np.stack([self._next({k: v[i] for k, v in told.items()}, moods[i]) for i in range(len(sound))])
        drawn[:, CODE : CODE + 3] *= SWING
        clip = to_clip(within_reach(drawn), closure, width=WIDTH)
        turned, moved = (np.stack(p) for p in zip(*(self._placement.step(m) for m in moments), strict=True))
        rotation, translation = clip.rotation + turned, clip.translation + moved
        return MotionClip(clip.actions, rotation.astype(np.float32), translation.astype(np.float32), clip.gaze)

    def _next(self, told: Mapping[str, np.ndarray], mood: np.ndarray) -> np.ndarray:
        """One frame of motion (M,)."""
        steps, rows = self._steps, len(self._weights)
        sounds = np.where(self._deaf[:, None], 0, told["sound"])
        code = asked_code(sounds, np.where(self._numb[:, None], 0, mood))
        place, pace = (np.repeat(part[None], rows, 0) for part in (self._now, self._pace))
        told = {**told, "gaze": steps.aside(told["gaze"], self._now)}
        context = self._network.context(steps.past(place, pace, code), told)
        chances = self._network.chances(context, self._weights)
        event = min(int(np.searchsorted(np.cumsum(chances), self._rng.random())), len(chances) - 1)
        noise = self._rng.standard_normal(SIZE, np.float32)
        drawn = self._network.draw(noise, event, context, self._weights)
        self._pace = steps.read(drawn, self._pace)
        if event % 2 == 0:
            self._pace[-2:] = 0  # eyes that do not jump rest
        self._now = steps.follow(self._now, self._pace)
        return self._now

    @property
    def held(self) -> int:
        """Numbers remembered: bounded, however long the performance."""
        return self._network.held
