"""A followed video, seen again as a whole: smoothed with the future known, heads fitted to the best looks of all."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from faces.fit import fit_person, fitted
from faces.smoothing import smooth_closeups, smooth_run
from faces.track import Track, face_size
from media.threads import one_blas_thread

LOOKS = 8  # looks at a person that the shape of the head is fitted to
APART = 5  # frames that these looks lie apart at least


def smooth(rows: Sequence[Sequence[Track]]) -> list[list[Track]]:
    """The tracks of each frame of a video -> the same tracks, steadier and on one head for each person.

    Landmarks are those that were read, smoothed forwards and backwards over each run of frames; the shape of a head is
    fitted to the best looks of the whole video, and every frame is fitted again with it.
    """
    out = [list(row) for row in rows]
    for person in sorted({t.person for row in rows for t in row}):
        places = [(f, k) for f, row in enumerate(rows) for k, t in enumerate(row) if t.person == person]
        with one_blas_thread():
            for (frame, k), track in zip(places, _person(rows, places), strict=True):
                out[frame][k] = track
    return out


def _person(rows: Sequence[Sequence[Track]], places: list[tuple[int, int]]) -> list[Track]:
    tracks = [rows[f][k] for f, k in places]
    best = _best([f for f, _ in places], [t.quality for t in tracks])
    looks = [tracks[i] for i in best]
    fits = fit_person([t.read for t in looks], [t.sigma for t in looks], closeups=[t.closeup for t in looks])
    person = fits[0].parameters
    breaks = [i + 1 for i, (a, b) in enumerate(pairwise(f for f, _ in places)) if b != a + 1]
    done: list[Track] = []
    for run in np.split(np.arange(len(tracks)), breaks):
        points = smooth_run(np.stack([tracks[i].read for i in run]))
        known = replace(tracks[run[0]].parameters, identity=person.identity, detail=person.detail)
        closeups = smooth_closeups([tracks[i].closeup for i in run])
        for i, smoothed, closeup in zip(run, points, closeups, strict=True):
            fit = fitted(smoothed, sigma=tracks[i].sigma, known=known, closeup=closeup, iterations=8)
            known = fit.parameters
            done.append(
                replace(
                    tracks[i],
                    landmarks=smoothed,
                    parameters=fit.parameters,
                    confidence=fit.confidence,
                    size=face_size(smoothed),
                )
            )
    return done


def _best(frames: list[int], quality: list[float]) -> list[int]:
    """Indices of the best looks, some frames apart."""
    chosen: list[int] = []
    for i in np.argsort(-np.asarray(quality), kind="stable"):
        if all(abs(frames[i] - frames[j]) >= APART for j in chosen):
            chosen.append(int(i))
        if len(chosen) == LOOKS:
            break
    return chosen
