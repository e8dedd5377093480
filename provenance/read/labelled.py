"""Whether a visible label is where the credentials say that one is: what is stated, held against what is seen.

    look_for(path, info, stated, ...) -> Visible                            frames of a file, held against it
    watch = Watch(stated); watch.see(frame, seconds); watch.state()         the same of frames in memory
    likeness(frame, stated)                                                 of one frame

The drawing is known to the pixel, so its place is laid out at one size, both freed of what is coarser than a letter,
and correlated, at all shifts by less than half its height: a picture may have been cut by a little that the mark does
not notice.
That the letters are there counts (`ALIKE`) and that they stand out (`STRONG`): who fades them, fades the label.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from media.errors import UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo
from media.video import VideoReader, keyframes
from provenance.marks.alignment import Place
from provenance.marks.geometry import aligned, luma, moved, scaled, warped
from provenance.marks.label import EVERY, SHOWN, due, plate
from provenance.read.verdict import Piece, Stated, Visible, VisibleState

ALIKE = 0.72  # correlation from which the letters are there (0.78 at least after half of 128 pixels and CRF 35)
STRONG = 0.30  # contrast against the drawing's own, from which they stand out
GONE = 0.15  # share of the frames looked at from which a label that is not there was taken off
HIGH = 40  # pixels of the label's height at which both are compared
AROUND = 0.45  # of that height, by which it may lie elsewhere
COARSE = 0.13  # of that height: standard deviation of what is taken off
FEWEST = 7  # pixels of its height in the file, below which nothing can be said
RATE = 2.5  # frames a second that are looked at
LOOKED = 60.0  # seconds of a video that are looked at closely, and further frames of the rest
MOST = 40
INTACT = 4.0  # seconds of a file whose credentials hold
EDGE = 0.4  # seconds around the beginning and end of a showing that are not judged
LONGEST_GAP = 1.25 * EVERY  # seconds without it, of "start", however fast the clip is played
LEAST_SHOWN = 0.6 * SHOWN / EVERY  # share of the frames that show it
BLANK = 6.0  # standard deviation of brightness, levels, below which a frame shows nothing (a fade, a title)


@lru_cache(maxsize=16)
def _expected(width: int, height: int, shown: int) -> np.ndarray:
    """The inside of the plate as it looks in a file where it is `shown` pixels high: float32 (h, w)."""
    aspect, height = width / height, min(height, 4 * HIGH)  # finer is not compared
    level = plate(round(height * aspect), height)[0]
    if shown < height:
        level = cv2.resize(level, (max(1, round(shown * aspect)), shown), interpolation=cv2.INTER_AREA)
    level = cv2.resize(level, (round(HIGH * aspect), HIGH), interpolation=cv2.INTER_CUBIC)
    edge = round(0.15 * HIGH)
    return np.ascontiguousarray(_fine(level)[edge:-edge, edge:-edge])


def _fine(level: np.ndarray) -> np.ndarray:
    return level - cv2.GaussianBlur(level, (0, 0), COARSE * HIGH)


def likeness(frame: np.ndarray, stated: Stated) -> float | None:
    """How well a frame, uint8 RGB (H, W, 3), shows the label at its place: correlation, 0 where nothing stands out
    there; None where it is too small to tell."""
    assert stated.box is not None
    height, width = frame.shape[:2]
    left, top, wide, high = (share * side for share, side in zip(stated.box, (width, height) * 2, strict=True))
    if min(wide, high) < FEWEST:
        return None
    expected = _expected(*stated.pixels, shown=round(high))
    edge = AROUND * high
    across, down = HIGH * stated.pixels[0] / stated.pixels[1] / wide, HIGH / high  # pixels compared a pixel of the file
    laid = scaled(across, down) @ moved(edge - left, edge - top)
    grey = luma(frame)
    if high > 2 * HIGH:  # no detail is skipped
        grey = cv2.GaussianBlur(grey, (0, 0), 0.4 * high / HIGH)
    shown = warped(grey, laid, round(across * (wide + 2 * edge)), round(HIGH * (1 + 2 * AROUND)))
    fine = _fine(shown.astype(np.float32))
    scores = cv2.matchTemplate(fine, expected, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(scores)
    found = fine[row : row + expected.shape[0], column : column + expected.shape[1]]
    strong = float(best) * float(found.std()) / max(float(expected.std()), 1e-6)
    return float(best) if math.isfinite(best) and strong >= STRONG else 0.0


class Watch:
    """Frames of one file, held against what is stated.

    Args:
        stated: a label that is shown.
        place: how pictures were cut, turned or scaled since, where that was found.
        begins: second of the file at which the output begins; None where that is not known.
    """

    def __init__(self, stated: Stated, place: Place | None = None, begins: float | None = 0.0) -> None:
        self._stated, self._place, self._begins = stated, place, begins
        self._seen: list[tuple[float, float]] = []  # second, likeness
        self._outside = 0

    def see(self, frame: np.ndarray, seconds: float) -> None:
        """A frame, uint8 RGB (H, W, 3), and when it is shown."""
        if self._place is not None:
            frame, there = aligned(frame, self._place.map(*frame.shape[:2]))
            self._outside += self._gone(there)
        if luma(frame).std() < BLANK:
            return
        alike = likeness(frame, self._stated)
        if alike is not None:
            self._seen.append((seconds, alike))

    def _gone(self, there: np.ndarray) -> bool:
        """Whether the label's place was cut away: at least a quarter of it."""
        assert self._stated.box is not None
        left, top, width, height = self._stated.box
        high, wide = there.shape
        rows = slice(int(top * high), max(int(top * high) + 1, round((top + height) * high)))
        columns = slice(int(left * wide), max(int(left * wide) + 1, round((left + width) * wide)))
        return bool((there[rows, columns] > 0).mean() < 0.75)

    def state(self) -> Visible:
        """What there is to say."""
        stated = self._stated
        wanted = self._wanted()
        if not wanted:
            return Visible(stated=stated, state="not_checked")
        missing = sum(alike < ALIKE for alike in wanted)
        state: VisibleState = "seen" if missing <= GONE * len(wanted) else "removed"
        if state == "removed" and self._outside > len(self._seen) / 2:
            state = "not_seen"
        alike = round(float(np.median(wanted)), 3)
        return Visible(stated=stated, state=state, similarity=alike, looked_at=len(wanted), missing=missing)

    def _wanted(self) -> list[float]:
        """Likeness in the frames that should show it."""
        if self._stated.kind == "on":
            return [alike for _, alike in self._seen]
        return self._somewhere() if self._begins is None else self._showing(self._begins)

    def _somewhere(self) -> list[float]:
        """The same where it is not known when showings begin, nor whether time passes as it did: as many of the best
        frames as there should be, none where it was away for so long as it never is."""
        if not self._seen or self._seen[-1][0] - self._seen[0][0] < LONGEST_GAP:
            return [alike for _, alike in self._seen if alike >= ALIKE]  # a piece may lie between two showings
        worn = [seconds for seconds, alike in self._seen if alike >= ALIKE]
        ends = [self._seen[0][0], *worn, self._seen[-1][0]]
        best = sorted((alike for _, alike in self._seen), reverse=True)
        best = best[: max(1, round(LEAST_SHOWN * len(best)))]
        away = max(later - sooner for sooner, later in itertools.pairwise(ends))
        return [0.0] * len(best) if away > LONGEST_GAP else best

    def _showing(self, begins: float) -> list[float]:
        """Likeness in the frames that are surely within a showing."""
        return [
            alike
            for seconds, alike in self._seen
            if all(seconds + by >= begins and due("start", seconds + by - begins) for by in (-EDGE, EDGE))
            or (seconds == begins == 0.0)
        ]


def look_for(
    path: Path,
    info: MediaInfo,
    stated: Stated | None,
    *,
    place: Place | None = None,
    begins: float | None = 0.0,
    pieces: Sequence[Piece] = (),
    intact: bool = False,
) -> Visible | None:
    """Hold a file against what is stated; None where nothing is.

    Args:
        place, begins: as in `Watch`.
        pieces: stretches of time that bear the output's mark; others are not judged. All where none is given.
        intact: its credentials hold, so a look at the beginning is enough.
    """
    if stated is None:
        return None
    if stated.box is None:
        return Visible(stated=stated, state="not_checked")
    watch = Watch(stated, place, begins)
    near = intact or (stated.kind == "start" and begins is None)  # single frames say nothing of showings
    for seconds, frame in _frames(path, info, INTACT if intact else LOOKED, near):
        if not pieces or any(piece.start <= seconds <= piece.end for piece in pieces):
            watch.see(frame, seconds)
    return watch.state()


def _frames(path: Path, info: MediaInfo, closely: float, near: bool) -> Iterator[tuple[float, np.ndarray]]:
    """Frames of a file and when they are shown: closely at first, then, unless `near`, all over the rest."""
    if info.kind == "sound":
        return
    if info.kind == "picture":
        yield 0.0, read_picture(path)
        return
    try:
        for number, frame in enumerate(VideoReader(path, fps=RATE)):
            if number > closely * RATE:
                break
            yield number / RATE, np.asarray(frame)
        else:
            return
        if not near and info.duration > closely:
            step = max(2.0, (info.duration - closely) / MOST)
            yield from keyframes(path, list(np.arange(closely + step, info.duration, step)))
    except UnreadableError:
        return  # what is damaged further on was looked at until there
