"""Listening: does a silent face answer the other speaker's voice, how soon, and is that different from idling?

The same face is drawn twice with the same draws of chance, once while the other speaks and once in silence: what
differs is the answer.
"""

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.motion.talk import Talks
from benchmarks.suites import Given
from faces.actions import ACTION_INDEX
from generate import Motion
from generate.acting import MotionClip
from media.units import FPS, SAMPLE_RATE

BEFORE, SECONDS = 4, 12  # of silence, then of the other's talk
SEEN = 1.0  # degrees of head or gaze, or tenths of the brows, from which an answer is seen
NOD = 1.2  # degrees down within half a second
TALKS, TALKS_QUICK = 24, 4
BROW = ACTION_INDEX["browInnerUp"]


def measure(given: Given, talks: Talks) -> list[Figure]:
    """listen_latency_ms, listen_answered_pct, and nods a minute while the other speaks and while nobody does."""
    said = talks.dense(TALKS_QUICK if given.quick else TALKS, SECONDS)
    motion = Motion.load()
    first, frames = BEFORE * FPS, (BEFORE + SECONDS) * FPS
    latencies, listening, idling = [], [], []
    for seed, (_, speech) in enumerate(said):
        other = np.concatenate([np.zeros(BEFORE * SAMPLE_RATE, np.float32), speech])
        silence = np.zeros(frames * SAMPLE_RATE // FPS, np.float32)
        heard, alone = (motion.generate(silence, seed=seed, other=theirs) for theirs in (other, None))
        begins = first + int(np.flatnonzero(np.abs(speech) > 0.1 * np.abs(speech).max())[0] / SAMPLE_RATE * FPS)
        apart = np.flatnonzero(difference(heard, alone)[begins:] > SEEN)
        latencies.append(1000 * float(apart[0] + 1) / FPS if len(apart) else float("inf"))
        listening.append(nods(heard, first))
        idling.append(nods(alone, first))
    answered = [latency < 1000 * SECONDS for latency in latencies]
    return [
        Figure(name="listen_latency_ms", value=float(np.median(latencies)) if all(answered) else None, unit="ms",
               better="lower", goal=500, n=len(said), note="median, from the other's first sound to an answer seen"),
        mean_figure("listen_answered_pct", [100.0 * each for each in answered], "%"),
        mean_figure("listen_nods", listening, "a minute", note="while the other speaks"),
        mean_figure("listen_nods_idle", idling, "a minute", note="the same faces while nobody speaks"),
    ]  # fmt: skip


def difference(one: MotionClip, other: MotionClip) -> np.ndarray:
    """How far apart two performances are in each frame: largest of degrees of head and gaze and tenths of the brows."""
    turned = np.degrees(np.abs(one.rotation - other.rotation)).max(1)
    looked = np.degrees(np.abs(one.gaze - other.gaze)).max(1)
    raised = 10 * np.abs(one.actions[:, BROW] - other.actions[:, BROW])
    apart: np.ndarray = np.maximum.reduce([turned, looked, raised])
    return apart


def nods(clip: MotionClip, first: int) -> float:
    """Nods a minute from frame `first` on: the head goes down by `NOD` within half a second and comes up again."""
    pitch = np.degrees(clip.rotation[first:, 1])
    lows = [t for t in range(1, len(pitch) - 1) if pitch[t - 1] < pitch[t] >= pitch[t + 1]]
    half = FPS // 2
    deep = [
        t for t in lows
        if pitch[t] - pitch[max(0, t - half) : t].min() > NOD and pitch[t] - pitch[t : t + half].min() > 0.6 * NOD
    ]  # fmt: skip
    return 60 * FPS * len(deep) / len(pitch)
