"""What face and head do while a voice sings, laughs, draws breath or is raised; the mouth's share is in `mouths`.

- Singing: brows rise and the head lifts with high notes and wide intervals (Thompson, Russo and Livingstone 2010;
  Livingstone, Thompson and Russo 2009 show brows and lips moving with what is sung). The head sways with the beat.
- Laughter: cheeks lifted and eyes narrowed with the smile (action units 6 and 12), the head thrown back, bobbing with
  the calls (Ruch and Ekman 2001).
- Breath: the head lifts a little. Raised voices narrow the eyes and lower the brows.

How much and how fast: chosen by eye. Frame by frame and from the past alone, as `Life`.
"""

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting import Style, spring
from lab.performances.vocals import Vocals
from media.units import FPS

HIGH = 10.0  # semitones above the usual pitch at which brows are highest
BROWS = 0.40  # browInnerUp there
CHIN = np.radians(0.45)  # the head lifts by this, a semitone
SWAY = np.radians([1.3, 0.0, 2.2])  # yaw, pitch, roll from one side to the other with the beat
NOD = np.radians(0.8)  # on the beat
BACK = np.radians([3.0, 9.0])  # least and most that a full laugh throws the head back
BOB = np.radians(1.6)  # with each call
INHALE = np.radians(1.6)  # the head lifts by this in a deep breath
LAUGHING = {"cheekSquint": 0.60, "eyeSquint": 0.50, "noseSneer": 0.10, "mouthDimple": 0.12, "browOuterUp": 0.10}
RAISED = {"browDown": 0.22, "eyeSquint": 0.12, "noseSneer": 0.06}
HUSHED = {"browInnerUp": 0.10, "eyeSquint": 0.06}


def _face(values: dict[str, float]) -> np.ndarray:
    face = np.zeros(len(FACIAL_ACTIONS))
    for name, value in values.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in ACTION_INDEX:
                face[ACTION_INDEX[full]] = value
    return face


_LAUGHING, _RAISED, _HUSHED = _face(LAUGHING), _face(RAISED), _face(HUSHED)
_WONDER = _face({"browInnerUp": 1.0, "browOuterUp": 0.75})


def bearing(vocals: Vocals, frames: int, seed: int, style: Style) -> tuple[np.ndarray, np.ndarray]:
    """Actions (frames, 52) to add, and rotation (frames, 3) radians as in `MotionClip`, at 25 frames a second."""
    actions, rotation = np.zeros((frames, len(FACIAL_ACTIONS))), np.zeros((frames, 3))
    if not len(vocals):
        return actions, rotation
    rng = np.random.default_rng([seed, 0xBEA2])
    times = (np.arange(frames) + 0.5) / FPS
    calls, beats = vocals.only("call"), vocals.only("beat")
    told = {kind: vocals.only(kind).strength(times) for kind in ("breath", "shout", "whisper")}
    high = _pitch(vocals.only("note"), times)
    laughing = _bouts(calls, times)
    pulses = _pulses(calls, times)
    swing = _swing(beats, times) * rng.choice([-1, 1])
    lively = rng.uniform(0.6, 1.4) * style.times("sway")
    back = rng.uniform(*BACK) * style.times("nod")
    aside = rng.normal(0, 0.5)  # some laugh with the head to one side
    brows, cheeks, effort = spring(2.5, 1), spring(1.8, 1), spring(1.2, 2)
    head, bob, sway = spring(0.9, 2), spring(3.0, 1), spring(1.6, 2)
    for t in range(frames):
        up = float(brows.step(np.clip(high[t] / HIGH, 0, 1))[0])
        mirth = float(cheeks.step(laughing[t])[0])
        raised, hushed = effort.step(np.array([told["shout"][t], told["whisper"][t]]))
        actions[t] = BROWS * style.times("brows") * up * _WONDER + mirth * _LAUGHING
        actions[t] += raised * _RAISED + hushed * _HUSHED
        lifted, thrown = head.step(np.array([CHIN * high[t] + INHALE * told["breath"][t], back * laughing[t]]))
        side, nod = sway.step(np.array([swing[t], abs(swing[t])]))
        rotation[t] = lively * SWAY * side
        rotation[t, 1] += lively * NOD * nod - lifted - thrown + float(bob.step(BOB * pulses[t])[0])
        rotation[t, 2] += aside * thrown
    return np.clip(actions, 0, 1), rotation


def _pitch(notes: Vocals, times: np.ndarray) -> np.ndarray:
    """Semitones (T,) of the note that is sung, held through the consonants after it, 0 where nobody sings."""
    out = np.zeros(len(times))
    for i, (start, end, semitones) in enumerate(zip(notes.starts, notes.ends, notes.amounts, strict=True)):
        following = notes.starts[i + 1] if i + 1 < len(notes) else end + 0.3
        stop = following if following < end + 0.5 else end + 0.3
        out[(times >= start) & (times < stop)] = semitones
    return out


def _bouts(calls: Vocals, times: np.ndarray) -> np.ndarray:
    """How heartily somebody laughs (T,) in [0, 1]: from the first call of a bout to its last."""
    out = np.zeros(len(times))
    for start, end, loud in zip(calls.starts, calls.ends, calls.amounts, strict=True):
        inside = (times >= start) & (times < end + 0.25)
        out[inside] = np.maximum(out[inside], 0.5 + 0.5 * loud)
    return out


def _pulses(calls: Vocals, times: np.ndarray) -> np.ndarray:
    """1 (times its loudness) in the middle of each call, 0 between: (T,)."""
    out = np.zeros(len(times))
    for start, end, loud in zip(calls.starts, calls.ends, calls.amounts, strict=True):
        phase = np.clip((times - start + 0.04) / (end - start + 0.08), 0, 1)
        out = np.maximum(out, loud * np.sin(np.pi * phase) ** 2)
    return out


def _swing(beats: Vocals, times: np.ndarray) -> np.ndarray:
    """From side to side (T,) in [-1, 1]: on one side at one beat, on the other at the next."""
    out = np.zeros(len(times))
    for i, (start, end) in enumerate(zip(beats.starts, beats.ends, strict=True)):
        inside = (times >= start) & (times < end)
        out[inside] = np.cos(np.pi * (i + (times[inside] - start) / (end - start)))
    return out
