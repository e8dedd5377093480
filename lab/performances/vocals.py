"""What a voice does besides saying phones: notes it sings, calls of its laughter, breaths it draws in."""

from dataclasses import dataclass

import numpy as np

KINDS: tuple[str, ...] = ("note", "beat", "call", "breath", "shout", "whisper")
"""Kinds of stretches of time, and what the amount of each says.

note: a vowel held on one pitch; semitones above (or below) the pitch that the voice speaks at
beat: from one beat of the music to the next; 1
call: one "ha" of a laugh; loudness in [0, 1], 1 = the loudest of the bout
breath: air drawn in, audibly; depth in [0, 1]
shout, whisper: the voice is raised or has no tone at all; effort in [0, 1]
"""
KIND_INDEX: dict[str, int] = {name: i for i, name in enumerate(KINDS)}


@dataclass(frozen=True)
class Vocals:
    """Stretches of time (n,): kinds (index of `KINDS`), starts and ends in seconds, amounts. Kinds may overlap."""

    kinds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    amounts: np.ndarray

    @classmethod
    def of(cls, kind: str, starts: np.ndarray, ends: np.ndarray, amounts: np.ndarray | float) -> "Vocals":
        """All of one kind. starts, ends (n,); amounts (n,) or the same for all."""
        begin = np.atleast_1d(np.asarray(starts, float))
        amount = np.broadcast_to(np.asarray(amounts, float), begin.shape)
        index = np.full(begin.shape, KIND_INDEX[kind], np.int64)
        return cls(index, begin, np.atleast_1d(np.asarray(ends, float)), amount.copy())

    @classmethod
    def together(cls, *parts: "Vocals") -> "Vocals":
        """What all `parts` hold, in order of time."""
        fields = (np.concatenate([getattr(p, f) for p in (NOTHING, *parts)]) for f in cls.__dataclass_fields__)
        kinds, starts, ends, amounts = fields
        order = np.argsort(starts, kind="stable")
        return cls(kinds[order], starts[order], ends[order], amounts[order])

    def __len__(self) -> int:
        return len(self.kinds)

    def only(self, kind: str) -> "Vocals":
        """Those of one kind."""
        keep = self.kinds == KIND_INDEX[kind]
        return Vocals(self.kinds[keep], self.starts[keep], self.ends[keep], self.amounts[keep])

    def window(self, start: float, end: float, speed: float = 1.0) -> "Vocals":
        """As `Phones.window`."""
        keep = (self.ends > start) & (self.starts < end)
        times = (self.starts[keep] - start) / speed, (self.ends[keep] - start) / speed
        return Vocals(self.kinds[keep], *times, self.amounts[keep])

    def strength(self, times: np.ndarray) -> np.ndarray:
        """At each of `times` (T,) in seconds: the amount of what lasts there, the largest where several do, else 0."""
        out = np.zeros(len(times))
        for start, end, amount in zip(self.starts, self.ends, self.amounts, strict=True):
            first, last = np.searchsorted(times, (start, end))
            out[first:last] = np.maximum(out[first:last], amount)
        return out


NOTHING = Vocals(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))
