"""Whose faces are in pictures: what tracks and recognises them, once a process, for `provenance.permits.likeness`.

faces_in(picture)      -> embeddings        heads_in(picture) -> boxes
seen(picture)          -> faces: where, and whose          again(picture, points) -> one, near where it was
embeddings_of(subject) -> of all faces in a portrait of a permit, known while the process lives
"""

import functools
import threading
from collections import OrderedDict
from itertools import islice
from typing import Any, NamedTuple

import cv2
import numpy as np

from faces.landmarks import warp_crop
from faces.recognition import EYES, SIDE, aligned_matrix
from media.errors import ConsentError, UnreadableError
from media.threads import one_blas_thread
from media.units import FPS
from media.video import VideoReader
from provenance.marks.label import Box, head_box
from provenance.permits.subjects import Subject, stamp_of

SMALL = 20.0  # pixels between the eyes; smaller faces say little, and count only where all are small
LEAST = 2.5 * SMALL  # pixels from brow to chin of such a face
LOOKS = 5  # of a video that is the portrait
KEPT = 256  # portraits whose embeddings are remembered while the process lives
_lock = threading.Lock()
_known: "OrderedDict[str, np.ndarray]" = OrderedDict()


class Face(NamedTuple):
    """A face in a picture."""

    picture: np.ndarray  # in which it stands upright: the one that was given, or that turned upside down
    points: np.ndarray  # (478, 2) mesh points in it, pixels
    embedding: np.ndarray  # (128,)


@functools.cache
def _networks() -> tuple[Any, Any]:
    """Tracker and recogniser, once a process."""
    from faces import Tracker
    from faces.recognition import Recogniser

    return Tracker(threads=1), Recogniser(threads=1)


def ready() -> None:
    """Load what looks at faces, so that the first frame need not wait for it."""
    with _lock:
        _networks()


def faces_in(frame: np.ndarray, *, hard: bool = False, turned: bool = True) -> list[np.ndarray]:
    """Embeddings (128,) of the faces in a picture, largest first; small ones only where there are no others.

    Args:
        hard: search carefully; takes up to half a second.
        turned: look for faces upside down, too, where some are upright; where none are, they are looked for anyway.
    """
    return [face.embedding for face in seen(frame, hard=hard, turned=turned)]


def seen(frame: np.ndarray, *, hard: bool = False, turned: bool = True) -> list[Face]:
    """As `faces_in`, with where they are."""
    with _lock, one_blas_thread():  # what is so small is slower on more threads
        tracker, recogniser = _networks()
        if hard:
            faces = [(frame, track.landmarks[:, :2]) for track in tracker.look(frame)[0]]
        else:
            over = np.ascontiguousarray(frame[::-1, ::-1])
            faces = _glanced(frame, LEAST)
            if turned or not faces:
                faces += _glanced(over, LEAST)
            faces = faces or _glanced(frame) + _glanced(over)
        large = [(picture, points) for picture, points in faces if _apart(points) >= SMALL] or faces
        return [Face(picture, points, recogniser.embed(picture, points)) for picture, points in large]


def _glanced(picture: np.ndarray, least: float = 0.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """The picture and the mesh points of each face in it of `least` pixels and more."""
    return [(picture, points) for points in _networks()[0].glance(picture, precise=False, least=least)]


def again(frame: np.ndarray, points: np.ndarray) -> Face | None:
    """The face that was at `points` (478, 2) in a frame before, None where none can be read there now."""
    with _lock, one_blas_thread():
        tracker, recogniser = _networks()
        there = tracker.again(frame, points)
        return None if there is None else Face(frame, there, recogniser.embed(frame, there))


def heads_in(frame: np.ndarray) -> list[Box]:
    """Boxes of the heads in a picture, largest first: left, top, right, bottom as shares of it; costs half a look."""
    height, width = frame.shape[:2]
    with _lock, one_blas_thread():
        meshes = _networks()[0].glance(frame, precise=False)
    return [head_box(points, width, height) for points in meshes]


def _apart(points: np.ndarray) -> float:
    """Pixels between the eyes of a mesh."""
    right, left = (points[list(eye)].mean(0) for eye in EYES)
    return float(np.linalg.norm(right - left))


def aligned(picture: np.ndarray) -> np.ndarray | None:
    """Brightness of the largest face, laid on its five points and blurred a little: float32 (112, 112)."""
    with _lock:
        faces = _networks()[0].glance(picture)
    if not faces:
        return None
    crop = np.ascontiguousarray(warp_crop(picture, aligned_matrix(faces[0]), SIDE))
    return cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.5)


def embeddings_of(subject: Subject) -> np.ndarray:
    """(N, 128) of the faces of one portrait, none where none is found."""
    known = _known.get(subject.sha256)
    if known is not None:
        return known
    if subject.picture is not None and subject.points is not None:
        with _lock:
            faces = [_networks()[1].embed(subject.picture, subject.points)]
    elif subject.picture is not None:
        faces = faces_in(subject.picture, hard=True)
    else:
        faces = _of_video(subject)
    found = np.stack(faces) if faces else np.zeros((0, 128), np.float32)
    _known[subject.sha256] = found
    while len(_known) > KEPT:
        _known.popitem(last=False)
    return found


def _of_video(subject: Subject) -> list[np.ndarray]:
    assert subject.path is not None
    found: list[np.ndarray] = []
    try:
        for frame in islice(VideoReader(subject.path), 0, 60 * FPS, FPS):
            found += faces_in(frame)
            if len(found) >= LOOKS:
                break
    except UnreadableError:
        return found
    if stamp_of(subject.path) != subject.stamp:
        raise ConsentError(f"{subject.path}: was exchanged or written to while it was read; nothing was saved")
    return found
