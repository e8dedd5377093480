"""Where the head is held and the eyes look, and how both get there: springs without overshoot."""

import math
from dataclasses import dataclass

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting.controls import REST_DISTANCE, Controls
from generate.acting.emotions import EMOTIONS
from media.units import FPS

DT = 1 / FPS
LOOK = math.radians(30)  # eye-in-head angle at which an eyeLook action is 1


@dataclass
class Spring:
    """Critically damped second-order follower: smooth in position and velocity."""

    frequency: float  # hertz
    position: np.ndarray
    velocity: np.ndarray

    def step(self, target: np.ndarray) -> np.ndarray:
        """Exact step of x'' = w^2 (target - x) - 2 w x' over one frame."""
        w = 2 * math.pi * self.frequency
        decay = math.exp(-w * DT)
        offset = self.position - target
        slope = (self.velocity + w * offset) * DT
        self.velocity = (self.velocity - w * slope) * decay
        self.position = target + (offset + slope) * decay
        return self.position


def spring(frequency: float, size: int) -> Spring:
    return Spring(frequency, np.zeros(size), np.zeros(size))


def mood_spring() -> Spring:
    """Smooths the amounts (8,) of emotions that are asked for into those that show."""
    return spring(0.9, len(EMOTIONS))


class Placement:
    """Where the head is held: distance and bias, reached smoothly, on top of how it moves."""

    def __init__(self) -> None:
        self._far, self._held = spring(0.6, 1), spring(0.5, 3)

    def step(self, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3,) and translation (3,) of the next frame, to be added."""
        away = self._far.step(np.array([REST_DISTANCE * (1 - controls.distance)]))
        return self._held.step(np.asarray(controls.bias, float)), np.array([0.0, 0.0, float(away[0])])


def look_actions(gaze: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """The eyeLook actions (T, 52) of eyes that look along `gaze` (T, 2) from a head turned by `rotation` (T, 3)."""
    turn = (gaze - rotation[:, :2]) / LOOK
    actions = np.zeros((len(gaze), len(FACIAL_ACTIONS)), np.float32)
    yaw, pitch = turn[:, 0], turn[:, 1]
    for side, outward in (("Left", yaw), ("Right", -yaw)):  # + yaw is towards the head's own left
        actions[:, ACTION_INDEX["eyeLookOut" + side]] = np.clip(outward, 0, 1)
        actions[:, ACTION_INDEX["eyeLookIn" + side]] = np.clip(-outward, 0, 1)
        actions[:, ACTION_INDEX["eyeLookDown" + side]] = np.clip(pitch, 0, 1)
        actions[:, ACTION_INDEX["eyeLookUp" + side]] = np.clip(-pitch, 0, 1)
    return actions
