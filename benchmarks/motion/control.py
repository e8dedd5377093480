"""Control: do the eyes rest where they are told, is the head where it is held, does the emotion show?"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.figures import Figure, mean_figure
from benchmarks.motion.plots import confusion
from benchmarks.motion.talk import Talks
from benchmarks.plots import save_plot
from benchmarks.suites import Given
from generate import Motion
from generate.acting import EMOTIONS, REST_DISTANCE, Controls, MotionClip, Style
from lab.performances import Phones, perform
from media.units import FPS

GAZES = ((0, 0), (15, 0), (-15, 0), (25, 5), (-25, -5), (0, 12), (0, -12))  # degrees: yaw, pitch
SETTLED = FPS  # frames until what was asked for must be there
AMOUNTS = (0.5, 0.8, 1.0)
SECONDS = 6  # of a talk in which an emotion is shown
SHOWN = 1  # seconds of a window that is judged


def measure(given: Given, talks: Talks) -> list[Figure]:
    """Gaze error, distance and pose error, emotion accuracy with its confusion matrix."""
    said = talks.long(1 if given.quick else 8, SECONDS)
    motion = Motion.load()
    return [*_gaze(motion, said), *_placement(motion, said[0][1]), *_emotion(given, motion, said)]


def gaze_errors(clip: MotionClip, wanted: tuple[float, float]) -> float:
    """Mean angle in degrees between the gaze and where it should rest, once settled; glances aside count."""
    apart = np.degrees(clip.gaze[SETTLED:] - np.asarray(wanted))
    return float(np.hypot(*apart.T).mean())


def _gaze(motion: Motion, said: list[tuple[Phones, np.ndarray]]) -> list[Figure]:
    found: dict[str, list[float]] = {"": [], "_truth": []}
    resting = []
    for i, (phones, speech) in enumerate(said):
        for degrees in GAZES:
            wanted = (float(np.radians(degrees[0])), float(np.radians(degrees[1])))
            asked = Controls(gaze=wanted)
            clip = motion.generate(speech, seed=i, controls=asked)
            found[""].append(gaze_errors(clip, wanted))
            resting.append(float(np.hypot(*np.degrees(np.median(clip.gaze[SETTLED:], 0) - wanted))))
            found["_truth"].append(gaze_errors(perform(phones, speech, seed=i, controls=asked), wanted))
    figures = [
        mean_figure(f"gaze_error_deg{name}", values, "degrees", better="lower", goal=5 if not name else None,
                    note="all frames after the first second, glances aside among them")
        for name, values in found.items()
    ]  # fmt: skip
    return [*figures, mean_figure("gaze_rest_error_deg", resting, "degrees", better="lower", note="of the median gaze")]


def _placement(motion: Motion, speech: np.ndarray) -> list[Figure]:
    apart, turned = [], []
    for distance in (0.8, 1.0, 1.25, 2.0):
        clip = motion.generate(speech, controls=Controls(distance=distance))
        apart.append(abs(1 - float(clip.translation[2 * SETTLED :, 2].mean()) / REST_DISTANCE - distance))
    for bias in ((20.0, 0.0, 0.0), (-20.0, 5.0, 0.0), (0.0, 10.0, 5.0)):
        clip = motion.generate(speech, controls=Controls(bias=tuple(np.radians(bias))))
        turned.append(float(np.abs(np.degrees(clip.rotation[2 * SETTLED :].mean(0)) - bias).mean()))
    return [
        mean_figure("distance_error", apart, "", better="lower", note="1 is the portrait's distance"),
        mean_figure("pose_bias_error_deg", turned, "degrees", better="lower"),
    ]


def _windows(clip: MotionClip) -> np.ndarray:
    """What a judge of emotions sees, second by second: mean and spread of facial actions, speed of the head."""
    size, rows = SHOWN * FPS, []
    for first in range(SETTLED, len(clip) - size + 1, size):
        part = slice(first, first + size)
        speed = np.abs(np.diff(np.degrees(clip.rotation[part]), axis=0))
        rows.append(np.concatenate([clip.actions[part].mean(0), clip.actions[part].std(0), speed.mean(0)]))
    return np.array(rows)


def judge_of_emotions(said: list[tuple[Phones, np.ndarray]], seeds: range) -> object:
    """A linear classifier trained on performances, apart from the motion network."""
    rows, labels = [], []
    for seed in seeds:
        phones, speech = said[seed % len(said)]
        for label, name in enumerate(EMOTIONS):
            asked = Controls(emotion=(name, AMOUNTS[seed % len(AMOUNTS)]))
            found = _windows(perform(phones, speech, seed=seed, style=Style.draw(seed), controls=asked))
            rows.append(found)
            labels += [label] * len(found)
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=1.0))
    return judge.fit(np.concatenate(rows), np.array(labels))


def _emotion(given: Given, motion: Motion, said: list[tuple[Phones, np.ndarray]]) -> list[Figure]:
    judge = judge_of_emotions(said, range(5000, 5012))
    count = len(EMOTIONS)
    tables = {"": np.zeros((count, count)), "_truth": np.zeros((count, count))}
    for i, (phones, speech) in enumerate(said):
        for label, name in enumerate(EMOTIONS):
            asked = Controls(emotion=(name, AMOUNTS[i % len(AMOUNTS)]))
            for key, clip in (
                ("", motion.generate(speech, seed=i, controls=asked)),
                ("_truth", perform(phones, speech, seed=i, style=Style.draw(i), controls=asked)),
            ):
                np.add.at(tables[key], (label, judge.predict(_windows(clip))), 1)  # type: ignore[attr-defined]
    save_plot(given.folder, "emotions", confusion(tables[""], EMOTIONS))
    return [
        Figure(name=f"emotion_accuracy{key}", value=100 * float(np.trace(t) / t.sum()), unit="%", n=int(t.sum()),
               note="windows of 1 s, eight emotions at amounts 0.5 to 1; a linear judge trained on performances")
        for key, t in tables.items()
    ]  # fmt: skip
