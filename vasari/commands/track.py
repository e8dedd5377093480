"""`vasari track`: landmarks, pose, gaze and facial actions of the largest face, frame by frame."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vasari.progress import frames_bar


def track(
    file: Annotated[Path, typer.Argument(help="Picture or video.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Track to write, .npz.", show_default=False)],
) -> None:
    """Write landmarks, pose, gaze and facial actions of the largest face in FILE, one row a frame (25 a second).

    Arrays: found (T,) bool; landmarks (T, 478, 2) pixels; rotation (T, 3) yaw, pitch, roll in degrees; centre (T, 2)
    pixels; scale (T,) pixels between the eyes; gaze (T, 2, 2) yaw, pitch of right and left eye in degrees, relative to
    the head; actions (T, 52) and action_names; identity; score (T,). Rows where no face was found hold NaN.
    """
    from faces import FACIAL_ACTIONS, Track, Tracker
    from media import VideoReader, probe, read_picture
    from media.atomic import replacing
    from media.errors import FaceError, UsageError
    from media.units import FPS

    if output.suffix != ".npz":
        raise UsageError(f"{output}: tracks are saved as .npz; change the suffix")
    info = probe(file)
    tracker = Tracker()
    tracks: list[Track | None] = []
    if info.kind == "picture":
        tracks.append(tracker.portrait(read_picture(file))[0])
    else:
        with frames_bar("tracking", int(info.duration * FPS) if info.duration else None) as progress:
            for one in tracker.follow(VideoReader(file)):
                tracks.append(one)
                progress(len(tracks))
    seen = [t for t in tracks if t is not None]
    if not seen:
        raise FaceError(f"{file}: no face was found")

    def column(read, shape) -> np.ndarray:
        empty = np.full(shape, np.nan, np.float32)
        return np.stack([empty if t is None else np.asarray(read(t), np.float32) for t in tracks])

    arrays = {
        "found": np.array([t is not None for t in tracks]),
        "landmarks": column(lambda t: t.landmarks, (478, 2)),
        "rotation": column(lambda t: np.degrees(t.parameters.rotation), (3,)),
        "centre": column(lambda t: t.parameters.centre, (2,)),
        "scale": column(lambda t: t.parameters.scale, ()),
        "gaze": column(lambda t: np.degrees(t.parameters.gaze), (2, 2)),
        "actions": column(lambda t: t.parameters.actions, (52,)),
        "score": column(lambda t: t.score, ()),
        "identity": seen[0].parameters.identity,
        "action_names": np.array(FACIAL_ACTIONS),
    }
    with replacing(output) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    typer.echo(f"{output}: a face in {len(seen)} of {len(tracks)} frames")
