"""Speed: following a video, fitting a portrait, starting up."""

import subprocess
import sys
import time

import cv2
import numpy as np

from benchmarks.figures import Figure
from benchmarks.suites import Given
from faces import Tracker
from media import read_picture
from media.errors import VasariError

SIDE = 512
ROUNDS = 3


def measure(given: Given) -> list[Figure]:
    """video_fps_512 and its cost in processor time, portrait_fit_s, load_s."""
    tracker = Tracker()
    picture = cv2.resize(read_picture(given.portrait), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    frames = _swaying(picture, 60 if given.quick else 250)
    best, busy, slowest = 0.0, [], []
    for _ in range(ROUNDS):
        tracks, spent = tracker.follow(frames), []
        next(tracks)
        started, used = time.perf_counter(), time.process_time()
        for _ in range(len(frames) - 1):
            begun = time.perf_counter()
            next(tracks)
            spent.append(time.perf_counter() - begun)
        best = max(best, (len(frames) - 1) / (time.perf_counter() - started))
        busy.append((time.process_time() - used) / (len(frames) - 1))
        slowest.append(float(np.quantile(spent, 0.95)))
    once = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        tracker.portrait(picture)
        once.append(time.perf_counter() - begun)
    return [
        Figure(
            name="video_fps_512", value=best, unit="frames/s", goal=60, n=len(frames) * ROUNDS,
            note=f"one face, frames in memory, the best of {ROUNDS} rounds",
        ),
        Figure(name="video_frame_ms_p95", value=1000 * min(slowest), unit="ms", better="lower", n=len(frames)),
        Figure(
            name="video_processor_ms", value=1000 * min(busy), unit="ms", better="lower", n=len(frames),
            note="processor time a frame, all cores together",
        ),
        Figure(name="portrait_fit_s", value=min(once), unit="s", goal=2.0, better="lower", n=ROUNDS, note="512 pixels"),
        Figure(
            name="load_s", value=_load(1 if given.quick else ROUNDS), unit="s", better="lower",
            note="a fresh process: import and Tracker()",
        ),
    ]  # fmt: skip


def _swaying(picture: np.ndarray, count: int) -> list[np.ndarray]:
    frames = []
    for k in range(count):
        shift = np.float32([[1, 0, 40 * np.sin(k / 9)], [0, 1, 15 * np.sin(k / 5)]])
        frames.append(cv2.warpAffine(picture, shift, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT))
    return frames


def _load(rounds: int) -> float:
    """Seconds, the best of `rounds`."""
    code = "import time; t = time.perf_counter(); from faces import Tracker; Tracker(); print(time.perf_counter() - t)"
    taken = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            raise VasariError(f"the tracker does not load: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
        taken.append(float(done.stdout))
    return min(taken)
