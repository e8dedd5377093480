"""Whether the faces in what is saved are those of the permit: frames are tied to the portrait by what they show.

    witness = Witness(performance)
    witness.see(frame)          every frame; a few of them, drawn by chance, are looked at
    witness.judge()             -> what the claim says of it; raises `ConsentError` for another face

Faces are compared by `faces.recognition` (see `onlooker`), which is no proof of identity: it is there so
that a permit for one portrait is not spent on another face by mistake or by an argument. Measured on 23 portraits of
the London Set, of officials and of people who do not exist, made to speak with strong expressions at twice the usual
movement: likeness to their own portrait 0.60 or more in each of 253 frames (median 0.90); of the pairs of different
people 5% reach 0.46 and 1% 0.60. So a clip of somebody else passes `ALIKE` about one time in twenty.

No embedding of a face is kept or written; the claim says how alike, and how many frames were looked at.

What is claimed as recorded is cut out of its file by the gate (`cut`), so nothing has to be compared. What is claimed
as an edited film is held against the film, frame by frame (`_Source`), by how mouth and eyes correlate with the same
moment of it. Five clips of three filmed people: seen again through a hand-held camera's sway, blur and grain 0.999 or
more, enlarged from half their size 0.988, blended with themselves 0.976; faces that our generator moved as the person
did fall to 0.91 at some moment. A mouth alone that is drawn again stays at 0.93 to 0.98: that an edit is small is the
maker's word.
"""

import queue
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import cv2
import numpy as np

from media.errors import ConsentError
from media.hashing import bytes_sha256
from media.units import FPS
from media.video import VideoReader
from provenance.permits.claims import Composite, Edited, Generated, Recorded, Rendered
from provenance.permits.gate import Performance
from provenance.permits.onlooker import again, aligned, embeddings_of, seen
from provenance.permits.subjects import Subject, stamp_of

# A look is drawn by chance, one frame in so many, and comes at the latest after twice as many.
FACES, WHOLES = 8, 50  # at the face alone that was seen before; at all of the frame
FACELESS = FPS  # at all of it, where no face was seen
OFTEN = 8  # at all of what is claimed as edited
ALIKE = 0.45  # median likeness from which frames show the portrait's face
LOOSELY = 0.30  # the same of what is not generated, where light, turn and disguise differ
LEAST = 0.30, 0.15  # of each frame of what is generated; of nine tenths of other frames
TURNED = 0.5  # share of the looks at which faces upside down are looked for beside upright ones
SAME = 0.955  # correlation of mouth and eyes with the film's own, from which it is an edit of it
PARTS = (np.s_[64:108, 24:88], np.s_[20:60, 10:102])  # of a crop of 112 pixels: mouth, eyes
BLOCKS, CHANGED = 8, 20.0  # blocks a side, and levels by which one of them differs, of a frame that is looked at, too
NEAREST = 5  # frames between two looks for that reason
AROUND = 1.5  # side of the square about a face over that of its mesh: what changes there is that head, or in its place
PASSED = FPS  # frames of what is sent live that may pass while one that is due is not looked at yet
SURE = 2  # looks at faces after which what is sent live is judged


class Due(IntEnum):
    """What of a frame is to be looked at."""

    NOT, FACE, WHOLE = range(3)  # nothing, the face that was seen before, all of it


class Witness:
    """Looks at what is saved under a permit. `see` may be called from any one thread.

    Args:
        performance: what is to be saved.
    """

    def __init__(self, performance: Performance) -> None:
        self._claim, self._subjects = performance.claim, performance.permit.subjects
        self._own = {s.sha256 for s in self._subjects if s.path is None and s.picture is not None}
        self._people: np.ndarray | None = None
        self._alike: list[float] = []
        self._looked = 0
        self.seen = 0  # frames so far
        self._draw = secrets.SystemRandom().random
        self._source: _Source | None = None
        self._recorded = isinstance(self._claim, Recorded)  # read from its file by the gate
        if isinstance(self._claim, Edited) and self._subjects[0].picture is None:
            self._source = _Source(self._subjects[0], _first(self._claim))
        self._same = 1.0
        self.own = False  # the picture that was rendered under the permit was seen
        self._coarse: np.ndarray | None = None  # of the frame that was looked at last as a whole
        self._face: np.ndarray | None = None  # mesh points (478, 2) of the largest face seen last, pixels
        self._at = self._whole_at = 0  # number of the frame that was looked at last; as a whole
        self._owed = Due.NOT  # what was due and could not be looked at
        self._last: np.ndarray | None = None  # the latest frame, if it was not looked at

    def see(self, frame: np.ndarray) -> None:
        """A frame, uint8 RGB (H, W, 3)."""
        if due := self.due(frame):
            self.look(frame, due)

    def due(self, frame: np.ndarray) -> Due:
        """Whether a frame is one to look at: the first, those that are drawn by chance, and those that differ much from
        what was looked at last. Looks at the face alone come often, as they cost little; where a frame differs beside
        the face, all of it is looked at."""
        self.seen += 1
        if self._recorded:
            return Due.NOT
        coarse = cv2.resize(frame, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA).astype(np.float32)
        due, self._owed = max(self._owed, self._due(coarse, frame.shape)), Due.NOT
        self._last = None if due else frame
        if due:
            self._at = self.seen
        if due == Due.WHOLE:
            self._whole_at, self._coarse = self.seen, coarse
        return due

    def _due(self, coarse: np.ndarray, shape: tuple[int, ...]) -> Due:
        """The same, of a frame's blocks (BLOCKS, BLOCKS, 3)."""
        face = self._face
        whole = OFTEN if self._source else FACELESS if face is None else WHOLES
        if self._coarse is None or self._drawn(whole, self._whole_at):
            return Due.WHOLE
        drawn = face is not None and self._drawn(FACES, self._at)
        if drawn or self.seen - self._at >= NEAREST:
            changed = np.abs(coarse - self._coarse).max(-1) > CHANGED
            if face is not None:
                changed &= ~_about(face, shape)
            if changed.any():
                return Due.WHOLE
        return Due.FACE if drawn else Due.NOT

    def _drawn(self, every: int, last: int) -> bool:
        """Whether this frame is one in so many, where the last was number `last`."""
        return self._draw() * every < 1 or self.seen - last >= 2 * every

    def owe(self, due: Due) -> None:
        """A frame that was due could not be looked at: what of it was due is due of the next."""
        self._owed = due

    def foresee(self) -> None:
        """Raise as `judge` does, as soon as it is plain: what is sent live cannot be taken back at the end."""
        if len(self._alike) >= SURE or self._looked >= 4 * SURE:
            self._verdict()

    def check_first(self) -> None:
        """Raise `ConsentError` where the first frame shows somebody else."""
        if self._alike and self._alike[0] < LEAST[not isinstance(self._claim, Generated)]:
            self._verdict()

    def look(self, frame: np.ndarray, due: Due = Due.WHOLE, number: int | None = None) -> None:
        """Look at a frame, the latest where its number is not told; takes some 50 to 100 ms, at the face alone 15."""
        if self._own and bytes_sha256(np.ascontiguousarray(frame).tobytes()) in self._own:
            self._alike.append(1.0)  # the very picture that was rendered under the permit
            self.own = True
            self._looked += 1
            return
        found = self._faces(frame, due)
        self._looked += 1
        if self._source is not None:
            self._same = min(self._same, self._source.same(frame, self.seen - 1 if number is None else number))
        if found:
            people = self._known_people()
            alike = [float((people @ face).max(initial=-1.0)) for face in found]
            self._alike += alike if isinstance(self._claim, Composite) else [min(alike)]

    def _faces(self, frame: np.ndarray, due: Due) -> list[np.ndarray]:
        """Embeddings of the faces in a frame, or, where that is due, of the one that was there before."""
        if due == Due.FACE and self._face is not None and (there := again(frame, self._face)) is not None:
            self._face = there.points
            return [there.embedding]
        faces = seen(frame, turned=self._looked == 0 or self._draw() < TURNED)
        self._face = next((face.points for face in faces if face.picture is frame), None)
        return [face.embedding for face in faces]

    def judge(self) -> dict[str, Any]:
        """What the claim says: {"frames": looked at, "median": ..., "least": ...} in hundredths.

        Raises:
            ConsentError: they show somebody else, or, of what was generated, nobody.
        """
        if self._last is not None:
            last, self._last = self._last, None
            self.look(last)
        return self._verdict()

    def _verdict(self) -> dict[str, Any]:
        if self._recorded:
            return {}
        strict = isinstance(self._claim, Generated)
        if self._source is not None:
            self._source.check()
            if self._same < SAME or not self._alike:
                raise ConsentError(
                    f"claimed as an edited film, but its face moves otherwise (correlation {self._same:.3f}); claim it "
                    "as composite or generated"
                )
        if not self._alike:
            faceless = isinstance(self._claim, Composite) or (not strict and self.seen)
            if faceless and not isinstance(self._claim, Rendered):
                return {"frames": self._looked}  # a plot, the back of a head
            raise ConsentError("no face is seen in the pictures, so they cannot be tied to the portrait of the permit")
        median, least = float(np.median(self._alike)), float(np.quantile(self._alike, 0.0 if strict else 0.1))
        if median < (ALIKE if strict else LOOSELY) or least < LEAST[not strict]:
            raise ConsentError(
                "the pictures show another face than the portrait of the permit (likeness "
                f"{median:.2f}, at least {least:.2f}); a permit is for the portrait that was given"
            )
        hundredths = {"median": round(100 * median), "least": round(100 * min(self._alike))}
        return {"frames": self._looked, **hundredths}

    def _known_people(self) -> np.ndarray:
        """Embeddings (N, 128) of all faces in all portraits."""
        if self._people is None:
            self._people = np.concatenate([embeddings_of(subject) for subject in self._subjects])
        return self._people


class Aside:
    """A witness that looks on a thread of its own: a look takes as long as some frames have.

    Args:
        live: the frames are sent as they come. The first is looked at before it is given back; where one of the others
            comes while the machine is busy, another is looked at in its place; it is judged as soon as it is plain; and
            frames wait where a second of them has come since one that is not looked at yet.
    """

    def __init__(self, performance: Performance, *, live: bool = False) -> None:
        self.witness, self._live = Witness(performance), live
        self._error: BaseException | None = None
        self._first, self._owing = live, False
        self._frames: queue.Queue[tuple[np.ndarray, Due, int] | None] = queue.Queue(2)
        self._waiting, self._looked = deque[int](), threading.Condition()  # since which frames something is due
        self._thread = threading.Thread(target=self._run, name="likeness", daemon=True)
        self._thread.start()

    def see(self, frame: np.ndarray) -> None:
        """The next frame, which nobody changes any more. Raises `ConsentError` once it is known that somebody else is
        shown."""
        if self._error is not None:
            raise self._error
        due = self.witness.due(frame)
        if self._first:
            self._first = False
            self.witness.look(frame)
            self.witness.check_first()
        elif due:
            self._hand_over(frame, due)
        if self._live:
            with self._looked:
                self._looked.wait_for(lambda: not self._late())

    def _hand_over(self, frame: np.ndarray, due: Due) -> None:
        number = self.witness.seen - 1
        if not self._owing:
            self._waiting.append(number)
        self._owing = False
        try:
            self._frames.put((frame, due, number), block=not self._live or self._late())
        except queue.Full:  # live, and the machine is busy: another frame will do
            self._owing = True
            self.witness.owe(due)

    def _late(self) -> bool:
        """Whether too many frames have come since one that should have been looked at."""
        waiting = self._waiting
        return bool(waiting) and self.witness.seen - 1 - waiting[0] >= PASSED

    def close(self) -> None:
        """Wait until what is waiting has been looked at."""
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()

    def judge(self) -> dict[str, Any]:
        """As `Witness.judge`, when all has been looked at."""
        self.close()
        if self._error is not None:
            raise self._error
        return self.witness.judge()

    def _run(self) -> None:
        while (waiting := self._frames.get()) is not None:
            if self._error is None:
                try:
                    self.witness.look(*waiting)
                    if self._live:
                        self.witness.foresee()
                except BaseException as error:
                    self._error = error
            with self._looked:
                self._waiting.popleft()
                self._looked.notify_all()


def _about(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Which blocks of a picture of `shape` have their middle about the face at `points`: (BLOCKS, BLOCKS) bool."""
    low, high = points.min(0), points.max(0)
    reach = AROUND * float((high - low).max()) / 2
    middles = (np.arange(BLOCKS) + 0.5)[:, None] * (np.array(shape[1::-1]) / BLOCKS)  # (BLOCKS, 2): x, y
    across, down = (np.abs(middles - (low + high) / 2) < reach).T
    about: np.ndarray = down[:, None] & across
    return about


def _first(claim: Any) -> int:
    """Frame of the film with which an edit begins, 25 a second: its setting "first"."""
    first = claim.settings.get("first", 0)
    if type(first) is not int or first < 0:
        raise ConsentError(f"an edit begins with frame {first!r} of its film; a whole number, 0 or more, is needed")
    return first


class _Source:
    """The film that an edit is of, as it was.

    Args:
        first: its frame, 25 a second, with which the edit begins.
    """

    def __init__(self, subject: Subject, first: int) -> None:
        self._subject, self._first = subject, first
        self._frames: Iterator[np.ndarray] | None = None
        self._next = 0

    def check(self) -> None:
        """Raise `ConsentError` unless the film is what it was."""
        path = self._subject.path
        assert path is not None
        if stamp_of(path) != self._subject.stamp:
            raise ConsentError(f"{path}: was exchanged or written to while it was read; nothing was saved")

    def same(self, frame: np.ndarray, number: int) -> float:
        """How well a frame agrees with the same moment of the file, in the part of the face where it agrees least: 1
        for the same, -1 where a face is not seen in both."""
        one, other = aligned(frame), self._crop(number)
        if one is None or other is None:
            return -1.0
        return min(_correlation(one[part], other[part]) for part in PARTS)

    def _crop(self, number: int) -> np.ndarray | None:
        assert self._subject.path is not None
        if self._frames is None:
            self._frames = iter(VideoReader(self._subject.path, start=self._first / FPS))
        for frame in self._frames:
            self._next += 1
            if self._next > number:
                return aligned(frame)
        return None


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
