"""Phones and what each does to the lips and jaw.

A phone is written in the International Phonetic Alphabet. Every phone belongs to one of `CLASSES`: groups that look
alike on the face (`generate.acting.visemes`). `TARGETS` gives each class its target on the
`CHANNELS` and `DOMINANCE` how firmly it holds to that target against its neighbours (Cohen and Massaro 1993). The
groups and which channels a class moves are from the literature above. How far each class opens the lips, how firmly,
and how fast its pull fades was fitted to filmed lips: 26 sentences of six talkers of the GRID corpus (Cooke et al.
2006), words known, phones aligned; classes seen there fewer than four times are as their neighbours. Fitted to one man
alone and read on the others, the opening's correlation rose from 0.57 to 0.71. Openings are then 1.3 times those of
GRID, whose talkers hold still, as filmed people's are who do not (jawOpen = 1 is 36 mm on the head of this package).
Widths, fitted likewise, told less (0.34 to 0.57); rounding and spreading were set between them and what there was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from generate.acting import CLASS_INDEX, CLASSES
from lab.performances.vocals import NOTHING, Vocals

# Channels of one group share their dominance: jaw, rounding, spreading, contact.
GROUPS: tuple[int, ...] = (0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 0, 3)

#            jaw  fun  puc  str  smi  low  upp  rlo  rup  prs  shl  shu  fwd  ton
_TABLE = {
    "sil": ((0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.2, 0.5, 0.6, 0.6)),
    "a": ((0.54, 0.05, 0.00, 0.15, 0.03, 0.28, 0.17, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.55, 0.8, 0.8, 0.4)),
    "æ": ((0.40, 0.00, 0.00, 0.33, 0.09, 0.34, 0.19, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.92, 0.8, 0.9, 0.4)),
    "ɛ": ((0.36, 0.00, 0.00, 0.30, 0.08, 0.31, 0.17, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (1.14, 0.8, 0.9, 0.4)),
    "e": ((0.37, 0.00, 0.00, 0.39, 0.15, 0.28, 0.15, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (1.97, 0.9, 1.0, 0.4)),
    "i": ((0.29, 0.00, 0.00, 0.45, 0.22, 0.25, 0.14, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (1.28, 1.0, 1.1, 0.4)),
    "ɪ": ((0.41, 0.00, 0.00, 0.33, 0.11, 0.22, 0.11, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (1.28, 0.7, 0.8, 0.4)),
    "ə": ((0.25, 0.04, 0.02, 0.09, 0.03, 0.18, 0.10, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.64, 0.3, 0.4, 0.3)),
    "ɔ": ((0.30, 0.43, 0.23, 0.00, 0.00, 0.11, 0.07, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.6, 1.2, 0.9, 0.4)),
    "o": ((0.26, 0.28, 0.55, 0.00, 0.00, 0.08, 0.05, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (1.0, 1.3, 0.9, 0.4)),
    "u": ((0.08, 0.18, 0.90, 0.00, 0.00, 0.03, 0.02, 0.00, 0.00, 0.00, 0.00, 0.00, 0.02, 0.00), (1.7, 1.5, 1.0, 0.4)),
    "ʊ": ((0.02, 0.16, 0.46, 0.00, 0.00, 0.02, 0.01, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.7, 1.0, 0.7, 0.4)),
    "ɝ": ((0.17, 0.28, 0.25, 0.00, 0.00, 0.10, 0.08, 0.00, 0.00, 0.00, 0.04, 0.00, 0.00, 0.00), (0.9, 1.0, 0.7, 0.4)),
    "p": ((0.04, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.10, 0.10, 0.08, 0.03, 0.00, 0.00, 0.00), (2.6, 0.2, 0.8, 4.0)),
    "f": ((0.05, 0.00, 0.00, 0.09, 0.03, 0.02, 0.13, 0.42, 0.00, 0.00, 0.08, 0.00, 0.00, 0.00), (1.79, 0.4, 1.2, 4.0)),
    "θ": ((0.09, 0.00, 0.00, 0.12, 0.03, 0.12, 0.05, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.06), (1.07, 0.2, 0.5, 1.5)),
    "t": ((0.04, 0.00, 0.00, 0.20, 0.03, 0.06, 0.03, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.37, 0.15, 0.4, 0.4)),
    "l": ((0.23, 0.00, 0.00, 0.09, 0.03, 0.17, 0.07, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (1.3, 0.15, 0.4, 0.4)),
    "s": ((0.12, 0.00, 0.00, 0.30, 0.08, 0.42, 0.24, 0.00, 0.00, 0.00, 0.00, 0.00, 0.06, 0.00), (1.06, 0.25, 0.7, 0.5)),
    "ʃ": ((0.10, 0.38, 0.32, 0.00, 0.00, 0.18, 0.13, 0.00, 0.00, 0.00, 0.00, 0.00, 0.08, 0.00), (1.6, 1.6, 1.0, 0.5)),
    "k": ((0.22, 0.00, 0.00, 0.08, 0.03, 0.14, 0.06, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.37, 0.1, 0.25, 0.3)),
    "ɹ": ((0.02, 0.21, 0.34, 0.00, 0.00, 0.02, 0.02, 0.00, 0.00, 0.00, 0.03, 0.00, 0.00, 0.00), (1.6, 1.0, 0.6, 0.4)),
    "w": ((0.02, 0.14, 0.90, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.02, 0.00), (2.0, 1.7, 1.0, 0.5)),
    "j": ((0.10, 0.00, 0.00, 0.30, 0.12, 0.21, 0.10, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.8, 0.4, 0.7, 0.3)),
    "h": ((0.18, 0.00, 0.00, 0.06, 0.00, 0.13, 0.06, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00), (0.15, 0.05, 0.1, 0.2)),
}
assert tuple(_TABLE) == CLASSES
TARGETS = np.array([row[0] for row in _TABLE.values()], np.float32)  # (classes, channels) in [0, 1]
DOMINANCE = np.array([row[1] for row in _TABLE.values()], np.float32)  # (classes, 4 groups)
VOWELS = frozenset("aæɛeiɪəɔouʊɝ")  # classes that carry the syllable

# IPA letters -> class. Letters not listed are diacritics, or look like "t" (a tongue sound that leaves the lips free).
_LETTERS = {
    "sil": "_|‖#",
    "a": "aɑɐʌɶAIWQ",
    "æ": "æ",
    "ɛ": "ɛɜœ",
    "e": "eøɘɤE",
    "i": "i",
    "ɪ": "ɪɨᵻɯ",
    "ə": "əɵᵊ",
    "ɔ": "ɔɒY",
    "o": "oO",
    "u": "uyʉ",
    "ʊ": "ʊʏ",
    "ɝ": "ɝɚ",
    "p": "pbmɓβ",
    "f": "fvɱʋɸ",
    "θ": "θð",
    "t": "tdnrɾɖʈɳɗ",
    "l": "lɫɭʎɬ",
    "s": "szʦʣ",
    "ʃ": "ʃʒɕʑʂʐʧʤʨʥTJ",
    "k": "kgɡŋxɣqɢχʁcɟɲçʀɴ",
    "ɹ": "ɹɻ",
    "w": "wɥʍ",
    "j": "jʝɰ",
    "h": "hɦʔħʕ",
}
IPA_CLASS: dict[str, str] = {letter: name for name, letters in _LETTERS.items() for letter in letters}

# ARPAbet (CMU dictionary; flite and festival) -> classes, diphthongs in two parts.
ARPABET: dict[str, tuple[str, ...]] = {
    "AA": ("a",), "AE": ("æ",), "AH": ("ə",), "AO": ("ɔ",), "AW": ("a", "ʊ"), "AX": ("ə",), "AXR": ("ɝ",), "AY": ("a",
    "ɪ"),
    "B": ("p",), "CH": ("ʃ",), "D": ("t",), "DH": ("θ",), "DX": ("t",), "EH": ("ɛ",), "EL": ("l",), "EM": ("p",),
    "EN": ("t",),
    "ER": ("ɝ",), "EY": ("e", "ɪ"), "F": ("f",), "G": ("k",), "HH": ("h",), "HV": ("h",), "IH": ("ɪ",), "IX": ("ɪ",),
    "IY": ("i",), "JH": ("ʃ",), "K": ("k",), "L": ("l",), "M": ("p",), "N": ("t",), "NG": ("k",), "NX": ("t",),
    "OW": ("o", "ʊ"), "OY": ("ɔ", "ɪ"), "P": ("p",), "R": ("ɹ",), "S": ("s",), "SH": ("ʃ",), "T": ("t",), "TH": ("θ",),
    "UH": ("ʊ",), "UW": ("u",), "V": ("f",), "W": ("w",), "Y": ("j",), "Z": ("s",), "ZH": ("ʃ",),
    "SIL": ("sil",), "PAU": ("sil",), "SSIL": ("sil",), "BRTH": ("sil",), "H#": ("sil",), "#": ("sil",), "_": ("sil",),
}  # fmt: skip


@dataclass(frozen=True)
class Phones:
    """Timed phones: class indices (n,) int, starts and ends (n,) seconds float, in order and without overlap."""

    classes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    vocals: Vocals = NOTHING  # what the voice does besides: sing, laugh, draw breath

    @classmethod
    def from_names(cls, names: list[str], starts: list[float], ends: list[float], vocals: Vocals = NOTHING) -> "Phones":
        """Build from class names of `CLASSES`."""
        index = np.array([CLASS_INDEX[n] for n in names], np.int64)
        return cls(index, np.asarray(starts, np.float64), np.asarray(ends, np.float64), vocals)

    @classmethod
    def joined(cls, parts: Sequence["Phones"], at: Sequence[float]) -> "Phones":
        """`parts` one after another, each begun at the time `at` seconds. They must not overlap."""
        moved = [part.window(-start, np.inf) for part, start in zip(parts, at, strict=True)]
        fields = (np.concatenate([getattr(p, f) for p in moved]) for f in ("classes", "starts", "ends"))
        return cls(*fields, Vocals.together(*(p.vocals for p in moved)))

    def window(self, start: float, end: float, speed: float = 1.0) -> "Phones":
        """The phones between `start` and `end` seconds, with times from `start` on, played `speed` times as fast."""
        keep = (self.ends > start) & (self.starts < end)
        times = (self.starts[keep] - start) / speed, (self.ends[keep] - start) / speed
        return Phones(self.classes[keep], *times, self.vocals.window(start, end, speed))

    def moved(self, time: Callable[[np.ndarray], np.ndarray]) -> "Phones":
        """The same with every time t (seconds) at `time(t)`, which must not fall."""
        v = self.vocals
        vocals = Vocals(v.kinds, time(v.starts), time(v.ends), v.amounts)
        return Phones(self.classes, time(self.starts), time(self.ends), vocals)


def ipa_classes(symbol: str) -> tuple[str, ...]:
    """Classes of one IPA phone as a synthesiser writes it: `"aɪ"` -> ("a", "ɪ"), `"tʃ"` -> ("ʃ",), `""` -> ("sil",)."""
    found = [IPA_CLASS[letter] for letter in symbol if letter in IPA_CLASS]
    if not found:
        return ("sil",) if not any(c.isalpha() for c in symbol) else ("t",)
    if found[0] == "t" and len(found) > 1 and found[1] in ("ʃ", "s"):
        found = found[1:]
    return tuple(found[:2]) if found[0] in VOWELS else (found[0],)
