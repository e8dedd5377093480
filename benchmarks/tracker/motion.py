"""Steadiness on a still picture, and lag behind a fast one."""

from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.suites import Given
from faces import Tracker
from faces.landmarks import PUPILS
from lab.attacks import h264
from lab.pictures.london import London
from media import read_picture

SIDE = 512  # pixels
GRAIN = 4.0  # standard deviation of the camera's noise, of 255
CRF = 23
FRAMES = 50
SETTLING = 5  # frames left out
SWAY = (0.35, 1.2)  # of the distance of the eyes; hertz
TILT = (12.0, 0.9)  # degrees; hertz


def measure(given: Given) -> list[Figure]:
    """still_jitter_pct, motion_lag_frames, motion_error_pct, each for frames as they come and for whole videos."""
    tracker = Tracker()
    jitter: dict[str, list[float]] = {"": [], "_raw": [], "_offline": []}
    lag: dict[str, list[float]] = {"": [], "_offline": []}
    error: dict[str, list[float]] = {"": [], "_offline": []}
    for seed, picture in enumerate(_photographs(given)):
        start = tracker.portrait(picture)[0]
        eyes = float(np.linalg.norm(start.landmarks[PUPILS[0]] - start.landmarks[PUPILS[1]]))
        still = [h264([_grainy(picture, seed, k)], CRF)[0] for k in range(FRAMES)]
        for kind, offline in (("", False), ("_offline", True)):
            tracks = [t for t in tracker.follow(still, offline=offline) if t is not None][SETTLING:]
            jitter[kind].append(_wander(np.stack([t.landmarks for t in tracks])) / eyes)
            if not offline:
                jitter["_raw"].append(_wander(np.stack([t.raw for t in tracks])) / eyes)
        moving, truth = _moving(picture, start.landmarks, seed)
        for kind, offline in (("", False), ("_offline", True)):
            tracks = list(tracker.follow(h264(moving, CRF), offline=offline))
            seen = [k for k, t in enumerate(tracks) if t is not None and k >= SETTLING]
            found, true = np.stack([tracks[k].landmarks for k in seen]), truth[seen]
            speed = np.gradient(truth, axis=0)[seen]
            lag[kind].append(float(-((found - true) * speed).sum() / np.square(speed).sum()))
            error[kind].append(float(np.linalg.norm(found - true, axis=-1).mean()) / eyes)
    return _figures(jitter, lag, error)


def _figures(jitter: dict, lag: dict, error: dict) -> list[Figure]:
    still = f"a still photograph, each frame with noise of its own ({GRAIN:g} of 255) and H.264 (CRF {CRF}) of its own"
    swift = f"sway of {SWAY[0]:g} eye distances at {SWAY[1]:g} Hz, tilt of {TILT[0]:g} degrees at {TILT[1]:g} Hz"
    notes = {"": "", "_raw": " before smoothing", "_offline": " with the whole video known"}
    figures = []
    for kind, values in jitter.items():
        goal = 0.1 if kind == "" else None
        figures.append(
            mean_figure(
                f"still_jitter_pct{kind}", [100 * v for v in values], "%", goal=goal, better="lower",
                note=still + notes[kind],
            )
        )  # fmt: skip
    for kind, values in lag.items():
        goal = 1.0 if kind == "" else None
        figures.append(mean_figure(f"motion_lag_frames{kind}", values, "frames", goal=goal, better="lower", note=swift))
        wrong = [100 * v for v in error[kind]]
        figures.append(mean_figure(f"motion_error_pct{kind}", wrong, "%", better="lower", note="against the still"))
    return figures


def _photographs(given: Given) -> Iterator[np.ndarray]:
    """Square pictures of SIDE pixels."""
    if given.london is None:
        pictures = (read_picture(p) for p in sorted(given.portrait.parent.glob("*.png")))
    else:
        people = London(given.london).test
        pictures = (p.picture("neutral") for p in (people[:1] if given.quick else people[:8]))
    for picture in pictures:
        yield cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _grainy(picture: np.ndarray, seed: int, frame: int) -> np.ndarray:
    noise = np.random.default_rng((seed, frame)).normal(0, GRAIN, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _wander(points: np.ndarray) -> float:
    """Root mean square distance of points (T, 478, 2) from where each is on average, pixels."""
    return float(np.sqrt(np.square(points - points.mean(0)).sum(-1).mean()))


def _moving(picture: np.ndarray, points: np.ndarray, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The photograph swaying and tilting fast: frames, and its mesh points (478, 2) in each (T, 478, 2)."""
    eyes = float(np.linalg.norm(points[PUPILS[0]] - points[PUPILS[1]]))
    middle, frames, truth = points.mean(0), [], []
    for k in range(FRAMES):
        angle = TILT[0] * np.sin(2 * np.pi * TILT[1] * k / 25)
        matrix = cv2.getRotationMatrix2D(middle.astype(float).tolist(), angle, 1.0)
        matrix[0, 2] += SWAY[0] * eyes * np.sin(2 * np.pi * SWAY[1] * k / 25)
        moved = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        frames.append(_grainy(moved, seed, 1000 + k))
        truth.append(points @ matrix[:, :2].T + matrix[:, 2])
    return frames, np.stack(truth)
