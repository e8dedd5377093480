"""How much faces move: the same measures of a performance, of what the network draws, and of a filmed face.

Of a filmed face the tracker's mesh points are measured in the picture, of a performance the mesh of the mean head that
makes it. Lengths are in distances between the pupils. Everything is smoothed over `SMOOTH` frames before it is
measured: what trembles from frame to frame in a film is the tracker. `FILMED` is what people show who are free to move
(news, interviews; seven clips, read by a public face mesh).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy.ndimage import uniform_filter1d

from benchmarks.figures import Figure, mean_figure
from benchmarks.motion.talk import Talks
from benchmarks.suites import Given
from faces import Track
from faces.fit import at_mesh
from faces.head import PIVOT, load_head, rotation_matrix
from faces.landmarks import PUPILS
from generate import Motion
from generate.acting import MotionClip, Style, frame_rms
from generate.motion.space import HEAD_WIDTH
from lab.performances import perform
from lab.performances.performance import padded
from media.units import FPS, SAMPLE_RATE

SMOOTH = 5  # frames
LAGS = 5  # frames by which loudness may come early or late
LIPS, CORNERS = (13, 14), (61, 291)  # mesh points: middles of the inner lips, corners of the mouth
LIDS = ((159, 145), (386, 374))  # upper and lower lid of each eye
UPRIGHT = (10, 152)  # top of the forehead and chin: gaps are measured along this line
HELD = 12  # frames after the end of speech in which lips come to rest
SECONDS, REST = 12, 6  # of a talk, and of the silence after it
TALKS, TALKS_QUICK = 16, 3
FILMED = {
    "head_yaw_dev_deg": 3.8, "head_pitch_dev_deg": 4.2, "head_roll_dev_deg": 2.6, "head_yaw_speed_deg_s": 11.1,
    "head_pitch_speed_deg_s": 16.2, "head_roll_speed_deg_s": 5.9, "opening_p50": 0.14, "opening_p95": 0.26,
    "width_cv": 0.08, "lid_range": 0.10, "head_shift": 0.16,
}  # fmt: skip
NEAR = 0.15  # share by which a figure may differ from filmed people's
LOUDNESS = 0.4  # most that opening may follow loudness
UNITS = {"dev_deg": "degrees", "deg_s": "degrees a second", "speed": "a second"}


def measure(given: Given, talks: Talks) -> list[Figure]:
    """How much the face moves when it is asked to move as people do, beside performances (`_truth`), and how still its
    lips are in silence."""
    said = talks.dense(TALKS_QUICK if given.quick else TALKS, SECONDS)
    motion, rest = Motion.load(), np.zeros(REST * SAMPLE_RATE, np.float32)
    figures: list[Figure] = []
    rows: dict[str, list[dict[str, float]]] = {"": [], "_truth": []}
    for i, (phones, speech) in enumerate(said):
        loud, whole = frame_rms(padded(speech, SECONDS * FPS)), np.concatenate([speech, rest])
        made = motion.generate(whole, seed=100 + i)
        shown = perform(phones, whole, seed=100 + i, style=Style.draw(100 + i))
        for name, clip in (("", made), ("_truth", shown)):
            moved = Movement.of_clip(clip)
            row = measured(moved.between(0, SECONDS * FPS), loud)
            still = np.abs(np.diff(smoothed(moved.opening)[SECONDS * FPS + HELD :])).mean() * FPS
            rows[name].append(row | {"silence_opening_pct": 100 * still / row["opening_speed"]})
    for name in rows[""][0]:
        for suffix, found in rows.items():
            figures.append(_figure(name, suffix, [row[name] for row in found if name in row]))
    means = averaged(rows[""])
    near = [abs(means[name] / value - 1) <= NEAR for name, value in FILMED.items()]
    return [
        *figures,
        Figure(name="movement_near_pct", value=100 * float(np.mean(near)), unit="%", goal=100, n=len(said),
               note=f"of {len(near)} figures of movement, within {NEAR:.0%} of filmed people"),
    ]  # fmt: skip


def _figure(name: str, suffix: str, values: Sequence[float]) -> Figure:
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "%" if name.endswith("pct") else "")
    figure = partial(mean_figure, f"{name}{suffix}", list(values), unit)
    if name in FILMED and not suffix:
        return figure(note=f"filmed people {FILMED[name]:g}")
    goal = {"loudness_corr": LOUDNESS, "silence_opening_pct": 10.0}.get(name)
    return figure(better="lower", goal=None if suffix else goal) if goal else figure()


@dataclass(frozen=True)
class Movement:
    """T frames at 25 a second; lengths in distances between the pupils."""

    turn: np.ndarray  # (T, 3) degrees: yaw, pitch, roll
    place: np.ndarray  # (T, 2) the middle between the eyes, right and down
    opening: np.ndarray  # (T,) gap between the inner lips
    width: np.ndarray  # (T,) of the mouth
    lids: np.ndarray  # (T,) gap between the lids, mean of both eyes

    @classmethod
    def of_clip(cls, clip: MotionClip) -> "Movement":
        """What the mean head shows of a performance."""
        rest, change = _mesh()
        points = rest + np.tensordot(clip.actions.astype(np.float64), change, 1)
        shut = float(_lengths(rest[None])[0][0])  # what the mesh reads of lips that touch
        eyes = np.stack([rotation_matrix(*turn) @ -PIVOT + PIVOT for turn in clip.rotation])  # 0 is between the eyes
        place = eyes[:, :2] + HEAD_WIDTH * clip.translation[:, :2]
        opening, width, lids = _lengths(points)
        return cls(np.degrees(clip.rotation), place, opening - shut, width, lids)

    def between(self, first: int, last: int) -> "Movement":
        """Frames `first` to `last`."""
        return Movement(*(getattr(self, name)[first:last] for name in ("turn", "place", "opening", "width", "lids")))

    @classmethod
    def of_tracks(cls, tracks: Sequence[Track | None]) -> "Movement":
        """What the tracker read of one face in each frame of a film; between frames without, straight lines."""
        seen = [i for i, track in enumerate(tracks) if track is not None]
        found = [track for track in tracks if track is not None]

        def bridged(values: list[np.ndarray]) -> np.ndarray:
            rows = np.reshape(values, (len(found), -1))
            columns = [np.interp(np.arange(len(tracks)), seen, column) for column in rows.T]
            return np.stack(columns, 1).reshape(len(tracks), *np.shape(values[0]))

        points = bridged([track.landmarks for track in found])
        turn = np.degrees(bridged([track.parameters.rotation for track in found]))
        scale = bridged([np.array([track.parameters.scale]) for track in found])
        place = points[:, PUPILS].mean(1) / np.median(scale)
        return cls(turn, place, *_lengths(points / scale[:, :, None]))


@cache
def _mesh() -> tuple[np.ndarray, np.ndarray]:
    """Mesh points (468, 3) of the mean head at rest, and what each action adds (52, 468, 3)."""
    head = load_head()
    return at_mesh(head.mean), np.stack([at_mesh(action) for action in head.actions])


def _lengths(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of mesh points (T, N, 2 or 3): opening, width and lids, each (T,); gaps are negative where lips would cross."""
    down = points[:, UPRIGHT[1]] - points[:, UPRIGHT[0]]
    down = down / np.linalg.norm(down, axis=-1, keepdims=True)

    def gap(upper: int, lower: int) -> np.ndarray:
        along: np.ndarray = ((points[:, lower] - points[:, upper]) * down).sum(-1)
        return along

    width = np.linalg.norm(points[:, CORNERS[0]] - points[:, CORNERS[1]], axis=-1)
    return gap(*LIPS), width, (gap(*LIDS[0]) + gap(*LIDS[1])) / 2


def smoothed(values: np.ndarray) -> np.ndarray:
    """(T, ...) over `SMOOTH` frames."""
    mean: np.ndarray = uniform_filter1d(np.asarray(values, float), SMOOTH, axis=0, mode="nearest")
    return mean


def measured(moved: Movement, rms: np.ndarray | None = None) -> dict[str, float]:
    """Figures of one clip by name. rms (T,): loudness of each frame's sound."""
    turn, place, opening, width, lids = (
        smoothed(part) for part in (moved.turn, moved.place, moved.opening, moved.width, moved.lids)
    )
    speed = np.abs(np.diff(turn, axis=0)).mean(0) * FPS
    found = {f"head_{axis}_dev_deg": float(turn[:, i].std()) for i, axis in enumerate(("yaw", "pitch", "roll"))}
    found |= {f"head_{axis}_speed_deg_s": float(speed[i]) for i, axis in enumerate(("yaw", "pitch", "roll"))}
    found |= {f"opening_p{p:02}": float(np.percentile(opening, p)) for p in (5, 50, 95)}
    moving = np.abs(np.diff(opening)) * FPS
    found["opening_speed"] = float(moving.mean())
    found["width_cv"] = float(width.std() / width.mean())
    found["lid_range"] = float(np.subtract(*np.percentile(lids, (95, 5))))
    found["head_shift"] = float(np.sqrt(place.var(0).sum()))
    if rms is not None:
        count = min(len(rms), len(opening))
        found["loudness_corr"] = loudness_corr(opening[:count], rms[:count])
    return found


def loudness_corr(opening: np.ndarray, rms: np.ndarray) -> float:
    """Pearson's correlation of the mouth's opening and the sound's loudness (T,), at the lag that fits best; NaN where
    either does not change."""
    loud = smoothed(rms)
    if opening.std() < 1e-6 or loud.std() < 1e-9:
        return float("nan")
    count = len(opening)
    return max(
        float(np.corrcoef(opening[max(0, lag) : count + min(0, lag)], loud[max(0, -lag) : count - max(0, lag)])[0, 1])
        for lag in range(-LAGS, LAGS + 1)
    )


def averaged(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each figure over the clips that have it."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: float(np.nanmean([row[name] for row in rows if name in row])) for name in names}
