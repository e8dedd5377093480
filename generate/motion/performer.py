"""Draws the motion of a face, a frame at a time, and remembers what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from faces.performances import Controls, MotionClip, Placement, Style
from generate.motion.network import GROUPS, Cache, MotionNet
from generate.motion.scenes import split_conditions
from generate.motion.space import SIZE, Steps, rest, to_clip
from learning.threads import one_torch_thread
from media.errors import UsageError

MOST = 100  # evaluations


@dataclass(frozen=True)
class Guidance:
    """How far each condition is weighed beyond what it is: the lambdas of VASA-1 (Xu et al. 2024, equation 4).

    drawn = (1 + sum of lambdas) * drawn with everything told - sum of lambda_c * drawn with condition c left out

    Raises:
        UsageError: a scale is negative or above 10, or the evaluations are not 1 to 100.
    """

    sound: float = 0.5
    gaze: float = 1.0
    emotion: float = 0.0
    manner: float = 0.0
    evaluations: int = 5  # of the flow for a frame (Euler)

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

    def __init__(self, network: MotionNet, steps: Steps, seed: int, style: Style, guidance: Guidance) -> None:
        self._network, self._steps, self._style = network, steps, style
        self._rng = np.random.default_rng([seed, 0xF10])
        self._evaluations = guidance.evaluations
        left_out = [name for name, scale in guidance.scales.items() if scale]
        self._weights = torch.tensor([1.0, *(-guidance.scales[name] for name in left_out)])
        self._weights[0] -= self._weights[1:].sum()
        self._heard = {name: torch.tensor([True, *(name != out for out in left_out)]) for name in GROUPS}
        self._cache, self._placement = Cache(), Placement()
        self._now = torch.from_numpy(rest())
        self._before = self._now

    @torch.inference_mode()
    def perform(self, sound: np.ndarray, closure: np.ndarray, moments: Sequence[Controls]) -> MotionClip:
        """The next T frames.

        Args:
            sound: (T, SOUND), see `generate.motion.scenes.heard`.
            closure: (T,) how far the lips are brought together.
            moments: what is asked for in each frame.
        """
        if not len(sound):
            return to_clip(np.zeros((0, SIZE), np.float32), closure)
        asked = split_conditions(np.stack([m.vector() for m in moments]), self._style)
        told = {"sound": sound} | asked
        with one_torch_thread():
            drawn = np.stack([self._next({k: v[i] for k, v in told.items()}) for i in range(len(sound))])
        clip = to_clip(drawn, closure)
        turned, moved = (np.stack(p) for p in zip(*(self._placement.step(m) for m in moments), strict=True))
        rotation, translation = clip.rotation + turned, clip.translation + moved
        return MotionClip(clip.actions, *(p.astype(np.float32) for p in (rotation, translation)), clip.gaze)

    def _next(self, told: Mapping[str, np.ndarray]) -> np.ndarray:
        """One frame of motion (M,)."""
        steps, branches = self._steps, len(self._weights)
        past = steps.past(self._now, steps.squeeze(self._now - self._before))
        conditions = {k: torch.from_numpy(v.astype(np.float32)).expand(branches, 1, -1) for k, v in told.items()}
        context = self._network.context(past.expand(branches, 1, -1), conditions, self._heard, self._cache)[:, 0]
        drawn = torch.from_numpy(self._rng.standard_normal(SIZE, np.float32))
        count = self._evaluations
        for i in range(count):
            time = torch.full((1, 1), i / count)
            ends = self._network.flow(drawn[None].expand(branches, -1), time, context)
            drawn = drawn + (self._weights @ ends - drawn) / (count - i)
        self._before, self._now = self._now, self._now + steps.stretch(drawn)
        return self._now.numpy().copy()
