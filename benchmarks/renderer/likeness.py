"""How far the recogniser, by which likeness is judged, can itself be trusted: people whom it never saw."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.renderer.judge import Judge, missing
from faces.london import London
from faces.people import Wardrobe
from faces.recognition import verification
from faces.training.landmarks import lift_volunteers
from faces.training.recognition_pictures import photographed, retaken

if TYPE_CHECKING:
    from benchmarks.renderer.suite import Setting

FIRST = 910_000  # seed of the first person who does not exist; none of these is trained on
PEOPLE, PEOPLE_QUICK = 100, 25
SIZE = 512  # pixels a side of lifted photographs


def measure(setting: "Setting", judge: Judge) -> list[Figure]:
    """recogniser_auc and recogniser_tpr_fpr1 on volunteers (neutral against smile, in the same light), on volunteers
    whose smile is turned, lit and placed otherwise, and on rendered people (two portraits in other lights)."""
    groups: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    if setting.london is not None:
        london = London(setting.london)
        people = london.test
        neutral = [p.picture("neutral") for p in people]
        groups["london"] = list(zip(neutral, [p.picture("smile") for p in people], strict=True))
        smiles = lift_volunteers(london, people, correct=False, size=SIZE)[1::2]
        rng = np.random.default_rng(31)
        groups["lifted"] = list(zip(neutral, [retaken(smile, rng)[0] for smile in smiles], strict=True))
    if setting.assets is not None:
        groups["rendered"] = _rendered(setting)
    figures = []
    for group, needs in (("london", "--london"), ("lifted", "--london"), ("rendered", "--assets")):
        names = [f"recogniser_{kind}_{group}" for kind in ("auc", "tpr_fpr1")]
        if group not in groups:
            figures += missing(dict.fromkeys(names, ""), f"needs {needs}")
            continue
        told, note = _verify(groups[group], judge)
        figures += [
            Figure(name=f"recogniser_{kind}_{group}", value=value, unit="", n=len(groups[group]), note=note)
            for kind, value in told.items()
        ]
    return figures


def _rendered(setting: "Setting") -> list[tuple[np.ndarray, np.ndarray]]:
    """Two photographs of each person, both facing the camera, in lights of their own."""
    assert setting.assets is not None
    wardrobe = Wardrobe(setting.assets, setting.skins)
    count = PEOPLE_QUICK if setting.quick else PEOPLE
    one, other = ([photographed(wardrobe, seed, shot)[0] for seed in range(FIRST, FIRST + count)] for shot in (0, 2))
    return list(zip(one, other, strict=True))


def _verify(pairs: list[tuple[np.ndarray, np.ndarray]], judge: Judge) -> tuple[dict[str, float], str]:
    """AUC and true positives at 1% false ones, every first picture against every second; and what was compared."""
    rows: list[list[np.ndarray | None]] = []
    for pair in pairs:
        tracks = [judge.track(picture) for picture in pair]
        both = zip(pair, tracks, strict=True)
        rows.append([None if t is None else judge.recogniser.embed(p, t) for p, t in both])
    genuine: list[float] = []
    impostors: list[float] = []
    for (i, (a, _)), (j, (_, b)) in product(enumerate(rows), enumerate(rows)):
        if a is not None and b is not None:
            (genuine if i == j else impostors).append(float(a @ b))
    note = f"{len(genuine)} pairs of one person, {len(impostors)} of two, whom the recogniser never saw"
    return verification(np.array(genuine), np.array(impostors)), note
