"""The space that motion is drawn in: the code of facial dynamics, the pose of the head, and the gaze, frame by frame.

A frame is M = `SIZE` numbers: 32 of dynamics (`generate.dynamics`), rotation (radians), translation (head widths) and
gaze (radians), as in `faces.performances.MotionClip`. What is drawn is the *step* from one frame to the next,
companded: faces mostly stay and sometimes jump, and a step is as true to a slow drift as to a saccade.
"""

from dataclasses import dataclass

import numpy as np
import torch

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.performances import CHANNELS, GAP, MotionClip, look_actions, mouth_opening
from generate.dynamics import CODE, Dynamics

SIZE = CODE + 3 + 3 + 2
SOUND = len(CHANNELS) + 3  # lip channels, closure, voice activity, emphasis
_SOUND_SCALE = np.array([5.0] * len(CHANNELS) + [2.0, 2.0, 4.0], np.float32)
FARTHEST = 5.0  # deviations that a drawn step may have
_CLOSE = ACTION_INDEX["mouthClose"]
_LOOKS = np.array([name.startswith("eyeLook") for name in FACIAL_ACTIONS])


def to_vectors(clip: MotionClip) -> np.ndarray:
    """A clip of T frames -> (T, M) float32."""
    code = Dynamics.load().encode(clip.actions, exact=False)
    return np.concatenate([code, clip.rotation, clip.translation, clip.gaze], 1).astype(np.float32)


def to_clip(vectors: np.ndarray, closure: np.ndarray) -> MotionClip:
    """(T, M) and how far the lips are brought together (T,) in [0, 1] -> a clip.

    Two things are not left to chance: `closure` of the gap that the code leaves between the lips is closed, exactly,
    and the eyes look along the gaze.
    """
    code, rotation, translation, gaze = np.split(vectors.astype(np.float32), [CODE, CODE + 3, CODE + 6], 1)
    actions = Dynamics.load().decode(code)
    actions[:, _LOOKS] = look_actions(gaze, rotation)[:, _LOOKS]
    actions[:, _CLOSE] = 0
    gap = np.maximum(mouth_opening(actions), 0)
    actions[:, _CLOSE] = np.clip(closure * gap / -GAP["mouthClose"], 0, 1)
    return MotionClip(actions, rotation, translation, gaze)


def rest() -> np.ndarray:
    """A face at rest that looks at the camera: (M,) float32."""
    code = Dynamics.load().encode(np.zeros(len(FACIAL_ACTIONS)), exact=False)
    return np.concatenate([code, np.zeros(SIZE - CODE)]).astype(np.float32)


def to_sound(channels: np.ndarray, closure: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """What is heard, of about unit size: lip channels (T, C), closure (T,), `Prosody` (T, 2) -> (T, SOUND)."""
    return (np.concatenate([channels, closure[:, None], heard], 1) * _SOUND_SCALE).astype(np.float32)


@dataclass(frozen=True)
class Steps:
    """Companding of the steps of each number, y = asinh(step / knee) / spread, and the spread of the numbers."""

    knee: torch.Tensor  # (M,)
    spread: torch.Tensor  # (M,)
    mean: torch.Tensor  # (M,) of the motion itself
    deviation: torch.Tensor  # (M,)

    @classmethod
    def of(cls, clips: list[np.ndarray]) -> "Steps":
        """Measured on motions (T, M)."""
        steps = np.concatenate([np.diff(c, axis=0) for c in clips])
        knee = np.quantile(np.abs(steps), 0.6, axis=0) + 1e-5
        spread = np.arcsinh(steps / knee).std(0) + 1e-6
        whole = np.concatenate(clips)
        parts = (knee, spread, whole.mean(0), whole.std(0) + 1e-6)
        return cls(*(torch.tensor(p, dtype=torch.float32) for p in parts))

    def to(self, device: str) -> "Steps":
        """The same, where the network is."""
        return Steps(*(part.to(device) for part in (self.knee, self.spread, self.mean, self.deviation)))

    def squeeze(self, step: torch.Tensor) -> torch.Tensor:
        """Steps (..., M) -> companded."""
        return torch.asinh(step / self.knee) / self.spread

    def stretch(self, companded: torch.Tensor) -> torch.Tensor:
        """Companded (..., M) -> steps."""
        return torch.sinh(companded.clamp(-FARTHEST, FARTHEST) * self.spread) * self.knee

    def past(self, before: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Where the face was (..., M) and the companded step that led there (..., M) -> (..., 2 M), of unit size."""
        return torch.cat([(before - self.mean) / self.deviation, step], -1)

    def tensors(self) -> dict[str, torch.Tensor]:
        """For the weight file."""
        return {f"steps.{name}": getattr(self, name) for name in ("knee", "spread", "mean", "deviation")}

    @classmethod
    def read(cls, tensors: dict[str, torch.Tensor]) -> "Steps":
        """Back from the weight file."""
        return cls(*(tensors[f"steps.{name}"].float() for name in ("knee", "spread", "mean", "deviation")))
