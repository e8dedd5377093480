"""The space that motion is drawn in: the code of facial dynamics, the pose of the head, and the gaze, frame by frame.

A frame is M = `SIZE` numbers: 32 of dynamics (`generate.dynamics`), rotation (radians), translation (head widths) and
gaze (radians), as in `generate.acting.MotionClip`. What is drawn is the *step* from one frame to the next,
companded: faces mostly stay and sometimes jump, and a step is as true to a slow drift as to a saccade.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.head import MILLIMETRES
from generate.acting import (
    ANGLE,
    CHANNELS,
    GAP,
    MotionClip,
    Prosody,
    Style,
    emotion_offsets,
    lips_to_actions,
    look_actions,
    mouth_opening,
)
from generate.dynamics import CODE, Dynamics

SIZE = CODE + 3 + 3 + 2
PAST = 2 * SIZE + CODE  # numbers that tell where a face is, see `Steps.past`
SOUND = len(CHANNELS) + 3  # lip channels, closure, voice activity, emphasis
OTHER = 2  # voice activity and emphasis of the other speaker
_SOUND_SCALE = np.array([5.0] * len(CHANNELS) + [2.0, 2.0, 4.0], np.float32)
LEAST = np.array([1e-5] * (CODE + 6) + [0.01] * 2)  # of a knee: eyes rest or jump, so most of their steps are none
FARTHEST = 12.0  # deviations that what is drawn may have
HEAD = np.array([0.0] * CODE + [0.9] * 6 + [0.0] * 2)  # inertia: share of its pace that a head keeps in a frame
LEAK = np.array([1.0] * CODE + [0.98] * 6 + [1.0] * 2)  # share of its way from rest that a head keeps in a frame
FURTHEST = np.radians([28.0, 17.0, 18.0])  # yaw, pitch, roll that a head never reaches
ASTRAY = 0.4  # head widths that it never reaches from its place
HEAD_WIDTH = 150.0 / MILLIMETRES  # units of the head in a head width (mean adult breadth with ears)
EVENTS = 4  # kinds of frames, see `events`
JUMP = 0.004  # radians in a frame: eyes that move faster jump
BLINKING = 0.15  # lids shut further than this blink
_BLINK = ACTION_INDEX["eyeBlinkLeft"]
_CLOSE = ACTION_INDEX["mouthClose"]
_LOOKS = np.array([name.startswith("eyeLook") for name in FACIAL_ACTIONS])
_WIDTH = [ACTION_INDEX[name] for name in ("mouthStretchLeft", "mouthStretchRight", "mouthPucker")]


def to_vectors(clip: MotionClip) -> np.ndarray:
    """A clip of T frames -> (T, M) float32."""
    code = Dynamics.load().encode(clip.actions, exact=False)
    return np.concatenate([code, clip.rotation, clip.translation, clip.gaze], 1).astype(np.float32)


def to_clip(vectors: np.ndarray, closure: np.ndarray, *, width: float = 1.0) -> MotionClip:
    """(T, M) and how far the lips are brought together (T,) in [0, 1] -> a clip; `width`: how many times as far the
    corners of the mouth are drawn apart and pursed.

    Two things are not left to chance: `closure` of the gap that the code leaves between the lips is closed, exactly,
    and the eyes look along the gaze.
    """
    code, rotation, translation, gaze = np.split(vectors.astype(np.float32), [CODE, CODE + 3, CODE + 6], 1)
    actions = Dynamics.load().decode(code)
    actions[:, _LOOKS] = look_actions(gaze, rotation)[:, _LOOKS]
    actions[:, _WIDTH] = np.minimum(width * actions[:, _WIDTH], 1)
    actions[:, _CLOSE] = 0
    gap = np.maximum(mouth_opening(actions), 0)
    actions[:, _CLOSE] = np.clip(closure * gap / -GAP["mouthClose"], 0, 1)
    return MotionClip(actions, rotation, translation, gaze)


def within_reach(vectors: np.ndarray) -> np.ndarray:
    """(T, M) whose heads stay within `FURTHEST` and `ASTRAY` of rest, however far they were drawn: small angles stay as
    they are, large ones approach the bound."""
    kept = vectors.copy()
    for part, most in ((slice(CODE, CODE + 3), FURTHEST), (slice(CODE + 3, CODE + 6), ASTRAY)):
        kept[:, part] = most * np.tanh(vectors[:, part] / most)
    return kept


def rest() -> np.ndarray:
    """A face at rest that looks at the camera: (M,) float32."""
    code = Dynamics.load().encode(np.zeros(len(FACIAL_ACTIONS)), exact=False)
    return np.concatenate([code, np.zeros(SIZE - CODE)]).astype(np.float32)


def to_sound(channels: np.ndarray, closure: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """What is heard, of about unit size: lip channels (T, C), closure (T,), `Prosody` (T, 2) -> (T, SOUND)."""
    return (np.concatenate([channels, closure[:, None], heard], 1) * _SOUND_SCALE).astype(np.float32)


@dataclass(frozen=True)
class Steps:
    """How a step of motion is written for the network: y = (c(step) - inertia * c(step before)) / spread, companded by
    c(step) = asinh(step / knee), where step = place - leak * place before. The head has inertia: drawn is how its pace
    changes. It leaks towards rest, so that whatever is drawn wrongly is forgotten and no error carries it away."""

    knee: np.ndarray  # (M,) float32
    inertia: np.ndarray  # (M,) in [0, 1)
    leak: np.ndarray  # (M,) in (0, 1]
    spread: np.ndarray  # (M,)
    pace: np.ndarray  # (M,) deviation of c(step)
    fastest: np.ndarray  # (M,) largest c(step)
    mean: np.ndarray  # (M,) of the motion itself
    deviation: np.ndarray  # (M,)

    @classmethod
    def of(cls, clips: list[np.ndarray]) -> "Steps":
        """Measured on motions (T, M)."""
        steps = [c[1:] - LEAK * c[:-1] for c in clips]
        knee = np.quantile(np.abs(np.concatenate(steps)), 0.6, axis=0) + LEAST
        paces = [np.arcsinh(step / knee) for step in steps]
        written = np.concatenate([p[1:] - HEAD * p[:-1] for p in paces])
        whole = np.concatenate(clips)
        pace = np.concatenate(paces)
        parts = (knee, HEAD, LEAK, written.std(0) + 1e-6, pace.std(0) + 1e-6, np.abs(pace).max(0), whole.mean(0))
        return cls(*(p.astype(np.float32) for p in (*parts, whole.std(0) + 1e-6)))

    def compand(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Where the face is and was (..., M) -> c(step)."""
        companded: np.ndarray = np.arcsinh((now - self.leak * before) / self.knee)
        return companded

    def written(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """c(step) and c(step before) (..., M) -> y."""
        written: np.ndarray = (now - self.inertia * before) / self.spread
        return written

    def read(self, written: np.ndarray, before: np.ndarray) -> np.ndarray:
        """y and c(step before) (..., M) -> c(step)."""
        now = np.clip(written, -FARTHEST, FARTHEST) * self.spread + self.inertia * before
        read: np.ndarray = np.clip(now, -self.fastest, self.fastest)
        return read

    def follow(self, place: np.ndarray, companded: np.ndarray) -> np.ndarray:
        """Where the face was (..., M) and c(step) (..., M) -> where it is."""
        there: np.ndarray = self.leak * place + np.sinh(companded) * self.knee
        return there

    def past(self, place: np.ndarray, pace: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Where the face was (..., M), c of the step that led there (..., M) and the code that sound and mood ask for
        (..., CODE) -> (..., PAST) of unit size; how far the code is from it is written as the step that would do."""
        far = np.arcsinh((asked - place[..., :CODE]) / self.knee[:CODE]) / self.spread[:CODE]
        return np.concatenate([(place - self.mean) / self.deviation, pace / self.pace, far], -1).astype(np.float32)

    def aside(self, asked: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Gaze as `Controls.vector` asks for it (..., 2) and where the face is (..., M) -> the same, and how far the
        eyes are from it, written as the jump that would bring them there: (..., 4)."""
        far = np.arcsinh((asked / ANGLE - place[..., -2:]) / self.knee[-2:]) / self.spread[-2:]
        return np.concatenate([asked, far], -1).astype(np.float32)

    def tensors(self) -> dict[str, np.ndarray]:
        """For the weight file, and for training."""
        return {f"steps.{part.name}": getattr(self, part.name) for part in fields(self)}

    @classmethod
    def load(cls, tensors: Mapping[str, np.ndarray]) -> "Steps":
        """Back from the weight file."""
        return cls(*(np.asarray(tensors[f"steps.{part.name}"], np.float32) for part in fields(cls)))


def asked_code(sound: np.ndarray, moods: np.ndarray) -> np.ndarray:
    """The code of a face that only says (T, SOUND) what is heard in moods (T, 8), amounts of `EMOTIONS`: (T, CODE).

    It is where the code is drawn to; what faces do besides, the network draws on top. Zeros are a shut mouth at rest.
    """
    told = sound / _SOUND_SCALE
    count = len(CHANNELS)
    actions = lips_to_actions(np.clip(told[:, :count], 0, 1), np.clip(told[:, count], 0, 1), emotion_offsets(moods))
    return Dynamics.load().encode(actions, exact=False)


def events(vectors: np.ndarray) -> np.ndarray:
    """What happens in each frame of a motion (T, M) but the first: (T - 1,) int64, 1 if the eyes jump, plus 2 if the
    lids blink. Faces do either seldom, and then at once: the network decides on it before it draws the step."""
    jump = np.abs(np.diff(vectors[:, -2:], axis=0)).max(1) > JUMP
    lids = Dynamics.load().decode(vectors[1:, :CODE])[:, _BLINK]
    kinds: np.ndarray = jump + 2 * (lids > BLINKING).astype(np.int64)
    return kinds


def split_conditions(vectors: np.ndarray, style: Style) -> dict[str, np.ndarray]:
    """`Controls.vector` of each frame (T, n) and the style -> conditions by name, without the sound."""
    manner = np.concatenate([vectors[:, -1:], np.repeat(style.vector()[None], len(vectors), 0)], 1)
    return {"gaze": vectors[:, :2], "emotion": vectors[:, 2:-1], "manner": manner}


def heard(channels: np.ndarray, closure: np.ndarray, rms: np.ndarray, prosody: Prosody) -> np.ndarray:
    """Lips (T, C), closure (T,) and the loudness `AHEAD` frames later (T,) -> (T, SOUND)."""
    steps = np.array([prosody.step(float(value)) for value in rms]).reshape(-1, 2)
    return to_sound(channels, closure, steps)


def overheard(rms: np.ndarray, prosody: Prosody) -> np.ndarray:
    """Loudness of the other speaker (T,), frame by frame -> (T, OTHER) of about unit size."""
    steps = np.array([prosody.step(float(value)) for value in rms]).reshape(-1, OTHER)
    return (steps * _SOUND_SCALE[-OTHER:]).astype(np.float32)
