"""Own frames of a video: its first frame, moved as its later frames move, beside those frames."""

import numpy as np

from benchmarks.figures import Figure
from benchmarks.renderer.judge import KINDS, UNITS, Judge, Tally, missing
from benchmarks.suites import Given
from faces.crop import face_crop
from generate import FaceLatent, Pose
from media import VideoReader
from media.errors import FaceError

EVERY, EVERY_QUICK = 5, 15  # frames between two that are compared
SECONDS = 20  # of the video that are looked at
NAMES = ("psnr_db", "ssim", "perceptual", "identity", "corner_pct")


def measure(given: Given, judge: Judge) -> list[Figure]:
    """clip_psnr_db, clip_ssim, clip_perceptual in the face, clip_identity, clip_corner_pct; of ours, flow and copy."""
    if given.clip is None:
        names = {f"clip_{n}{suffix}": UNITS.get(n, "") for n in NAMES for suffix in KINDS.values()}
        return missing(names, "needs --clip")
    frames = [f for f, _ in zip(VideoReader(given.clip), range(25 * SECONDS), strict=False)]
    tracks = list(judge.tracker.follow(frames, offline=True))
    seen = [i for i, track in enumerate(tracks) if track is not None]
    if not seen:
        raise FaceError(f"{given.clip}: no face was seen in the video; give one in which a face moves")
    first = tracks[seen[0]]
    assert first is not None
    source = FaceLatent.from_parameters(*face_crop(frames[seen[0]], first.parameters, 512))
    factor = source.pose.scale / first.parameters.scale
    offset = source.pose.centre - factor * first.parameters.centre
    tally = Tally()
    for index in seen[1 :: EVERY_QUICK if given.quick else EVERY]:
        track = tracks[index]
        assert track is not None
        there = track.parameters.scaled(factor, tuple(offset))
        truth = _same_crop(frames[index], factor, offset)
        moved = source.with_pose(Pose(there.rotation, there.centre, there.scale, there.gaze)).with_actions(
            there.actions
        )
        shown, inside = judge.show(source, moved)
        if not inside.any():
            continue
        for kind, picture in shown.items():
            tally.add("clip_", KINDS[kind], judge.near(picture, truth, inside) | judge.alike(picture, truth))
    return tally.figures(f"{given.clip.name}, from frame {seen[0]}")


def _same_crop(frame: np.ndarray, factor: float, offset: np.ndarray) -> np.ndarray:
    """The square of a frame, uint8 RGB, that the first frame's portrait was cut from: (512, 512, 3)."""
    import cv2

    matrix = np.array([[factor, 0, offset[0]], [0, factor, offset[1]]])
    source = cv2.GaussianBlur(frame, (0, 0), 0.45 / factor) if factor < 0.7 else frame
    return cv2.warpAffine(source, matrix, (512, 512), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
