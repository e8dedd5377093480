"""Rendered people, of whom everything is known: pose, gaze, actions, landmarks, by how far they are turned."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.plots import bars, save_plot
from benchmarks.sheets import portraits, save_sheet, tile, tiled
from benchmarks.suites import Given
from faces import Track, Tracker
from faces.actions import ACTION_INDEX
from faces.head import rotation_matrix
from faces.solve import FREE
from media import read_picture
from media.errors import UnreadableError
from provenance import Keys

GOALS = {"pose_error_deg": 1.5, "gaze_error_deg": 4.0, "action_error": None}
BUCKETS = ((0, 15), (15, 30), (30, 45), (45, 60), (60, 80))  # degrees of yaw, to either side
MOST, MOST_QUICK = 400, 30  # people
SHUT = 0.6  # eyeBlink from which an eye shows no gaze
SURE = 0.6  # confidence from which an action counts as told
WORST = 18


@dataclass(frozen=True)
class Truth:
    """A rendered picture and its labels; what a folder does not tell is None."""

    path: Path
    mesh: np.ndarray  # (478, 2) pixels
    scale: float  # pixels between the eyes
    rotation: np.ndarray  # (3,) yaw, pitch, roll, radians
    gaze: np.ndarray | None  # (2, 2) radians, relative to the head
    actions: np.ndarray | None  # (52,)
    visible: np.ndarray  # (478,) bool


def read_truth(folder: Path, most: int) -> Iterator[Truth]:
    """Up to `most` pictures of a folder that `vasari data people` wrote, in the order of their names."""
    files = sorted(folder.glob("*.npz"))
    read = 0
    for file in files:
        picture = next((p for s in (".png", ".jpg", ".webp") if (p := file.with_suffix(s)).exists()), None)
        with np.load(file) as labels:
            if picture is None or not {"mesh", "rotation", "scale"} <= set(labels.files):
                continue
            mesh = labels["mesh"].astype(np.float64)[:, :2]
            yield Truth(
                picture,
                mesh,
                float(labels["scale"]),
                np.radians(labels["rotation"].astype(np.float64)),
                np.radians(labels["gaze"].astype(np.float64)) if "gaze" in labels.files else None,
                labels["actions"].astype(np.float64) if "actions" in labels.files else None,
                labels["visible"].astype(bool) if "visible" in labels.files else np.ones(len(mesh), bool),
            )
        read += 1
        if read == most:
            return
    if not read:
        raise UnreadableError(f"{folder}: holds no labelled people; make some with `vasari data people -o {folder}`")


def measure(given: Given) -> list[Figure]:
    """pose_error_deg, gaze_error_deg, action_error and landmarks by yaw, with baselines."""
    if given.people is None:
        note = (
            "not measured: needs --people (`vasari data people`, which needs MakeHuman's assets: `vasari data assets`)"
        )
        units = {"pose_error_deg": "degrees", "gaze_error_deg": "degrees", "action_error": ""}
        return [
            Figure(name=name, value=None, unit=units[name], goal=goal, better="lower", n=0, note=note)
            for name, goal in GOALS.items()
        ]
    tracker, pairs, missed = Tracker(), [], []
    for truth in read_truth(given.people, MOST_QUICK if given.quick else MOST):
        near = [t for t in tracker.track(read_picture(truth.path)) if _is_there(t, truth)]
        if near:
            pairs.append((truth, max(near, key=lambda t: t.size)))
        else:
            missed.append(truth)
    _sheets(given, pairs, missed)
    where = f"rendered people, {len(missed)} of {len(pairs) + len(missed)} not found"
    return [*_pose(pairs, where), *_gaze(pairs, where), *_actions(pairs, where), *_landmarks(given, pairs, missed)]


def _is_there(track: Track, truth: Truth) -> bool:
    away = np.linalg.norm(track.landmarks[:468].mean(0) - truth.mesh[:468].mean(0))
    return bool(away < 0.6 * track.size)


def _pose(pairs: list[tuple[Truth, Track]], where: str) -> list[Figure]:
    errors = [turn_between(truth.rotation, track.parameters.rotation) for truth, track in pairs]
    ahead = [turn_between(truth.rotation, np.array([0, 0, truth.rotation[2]])) for truth, _ in pairs]
    figures = [
        mean_figure("pose_error_deg", errors, "degrees", goal=GOALS["pose_error_deg"], better="lower", note=where),
        mean_figure("pose_error_deg_ahead", ahead, "degrees", better="lower", note="everybody faces the camera"),
    ]
    for low, high in BUCKETS:
        inside = [e for e, (truth, _) in zip(errors, pairs, strict=True) if low <= yaw(truth) < high]
        figures.append(mean_figure(f"pose_error_deg_yaw_{low}_{high}", inside, "degrees", better="lower"))
    return figures


def turn_between(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two poses (yaw, pitch, roll in radians), degrees."""
    both = rotation_matrix(*a).astype(np.float64).T @ rotation_matrix(*b)
    return float(np.degrees(np.arccos(np.clip((np.trace(both) - 1) / 2, -1, 1))))


def yaw(truth: Truth) -> float:
    """To either side, degrees."""
    return float(abs(np.degrees(truth.rotation[0])))


def _direction(gaze: np.ndarray) -> np.ndarray:
    across, down = gaze
    return np.array([np.sin(across) * np.cos(down), np.sin(down), -np.cos(across) * np.cos(down)])


def _gaze(pairs: list[tuple[Truth, Track]], where: str) -> list[Figure]:
    """Of eyes that are open and seen."""
    errors, straight = [], []
    for truth, track in pairs:
        if truth.gaze is None:
            continue
        for eye, (pupil, side) in enumerate(((468, "Right"), (473, "Left"))):
            shut = truth.actions is not None and truth.actions[ACTION_INDEX[f"eyeBlink{side}"]] > SHUT
            if shut or not truth.visible[pupil]:
                continue
            true = _direction(truth.gaze[eye])
            for into, seen in ((errors, track.parameters.gaze[eye]), (straight, np.zeros(2))):
                into.append(float(np.degrees(np.arccos(np.clip(true @ _direction(seen), -1, 1)))))
    note = "eyes that are open and seen, of " + where
    return [
        mean_figure("gaze_error_deg", errors, "degrees", goal=GOALS["gaze_error_deg"], better="lower", note=note),
        mean_figure("gaze_error_deg_straight", straight, "degrees", better="lower", note="eyes straight in the head"),
    ]


def _actions(pairs: list[tuple[Truth, Track]], where: str) -> list[Figure]:
    told = [(truth.actions, track) for truth, track in pairs if truth.actions is not None]
    if not told:
        return [Figure(name="action_error", value=None, unit="", better="lower", n=0, note="no actions in the labels")]
    true, found = np.stack([a for a, _ in told])[:, FREE], np.stack([t.parameters.actions for _, t in told])[:, FREE]
    sure = np.stack([t.confidence for _, t in told])[:, FREE] > SURE
    error, middle = np.abs(true - found), np.abs(true - true.mean(0))
    resting = np.abs(true)
    return [
        mean_figure("action_error", error.mean(1), "", better="lower", note=f"mean over {FREE.sum()} actions, {where}"),
        mean_figure("action_error_mean_predictor", middle.mean(1), "", better="lower", note="these people's mean"),
        mean_figure("action_error_rest", resting.mean(1), "", better="lower", note="a face at rest"),
        mean_figure("action_error_sure", error[sure], "", better="lower", note=f"confidence over {SURE:g}"),
        mean_figure("action_error_sure_mean_predictor", middle[sure], "", better="lower", note="the same actions"),
        mean_figure("action_error_unsure", error[~sure], "", better="lower", note=f"confidence up to {SURE:g}"),
        mean_figure("action_error_unsure_mean_predictor", middle[~sure], "", better="lower", note="the same actions"),
    ]


def _landmarks(given: Given, pairs: list[tuple[Truth, Track]], missed: list[Truth]) -> list[Figure]:
    """Error of the mesh points that are seen, % of the distance of the eyes; how far it was foreseen."""
    errors = [_error(truth, track) for truth, track in pairs]
    seen = [100 * float(e[truth.visible].mean()) for e, (truth, _) in zip(errors, pairs, strict=True)]
    ratios = [
        float(np.sqrt(np.square(e[truth.visible]).mean()) / np.sqrt(2 * np.square(track.sigma[truth.visible]).mean()))
        * truth.scale
        for e, (truth, track) in zip(errors, pairs, strict=True)
    ]
    figures = [mean_figure("rendered_nme_pct", seen, "%", better="lower", note="visible points of rendered people")]
    chart = {}
    for low, high in BUCKETS:
        inside = [e for e, (truth, _) in zip(seen, pairs, strict=True) if low <= yaw(truth) < high]
        lost = sum(low <= yaw(t) < high for t in missed)
        note = f"{lost} of {len(inside) + lost} not found"
        figures.append(mean_figure(f"rendered_nme_pct_yaw_{low}_{high}", inside, "%", better="lower", note=note))
        if inside:
            chart[f"{low} to {high}"] = float(np.mean(inside)), len(inside)
    if chart:
        plot = bars("mean landmark error by yaw (degrees), % of the distance of the eyes", chart, "%")
        save_plot(given.folder, "error_by_yaw", plot)
    note = "actual over expected error, 1 is honest; more is too sure of itself"
    return [*figures, mean_figure("sigma_ratio", ratios, "", better="lower", note=note)]


def _error(truth: Truth, track: Track) -> np.ndarray:
    """(478,) in distances of the eyes."""
    return np.linalg.norm(track.landmarks - truth.mesh, axis=1) / truth.scale


def _sheets(given: Given, pairs: list[tuple[Truth, Track]], missed: list[Truth]) -> None:
    """The worst faces, and those that were not found."""
    ranked = sorted(pairs, key=lambda pair: -float(_error(*pair)[pair[0].visible].mean()))[:WORST]
    tiles = [
        tile(
            read_picture(truth.path), track.landmarks,
            f"{truth.path.stem}: {100 * _error(truth, track)[truth.visible].mean():.1f}%, yaw {yaw(truth):.0f}",
            around=truth.mesh,
        )
        for truth, track in ranked
    ]  # fmt: skip
    if tiles:
        permits = portraits(given.folder, *(truth.path for truth, _ in ranked), keys=Keys.open())
        save_sheet(given.folder, "worst_rendered", tiled(tiles), permits)
    lost = [tile(read_picture(t.path), None, f"{t.path.stem}: yaw {yaw(t):.0f}", around=t.mesh) for t in missed[:WORST]]
    if lost:
        permits = portraits(given.folder, *(truth.path for truth in missed[:WORST]), keys=Keys.open())
        save_sheet(given.folder, "missed_rendered", tiled(lost), permits)
