"""Is every face found, and nothing else? Under every condition, and where there is nobody."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure, wilson
from benchmarks.sheets import portraits, save_sheet, tile, tiled, volunteers
from benchmarks.suites import Given
from benchmarks.tracker.conditions import Sight, sights
from benchmarks.tracker.nobody import around, nobody
from faces import Track, Tracker
from lab.pictures.london import London
from media import read_picture

OVERLAP = 0.5  # of the boxes around truth and finding, from which a face counts as found
EACH, EACH_QUICK = 12, 2  # pictures of nobody of each kind


def measure(given: Given) -> list[Figure]:
    """found_pct over all conditions and for each; refuses_pct over pictures of nobody and for each kind."""
    tracker = Tracker()
    return [*_found(given, tracker), *_refused(given, tracker)]


def _photographs(given: Given, tracker: Tracker) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Photographs with one face and its mesh points."""
    if given.london is None:
        for path in sorted(given.portrait.parent.glob("*.png")):
            picture = read_picture(path)
            yield picture, tracker.portrait(picture)[0].landmarks
        return
    london = London(given.london)
    people = london.test + london.validation
    for person in people[:2] if given.quick else people:
        for expression in ("neutral",) if given.quick else ("neutral", "smile"):
            yield person.picture(expression), london.mesh[f"{person.id}_{expression}"][:, :2]


def _found(given: Given, tracker: Tracker) -> list[Figure]:
    found: dict[str, list[bool]] = defaultdict(list)
    tiles: list[np.ndarray] = []
    lost: list[np.ndarray] = []
    for seed, (picture, mesh) in enumerate(_photographs(given, tracker)):
        for sight in sights(picture, mesh, seed):
            tracks = tracker.track(sight.picture)
            hit = next((t for t in tracks if overlap(t.landmarks[:468], sight.mesh[:468]) > OVERLAP), None)
            found[sight.condition].append(hit is not None)
            if seed == 0 or hit is None:
                (tiles if hit else lost).append(_tile(sight, hit))
    shipped = portraits(given.folder, *sorted(given.portrait.parent.glob("*.png")))
    permits = volunteers(given.folder, given.london) if given.london else shipped
    for name, sheet in (("found", tiles), ("missed", lost[:36])):
        if sheet:
            save_sheet(given.folder, name, tiled(sheet), permits)
    note = "London people held out" if given.london else "shipped portraits; real people need --london"
    everything = [hit for hits in found.values() for hit in hits]
    figures = [_share("found_pct", everything, goal=99, note=f"{len(found)} conditions, {note}")]
    for condition, hits in found.items():
        figures.append(_share(f"found_pct_{condition.replace(' ', '_')}", hits))
    return figures


def _tile(sight: Sight, hit: Track | None) -> np.ndarray:
    points = None if hit is None else hit.landmarks
    return tile(sight.picture, points, sight.condition, around=sight.mesh[:468])


def _refused(given: Given, tracker: Tracker) -> list[Figure]:
    refused: dict[str, list[bool]] = defaultdict(list)
    for kind, picture in _empty(given):
        refused[kind].append(not tracker.track(picture))
    everything = [ok for oks in refused.values() for ok in oks]
    figures = [_share("refuses_pct", everything, goal=100, note=f"pictures of nobody: {', '.join(refused)}")]
    return figures + [_share(f"refuses_pct_{kind.replace(' ', '_')}", oks) for kind, oks in refused.items()]


def _empty(given: Given) -> Iterator[tuple[str, np.ndarray]]:
    yield from nobody(EACH_QUICK if given.quick else EACH)
    try:
        from sklearn.datasets import load_sample_images
    except ModuleNotFoundError:
        pass  # two photographs of things, where scikit-learn happens to be installed
    else:
        yield from zip(("temple", "flower"), load_sample_images().images, strict=True)
    if given.london is None:
        return
    london = London(given.london)
    for person in london.test[:2] if given.quick else london.test:
        yield from around(person.picture("neutral"), london.mesh[f"{person.id}_neutral"])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of the boxes around two sets of points (N, 2)."""
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / max(float(np.prod(np.ptp(a, axis=0)) + np.prod(np.ptp(b, axis=0))) - shared, 1e-9)


def _share(name: str, hits: list[bool], *, goal: float | None = None, note: str = "") -> Figure:
    """Share of hits with its 95% interval (Wilson 1927)."""
    low, high = wilson([float(hit) for hit in hits])
    share, interval = float(np.mean(hits)), (100 * low, 100 * high)
    return Figure(name=name, value=100 * share, unit="%", goal=goal, n=len(hits), interval=interval, note=note)
