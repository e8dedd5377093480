"""Crops of the faces of a labelled set, cut once and kept: a few of each clip."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from detect.picture import SCALE, SIDE
from faces import Tracker
from faces.landmarks import CROP_SCALE, Reading, crop_matrix, warp_crop
from faces.track import face_size
from faces.tracker import SURE
from lab.labelled.manifest import ClipSet, Item
from media import VideoReader, probe, read_picture, replacing
from media.errors import UnreadableError
from media.processes import each

ROOM = 1.25  # side of a kept crop over that of what is looked at, so that it can be cut anew
KEPT = 288  # pixels a side of a kept crop: finer than what is looked at
HELD = 128  # frames of a video in memory at once, at most
LEAST = 40.0  # pixels: smaller faces teach nothing of how they were made


@dataclass(frozen=True)
class Crops:
    """K looks at the largest face of one clip, in the order of time."""

    pictures: np.ndarray  # (K, KEPT, KEPT, 3) uint8 RGB
    meshes: np.ndarray  # (K, 478, 2) float32, pixels of the crops


@dataclass(frozen=True)
class Shelf:
    """Where the crops of one clip are kept: a large set does not fit into memory."""

    path: Path
    count: int  # K

    def __len__(self) -> int:
        return self.count

    def crops(self) -> Crops:
        """Read them."""
        with np.load(self.path) as file:
            return Crops(file["pictures"], file["meshes"])


def cut(path: Path, count: int, tracker: Tracker) -> Crops:
    """`count` crops of a clip or fewer, evenly spread; of a picture its one.

    Raises:
        UnreadableError: the file cannot be read.
    """
    frames = [read_picture(path)] if probe(path).kind == "picture" else spread(VideoReader(path, threads=1))
    at = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int))
    pictures, meshes, last = [], [], None
    for k in at:
        reading = _read(frames[k], tracker, last)
        last = None if reading is None else reading.points
        if last is None or face_size(last) < LEAST:
            continue
        matrix = crop_matrix(last[:468], KEPT, SCALE * ROOM)
        pictures.append(warp_crop(frames[k], matrix, KEPT))
        meshes.append((last[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32))
    empty = np.zeros((0, KEPT, KEPT, 3), np.uint8), np.zeros((0, 478, 2), np.float32)
    return Crops(np.stack(pictures), np.stack(meshes)) if pictures else Crops(*empty)


def spread(frames: Iterable[np.ndarray], most: int = HELD) -> list[np.ndarray]:
    """At most `most` of any number of frames, evenly spread: all of a short clip; of a long one every second, every
    fourth ... so that no more are ever held."""
    kept: list[np.ndarray] = []
    step = 1
    for number, frame in enumerate(frames):
        if number % step:
            continue
        if len(kept) == most:
            kept, step = kept[::2], 2 * step
            if number % step:
                continue
        kept.append(frame)
    return kept


def _read(picture: np.ndarray, tracker: Tracker, last: np.ndarray | None) -> Reading | None:
    """The largest face's mesh points, first looked for where it was; no head is fitted to them."""
    reader = tracker.reader
    if last is not None:
        reading = reader.refine(picture, crop_matrix(last[:468], reader.side, CROP_SCALE), passes=1)
        if reading.score >= SURE:
            return reading
    boxes = sorted(tracker.finder.find(picture), key=lambda box: -box.size)
    readings = (reader.refine(picture, box.matrix(reader.side, CROP_SCALE), passes=2) for box in boxes)
    return next((reading for reading in readings if reading.score >= SURE), None)


def cut_all(
    clips: ClipSet,
    items: Sequence[Item],
    folder: Path,
    count: int,
    *,
    workers: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Shelf]:
    """Where the crops of all `items` are kept in `folder`; a file that cannot be read has none."""
    folder.mkdir(parents=True, exist_ok=True)
    work = partial(_kept, folder=folder, count=count)
    paths = [clips.path(item) for item in items]
    made = []
    for shelf in each(work, paths, workers, chunk=4):
        made.append(shelf)
        progress(len(made))
    return made


def placing(rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """(2, 3): from a kept crop to one that is looked at, a little turned, moved, enlarged, or mirrored; with `strength`
    0 in its place."""
    zoom = SIDE * ROOM / KEPT * np.exp(strength * rng.uniform(-0.16, 0.16))
    turn, shift = strength * rng.normal(0, 0.05), strength * rng.normal(0, 0.025, 2).clip(-0.06, 0.06) * SIDE
    flip = -1.0 if strength and rng.random() < 0.5 else 1.0
    linear = zoom * np.array([[flip * np.cos(turn), -np.sin(turn)], [flip * np.sin(turn), np.cos(turn)]])
    return np.column_stack([linear, SIDE / 2 - linear @ np.full(2, KEPT / 2) + shift])


def placed(crop: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """uint8 RGB (KEPT, KEPT, 3) -> uint8 RGB (SIDE, SIDE, 3), by a matrix of `placing`."""
    ratio = float(np.hypot(*matrix[:, 0]))
    source = cv2.GaussianBlur(crop, (0, 0), 0.45 / ratio - 0.2) if ratio < 0.85 else crop
    return cv2.warpAffine(source, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _kept(path: Path, folder: Path, count: int) -> Shelf:
    """Where the crops of a clip are kept; cut now when they are not, or the clip was made anew since."""
    key = zlib.crc32(f"{path}|{count}|{KEPT}|{SCALE}|{ROOM}".encode())
    target = folder / f"{path.stem}_{key:08x}.npz"
    if not fresh(target, path):
        try:
            crops = cut(path, count, _tracker())
        except UnreadableError:
            crops = Crops(np.zeros((0, KEPT, KEPT, 3), np.uint8), np.zeros((0, 478, 2), np.float32))
        with replacing(target) as temporary, temporary.open("wb") as stream:
            np.savez(stream, pictures=crops.pictures, meshes=crops.meshes)
    with np.load(target) as file:
        return Shelf(target, len(file["meshes"]))


def fresh(target: Path, path: Path) -> bool:
    """Whether what was made of a clip is there, and newer than the clip."""
    try:
        return target.stat().st_mtime >= path.stat().st_mtime
    except OSError:
        return target.exists()


@cache
def _tracker() -> Tracker:
    return Tracker(threads=1)
