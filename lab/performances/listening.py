"""What a face does while somebody else speaks: it looks at them, nods along and at the end of what they say, raises the
brows at what they stress, and stops when its own turn comes.

Most movements of listeners are nods (Hadar et al. 1985), two or three in a row at the ends of the speaker's phrases
(Ward and Tsukahara 2000, who find them 350 to 700 ms after a cue; Poppe et al. 2010); listeners look at the speaker for
most of the time (Argyle and Cook 1976: 75%). Answers come 160 to 340 ms after what they answer. Amounts are ours.
"""

from collections.abc import Callable

import numpy as np

from generate.acting import Style
from generate.acting.placement import DT
from lab.performances.gaze import Eyes
from lab.performances.headmotion import HeadMotion

DELAY = (0.16, 0.34)  # seconds from what is heard to what answers it
NODS = np.radians([1.8, 4.5])  # sizes
ALONG = 0.30  # chance of a nod at an emphasis
AT_END = 0.65  # chance of nods where a phrase ends
PHRASE = 0.7  # seconds of speech that a phrase has at least
UNASKED = 0.10  # nods a second in silence, where nobody speaks


class Listening:
    """Answers to another voice, one frame at a time.

    Args:
        rng: draws.
        style: how this person moves.
        eyes, head: what answers; brows: called with how high to raise them.
    """

    def __init__(
        self, rng: np.random.Generator, style: Style, eyes: Eyes, head: HeadMotion, brows: Callable[[float], None]
    ) -> None:
        self._rng, self._style, self._eyes, self._head, self._brows = rng, style, eyes, head, brows
        self._coming: list[tuple[float, Callable[[], None]]] = []  # answers that are due in so many seconds
        self._heard, self._rest = 0.0, 2.0  # seconds that the other has spoken; since the last answer

    def step(self, activity: float, emphasis: float, speaking: bool) -> None:
        """What the other's voice does in this frame, and whether the face itself speaks."""
        self._rest += DT
        if speaking:
            self._coming, self._heard = [], 0.0
            return
        if activity > 0.3:
            if not self._heard:
                self._answer(self._attend)
            self._heard += DT
            if emphasis > 0.12 and self._rest > 0.5:
                self._stressed()
        elif activity < 0.12 and self._heard:
            if self._heard > PHRASE and self._rng.random() < AT_END:
                count, size = int(self._rng.integers(1, 4)), self._size()
                self._answer(lambda: self._head.nod(size, count))
            self._heard = 0.0
        elif self._rest > 2 and self._rng.random() < UNASKED * DT:
            self._rest = 0.0
            self._head.nod(self._size())
        due = [answer for left, answer in self._coming if left <= DT]
        self._coming = [(left - DT, answer) for left, answer in self._coming if left > DT]
        for answer in due:
            answer()

    def _answer(self, answer: Callable[[], None]) -> None:
        self._rest = 0.0
        self._coming.append((float(self._rng.uniform(*DELAY)), answer))

    def _attend(self) -> None:
        """The other begins to speak: look at them, often with a lift of the brows, the head turned anew."""
        self._eyes.meet(speaking=False)
        if self._rng.random() < 0.6:
            self._raise(0.12, 0.35)
        if self._rng.random() < 0.5:
            self._head.hold(0.8)

    def _stressed(self) -> None:
        if self._rng.random() < ALONG * self._style.times("nod"):
            size = self._size()
            self._answer(lambda: self._head.nod(size))
        elif self._rng.random() < 0.25:
            self._answer(lambda: self._raise(0.08, 0.25))

    def _raise(self, least: float, most: float) -> None:
        up = float(self._rng.uniform(least, most)) * self._style.times("brows")
        self._brows(up)
        self._eyes.widen(0.5 * up)

    def _size(self) -> float:
        return float(self._rng.uniform(*NODS))
