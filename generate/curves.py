"""A performance as curves, so that any engine's head can speak: the 52 facial actions, the head and the eyes over time.

`csv` is the layout of Live Link Face, which Unreal, Unity and Blender add-ons read: a time code, 61, the 52 actions in
that app's order, and yaw, pitch and roll of the head and of each eye. `json` holds the same, with its units beside it.

Angles are radians: yaw towards the right of the picture (the head's own left), pitch down, roll clockwise as seen; the
eyes' are relative to the head. An engine that mirrors the face wants yaw and roll negated.
"""

import json
from collections.abc import Iterator
from typing import TextIO

import numpy as np

from faces.actions import ACTION_INDEX
from generate.acting import MotionClip
from media.units import FPS

RATES = (25, 30, 50, 60)  # frames a second
_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_SIDED = ("Smile", "Frown", "Dimple", "Stretch")
_LATER = ("Press", "LowerDown", "UpperUp")
ORDER: tuple[str, ...] = (
    *(f"eye{part}{side}" for side in ("Left", "Right") for part in _EYE),
    "jawForward", "jawRight", "jawLeft", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    *(f"mouth{part}{side}" for part in _SIDED for side in ("Left", "Right")),
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *(f"mouth{part}{side}" for part in _LATER for side in ("Left", "Right")),
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
ANGLES = tuple(f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
NAMES = (*(name[0].upper() + name[1:] for name in ORDER), *ANGLES)
_COLUMNS = [ACTION_INDEX[name] for name in ORDER]


def curves(clip: MotionClip, rate: int = FPS) -> np.ndarray:
    """Values (n, 61) in the order of `NAMES`, `rate` a second: n = T * rate / 25, rounded. Between frames values go
    straight; the first and the last frame hold half a frame at the ends."""
    whole = Curves(rate)
    return np.concatenate([whole.push(clip), whole.finish()])


class Curves:
    """`curves` of a clip that comes in pieces.

    Args:
        rate: frames a second that are wanted.
    """

    def __init__(self, rate: int = FPS) -> None:
        self._rate = rate
        self._frames = self._given = 0  # frames that came; rows that were given out
        self._last = np.zeros((0, len(NAMES)))  # the frame before those that come

    def push(self, clip: MotionClip) -> np.ndarray:
        """More frames -> the rows (n, 61) that lie before the middle of the last of them."""
        if not len(clip):
            return np.zeros((0, len(NAMES)))
        look = clip.gaze - clip.rotation[:, :2]
        eye = np.concatenate([look, np.zeros((len(clip), 1))], 1)
        came = np.concatenate([clip.actions[:, _COLUMNS], clip.rotation, eye, eye], 1).astype(np.float64)
        rows = np.concatenate([self._last, came])
        known = self._frames - len(self._last) + 0.5 + np.arange(len(rows))  # frames since the beginning
        self._frames, self._last = self._frames + len(came), came[-1:]
        return self._between(known, rows, int(np.floor((self._frames - 0.5) * self._rate / FPS + 0.5)))

    def finish(self) -> np.ndarray:
        """No more will come: the rows that are left."""
        return self._between(np.array([self._frames - 0.5]), self._last, round(self._frames * self._rate / FPS))

    def _between(self, known: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
        """Rows up to the `count`th, of frames whose middles are `known`."""
        wanted = (np.arange(self._given, max(count, self._given)) + 0.5) * FPS / self._rate
        self._given += len(wanted)
        if not len(wanted):
            return np.zeros((0, len(NAMES)))
        return np.stack([np.interp(wanted, known, column) for column in rows.T], 1)


def timecode(frame: int, rate: int) -> str:
    """HH:MM:SS:FF.000 of a frame counted from 0."""
    seconds, rest = divmod(frame, rate)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{rest:02}.000"


def csv_lines(values: np.ndarray, rate: int) -> Iterator[str]:
    """Lines of a table of (n, 61) values."""
    yield ",".join(("Timecode", "BlendshapeCount", *NAMES))
    for frame, row in enumerate(values):
        yield ",".join((timecode(frame, rate), str(len(NAMES)), *(f"{value:.6f}" for value in row)))


def write_curves(file: TextIO, values: np.ndarray, rate: int, kind: str) -> None:
    """Write (n, 61) values as "csv" or "json"."""
    if kind == "csv":
        file.writelines(f"{line}\n" for line in csv_lines(values, rate))
        return
    frames = [[round(float(value), 6) for value in row] for row in values]
    told = {"schema_version": 1, "frames_a_second": rate, "angles": "radians", "names": list(NAMES), "frames": frames}
    json.dump(told, file)
