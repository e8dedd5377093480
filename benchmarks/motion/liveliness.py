"""Liveliness: does the face move as much, as often and as variously as the performances it learned from?"""

import numpy as np
from scipy.linalg import sqrtm

from benchmarks.figures import Figure, mean_figure
from benchmarks.motion.talk import Talks
from benchmarks.suites import Given
from faces.actions import ACTION_INDEX
from generate import Motion
from generate.acting import MotionClip, Style
from lab.performances import perform
from media.units import FPS, SAMPLE_RATE

WINDOW = 3 * FPS  # frames of which a description is made
BLINK = ACTION_INDEX["eyeBlinkLeft"]
BROWS = [ACTION_INDEX[name] for name in ("browInnerUp", "browOuterUpLeft")]


def measure(given: Given, talks: Talks) -> list[Figure]:
    """Figures of generated motion, each beside that of performances (`_truth`), and distances of distributions."""
    said = talks.long(2 if given.quick else 16)
    motion = Motion.load()
    made = [motion.generate(speech, seed=100 + i) for i, (_, speech) in enumerate(said)]
    true = [_performed(phones, speech, 100 + i) for i, (phones, speech) in enumerate(said)]
    other = [_performed(phones, speech, 900 + i) for i, (phones, speech) in enumerate(said)]
    still = [_still(clip) for clip in true]
    wander = [_random_walk(clip, i) for i, clip in enumerate(true)]
    figures = []
    for name, unit, value in (
        ("pose_intensity", "degrees a frame", pose_intensity),
        ("blinks", "a minute", blinks),
        ("saccade_deg", "degrees", saccade_size),
        ("saccades", "a minute", saccade_rate),
        ("jitter", "degrees", jitter),
    ):
        for suffix, clips in (("", made), ("_truth", true)):
            figures.append(mean_figure(f"{name}{suffix}", [value(clip) for clip in clips], unit))
    places = [describe(clips) for clips in (true, other, made, still, wander)]
    scale = places[0].mean(0), places[0].std(0) + 1e-6
    truth, *rest = [(p - scale[0]) / scale[1] for p in places]
    for name, described in zip(("_floor", "", "_still", "_walk"), rest, strict=True):
        figures.append(
            Figure(
                name=f"motion_frechet{name}",
                value=frechet(truth, described),
                unit="",
                better="lower",
                n=len(described),
                note="" if name else "of windows of 3 s; the floor is other performances of the same talks",
            )
        )
    for name, value in spectra(made, true).items():
        figures.append(Figure(name=name, value=value, unit="dB", better="lower", n=len(made)))
    again = range(2 if given.quick else 5)
    seeds = [motion.generate(said[0][1], seed=s) for s in again]
    theirs = [_performed(*said[0], s) for s in again]
    figures += [Figure(name=f"diversity{s}", value=diversity(c), unit="degrees", n=len(again)) for s, c in
                (("", seeds), ("_truth", theirs))]  # fmt: skip
    return [*figures, *joins(motion, [speech for _, speech in said])]


def _performed(phones, speech: np.ndarray, seed: int) -> MotionClip:
    return perform(phones, speech, seed=seed, style=Style.draw(seed))


def _still(clip: MotionClip) -> MotionClip:
    zero = np.zeros_like(clip.rotation)
    return MotionClip(clip.actions[:1].repeat(len(clip), 0), zero, zero, np.zeros_like(clip.gaze))


def _random_walk(clip: MotionClip, seed: int) -> MotionClip:
    """Steps as large as the performance's, in any order: the lively baseline that no face moves like."""
    rng = np.random.default_rng(seed)

    def shuffled(values: np.ndarray) -> np.ndarray:
        steps = rng.permuted(np.diff(values, axis=0, prepend=values[:1]), axis=0)
        walk = np.cumsum(steps * rng.choice([-1, 1], steps.shape), 0)
        return (walk / max(1.0, walk.std() / (values.std() + 1e-9))).astype(np.float32)

    return MotionClip(clip.actions, shuffled(clip.rotation), shuffled(clip.translation), shuffled(clip.gaze))


def pose_intensity(clip: MotionClip) -> float:
    """VASA-1's delta-P: mean change of the head's angles from frame to frame, here in degrees."""
    return float(np.abs(np.diff(np.degrees(clip.rotation), axis=0)).mean())


def blinks(clip: MotionClip) -> float:
    """A minute."""
    lids = clip.actions[:, BLINK] > 0.6
    return float((lids[1:] & ~lids[:-1]).sum() / (len(clip) / FPS / 60))


def _jumps(clip: MotionClip) -> np.ndarray:
    """Sizes of saccades in degrees: runs of frames in which the eyes move by more than 0.6 degrees each."""
    steps = np.diff(np.degrees(clip.gaze), axis=0)
    moving = np.hypot(*steps.T) > 0.6
    edges = np.flatnonzero(np.diff(np.concatenate([[0], moving.astype(int), [0]])))
    return np.array([np.hypot(*steps[a:b].sum(0)) for a, b in edges.reshape(-1, 2)])


def saccade_size(clip: MotionClip) -> float:
    """Mean, degrees; NaN where there is none."""
    return float(_jumps(clip).mean()) if len(_jumps(clip)) else float("nan")


def saccade_rate(clip: MotionClip) -> float:
    """A minute."""
    return float(len(_jumps(clip)) / (len(clip) / FPS / 60))


def jitter(clip: MotionClip) -> float:
    """Third difference of the head's angles, degrees, mean: what a head that trembles has more of."""
    return float(np.abs(np.diff(np.degrees(clip.rotation), 3, axis=0)).mean())


def describe(clips: list[MotionClip]) -> np.ndarray:
    """Windows of 3 s as rows: how far and how fast head, eyes, lids, brows and mouth move, and where they are."""
    rows = []
    for clip in clips:
        deg, gaze = np.degrees(clip.rotation), np.degrees(clip.gaze)
        for first in range(0, len(clip) - WINDOW + 1, WINDOW // 2):
            part = slice(first, first + WINDOW)
            r, g, a = deg[part], gaze[part], clip.actions[part]
            speed = np.abs(np.diff(r, axis=0))
            row = [*r.mean(0), *np.log(r.std(0) + 0.02), *np.log(speed.mean(0) + 0.005), *np.log(speed.max(0) + 0.02)]
            row += [*g.mean(0), *np.log(g.std(0) + 0.1), a[:, BLINK].mean(), np.sqrt(a[:, BLINK].max())]
            row += [*np.sqrt(a[:, BROWS].mean(0)), *np.log(a[:, BROWS].std(0) + 0.01)]
            rows.append([*row, *np.log(1000 * clip.translation[part].std(0) + 0.5)])
    return np.array(rows)


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Frechet distance of two Gaussians fitted to rows (Dowson and Landau 1982)."""
    means = [x.mean(0) for x in (one, other)]
    spreads = [np.cov(x.T) + 1e-6 * np.eye(x.shape[1]) for x in (one, other)]
    root = sqrtm(spreads[0] @ spreads[1])
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(spreads[0] + spreads[1] - 2 * np.real(root)))


def spectra(made: list[MotionClip], true: list[MotionClip]) -> dict[str, float]:
    """How far the spectrum of the head's speed lies from the truth's, decibels in the mean over octaves to 8 Hz."""

    def power(clips: list[MotionClip]) -> np.ndarray:
        speeds = [np.diff(np.degrees(clip.rotation), axis=0)[:700] for clip in clips]
        spectrum = np.mean([np.abs(np.fft.rfft(s * np.hanning(len(s))[:, None], axis=0)) ** 2 for s in speeds], axis=0)
        hertz = np.fft.rfftfreq(len(speeds[0]), 1 / FPS)
        bands = [(hertz >= low) & (hertz < 2 * low) for low in (0.125, 0.25, 0.5, 1, 2, 4)]
        return np.array([spectrum[band].mean(0) for band in bands])

    apart = np.abs(10 * np.log10(power(made) / power(true))).mean(0)
    return {f"speed_spectrum_{axis}_db": float(apart[i]) for i, axis in enumerate(("yaw", "pitch", "roll"))}


def diversity(clips: list[MotionClip]) -> float:
    """Mean distance of the head's angles between performances of one talk, degrees."""
    pairs = [(a, b) for i, a in enumerate(clips) for b in clips[i + 1 :]]
    return float(np.mean([np.abs(np.degrees(a.rotation - b.rotation)).mean() for a, b in pairs]))


def joins(motion: Motion, talks: list[np.ndarray]) -> list[Figure]:
    """Jerk where one push of a stream ends and the next begins, over the jerk elsewhere. Frames are drawn one by one:
    there is nothing to join but what was pushed."""
    inside, outside, count = [], [], 0
    for speech in talks:
        session = motion.session()
        pieces = [session.push(speech[i : i + SAMPLE_RATE]) for i in range(0, len(speech), SAMPLE_RATE)]
        rotation = np.degrees(np.concatenate([p.rotation for p in pieces]))
        jerk = np.abs(np.diff(rotation, 3, axis=0)).mean(1)
        ends = np.cumsum([len(p) for p in pieces])[:-1]
        at = np.unique(np.concatenate([ends - 3, ends - 2, ends - 1]))
        at = at[(at >= 0) & (at < len(jerk))]
        inside.append(jerk[at])
        outside.append(np.delete(jerk, at))
        count += len(ends)
    ratio = float(np.concatenate(inside).mean() / np.concatenate(outside).mean())
    return [Figure(name="join_jerk_ratio", value=ratio, unit="", better="lower", goal=1.2, n=count)]
