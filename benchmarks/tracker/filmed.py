"""Real people without labels: who is found, how far the network agrees with itself, and lips on film.

Nobody said where points are in these pictures. What can be measured without: a face that is cut out a little otherwise
must be read alike; a filmed head moves smoothly; and lips are shut when somebody says p, b or m, whose times the sound
and the words tell.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.films import aligner, held_out, phones_of
from benchmarks.suites import Given
from benchmarks.tracker.agreement import spread_of
from faces import Track, Tracker
from faces.landmarks import PUPILS
from generate.acting import CLASS_INDEX
from lab.performances.phones import Phones
from lab.pictures.composites import tone_of
from media import VideoReader, read_picture
from media.units import FPS

LIPS = (13, 14)  # mesh points in the middle of the inner upper and lower lip
SHUT = 0.035  # of the pupils' distance: inner lips that are no further apart are shut; at rest they read 0.002 to 0.03
BILABIALS, VOWELS = ("p",), ("a", "æ")  # of `CLASSES`: p, b and m are one; open vowels
PICTURES, PICTURES_QUICK = 400, 40
FILMS, FILMS_QUICK = 40, 4
MOST = 75  # frames of a film
NAMES: dict[str, Literal["higher", "lower"]] = {
    "real_found_pct": "higher", "real_agreement_pct": "lower", "film_found_pct": "higher",
    "film_tremble_pct": "lower", "film_closure_pct": "higher",
}  # fmt: skip


def measure(given: Given) -> list[Figure]:
    """Of the folder of real material: real_found_pct, real_agreement_pct with its gap between lighter and darker skin,
    film_found_pct, film_tremble_pct, film_closure_pct."""
    if given.real is None:
        return [
            Figure(name=name, value=None, unit="%", better=better, n=0, note="not measured: needs --real")
            for name, better in NAMES.items()
        ]  # fmt: skip
    pictures, films = held_out(given.real)
    tracker = Tracker()
    quick = given.quick
    return [
        *_pictures(pictures[: PICTURES_QUICK if quick else PICTURES], tracker),
        *_films(films[: FILMS_QUICK if quick else FILMS], tracker),
    ]


def _pictures(paths: Sequence[Path], tracker: Tracker) -> list[Figure]:
    found, spread, tones = [], [], []
    for path in paths:
        picture = read_picture(path)
        tracks = tracker.track(picture)
        found.append(bool(tracks))
        if tracks:
            mesh = tracks[0].landmarks
            spread.append(float(spread_of(picture, mesh, tracker.reader).mean()))
            tones.append(float(tone_of(picture, mesh).mean()))
    note = "pictures of real people, no labels"
    figures = [
        mean_figure("real_found_pct", [100.0 * hit for hit in found], "%", goal=99.5, note=note),
        mean_figure("real_agreement_pct", spread, "%", better="lower",
                    note="by what 12 crops of a face differ, of the distance of the outer eye corners"),
    ]  # fmt: skip
    if len(spread) < 9:
        return figures
    order = np.argsort(tones)
    thirds = [np.array(spread)[part] for part in np.array_split(order, 3)]
    for name, part in zip(("darker", "middle", "lighter"), thirds, strict=True):
        figures.append(mean_figure(f"real_agreement_pct_{name}", list(part), "%", better="lower", note="third by skin"))
    means = [float(part.mean()) for part in thirds]
    gap = max(means) - min(means)
    figures.append(
        Figure(name="real_agreement_gap_pct", value=gap, unit="%", better="lower", n=len(spread), note="between thirds")
    )
    return figures


def _films(paths: Sequence[Path], tracker: Tracker) -> list[Figure]:
    seen, tremble, shut, wide = [], [], [], []
    words = aligner()
    for path in paths:
        frames = [frame for frame, _ in zip(VideoReader(path), range(MOST), strict=False)]
        tracks = list(tracker.follow(frames, offline=True))
        seen.append(100 * float(np.mean([track is not None for track in tracks])))
        steady = [track for track in tracks if track is not None]
        if len(steady) < 5:
            continue
        tremble.append(_tremble(steady))
        if words is not None and (phones := phones_of(path, words)) is not None:
            lips = _openings(tracks)
            shut += [100 * gap for gap in _at(phones, lips, BILABIALS)]
            wide += [100 * gap for gap in _at(phones, lips, VOWELS)]
    why = "" if words is not None else "; not measured: needs espeak-ng"
    return [
        mean_figure("film_found_pct", seen, "%", goal=99, note="frames of films of talkers"),
        mean_figure("film_tremble_pct", tremble, "%", better="lower",
                    note="how far points leave their way beside all others, of the pupils' distance"),
        mean_figure("film_closure_pct", [100.0 * (gap < 100 * SHUT) for gap in shut], "%", goal=93,
                    note="p, b and m of spoken sentences with lips shut" + why),
        mean_figure("film_closure_gap_pct", shut, "%", better="lower",
                    note="lips apart in p, b and m, of the pupils' distance" + why),
        mean_figure("film_opening_pct", wide, "%", note="lips apart in open vowels, of the pupils' distance" + why),
    ]  # fmt: skip


def _openings(tracks: Sequence[Track | None]) -> np.ndarray:
    """(T,) gap of the inner lips, of the pupils' distance; nan where nobody is seen."""
    gaps = np.full(len(tracks), np.nan)
    for number, track in enumerate(tracks):
        if track is not None:
            points = track.landmarks
            pupils = float(np.linalg.norm(points[PUPILS[0]] - points[PUPILS[1]]))
            gaps[number] = float(np.linalg.norm(points[LIPS[0]] - points[LIPS[1]])) / pupils
    return gaps


def _at(phones: Phones, gaps: np.ndarray, names: Sequence[str]) -> Iterator[float]:
    """For each phone of these: the least gap of consonants, the widest of vowels, a frame before and after included."""
    wanted, least = {CLASS_INDEX[name] for name in names}, names is BILABIALS
    for kind, start, end in zip(phones.classes, phones.starts, phones.ends, strict=True):
        window = gaps[max(0, int(start * FPS) - 1) : int(np.ceil(end * FPS)) + 1]
        if kind in wanted and np.isfinite(window).any():
            yield float(np.nanmin(window) if least else np.nanmax(window))


def _tremble(tracks: Sequence[Track]) -> float:
    """Root mean square of second differences of points, less what all have in common: a head's own way is shared."""
    points = np.stack([track.raw for track in tracks])
    pupils = float(np.median(np.linalg.norm(points[:, PUPILS[0]] - points[:, PUPILS[1]], axis=-1)))
    bent = np.diff(points, 2, axis=0)
    own = bent - bent.mean(1, keepdims=True)
    return 100 * float(np.sqrt(np.square(own).sum(-1).mean())) / pupils
