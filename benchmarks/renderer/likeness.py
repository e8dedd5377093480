"""How far the recogniser, by which likeness is judged, can itself be trusted: people whom it never saw."""

from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from benchmarks.renderer.judge import Judge, missing
from benchmarks.suites import Given
from faces.likeness import likeness, unlike
from faces.recognition import verification
from lab.people import Wardrobe
from lab.pictures.london import London
from lab.pictures.recognition import photographed, retaken
from lab.recipes.tracker import lift_volunteers

FIRST = 910_000  # seed of the first person who does not exist; none of these is trained on
PEOPLE, PEOPLE_QUICK = 100, 12
SIZE = 512  # pixels a side of lifted photographs
NEEDS = {"london": "--london", "lifted": "--london", "rendered": "--assets"}  # group of pairs -> what it needs
MEASURES = {"": "", "_gradients": "histograms of gradients, without learning (`faces.likeness`), "}  # suffix -> what

Pair = tuple[np.ndarray, np.ndarray]  # two pictures of one person


def measure(given: Given, judge: Judge) -> list[Figure]:
    """recogniser_auc and recogniser_tpr_fpr1 on volunteers (neutral against smile, in the same light), on volunteers
    whose smile is turned, lit and placed otherwise, and on rendered people (two portraits in other lights); each beside
    what gradients tell without learning."""
    groups: dict[str, list[Pair]] = {}
    if given.london is not None:
        london = London(given.london)
        neutral, smile = ([p.picture(e) for p in london.test] for e in ("neutral", "smile"))
        groups["london"] = list(zip(neutral, smile, strict=True))
        smiles = lift_volunteers(london, london.test, correct=False, size=SIZE)[1::2]
        rng = np.random.default_rng(31)
        groups["lifted"] = list(zip(neutral, [retaken(lifted, rng)[0] for lifted in smiles], strict=True))
    if given.assets is not None:
        groups["rendered"] = _rendered(given.assets, given.skins, PEOPLE_QUICK if given.quick else PEOPLE)
    figures = []
    for group, needs in NEEDS.items():
        if group in groups:
            figures += _verified(group, groups[group], judge)
        else:
            names = (f"recogniser_{kind}_{group}{suffix}" for suffix in MEASURES for kind in ("auc", "tpr_fpr1"))
            figures += missing(dict.fromkeys(names, ""), f"needs {needs}")
    return figures


def _rendered(assets: Path, skins: Path | None, count: int) -> list[Pair]:
    """Two photographs of each person, both facing the camera, in lights of their own."""
    wardrobe, seeds = Wardrobe(assets, skins), range(FIRST, FIRST + count)
    one, other = ([photographed(wardrobe, seed, shot)[0] for seed in seeds] for shot in (0, 2))
    return list(zip(one, other, strict=True))


def _verified(group: str, pairs: list[Pair], judge: Judge) -> list[Figure]:
    """AUC and true positives at 1% false ones, every first picture against every second, by each measure."""

    def look(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        track = judge.track(picture)
        if track is None:
            return None
        return judge.recogniser.embed(picture, track), likeness(picture, track.landmarks)

    looks = [(look(one), look(other)) for one, other in pairs]
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for (i, (a, _)), (j, (_, b)) in product(enumerate(looks), enumerate(looks)):
        if a is not None and b is not None:
            found[i == j].append((float(a[0] @ b[0]), -unlike(a[1], b[1])))
    genuine, impostors = (np.array(found[same]).reshape(-1, 2) for same in (True, False))
    note = f"{len(genuine)} pairs of one person, {len(impostors)} of two, none trained on"
    return [
        Figure(name=f"recogniser_{kind}_{group}{suffix}", value=value, unit="", n=len(pairs), note=what + note)
        for column, (suffix, what) in enumerate(MEASURES.items())
        for kind, value in verification(genuine[:, column], impostors[:, column]).items()
    ]
