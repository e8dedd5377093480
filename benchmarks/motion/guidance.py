"""What guidance and the number of evaluations do, as VASA-1's tables 3 and 4 show it for that model."""

import time

import numpy as np

from benchmarks.figures import Figure
from benchmarks.motion.control import gaze_errors
from benchmarks.motion.liveliness import pose_intensity
from benchmarks.motion.talk import LONG, Talks
from benchmarks.suites import Given
from faces.lipsync import LipSync
from generate import Motion
from generate.acting import Controls, mouth_opening
from generate.motion import Guidance
from lab.speaking.evaluate import lip_corr, true_opening

LOOK = (float(np.radians(20)), float(np.radians(-5)))
TALKS, TALKS_QUICK = (6, LONG), (1, 10)  # how many, and seconds of each


def measure(given: Given, talks: Talks) -> list[Figure]:
    """Figures by scale of sound and of gaze, and by evaluations a frame."""
    said = talks.long(*(TALKS_QUICK if given.quick else TALKS))
    motion, judge = Motion.load(), LipSync.load()
    cases = {f"sound{scale:g}": Guidance(sound=scale) for scale in (0.0, 0.5, 1.0, 2.0)}
    cases |= {f"gaze{scale:g}": Guidance(gaze=scale) for scale in (0.0, 1.0, 2.0)}
    cases |= {f"steps{count}": Guidance(evaluations=count) for count in (4, 10, 50)}
    figures = []
    for name, guidance in cases.items():
        rows = []
        for i, (phones, speech) in enumerate(said):
            began = time.perf_counter()
            clip = motion.generate(speech, seed=i, controls=Controls(gaze=LOOK), guidance=guidance)
            spent = 1000 * (time.perf_counter() - began) / len(clip)
            sync = judge.score(speech, clip.actions)
            opening = mouth_opening(clip.actions)
            rows.append(
                (sync.confidence, lip_corr(opening, true_opening(phones, speech)), float(np.maximum(opening, 0).std()),
                 gaze_errors(clip, LOOK), pose_intensity(clip), spent)
            )  # fmt: skip
        units = {"sync_confidence": "", "lip_corr": "", "lip_spread": "", "gaze_error_deg": "degrees",
                 "pose_intensity": "degrees a frame", "motion_ms": "ms a frame"}  # fmt: skip
        means = np.mean(rows, 0)
        figures += [
            Figure(name=f"{what}_{name}", value=float(value), unit=unit, n=len(rows))
            for (what, unit), value in zip(units.items(), means, strict=True)
        ]
    return figures
