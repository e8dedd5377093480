"""Whether an open mouth shows its teeth: people who do not exist, photographed again as they speak, and ours beside.

Where the truth shows teeth, ours are seen when they are as bright there as the middle between its teeth and what
is dark in its mouth. A photograph counts when ours are seen in at least half of that.
"""

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.renderer.judge import Judge, missing, row_of
from benchmarks.renderer.truth import SIZE, Condition, latent_of, moved_to, parameters_of, posed, sitters
from benchmarks.sheets import rendered, save_sheet
from benchmarks.suites import Given
from lab.people import Region, Wardrobe

PEOPLE, PEOPLE_QUICK = 16, 2
LEAST = 40  # pixels of teeth, and of what is dark behind them, for a photograph to count
SEEN = 0.5  # share of the teeth's place that has to be bright
GOAL = 90.0
SPOKEN = (
    Condition("aa", actions=(("jawOpen", 0.45), ("mouthLowerDownLeft", 0.3), ("mouthLowerDownRight", 0.3),
                             ("mouthUpperUpLeft", 0.2), ("mouthUpperUpRight", 0.2))),
    Condition("ee", actions=(("jawOpen", 0.2), ("mouthStretchLeft", 0.5), ("mouthStretchRight", 0.5),
                             ("mouthLowerDownLeft", 0.5), ("mouthLowerDownRight", 0.5), ("mouthUpperUpLeft", 0.3),
                             ("mouthUpperUpRight", 0.3))),
    Condition("laugh", actions=(("jawOpen", 0.35), ("mouthSmileLeft", 0.8), ("mouthSmileRight", 0.8),
                                ("mouthUpperUpLeft", 0.4), ("mouthUpperUpRight", 0.4))),
    Condition("wide", actions=(("jawOpen", 0.7), ("mouthLowerDownLeft", 0.3), ("mouthLowerDownRight", 0.3))),
)  # fmt: skip


def measure(given: Given, judge: Judge) -> list[Figure]:
    """teeth_seen_pct, and the same of the flow alone."""
    if given.assets is None:
        return missing({"teeth_seen_pct": "%", "teeth_seen_pct_flow": "%"}, "needs --assets (`vasari data assets`)")
    wardrobe = Wardrobe(given.assets, given.skins)
    people = list(sitters(wardrobe, PEOPLE_QUICK if given.quick else PEOPLE))
    seen: dict[str, list[float]] = {"ours": [], "flow": []}
    rows = []
    for person in people:
        source = latent_of(person, wardrobe)
        for condition in SPOKEN:
            again = next(posed(person, condition))
            photograph = again.photograph(wardrobe, SIZE)
            shown, inside = judge.show(source, moved_to(source, parameters_of(again)))
            teeth, dark = (photograph.segmentation == region for region in (Region.TEETH, Region.MOUTH))
            if min(teeth.sum(), dark.sum()) < LEAST:
                continue
            for kind, found in seen.items():
                found.append(100.0 * (_bright(shown[kind], photograph.picture, teeth, dark) >= SEEN))
            rows.append(row_of({"truth": photograph.picture, "ours": shown["ours"], "flow": shown["flow"]}, inside))
    save_sheet(given.folder, "teeth", np.vstack(rows), rendered(given.folder, people, wardrobe))
    note = "photographs of rendered people who speak or laugh, in which the truth shows teeth; truth, ours, flow alone"
    return [
        mean_figure("teeth_seen_pct", seen["ours"], "%", goal=GOAL, note=note),
        mean_figure("teeth_seen_pct_flow", seen["flow"], "%", note="geometry alone"),
    ]


def _bright(shown: np.ndarray, truth: np.ndarray, teeth: np.ndarray, dark: np.ndarray) -> float:
    """Share of the teeth's place (S, S) bool in which `shown` is bright."""
    white, black = (float(np.median(truth[place].mean(1))) for place in (teeth, dark))
    return float((shown[teeth].mean(1) > (white + black) / 2).mean())
