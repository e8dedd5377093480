"""Timed phones -> lip and jaw channels: coarticulation by dominance functions, and exact lip closure.

Cohen and Massaro (1993), "Modeling coarticulation in synthetic visual speech",
equations 1 to 5: each phone s pulls channel p
towards its target T_sp with a dominance D_sp(t) = alpha_sp * exp(-|tau| / r),
and the channel is the mean of the targets weighted
by dominance. As in JALI (Edwards et al. 2016, section 4) the apex is reached at the start of the phone and held over
a share of it. Share and decays are those that fit filmed lips best (see `lab.performances.phones`): the jaw is slower
than JALI's 45 ms to 1/e, the lips' contact is kept as it was there.
"""

import numpy as np

from generate.acting import CHANNELS, CLASS_INDEX, CLASSES
from lab.performances import mouths
from lab.performances.phones import DOMINANCE, GROUPS, VOWELS, Phones
from media.units import FPS, SAMPLE_RATE

STEP = 0.01  # seconds between the instants at which the curves are computed
HOLD = 0.5  # share of a phone over which its apex is held
LET_GO = 0.10  # seconds before its end at which a long one lets go
FALL = np.array([0.060, 0.070, 0.070, 0.028])  # seconds to fall to 1/e: jaw, rounding, spreading, contact
CONTACT = 0.75  # share of a p, b or m over which the lips stay shut
BACKGROUND = 0.02  # dominance of the rest position, so that the mouth relaxes far from any phone
SHORTEST_CLOSURE = 0.05  # seconds: longer than a frame, so that no closure falls between two frames
CLOSING, OPENING = 0.070, 0.060  # seconds the lips take to meet and to part (Lofqvist and Gracco 1997: 50 to 100 ms)
PAUSE = 0.30  # seconds: the mouth does not shut in pauses shorter than this
BREATH = 0.08  # jawOpen while air is taken in before a phrase
_BILABIAL, _SILENCE = CLASS_INDEX["p"], CLASS_INDEX["sil"]
_IS_VOWEL = np.array([name in VOWELS for name in CLASSES])


def loudness(speech: np.ndarray, count: int) -> np.ndarray:
    """Loudness (count,) at every STEP, 0 = 30 dB under the loud parts of the recording, 1 = as they are."""
    hop = int(STEP * SAMPLE_RATE)
    padded = np.zeros((count + 3) * hop, np.float64)
    padded[hop : hop + len(speech)] = speech[: (count + 2) * hop]
    energy = np.convolve((padded**2).reshape(-1, hop).mean(1), np.ones(3) / 3, "same")[1 : count + 1]
    level = 10 * np.log10(energy + 1e-9)
    return np.clip((level - np.percentile(level, 95)) / 30 + 1, 0, 1.2)


def _gains(phones: Phones, speech: np.ndarray | None, count: int) -> np.ndarray:
    """How wide each phone is articulated (n,): louder vowels open the jaw more (Schulman 1989), 0.65 to 1.4."""
    gains = np.ones(len(phones.classes))
    if speech is None or not len(speech):
        return gains
    curve = loudness(speech, count)
    for i in np.flatnonzero(_IS_VOWEL[phones.classes]):
        a, b = max(0, int(phones.starts[i] / STEP)), int(np.ceil(phones.ends[i] / STEP))
        peak = curve[a : max(b, a + 1)].max(initial=0.0) if a < count else 1.0
        gains[i] = np.clip(0.2 + 1.1 * peak, 0.65, 1.4)
    return gains


def lip_curves(phones: Phones, duration: float, speech: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Channels (n, len(CHANNELS)) and closure (n,) at every STEP (the middles of the steps) over `duration` seconds."""
    count = max(1, int(np.ceil(duration / STEP)))
    times = (np.arange(count) + 0.5) * STEP
    top = np.zeros((count, len(CHANNELS)))
    bottom = np.full((count, len(CHANNELS)), BACKGROUND)
    groups = np.array(GROUPS)
    phones = _framed(phones)
    targets = mouths.targets(phones) * _gains(phones, speech, count)[:, None]
    for phone, start, end, target in zip(phones.classes, phones.starts, phones.ends, targets, strict=True):
        strength = DOMINANCE[phone][groups]
        held = max(start + (end - start) * HOLD, end - LET_GO)
        if phone == _SILENCE:
            if end - start < PAUSE and start > 0:
                strength = strength * 0.3
            held = max(start + 0.06, end - 0.06)
            start = start + 0.06
        first = max(0, int((start - 0.5) / STEP))
        last = min(count, int((held + 0.5) / STEP) + 1)
        tau = np.maximum(np.maximum(start - times[first:last], times[first:last] - held), 0)
        pull = strength * np.exp(-tau[:, None] / FALL)[:, groups]
        top[first:last] += pull * target
        bottom[first:last] += pull
    channels = top / bottom
    _breathe(channels[:, 0], times, phones)
    mouths.breathe(channels, times, phones.vocals)
    mouths.laugh(channels, times, phones.vocals)
    return channels.astype(np.float32), _closure(times, phones).astype(np.float32)


def _framed(phones: Phones) -> Phones:
    """The phones with a second of silence before the first and after the last."""
    if not len(phones.classes):
        return phones
    first, last = phones.starts[0], phones.ends[-1]
    return Phones(
        np.concatenate([[_SILENCE], phones.classes, [_SILENCE]]),
        np.concatenate([[first - 1], phones.starts, [last]]),
        np.concatenate([[first], phones.ends, [last + 1]]),
        phones.vocals,
    )


def _breathe(jaw: np.ndarray, times: np.ndarray, phones: Phones) -> None:
    """Open the mouth a little for the breath before each phrase that follows a pause."""
    following = np.append(phones.classes, _SILENCE)[1:]
    for phone, then, start, end in zip(phones.classes, following, phones.starts, phones.ends, strict=True):
        if phone == _SILENCE and then != _SILENCE and end - start >= PAUSE:
            length = min(0.35, end - start)
            bump = np.clip((times - (end - length)) / length, 0, 1)
            inside = (times >= end - length) & (times < end)
            jaw[inside] = np.maximum(jaw[inside], BREATH * np.sin(np.pi * bump[inside]) ** 2)


def _closure(times: np.ndarray, phones: Phones) -> np.ndarray:
    """1 while a p, b or m holds the lips together, rising and falling smoothly beside it."""
    closure = np.zeros(len(times))
    for start, end in zip(
        phones.starts[phones.classes == _BILABIAL], phones.ends[phones.classes == _BILABIAL], strict=True
    ):
        length = max(SHORTEST_CLOSURE, min((end - start) * CONTACT, end - start - 0.015))
        middle = start + max(end - start, SHORTEST_CLOSURE) * CONTACT / 2
        begin, stop = middle - length / 2, middle + length / 2
        rise = np.clip((times - (begin - CLOSING)) / CLOSING, 0, 1)
        fall = np.clip((stop + OPENING - times) / OPENING, 0, 1)
        gate = np.minimum(rise, fall)
        closure = np.maximum(closure, gate * gate * (3 - 2 * gate))
    return closure


def lip_frames(phones: Phones, frames: int, speech: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Channels (frames, len(CHANNELS)) and closure (frames,) at 25 frames a second, each over its 40 ms.

    Channels are means over the frame; the closure is its highest value in the middle half, so a frame that sees the
    lips meet shows them shut.
    """
    per = round(1 / FPS / STEP)
    channels, closure = lip_curves(phones, frames / FPS, speech)
    channels = channels[: frames * per].reshape(frames, per, -1).mean(1)
    return channels, closure[: frames * per].reshape(frames, per)[:, 1:3].max(1)


def class_frames(phones: Phones, count: int, rate: float) -> np.ndarray:
    """Class index (count,) of the phone sounding at the middle of each of `count` intervals, `rate` a second."""
    times = (np.arange(count) + 0.5) / rate
    out = np.full(count, _SILENCE, np.int64)
    if len(phones.starts):
        at = np.clip(np.searchsorted(phones.starts, times, side="right") - 1, 0, None)
        inside = (times >= phones.starts[at]) & (times < phones.ends[at])
        out[inside] = phones.classes[at][inside]
    return out
