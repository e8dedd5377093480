"""What eight emotions add to a face, as facial actions.

Which actions: the action units that Ekman and Friesen (1978, 2002) list for each emotion in the Facial Action Coding
System (happy 6+12, sad 1+4+15, angry 4+5+7+23, surprised 1+2+5+26, fearful 1+2+4+5+20+26, disgusted 9+15+16, contempt
12+14 on one side). How much at amount 1: ours, kept moderate so that speech stays readable on top.
How lively the head is: order after Busso et al. (2007), who found more head activity in happy and angry speech.
"""

from collections.abc import Mapping

import numpy as np

from faces.actions import ACTION_INDEX
from media.errors import UsageError

_BOTH = ("Left", "Right")
_OFFSETS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"mouthSmile": 0.50, "cheekSquint": 0.35, "eyeSquint": 0.15, "mouthUpperUp": 0.06, "browOuterUp": 0.08,
        "mouthDimple": 0.10},
    "sad": {"browInnerUp": 0.55, "browDown": 0.15, "mouthFrown": 0.45, "mouthShrugLower": 0.12, "eyeSquint": 0.12,
        "eyeLookDown": 0.10},
    "angry": {"browDown": 0.65, "eyeWide": 0.15, "eyeSquint": 0.30, "mouthPress": 0.22, "noseSneer": 0.20,
        "mouthFrown": 0.15},
    "surprised": {"browInnerUp": 0.55, "browOuterUp": 0.55, "eyeWide": 0.50, "jawOpen": 0.10, "mouthFunnel": 0.03},
    "fearful": {"browInnerUp": 0.60, "browOuterUp": 0.25, "browDown": 0.20, "eyeWide": 0.45, "mouthStretch": 0.35,
        "jawOpen": 0.05},
    "disgusted": {"noseSneer": 0.55, "mouthUpperUp": 0.25, "browDown": 0.30, "eyeSquint": 0.30, "mouthFrown": 0.20,
        "cheekSquint": 0.20},
    "contempt": {"mouthSmileLeft": 0.35, "mouthDimpleLeft": 0.45, "eyeSquint": 0.12, "browOuterUpRight": 0.10,
        "mouthPressLeft": 0.15},
}  # fmt: skip
EMOTIONS: tuple[str, ...] = tuple(_OFFSETS)
LIVELINESS: dict[str, float] = {
    "neutral": 1.0, "happy": 1.3, "sad": 0.75, "angry": 1.35, "surprised": 1.2, "fearful": 1.1, "disgusted": 0.95,
    "contempt": 0.85,
}  # fmt: skip


_TABLE = np.zeros((len(EMOTIONS), len(ACTION_INDEX)), np.float32)
for _row, _name in enumerate(EMOTIONS):
    for _action, _value in _OFFSETS[_name].items():
        for _full in (_action, *(_action + side for side in _BOTH)):
            if _full in ACTION_INDEX:
                _TABLE[_row, ACTION_INDEX[_full]] = _value
_LIVELINESS = np.array([LIVELINESS[name] for name in EMOTIONS])


def emotion_amounts(emotion: tuple[str, float] | Mapping[str, float] | None) -> np.ndarray:
    """Amounts (8,) float32, in the order of `EMOTIONS`, of one emotion (name, amount), of several, or of none.

    Raises:
        UsageError: a name is not one of `EMOTIONS`, an amount lies outside [0, 1], or they add up to more than 1.
    """
    amounts = np.zeros(len(EMOTIONS), np.float32)
    pairs = () if emotion is None else emotion.items() if isinstance(emotion, Mapping) else (emotion,)
    for name, amount in pairs:
        if name not in EMOTIONS:
            raise UsageError(f"emotion '{name}': not known; choose one of {', '.join(EMOTIONS)}")
        if not 0 <= amount <= 1:
            raise UsageError(f"emotion '{name}:{amount:g}': the amount must lie between 0 and 1")
        amounts[EMOTIONS.index(name)] = amount
    if amounts.sum() > 1 + 1e-5:
        raise UsageError(f"emotions {dict(pairs)}: the amounts add up to more than 1")
    return amounts


def emotion_offsets(amounts: np.ndarray) -> np.ndarray:
    """Facial actions (..., 52) float32 that amounts (..., 8) of the emotions add."""
    return (amounts @ _TABLE).astype(np.float32)


def emotion_liveliness(amounts: np.ndarray) -> float:
    """How much more (above 1) or less the head moves under amounts (8,) of the emotions."""
    return float(1 + amounts @ (_LIVELINESS - 1))
