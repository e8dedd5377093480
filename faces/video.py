"""Faces through a video, frame by frame: who is where, through cuts, gaps and crossings.

Each frame costs one reading a face, in a crop laid where the face was. The finder is asked when a face is lost, after a
cut, and now and then for newcomers. Everything a frame yields depends on it and on the frames before it, so that a
stream and a file give the same tracks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from faces.closeup import CloseupReader
from faces.finder import Box, Finder
from faces.fit import fitted
from faces.identity import Acquaintance
from faces.landmarks import CROP_SCALE, LandmarkReader, Reading
from faces.likeness import likeness
from faces.smoothing import CloseupSmoother, Crop, Smoother
from faces.track import UNREADABLE, Track, describe, doubt_of, face_size, track_of
from media.threads import one_blas_thread

SURE = 0.5  # face score below which a found place is not a face
HELD = 1.5 * UNREADABLE  # expected error of landmarks at which a followed face is let go
STEPS = 3  # of a fit that starts from the last frame
NEWCOMERS = 10  # frames between two looks for people who came in, where everyone is followed
MISSING = 3  # frames between two looks for somebody who was lost a moment ago
FORGET = 50  # frames after which somebody lost is looked for as rarely as newcomers
HARD = 25  # frames between two careful searches of frames in which nobody is seen
CUT = 28.0  # mean change of a thumbnail, of 255, that is a cut where the frames before changed much less
SAME = 1.0  # unlikeness below which a face is a person that was seen before
SAME_PLACE = 1.6  # the same where the face is also where the person should be by now, after a short gap
PATIENCE = 8  # frames for which nobody new is seen where somebody known was just lost
STEADY = 30  # frames for which somebody out of sight is thought to move on as before
STRANGE = 1.5  # unlikeness at which somebody who is near others is not taken for themselves any more
BESIDE = 1.5  # distance, in sizes, at which people are near each other
CROWDED = 0.4  # distance of two faces, in sizes of the smaller, at which they are one face read twice


@dataclass
class _Present:
    """A person who is in the picture now."""

    who: Acquaintance
    smoother: Smoother
    closeups: CloseupSmoother
    crop: Crop
    track: Track
    matrix: np.ndarray  # (2, 3) crop of the next frame
    speed: np.ndarray  # (2,) pixels a frame, over the last few


class Follower:
    """Follows one face (the largest when it starts, or after it was lost), or everyone.

    Args:
        closeup: looks a second time at what `reader` read.
        look: finds the faces of a picture with care; the flag asks for a search that takes its time.
    """

    def __init__(
        self,
        finder: Finder,
        reader: LandmarkReader,
        closeup: CloseupReader,
        look: Callable[[np.ndarray, bool], list[Track]],
        *,
        everyone: bool,
    ) -> None:
        self.finder, self.reader, self.closeup = finder, reader, closeup
        self.look, self.everyone = look, everyone
        self.present: list[_Present] = []
        self.people: list[Acquaintance] = []
        self.last: dict[int, tuple[int, Track, np.ndarray]] = {}  # person -> frame, track, speed when last seen
        self.frame = -1
        self.cut = 0  # frame of the last cut
        self.thumbnail: np.ndarray | None = None
        self.restless = 0.0  # how much thumbnails change from frame to frame, of 255
        self.dropped = False  # somebody was lost in this frame
        self.empty = 0  # frames since somebody was seen

    def step(self, picture: np.ndarray) -> list[Track]:
        """The faces of the next frame, uint8 RGB (H, W, 3), largest first."""
        self.frame += 1
        if self._is_cut(picture):
            self.present, self.cut = [], self.frame
        self._read_on(picture)
        if self._should_search():
            self._search(picture)
        self.empty = 0 if self.present else self.empty + 1
        for one in self.present:
            self.last[one.who.number] = self.frame, one.track, one.speed
        return sorted((one.track for one in self.present), key=lambda t: -t.size)

    def _is_cut(self, picture: np.ndarray) -> bool:
        small = cv2.resize(picture, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)
        change = 0.0 if self.thumbnail is None else float(np.abs(small - self.thumbnail).mean())
        self.thumbnail = small
        cut = change > CUT and change > 4 * self.restless
        self.restless += 0.2 * (min(change, CUT) - self.restless)
        return cut

    def _read_on(self, picture: np.ndarray) -> None:
        """Read everybody present where they should be by now; who is not there is lost."""
        readings = self.reader.read_many(picture, [one.matrix for one in self.present], mirror=False)
        kept = []
        for one, first in zip(self.present, readings, strict=True):
            reading = self.closeup.look(picture, first)
            growth = face_size(reading.points) / max(one.track.size, 1e-6)
            if reading.score >= SURE and doubt_of(reading) < HELD and 0.6 < growth < 1.6:
                kept.append((one, reading))
        kept = _apart([(o, r, self._strangeness(picture, o, r)) for o, r in kept])
        for one, reading in kept:
            self._take(picture, one, reading)
        self.dropped = len(kept) < len(self.present)
        self.present = [one for one, _ in kept]

    def _strangeness(self, picture: np.ndarray, one: _Present, reading: Reading) -> float:
        """How unlike themselves somebody looks; 0 where nobody is near with whom they could be confused."""
        middle = reading.points.mean(0)
        for number, (when, track, _) in self.last.items():
            away = np.linalg.norm(track.landmarks.mean(0) - middle)
            if number != one.who.number and self.frame - when < FORGET and away < BESIDE * max(track.size, 1e-6):
                return one.who.unlike(likeness(picture, reading.points))
        return 0.0

    def _take(self, picture: np.ndarray, one: _Present, reading: Reading) -> None:
        smooth, closeup = one.smoother.step(reading.points), one.closeups.step(reading.closeup)
        before = one.track
        with one_blas_thread():
            known = one.who.worn(before.parameters)
            fit = fitted(smooth, sigma=reading.sigma, known=known, closeup=closeup, iterations=STEPS)
            one.track = describe(picture, reading, fit, person=one.who.number, smooth=smooth)
            one.who.meet(picture, reading, fit.parameters, one.track.quality)
        moved = smooth.mean(0) - before.landmarks.mean(0)
        one.speed = one.speed + 0.3 * (moved - one.speed)
        one.matrix = one.crop.follow(smooth, moved)

    def _should_search(self) -> bool:
        if not self.present or self.dropped:
            return not self.present or self.everyone
        if not self.everyone:
            return False
        here = {one.who.number for one in self.present}
        lost = [f for number, (f, *_) in self.last.items() if number not in here]
        period = MISSING if any(self.frame - f < FORGET for f in lost) else NEWCOMERS
        return self.frame % period == 0

    def _search(self, picture: np.ndarray) -> None:
        """Look for people who are not followed yet, or not any more."""
        if self.present:
            boxes = [box for box in self.finder.find(picture) if self._is_free(box.x, box.y, box.size)]
            found = [track for box in boxes if (track := self._read_box(picture, box)) is not None]
        else:
            found = self.look(picture, self.empty % HARD == 0)
        for track in sorted(found, key=lambda t: -t.size):
            middle = track.landmarks.mean(0)
            if self._is_free(middle[0], middle[1], track.size):
                self._enter(picture, track)
            if not self.everyone and self.present:
                break

    def _read_box(self, picture: np.ndarray, box: Box) -> Track | None:
        reading = self.reader.refine(picture, box.matrix(self.reader.side, CROP_SCALE), passes=3)
        if reading.score < SURE or doubt_of(reading) >= UNREADABLE:
            return None
        return track_of(picture, self.closeup.look(picture, reading))

    def _is_free(self, x: float, y: float, size: float) -> bool:
        """Whether nobody present is at a place."""
        for one in self.present:
            middle = one.track.landmarks.mean(0)
            if np.hypot(middle[0] - x, middle[1] - y) < CROWDED * min(size, one.track.size):
                return False
        return True

    def _enter(self, picture: np.ndarray, found: Track) -> None:
        """Somebody appears: one of those who were lost, or a new person.

        They are read once more as they will be from now on, in one crop, so that the next frame joins without a step.
        """
        who = self._recognised(picture, found)
        if who is None:
            if any(self._is_due(person, found, PATIENCE) for person in self._absent()):
                return  # most likely somebody who is half hidden still
            who = Acquaintance(len(self.people) + 1)
            self.people.append(who)
        smoother, closeups, crop = Smoother(), CloseupSmoother(), Crop(self.reader.side, CROP_SCALE)
        matrix = crop.follow(found.read, np.zeros(2))
        reading = self.closeup.look(picture, self.reader.read(picture, matrix, mirror=False))
        with one_blas_thread():
            seen = Reading(found.read, found.sigma, found.score, found.closeup)
            who.meet(picture, seen, found.parameters, found.quality)
            smooth, closeup = smoother.step(reading.points), closeups.step(reading.closeup)
            fit = fitted(smooth, sigma=reading.sigma, known=who.worn(found.parameters), closeup=closeup)
        track = describe(picture, reading, fit, person=who.number, smooth=smooth)
        self.present.append(_Present(who, smoother, closeups, crop, track, matrix, np.zeros(2)))

    def _recognised(self, picture: np.ndarray, found: Track) -> Acquaintance | None:
        """Which of the people who are not present this is."""
        here = likeness(picture, found.read)
        best, least = None, 1.0
        for person in self._absent():
            distance = person.unlike(here) / (SAME_PLACE if self._is_due(person, found, FORGET) else SAME)
            if distance < least:
                best, least = person, distance
        return best

    def _absent(self) -> list[Acquaintance]:
        return [p for p in self.people if all(p is not one.who for one in self.present)]

    def _is_due(self, person: Acquaintance, found: Track, within: int) -> bool:
        """Whether a face is where a person should be by now who was lost fewer than `within` frames ago."""
        when, track, speed = self.last[person.number]
        gap = self.frame - when
        expected = track.landmarks.mean(0) + speed * min(gap, STEADY)
        away = np.linalg.norm(expected - found.landmarks.mean(0)) / max(track.size, 1e-6)
        return bool(self.cut <= when and gap < within and away < 0.4 + 0.02 * gap)


def _apart(read: list[tuple[_Present, Reading, float]]) -> list[tuple[_Present, Reading]]:
    """Readings with their strangeness -> those of people who look like themselves; where two were read from one face,
    the one who looks more like it."""
    kept: list[tuple[_Present, Reading]] = []
    for one, reading, strange in sorted(read, key=lambda row: row[2]):
        middle, size = reading.points.mean(0), face_size(reading.points)
        crowded = (
            np.linalg.norm(middle - r.points.mean(0)) < CROWDED * min(size, face_size(r.points)) for _, r in kept
        )
        if strange < STRANGE and not any(crowded):
            kept.append((one, reading))
    return kept
