"""What the tracker says of one face in one picture."""

from dataclasses import dataclass, field

import numpy as np

from faces.fit import FaceParameters, Fit, fitted
from faces.landmarks import Closeup, Reading
from faces.quality import judge
from media.threads import one_blas_thread

UNREADABLE = 0.045  # expected error of landmarks, in sizes of the face, from which they are no face's


@dataclass(frozen=True)
class Track:
    """One face in one picture."""

    landmarks: np.ndarray  # (478, 2) float32 mesh points, pixels; smoothed where a video was followed
    parameters: FaceParameters
    score: float  # 0 to 1: how sure the landmark network is that this is a face
    size: float  # longer side of the box around the mesh points, pixels
    sigma: np.ndarray = field(default_factory=lambda: np.zeros(478, np.float32))  # (478,) expected error, pixels
    confidence: np.ndarray = field(default_factory=lambda: np.ones(52, np.float32))  # (52,) of the actions, 0 to 1
    quality: float = 1.0  # 0 to 1: how good a look at the face the picture gives
    reason: str = ""  # why the look is poor, where it is: "too small: 18 pixels"
    person: int = 0  # who: the same number for the same person of a video, counted from 1; 0 in single pictures
    raw: np.ndarray | None = None  # (478, 2) mesh points as they were read, before smoothing, pixels
    closeup: Closeup | None = None  # turn and gaze as they were seen, before smoothing

    @property
    def read(self) -> np.ndarray:
        """Mesh points (478, 2) before smoothing, pixels."""
        return self.landmarks if self.raw is None else self.raw


@dataclass(frozen=True)
class Refusal:
    """A place that looked like a face at first."""

    x: float  # middle, pixels
    y: float
    size: float  # pixels
    reason: str  # why it was refused: "not a face (score 0.02)", "too small: 14 pixels"


def face_size(points: np.ndarray) -> float:
    """Longer side of the box around mesh points (478, 2), pixels."""
    return float(np.ptp(points[:468], axis=0).max())


def doubt_of(reading: Reading) -> float:
    """Median expected error of the mesh points, in sizes of the face."""
    return float(np.median(reading.sigma[:468])) / max(face_size(reading.points), 1e-6)


def track_of(picture: np.ndarray, reading: Reading, *, known: FaceParameters | None = None) -> Track:
    """Fit the head to a reading of a uint8 RGB picture, and judge the look."""
    with one_blas_thread():
        return describe(
            picture, reading, fitted(reading.points, sigma=reading.sigma, known=known, closeup=reading.closeup)
        )


def describe(
    picture: np.ndarray, reading: Reading, fit: Fit, *, person: int = 0, smooth: np.ndarray | None = None
) -> Track:
    """Everything that is said of a face that was read and fitted; `smooth` (478, 2) are its smoothed mesh points."""
    quality = judge(picture, reading, fit)
    points = reading.points if smooth is None else smooth
    return Track(
        landmarks=points,
        parameters=fit.parameters,
        score=reading.score,
        size=face_size(points),
        sigma=reading.sigma,
        confidence=fit.confidence,
        quality=quality.value,
        reason=quality.reason,
        person=person,
        raw=reading.points,
        closeup=reading.closeup,
    )
