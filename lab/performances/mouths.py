"""What mouths do while a voice sings, laughs, shouts or draws breath, on top of what its phones ask for.

- Singing: jaws open wider the higher and the longer a vowel is held (Sundberg and Skoog 1997: with pitch, most where it
  nears the first formant; Thompson, Russo and Livingstone 2010: wider for wider intervals); amounts chosen by eye.
- Laughter: lip corners drawn up and back, the mouth open (action units 12 and 25 to 27; Ruch and Ekman 2001), the jaw
  falling with every call; amounts chosen by eye.
- Raised voices open the jaw more (Schulman 1989; Garnier, Henrich and Dubois 2010, in noise).
- Breath: lips parted while it is drawn in; chosen by eye.
"""

import numpy as np

from generate.acting import CHANNELS, CLASSES
from lab.performances.phones import TARGETS, VOWELS, Phones
from lab.performances.vocals import Vocals

_OPENING = np.isin(CHANNELS, ("jawOpen", "mouthLowerDown", "mouthUpperUp"))
_JAW, _CORNERS = CHANNELS.index("jawOpen"), CHANNELS.index("mouthSmile")
_IS_VOWEL = np.array([name in VOWELS for name in CLASSES])
HELD = 0.5  # seconds from which a note is long
LONG, HIGH = 0.30, 0.025  # wider by, for a long note, and for a semitone above the voice's usual pitch
WIDEST = 1.7  # times
DROP = 0.05  # jawOpen that holding a note adds to any vowel, so that high i and u are open as well
RAISED = 0.35  # wider by, in a shout
PARTED = {"jawOpen": 0.13, "mouthLowerDown": 0.08, "mouthUpperUp": 0.03}  # while breath is drawn in
LAUGHING = {
    "jawOpen": 0.10, "mouthSmile": 0.50, "mouthStretch": 0.10, "mouthUpperUp": 0.22, "mouthLowerDown": 0.18,
}  # fmt: skip
FALL = 0.34  # jawOpen that a call of full loudness adds
LEAD, TRAIL = 0.03, 0.05  # seconds that the jaw falls before a call's tone, and takes to rise after it
SMILE_LASTS = 0.9  # seconds a smile takes to fade to 1/e after the last call
READY, SMILING = 0.25, 0.12  # seconds before the first call from which the mouth gets ready, and smiles


def _pose(values: dict[str, float]) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in CHANNELS])


def targets(phones: Phones) -> np.ndarray:
    """`TARGETS` of each phone (n, len(CHANNELS)), vowels opened wider where they are sung or shouted."""
    wanted = TARGETS[phones.classes].astype(np.float64)
    vowel = _IS_VOWEL[phones.classes]
    for kind in ("note", "shout"):
        sounds = phones.vocals.only(kind)
        for start, end, amount in zip(sounds.starts, sounds.ends, sounds.amounts, strict=True):
            inside = vowel & (phones.starts < end - 1e-3) & (phones.ends > start + 1e-3)
            if kind == "note":
                long = min((end - start) / HELD, 1.0)
                wider = float(np.clip(1 + LONG * long + HIGH * amount, 1, WIDEST))
                wanted[inside, _JAW] += DROP * long
            else:
                wider = 1 + RAISED * amount
            wanted[np.ix_(inside, _OPENING)] *= wider
    return np.clip(wanted, 0, 1)


def breathe(channels: np.ndarray, times: np.ndarray, vocals: Vocals) -> None:
    """Part the lips of `channels` (n, C) at `times` (n,) while breath is drawn in, in place."""
    breaths = vocals.only("breath")
    for start, end, depth in zip(breaths.starts, breaths.ends, breaths.amounts, strict=True):
        parted = np.clip(np.minimum((times - start + 0.06) / 0.12, (end + 0.04 - times) / 0.10), 0, 1)
        shape = (parted * parted * (3 - 2 * parted))[:, None] * _pose(PARTED) * (0.5 + 0.5 * depth)
        np.maximum(channels, shape, out=channels)


def laugh(channels: np.ndarray, times: np.ndarray, vocals: Vocals) -> None:
    """Blend `channels` (n, C) at `times` (n,) into a laughing mouth during calls, in place."""
    calls = vocals.only("call")
    if not len(calls):
        return
    shares, smile, pulses = np.zeros((3, len(times)))
    for start, end, loud in zip(calls.starts, calls.ends, calls.amounts, strict=True):
        over = np.minimum(end - times, 0)  # seconds since the call, negative
        shares = np.maximum(shares, np.clip((times - start) / READY + 1, 0, 1) * np.exp(over / 0.15))
        drawn = np.clip((times - start) / SMILING + 1, 0, 1) * np.exp(over / SMILE_LASTS)
        smile = np.maximum(smile, (0.6 + 0.4 * loud) * drawn)
        phase = np.clip((times - start + LEAD) / (end - start + LEAD + TRAIL), 0, 1)
        pulses = np.maximum(pulses, loud * np.sin(np.pi * phase) ** 2)
    face = smile[:, None] * _pose(LAUGHING)
    face[:, _JAW] += FALL * pulses
    corners = np.maximum(channels[:, _CORNERS], face[:, _CORNERS])
    channels += shares[:, None] * (face - channels)
    channels[:, _CORNERS] = corners  # the smile outlasts the laugh
