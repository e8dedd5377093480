"""Lips on voices and languages never trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from generate import Motion
from generate.speech.evaluate import lip_figures, read_eval_set

if TYPE_CHECKING:
    from benchmarks.first_light.suite import Setting

CLIPS = Path(__file__).parents[1] / "data" / "speech"


def measure(setting: "Setting") -> list[Figure]:
    """lip_corr, lip_closure_pct and lip_lag_ms against the performance model on the shipped clips."""
    del setting  # the clips are few enough for a quick run
    clips = read_eval_set(CLIPS)
    found = lip_figures(Motion.load().generate, clips)
    note = "voices never trained on: " + ", ".join(sorted({c.name.split("-")[0] for c in clips}))
    count = len(clips)
    return [
        Figure(name="lip_corr", value=found["lip_corr"], unit="", goal=0.85, n=count, note=note),
        Figure(name="lip_closure_pct", value=found["lip_closure_pct"], unit="%", goal=95, n=int(found["closures"])),
        Figure(name="lip_lag_ms", value=found["lip_lag_ms"], unit="ms", n=count, better="lower"),
    ]
