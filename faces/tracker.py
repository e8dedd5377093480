"""From pictures to heads: find the face, read dense landmarks, fit the head."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from faces.finder import Finder
from faces.fit import FaceParameters, fit
from faces.landmarks import CROP_SCALE, LandmarkReader, crop_matrix
from learning.threads import one_blas_thread
from media.errors import FaceError

SMALLEST_FACE = 40  # pixels; below this a portrait shows too little to animate
SURE = 0.5  # face score below which a found place is not a face


@dataclass(frozen=True)
class Track:
    """One face in one picture."""

    landmarks: np.ndarray  # (478, 2) float32 mesh points, pixels
    parameters: FaceParameters
    score: float  # 0 to 1: how sure the landmark network is that this is a face
    size: float  # longer side of the box around the mesh points, pixels


class Tracker:
    """Finds and fits faces. Loads its networks once; `track` a picture, `follow` a video."""

    def __init__(self) -> None:
        self.finder = Finder()
        self.reader = LandmarkReader()

    def track(self, picture: np.ndarray) -> list[Track]:
        """All faces in a uint8 RGB (H, W, 3) picture, largest first; empty when there is none."""
        tracks = []
        for box in self.finder.find(picture):
            reading = self.reader.refine(picture, box.matrix(self.reader.side, CROP_SCALE), passes=3)
            if reading.score >= SURE:
                tracks.append(_track(reading.points, reading.score))
        return sorted(tracks, key=lambda t: -t.size)

    def portrait(self, picture: np.ndarray, face: int | None = None) -> tuple[Track, int]:
        """The face to animate and how many there are. `face` counts from 1, largest first; the largest by default.

        Raises:
            FaceError: no face, fewer faces than `face`, or a face too small to animate.
        """
        tracks = self.track(picture)
        if not tracks:
            raise FaceError("no face was found in the picture; give a portrait in which the whole face is seen")
        if face is not None and not 1 <= face <= len(tracks):
            raise FaceError(f"--face {face} was asked for, the picture has {len(tracks)}; choose 1 to {len(tracks)}")
        chosen = tracks[(face or 1) - 1]
        if chosen.size < SMALLEST_FACE:
            raise FaceError(
                f"the face is {chosen.size:.0f} pixels high, too small to animate; "
                f"give a picture in which it has {SMALLEST_FACE} or more"
            )
        return chosen, len(tracks)

    def follow(self, frames: Iterable[np.ndarray]) -> Iterator[Track | None]:
        """The largest face through a video: one track a frame, None where it is not seen.

        The identity is fitted on the first frame that shows the face and kept; the crop follows the landmarks, and the
        finder is asked again when the face is lost.
        """
        previous: Track | None = None
        person: FaceParameters | None = None
        for frame in frames:
            track = None
            if previous is not None:
                reading = self.reader.read(frame, crop_matrix(previous.landmarks, self.reader.side))
                if reading.score >= SURE:
                    track = _track(reading.points, reading.score, previous.parameters)
            if track is None:
                found = self.track(frame)
                track = found[0] if found else None
                if track is not None and person is not None:
                    track = _track(track.landmarks, track.score, person)
            if track is not None and person is None:
                person = track.parameters
            previous = track
            yield track


def _track(points: np.ndarray, score: float, known: FaceParameters | None = None) -> Track:
    size = float(np.ptp(points[:468], axis=0).max())
    with one_blas_thread():
        return Track(points, fit(points, known=known), score, size)
