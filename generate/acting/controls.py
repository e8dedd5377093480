"""What a performance is asked for besides the speech: where to look, how far away, in which mood, how lively."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from generate.acting.emotions import EMOTIONS, emotion_amounts
from media.errors import UsageError

REST_DISTANCE = 4.0  # head widths from the camera to a head at distance 1: about 60 cm
NEAREST, FARTHEST = 0.5, 3.0  # distance
WIDEST_GAZE = math.radians(45)
WIDEST_BIAS = math.radians(30)
LIVELIEST = 2.0  # intensity
CONDITIONS = 2 + len(EMOTIONS) - 1 + 1  # numbers in `Controls.vector`
ANGLE = 4.0  # numbers of `Controls.vector` a radian


@dataclass(frozen=True)
class Controls:
    """Constant or for one moment. One comment a field.

    Raises:
        UsageError: a value is out of its range or an emotion is not known.
    """

    gaze: tuple[float, float] = (0.0, 0.0)  # yaw, pitch: radians from the camera's direction; + is image right, down
    distance: float = 1.0  # of the head from the camera; 1 = as in the portrait, 2 = twice as far; 0.5 to 3
    emotion: tuple[str, float] | Mapping[str, float] | None = None  # name and amount in [0, 1], or several amounts
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)  # yaw, pitch, roll the head is held in: radians from rest
    intensity: float = 1.0  # of head movement; 0 = still, 1 = natural; at most 2

    def __post_init__(self) -> None:
        if not NEAREST <= self.distance <= FARTHEST:
            raise UsageError(f"distance {self.distance:g}: must lie between {NEAREST:g} and {FARTHEST:g}")
        if not 0 <= self.intensity <= LIVELIEST:
            raise UsageError(f"intensity {self.intensity:g}: must lie between 0 and {LIVELIEST:g}")
        _within("gaze", self.gaze, WIDEST_GAZE)
        _within("pose bias", self.bias, WIDEST_BIAS)
        emotion_amounts(self.emotion)

    @property
    def amounts(self) -> np.ndarray:
        """Amount (8,) of each of `EMOTIONS`."""
        return emotion_amounts(self.emotion)

    def vector(self) -> np.ndarray:
        """(CONDITIONS,) float32 of about unit size: gaze, amounts of the emotions but neutral, intensity.

        Distance and bias are not among them: they place the head, and how it moves there does not hang on them.
        """
        parts = (np.multiply(self.gaze, ANGLE), self.amounts[1:], [self.intensity - 1])
        return np.concatenate(parts).astype(np.float32)


def _within(what: str, angles: tuple[float, ...], widest: float) -> None:
    if not all(abs(angle) <= widest for angle in angles):  # NaN included
        given = ",".join(f"{math.degrees(angle):g}" for angle in angles)
        raise UsageError(f"{what} {given} degrees: must lie within {math.degrees(widest):.0f} degrees")
