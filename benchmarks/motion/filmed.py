"""Filmed lips: does the mouth that is drawn from a film's sound open as the mouth in the film does?

Films of single people who speak and who teach no recipe, as `--real FOLDER` holds them. Their sound may be a little
early or late: the best of `LAGS` frames is taken. Where the words are known (GRID's names tell them, or NAME.txt beside
NAME.mpg) performances of them are measured as well: what lips drawn from the words alone are worth.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.films import aligner, held_out, phones_of
from benchmarks.motion.movement import Movement, averaged, measured, smoothed
from benchmarks.suites import Given
from faces import Tracker
from generate import Motion
from generate.acting import frame_rms
from lab.performances import perform
from lab.performances.performance import padded
from media import VideoReader, read_sound
from media.errors import VasariError

LAGS = 3  # frames either way
FILMS, FILMS_QUICK = 40, 3
MOST = 250  # frames of a film
SEEN = 0.9  # share of the frames in which the face must be seen
MOVES = ("head_yaw_dev_deg", "head_pitch_dev_deg", "head_roll_dev_deg", "opening_p95", "width_cv", "lid_range")


def measure(given: Given) -> list[Figure]:
    """lip_corr_filmed, lip_corr_filmed_truth, and how much the filmed people move (`_filmed`)."""
    if given.real is None:
        note = "not measured: needs --real"
        return [Figure(name="lip_corr_filmed", value=None, unit="", goal=0.65, n=0, note=note)]
    motion, words = Motion.load(), aligner()
    drawn, spoken, moved = [], [], []
    for path, film in _read(held_out(given.real)[1][: FILMS_QUICK if given.quick else FILMS]):
        sound, frames = read_sound(path), len(film.opening)
        loud = frame_rms(padded(sound, frames))
        moved.append(measured(film, loud))
        made = Movement.of_clip(motion.generate(padded(sound, frames)))
        drawn.append(best_corr(made.opening, film.opening))
        if words is not None and (phones := phones_of(path, words)) is not None:
            told = Movement.of_clip(perform(phones, padded(sound, frames)))
            spoken.append(best_corr(told.opening, film.opening))
    means = averaged(moved) if moved else {}
    return [
        mean_figure("lip_corr_filmed", drawn, "", goal=0.65, note="opening from the sound alone, and as filmed"),
        mean_figure("lip_corr_filmed_truth", spoken, "", note="performances, whose words are known"),
        *(Figure(name=f"{name}_filmed", value=means.get(name), unit="", n=len(moved)) for name in MOVES),
    ]


def best_corr(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two openings (T,), smoothed, at the lag that fits best; 0 where one never changes."""
    one, other = smoothed(one), smoothed(other)
    if min(one.std(), other.std()) < 1e-6:
        return 0.0
    count = len(one)
    return max(
        float(np.corrcoef(one[max(0, lag) : count + min(0, lag)], other[max(0, -lag) : count - max(0, lag)])[0, 1])
        for lag in range(-LAGS, LAGS + 1)
    )


def _read(paths: list[Path]) -> Iterator[tuple[Path, Movement]]:
    """Films in which one face is seen nearly all the time."""
    tracker = Tracker()
    for path in paths:
        try:
            tracks = [track for track, _ in zip(tracker.follow(VideoReader(path)), range(MOST), strict=False)]
        except VasariError:
            continue
        if tracks and np.mean([track is not None for track in tracks]) >= SEEN:
            yield path, Movement.of_tracks(tracks)
