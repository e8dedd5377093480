"""Voices that do not just speak: do lips follow song and whisper, does the mouth open with every call of a laugh, does
the face laugh, are the lips apart while breath is drawn in?"""

from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.motion.lips import Row, lip_rows
from benchmarks.motion.talk import Talks
from benchmarks.sheets import portraits, save_sheet, tile
from benchmarks.suites import Given
from faces.actions import ACTION_INDEX
from faces.tracker import Tracker
from generate import FaceLatent, Motion, Painter, Talker
from generate.acting import SHUT, MotionClip, mouth_opening
from generate.motion.space import HEAD_WIDTH
from lab.performances import perform
from lab.speaking.evaluate import Spoken, closures, lip_corr, lip_lag_ms, true_opening
from media import read_picture
from media.units import FPS

SMILE = [ACTION_INDEX[name] for name in ("mouthSmileLeft", "mouthSmileRight")]
CHEEKS = [ACTION_INDEX[name] for name in ("cheekSquintLeft", "cheekSquintRight")]
SETTLED = 0.1  # seconds from which the lips must be apart in a breath
SIDE, MOMENTS = 220, 8  # pixels of a face on a sheet, faces in a row


def measure(given: Given, talks: Talks) -> list[Figure]:
    """Figures with the suffix of a manner; those of performances end in `_truth`. Writes `song.jpg` and
    `laughter.jpg`, what was performed (above) and what was made (below) at the same moments."""
    motion = Motion.load()
    made = {
        manner: [motion.generate(c.speech, seed=i) for i, c in enumerate(clips)]
        for manner, clips in talks.manners.items()
    }
    true = {
        manner: [perform(c.phones, c.speech, seed=i) for i, c in enumerate(clips)]
        for manner, clips in talks.manners.items()
    }
    figures: list[Figure] = []
    for manner, clips in talks.manners.items():
        rows = [_row(clip, found) for clip, found in zip(clips, made[manner], strict=True)]
        figures += lip_rows(rows, f"_{manner}", goals=False)
        for suffix, moved in (("", made[manner]), ("_truth", true[manner])):
            pairs = list(zip(clips, moved, strict=True))
            if manner == "song":
                figures.append(mean_figure(f"song_opening{suffix}", _flat(map(held_opening, *_split(pairs))), "",
                               note="of the mouth while notes are held; 1 is the jaw all open"))  # fmt: skip
            if manner == "laughter":
                figures += _laughter(pairs, suffix)
    for suffix, moved in (("", made), ("_truth", true)):
        every = [pair for manner, clips in talks.manners.items() for pair in zip(clips, moved[manner], strict=True)]
        figures.append(mean_figure(f"breath_open_pct{suffix}", _flat(map(breaths_open, *_split(every))), "%",
                       note="of breaths drawn in, lips apart from a tenth of a second on"))  # fmt: skip
    for manner in ("song", "laughter"):
        if talks.manners.get(manner):
            _sheet(given, manner, talks.manners[manner][0], {"performed": true[manner][0], "made": made[manner][0]})
    return figures


def _row(clip: Spoken, made: MotionClip) -> Row:
    opening, truth = mouth_opening(made.actions), true_opening(clip.phones, clip.speech)
    return Row(clip.manner, lip_corr(opening, truth), lip_lag_ms(opening, truth), closures(opening, clip.phones))


def _split(pairs: list[tuple[Spoken, MotionClip]]) -> tuple[list[Spoken], list[MotionClip]]:
    return [clip for clip, _ in pairs], [made for _, made in pairs]


def _flat(parts: Iterator[np.ndarray]) -> list[float]:
    return [float(value) for part in parts for value in part]


def _laughter(pairs: list[tuple[Spoken, MotionClip]], suffix: str) -> list[Figure]:
    def mean(name: str, values: Iterator[np.ndarray], note: str) -> Figure:
        return mean_figure(f"{name}{suffix}", _flat(values), "", note=note)

    clips, moved = _split(pairs)
    return [
        mean("laugh_corr", map(call_corr, clips, moved), "opening of the mouth and loudness of calls, within bouts"),
        mean("laugh_smile", (laughing(*pair, SMILE) for pair in pairs), "mouthSmile within bouts"),
        mean("laugh_cheeks", (laughing(*pair, CHEEKS) for pair in pairs), "cheekSquint within bouts"),
    ]


def held_opening(clip: Spoken, made: MotionClip) -> np.ndarray:
    """Mean opening of the mouth (n,) while each note is held."""
    opening, notes = np.maximum(mouth_opening(made.actions), 0), clip.phones.vocals.only("note")
    spans = [(int(a * FPS), int(np.ceil(b * FPS))) for a, b in zip(notes.starts, notes.ends, strict=True)]
    return np.array([opening[a:b].mean() for a, b in spans if a < len(opening)])


def bouts(clip: Spoken) -> list[slice]:
    """Frames of each bout of laughter: calls that follow each other within half a second."""
    calls = clip.phones.vocals.only("call")
    if not len(calls):
        return []
    breaks = np.flatnonzero(np.diff(calls.starts) > 0.5) + 1
    groups = np.split(np.arange(len(calls)), breaks)
    return [slice(int(calls.starts[g[0]] * FPS), int(np.ceil(calls.ends[g[-1]] * FPS)) + 1) for g in groups]


def call_corr(clip: Spoken, made: MotionClip) -> np.ndarray:
    """For each bout (n,): how the opening of the mouth goes with the calls, Pearson's correlation in [-1, 1].

    The calls are a curve that is each call's loudness while it sounds and falls to 0 in between, 40 ms wide.
    """
    calls = clip.phones.vocals.only("call")
    fine = 8  # instants a frame
    times = (np.arange(len(made) * fine) + 0.5) / (FPS * fine)
    heard = calls.strength(times).reshape(-1, fine).mean(1)
    opening = mouth_opening(made.actions)
    return np.array([lip_corr(opening[b], heard[b]) for b in bouts(clip)])


def laughing(clip: Spoken, made: MotionClip, actions: list[int]) -> np.ndarray:
    """Mean (n,) of `actions` in each bout."""
    return np.array([made.actions[b][:, actions].mean() for b in bouts(clip)])


def breaths_open(clip: Spoken, made: MotionClip) -> np.ndarray:
    """For each breath (n,), 100 where the lips are apart in most of it, else 0."""
    opening, found = mouth_opening(made.actions), clip.phones.vocals.only("breath")
    spans = [(int((a + SETTLED) * FPS), int(np.ceil(b * FPS))) for a, b in zip(found.starts, found.ends, strict=True)]
    return np.array([100.0 * ((opening[a:b] > SHUT).mean() > 0.5) for a, b in spans if b <= len(opening)])


def _sheet(given: Given, manner: str, clip: Spoken, clips: dict[str, MotionClip]) -> None:
    kinds = clip.phones.vocals.only("note" if manner == "song" else "call")
    first, last = kinds.starts[0], kinds.ends[-1]
    moments = np.linspace(first, last, MOMENTS, endpoint=False) + 0.5 * (last - first) / MOMENTS
    if manner == "laughter":  # at calls and between them in turn, where a mouth opens and shuts
        middles = 0.5 * (kinds.starts + kinds.ends)[: MOMENTS // 2 + 1]
        moments = np.sort(np.concatenate([middles, 0.5 * (middles[1:] + middles[:-1])]))[:MOMENTS]
    portrait = read_picture(given.portrait)
    track, _ = Tracker().portrait(portrait)
    latent = FaceLatent.encode(portrait, track)
    around = latent.pose.centre + np.array([[-1, -1], [1, 1]]) * 0.55 * HEAD_WIDTH * latent.pose.scale
    rows = []
    for name, moved in clips.items():
        frames = np.clip((moments * FPS).astype(int), 0, len(moved) - 1)
        chosen = MotionClip(*(getattr(moved, f)[frames] for f in ("actions", "rotation", "translation", "gaze")))
        shown = Talker(latent, Painter()).frames([chosen])
        labels = [f"{name} {t:.2f} s" for t in moments]
        rows.append(np.hstack([tile(f, None, m, side=SIDE, around=around) for f, m in zip(shown, labels, strict=True)]))
    save_sheet(given.folder, manner, np.vstack(rows), portraits(given.folder, given.portrait))
