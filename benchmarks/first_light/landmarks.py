"""Landmark error on people never trained on."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.landmark_error import landmark_errors
from faces import Tracker
from faces.london import London, Person

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting


def measure(setting: "Setting") -> list[Figure]:
    """landmark_nme_pct, see `benchmarks.landmark_error`, beside the mean face."""
    name = "landmark_nme_pct"
    if setting.london is None:
        return [Figure(name=name, value=None, unit="%", goal=3.0, better="lower", n=0, note="needs --london")]
    tracker = Tracker()

    def read(person: Person) -> np.ndarray | None:
        tracks = tracker.track(person.picture("neutral"))
        return tracks[0].landmarks if tracks else None

    errors = landmark_errors(London(setting.london), read, quick=setting.quick)
    note = f"London people held out, {errors.missed} not found" if errors.missed else "London people held out"
    return [
        mean_figure(name, errors.test, "%", goal=3.0, better="lower", note=note),
        mean_figure(
            "landmark_nme_pct_mean_face", errors.mean_face, "%", better="lower", note="the mean face on the true pupils"
        ),
    ]
