"""From pictures to heads: find the face, read dense landmarks, fit the head.

tracker = Tracker()
tracker.track(picture)                     # all faces of a picture
tracker.portrait(picture)                  # the face to animate
tracker.masks(picture, track)              # its skin and hair
for track in tracker.follow(frames): ...   # the largest face through a video, as it comes
for tracks in tracker.follow_all(frames)   # everyone, with numbers that stay
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from faces.closeup import CloseupReader
from faces.finder import Box, Finder
from faces.landmarks import CROP_SCALE, LandmarkReader, Reading, crop_matrix
from faces.offline import smooth
from faces.quality import TURNED_AWAY, turned_degrees
from faces.regions import Kind, RegionReader
from faces.track import UNREADABLE, Refusal, Track, doubt_of, face_size, track_of
from faces.video import SURE, Follower
from media.errors import FaceError, UsageError
from media.pictures import over_grey

__all__ = ["SMALLEST_FACE", "SURE", "Refusal", "Track", "Tracker"]

SMALLEST_FACE = 40  # pixels; below this a portrait shows too little to animate
SMALLEST_SEEN = 14  # pixels; below this nothing is read at all
SURER = 0.9  # face score that a place has to have where only a careful search came upon it
ZOOMS = (0.75, 1.1, 1.7, 2.5)  # at which a doubtful place is looked at again, of the size that the finder gave it
TILTS = np.radians((-70.0, -35.0, 35.0, 70.0))  # and turned in the plane of the picture
SECOND_LOOKS = 6  # places that are read with care after that
DOUBTFUL = 0.03  # the same, at which a face is worth looking for a better one


@dataclass(frozen=True)
class Masks:
    """Where a picture shows skin and hair of one person, (H, W) float32 each, 0 to 1. Beards are no hair here."""

    skin: np.ndarray  # of face, ears and neck; eyes, brows, lips and mouth are left out
    hair: np.ndarray


class Tracker:
    """Finds and fits faces. Loads its networks once; `track` a picture, `follow` a video.

    Args:
        engine: what runs the networks, see `media.networks`; None: the one that is set.
        threads: processor threads a network may use; 0 lets the engine choose.
    """

    def __init__(self, *, engine: str | None = None, threads: int = 0) -> None:
        self.engine, self.threads = engine, threads
        self.finder = Finder(engine=engine, threads=threads)
        self.reader = LandmarkReader(engine=engine, threads=threads)
        self.closeup = CloseupReader(engine=engine, threads=threads)

    def track(self, picture: np.ndarray) -> list[Track]:
        """All faces in a uint8 RGB (H, W, 3) picture, largest first; empty when there is none."""
        return self.look(picture)[0]

    def look(self, picture: np.ndarray, *, hard: bool = True) -> tuple[list[Track], list[Refusal]]:
        """All faces in a uint8 RGB (H, W, 3) picture, largest first, and the places that were refused, with reasons.

        Where the quick search finds nothing to be sure of, a careful one follows, unless `hard` is False: it takes up
        to half a second, and finds faces that are half hidden, turned away, turned in the plane of the picture, or
        small in a large picture.
        """
        picture = as_rgb(picture)
        tracks, refused = self._judge(picture, self.finder.find(picture), SURE)
        if hard and all(_doubt(track) > DOUBTFUL for track in tracks):
            more, others = self._judge(picture, self._second_look(picture, self.finder.find_hard(picture)), SURER)
            tracks, refused = _apart([*tracks, *more]), [*refused, *others]
        return sorted(tracks, key=lambda t: -t.size), sorted(refused, key=lambda r: -r.size)

    def glance(self, picture: np.ndarray, *, precise: bool = True, least: float = 0.0) -> list[np.ndarray]:
        """The mesh points (478, 2) in pixels of the faces that are quickly found, largest first: without head, gaze or
        actions, at about half the cost of `look`; a third less where they need not be `precise`, and as little again
        where faces smaller than `least` pixels, chin to brow, do not matter."""
        picture, found = as_rgb(picture), []
        for box in self.finder.find(picture, least=least):
            start = box.matrix(self.reader.side, CROP_SCALE)
            if precise:
                reading = self.reader.refine(picture, start, passes=2)
            else:
                reading = self.reader.read(picture, start, mirror=False)
                if reading.score >= SURE / 2:  # less is no face, however it is laid
                    reading = self.reader.read(picture, crop_matrix(reading.points, self.reader.side))
            if not _unreadable(reading, SURE):
                found.append(reading.points[:, :2])
        return sorted(found, key=lambda points: -float(np.ptp(points, axis=0).max()))

    def again(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray | None:
        """The mesh points (478, 2) in pixels of the face that was at `points` a moment ago, None where none can be read
        there: in one crop, at an eighth of the cost of a `glance`, which looks everywhere."""
        picture = as_rgb(picture)
        reading = self.reader.read(picture, crop_matrix(points, self.reader.side), mirror=False)
        return None if _unreadable(reading, SURE) else reading.points[:, :2]

    def _judge(self, picture: np.ndarray, boxes: list[Box], sure: float) -> tuple[list[Track], list[Refusal]]:
        """Read and fit what is at the boxes; of two that are one face, keep the one that is read with less doubt."""
        readings = [self.reader.refine(picture, b.matrix(self.reader.side, CROP_SCALE), passes=3) for b in boxes]
        tracks: list[Track] = []
        refused: list[Refusal] = []
        for box, reading in zip(boxes, readings, strict=True):
            reason, track = _unreadable(reading, sure), None
            if not reason:
                track = track_of(picture, self.closeup.look(picture, reading))
                turn = turned_degrees(track.parameters.rotation)
                reason = f"turned {turn:.0f} degrees away" if turn > TURNED_AWAY else ""
            if reason or track is None:
                refused.append(Refusal(box.x, box.y, box.size, reason))
            else:
                tracks.append(track)
        return _apart(tracks), refused

    def _second_look(self, picture: np.ndarray, boxes: list[Box]) -> list[Box]:
        """The best of doubtful places, each at the size and the tilt at which it is read with least doubt."""
        best = self._least_doubt(picture, [[replace(b, size=b.size * zoom) for zoom in ZOOMS] for b in boxes])
        return self._least_doubt(picture, [[replace(b, angle=b.angle + t) for t in (0.0, *TILTS)] for b in best])

    def _least_doubt(self, picture: np.ndarray, choices: list[list[Box]]) -> list[Box]:
        """Of each row of boxes the one that shows a face most clearly; the clearest SECOND_LOOKS of these."""
        flat = [box for row in choices for box in row]
        matrices = [box.matrix(self.reader.side, CROP_SCALE) for box in flat]
        readings = self.reader.read_many(picture, matrices, mirror=False)
        doubts = [doubt_of(r) if r.score > 0.2 else np.inf for r in readings]
        found, start = [], 0
        for row in choices:
            own = doubts[start : start + len(row)]
            found.append((min(own), row[int(np.argmin(own))]))
            start += len(row)
        found = sorted((pair for pair in found if np.isfinite(pair[0])), key=lambda pair: pair[0])
        return [box for _, box in found[:SECOND_LOOKS]]

    @cached_property
    def regions(self) -> RegionReader:
        """Loaded when it is first asked for: videos do without."""
        return RegionReader(engine=self.engine, threads=self.threads)

    def masks(self, picture: np.ndarray, track: Track) -> Masks:
        """Skin and hair of a tracked person in a uint8 RGB (H, W, 3) picture."""
        shares = self.regions.read(as_rgb(picture), track.landmarks)
        return Masks(skin=shares[..., Kind.SKIN].copy(), hair=shares[..., Kind.HAIR].copy())

    def portrait(self, picture: np.ndarray, face: int | None = None) -> tuple[Track, int]:
        """The face to animate and how many there are. `face` counts from 1, largest first; the largest by default.

        Raises:
            FaceError: no face, fewer faces than `face`, or a face too small to animate.
        """
        picture = as_rgb(picture)
        tracks, refused = self.look(picture)
        if not tracks:
            raise FaceError(_nothing_found(picture, refused))
        if face is not None and not 1 <= face <= len(tracks):
            raise FaceError(f"--face {face} was asked for, the picture has {len(tracks)}; choose 1 to {len(tracks)}")
        chosen = tracks[(face or 1) - 1]
        if chosen.size < SMALLEST_FACE:
            raise FaceError(
                f"the face is {chosen.size:.0f} pixels high, too small to animate; "
                f"give a picture in which it has {SMALLEST_FACE} or more"
            )
        return chosen, len(tracks)

    def follow(self, frames: Iterable[np.ndarray], *, offline: bool = False) -> Iterator[Track | None]:
        """The largest face through a video: one track a frame, None where it is not seen.

        Frame by frame by default: landmarks are smoothed from the past alone, and the shape of the head, fitted to
        the best looks of the first second that shows it, is kept from then on. With `offline`, all frames are read
        before the first track is given; smoothing knows the future and the shape is fitted to the best looks of all.
        When the face is lost the largest face takes its place, as the same person or as another (`Track.person`).
        """
        follower = self._follower(everyone=False)
        seen = (follower.step(as_rgb(frame)) for frame in frames)
        tracks = (row[0] if row else None for row in seen)
        if not offline:
            yield from tracks
            return
        rows = smooth([[] if t is None else [t] for t in tracks])
        yield from (row[0] if row else None for row in rows)

    def follow_all(self, frames: Iterable[np.ndarray], *, offline: bool = False) -> Iterator[list[Track]]:
        """Everyone through a video: the tracks of each frame, largest first; `Track.person` says who is who, through
        cuts, gaps and crossings. `offline` as in `follow`."""
        follower = self._follower(everyone=True)
        rows = (follower.step(as_rgb(frame)) for frame in frames)
        yield from smooth(list(rows)) if offline else rows

    def _follower(self, *, everyone: bool) -> Follower:
        return Follower(
            self.finder, self.reader, self.closeup, lambda p, hard: self.look(p, hard=hard)[0], everyone=everyone
        )


def _apart(tracks: list[Track]) -> list[Track]:
    """Of tracks that are of one face the one that was read with least doubt."""
    kept: list[Track] = []
    for track in sorted(tracks, key=_doubt):
        if all(_distance(track, other) > 0.4 for other in kept):
            kept.append(track)
    return kept


def _doubt(track: Track) -> float:
    return doubt_of(Reading(track.read, track.sigma, track.score))


def _unreadable(reading: Reading, sure: float) -> str:
    """Why a reading is not a face that can be fitted; "" where it is."""
    size, doubt = face_size(reading.points), doubt_of(reading)
    if reading.score < sure:
        return f"not a face (score {reading.score:.2f})"
    if doubt > UNREADABLE:
        return f"not a face that can be read (landmarks uncertain by {100 * doubt:.0f}% of its size)"
    return f"too small: {size:.0f} pixels" if size < SMALLEST_SEEN else ""


def as_rgb(picture: np.ndarray) -> np.ndarray:
    """A uint8 picture, grey (H, W), RGB (H, W, 3) or RGB with straight alpha (H, W, 4), as RGB over mid grey.

    Raises:
        UsageError: not a picture of that kind.
    """
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or 0 in picture.shape:
        raise UsageError(f"a picture of {picture.dtype} {picture.shape} was given; uint8 (H, W, 3) RGB is needed")
    if picture.ndim == 2:
        return np.repeat(picture[..., None], 3, 2)
    if picture.shape[2] == 4:
        return over_grey(picture)
    if picture.shape[2] != 3:
        raise UsageError(f"a picture of {picture.shape[2]} colours was given; RGB is needed")
    return picture


def _distance(a: Track, b: Track) -> float:
    """Of two faces, in sizes of the smaller."""
    return float(np.linalg.norm(a.landmarks.mean(0) - b.landmarks.mean(0))) / max(min(a.size, b.size), 1e-6)


def _nothing_found(picture: np.ndarray, refused: list[Refusal]) -> str:
    if float(picture.mean()) < 6:
        return f"no face was found in the picture: it is too dark (level {picture.mean():.0f} of 255)"
    reasons = [r.reason for r in refused if not r.reason.startswith("not a face")]
    what = f" ({reasons[0]})" if reasons else ""
    return f"no face was found in the picture{what}; give a portrait in which the whole face is seen"
