"""What a face does over time, and how far its lips are apart."""

from dataclasses import dataclass

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting.visemes import CHANNELS

# How each action changes the gap between the inner lips at the midline, in units of the gap that jawOpen = 1 makes
# (36 mm). Measured on the mean head of this package, where blend shapes add up linearly.
GAP: dict[str, float] = {
    "jawOpen": 1.0,
    "mouthClose": -1.0,
    "mouthFunnel": 0.36,
    "mouthPucker": -0.052,
    "mouthLowerDownLeft": 0.044,
    "mouthLowerDownRight": 0.044,
    "mouthUpperUpLeft": 0.063,
    "mouthUpperUpRight": 0.063,
    "mouthShrugLower": -0.160,
    "mouthShrugUpper": 0.105,
    "mouthRollLower": -0.042,
    "mouthRollUpper": -0.125,
    "mouthPressLeft": -0.030,
    "mouthPressRight": -0.030,
    "mouthSmileLeft": -0.037,
    "mouthSmileRight": -0.037,
    "jawForward": -0.023,
    "cheekPuff": -0.038,
}
JAW_RISE = 0.35  # share of jawOpen that shutting the lips takes back: the jaw helps them to meet
_GAP = np.array([GAP.get(name, 0.0) for name in FACIAL_ACTIONS], np.float32)
SHUT = 0.02  # an opening at or under this (0.7 mm) is a shut mouth
_SIDES = [[i for i, n in enumerate(FACIAL_ACTIONS) if n in (c, c + "Left", c + "Right")] for c in CHANNELS]


@dataclass(frozen=True)
class MotionClip:
    """What a head does over T frames at 25 a second; frame k lies over seconds [k, k + 1) / 25."""

    actions: np.ndarray  # (T, 52) float32 in [0, 1], in the order of faces.actions.FACIAL_ACTIONS
    rotation: np.ndarray  # (T, 3) float32 radians from rest: yaw (+ image right), pitch (+ down), roll (+ clockwise)
    translation: np.ndarray  # (T, 3) float32 head widths from rest: x right, y down, z towards the camera
    gaze: np.ndarray  # (T, 2) float32 radians from the direction to the camera: yaw, pitch, signs as in rotation

    def __len__(self) -> int:
        return len(self.actions)


def join(clips: list[MotionClip]) -> MotionClip:
    """One clip out of pieces that follow each other."""
    fields = ("actions", "rotation", "translation", "gaze")
    return MotionClip(*(np.concatenate([getattr(c, f) for c in clips]) for f in fields))


def mouth_opening(actions: np.ndarray) -> np.ndarray:
    """Gap between the lips at the midline. actions (..., 52) -> (...); 1 = what jawOpen = 1 makes, <= `SHUT` = shut."""
    return actions @ _GAP


def lips_to_actions(channels: np.ndarray, closure: np.ndarray, extra: np.ndarray | None = None) -> np.ndarray:
    """Lip channels and how far the lips are brought together -> facial actions.

    mouthClose takes up exactly the share `closure` of the gap that all other actions leave, so 1 is shut whatever
    the jaw does and whatever `extra` (an emotion, a smile) adds.

    Args:
        channels: (T, len(CHANNELS)) in [0, 1].
        closure: (T,) in [0, 1].
        extra: (T, 52) or (52,) added to the actions before the lips are closed.

    Returns: (T, 52) float32 in [0, 1].
    """
    actions = np.zeros((len(channels), len(FACIAL_ACTIONS)), np.float32)
    for c, columns in enumerate(_SIDES):
        actions[:, columns] = channels[:, c : c + 1]
    actions[:, ACTION_INDEX["jawOpen"]] *= 1 - JAW_RISE * closure
    if extra is not None:
        actions += extra
    np.clip(actions, 0, 1, out=actions)
    gap = np.maximum(mouth_opening(actions), 0)
    actions[:, ACTION_INDEX["mouthClose"]] = np.clip(closure * gap / -GAP["mouthClose"], 0, 1)
    return actions
