"""Does somebody move as they do? What goes together in one person's talking head, learned from their real footage.

    manner = Manner.learn([series_of(person) for person in ...], basis="her consent of 2026-05-02")     a clip each
    manner.save("ann.npz")
    manner.beside(series_of(person))          of 24 clips of this person, 1 moves at least as unlike them

After Agarwal et al. 2019 ("Protecting world leaders against deep fakes", section 3: how facial actions and the turn of
the head correlate is a person's own) and Cozzolino et al. 2021 (ID-Reveal, arXiv 2012.02512: it tells faces that others
drive, whatever draws them). Correlations, extents and paces of windows, no places: neither a resting face nor a camera
is learned, and no picture is kept. How unlike is unlike is told by leaving out each clip in turn (jackknife; Barber et
al. 2021, arXiv 1905.02928).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from detect.evidence import Person, longest_run
from faces.actions import ACTION_INDEX
from media.atomic import replacing
from media.errors import UnreadableError, UsageError

SERIES: dict[str, tuple[str, ...]] = {
    "jaw": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight"),
    "pucker": ("mouthPucker", "mouthFunnel"),
    "press": ("mouthPressLeft", "mouthPressRight"),
    "stretch": ("mouthStretchLeft", "mouthStretchRight"),
    "brows up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "brows down": ("browDownLeft", "browDownRight"),
    "lids": ("eyeBlinkLeft", "eyeBlinkRight"),
    "cheeks": ("cheekSquintLeft", "cheekSquintRight"),
}
"""What is followed: means of facial actions; beside them yaw, pitch and roll of the head."""
TURNS = ("yaw", "pitch", "roll")
NAMES = (*SERIES, *TURNS)
WINDOW, HOP = 50, 25  # frames: 2 s, each second
LEAST = 10  # clips
SHRUNK = 0.5  # of covariances between features, which few clips cannot tell
VERSION = 1


def series_of(person: Person) -> np.ndarray:
    """(T, len(NAMES)) float32: the longest run of frames without a gap in which somebody was followed."""
    first, count = longest_run(sorted(person.actions.keys() & person.turns.keys()))
    frames = range(first, first + count)
    if not count:
        return np.zeros((0, len(NAMES)), np.float32)
    actions = np.stack([person.actions[frame] for frame in frames])
    means = [actions[:, [ACTION_INDEX[name] for name in names]].mean(1) for names in SERIES.values()]
    return np.column_stack([*means, np.stack([person.turns[frame] for frame in frames])]).astype(np.float32)


def features(series: np.ndarray) -> np.ndarray:
    """(W, F): of each window of a series (T, len(NAMES)), how far and fast each goes, and how any two go together."""
    rows = []
    for start in range(0, len(series) - WINDOW + 1, HOP):
        part = series[start : start + WINDOW].astype(np.float64)
        moved = part - part.mean(0)
        extent = moved.std(0)
        pace = np.abs(np.diff(part, axis=0)).mean(0)
        unit = moved / (extent + 0.01)  # what hardly moves goes with nothing
        together = unit.T @ unit / WINDOW
        pairs = [together[a, b] for a, b in combinations(range(len(NAMES)), 2)]
        rows.append(np.concatenate([np.log(extent + 0.005), np.log(pace + 0.001), pairs]))
    count = 2 * len(NAMES) + len(NAMES) * (len(NAMES) - 1) // 2
    return np.stack(rows) if rows else np.zeros((0, count))


@dataclass(frozen=True)
class Beside:
    """A clip beside a person's own."""

    clips: int  # of the person
    above: int  # of them, how many move at least as unlike the others

    @property
    def p(self) -> float:
        """How seldom the person moves so unlike themselves."""
        return (1 + self.above) / (1 + self.clips)


@dataclass(frozen=True)
class Manner:
    """One person's: features of each clip, and how unlike each is the others."""

    clips: np.ndarray  # (N, F) float32: mean features of each
    apart: np.ndarray  # (N,) float32: of each clip from the others
    spread: np.ndarray  # (F, F) float32: precision of features around their mean
    basis: str  # on what ground it was learned: the person's consent, or their public role

    @classmethod
    def learn(cls, series: Sequence[np.ndarray], *, basis: str) -> "Manner":
        """From series (T, len(NAMES)) of real clips, one each.

        Raises:
            UsageError: no basis is named, or fewer than `LEAST` clips are long enough.
        """
        if not basis.strip():
            raise UsageError("how somebody moves is learned on their consent or for their public role: say which")
        windows = [rows for rows in map(features, series) if len(rows)]
        if len(windows) < LEAST:
            raise UsageError(
                f"{len(windows)} of {len(series)} clips show one person for {WINDOW / 25:g} s without a gap; "
                f"{LEAST} are needed"
            )
        clips = np.stack([rows.mean(0) for rows in windows])
        apart = []
        for left in range(len(windows)):  # each as if it were not known
            others = windows[:left] + windows[left + 1 :]
            apart.append(_apart(clips[left], np.delete(clips, left, 0).mean(0), _precision(others)))
        every = _precision(windows)
        return cls(clips.astype(np.float32), np.array(apart, np.float32), every.astype(np.float32), basis)

    def beside(self, series: np.ndarray) -> Beside | None:
        """A clip's series (T, len(NAMES)) beside them; None where it is too short to say."""
        rows = features(series)
        if not len(rows):
            return None
        apart = _apart(rows.mean(0), self.clips.mean(0), self.spread)
        return Beside(len(self.clips), int((self.apart >= apart).sum()))

    def save(self, path: Path | str) -> None:
        """Write it, whole or not at all."""
        with replacing(Path(path)) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream, version=VERSION, names=NAMES, clips=self.clips, apart=self.apart, spread=self.spread,
                basis=self.basis,
            )  # fmt: skip

    @classmethod
    def read(cls, path: Path | str) -> "Manner":
        """From its file.

        Raises:
            UnreadableError: it is none, or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if int(file["version"]) != VERSION or tuple(file["names"]) != NAMES:
                    raise ValueError("of another version")
                found = cls(file["clips"], file["apart"], file["spread"], str(file["basis"]))
            count = len(found.apart)
            if found.clips.shape[0] != count or found.spread.shape != (found.clips.shape[1],) * 2:
                raise ValueError("its parts do not fit")
            return found
        except (OSError, ValueError, KeyError, BadZipFile, IndexError) as error:
            raise UnreadableError(f"{path}: not made by `vasari detect enroll` ({error})") from error


def _precision(windows: Sequence[np.ndarray]) -> np.ndarray:
    """(F, F): of features (W, F) of each clip, within clips and between them."""
    clips = np.stack([rows.mean(0) for rows in windows])
    every = np.concatenate([*(rows - rows.mean(0) for rows in windows), clips - clips.mean(0)])
    covariance = every.T @ every / len(every)
    own = np.diag(np.diag(covariance))
    return np.asarray(np.linalg.inv((1 - SHRUNK) * covariance + SHRUNK * own + 1e-3 * np.eye(len(own))))


def _apart(one: np.ndarray, other: np.ndarray, precision: np.ndarray) -> float:
    return float(np.sqrt((one - other) @ precision @ (one - other)))
