"""`vasari track`: landmarks, pose, gaze, facial actions, light and quality of faces, frame by frame."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zipfile import BadZipFile

import typer
from rich.console import Console
from rich.markup import escape

from vasari.progress import frames_bar

if TYPE_CHECKING:
    from faces import Tracker


def track(
    file: Annotated[Path, typer.Argument(help="Picture, video, or folder of them.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Track to write, .npz; a folder where FILE is one.", show_default=False),
    ],
    everyone: Annotated[bool, typer.Option("--all", help="Everyone, not only the largest face.")] = False,
) -> None:
    """Write landmarks, pose, gaze and facial actions of the largest face in FILE, one row a frame (25 a second).

    Arrays: found (T,) bool; landmarks (T, 478, 2) pixels; sigma (T, 478) their expected error, pixels; rotation (T, 3)
    yaw, pitch, roll in degrees; centre (T, 2) pixels; scale (T,) pixels between the eyes; gaze (T, 2, 2) yaw, pitch of
    right and left eye in degrees, relative to the head; actions (T, 52) and action_names, 0 to 1; confidence (T, 52)
    of the actions, 0 to 1; light (T, 9, 3) harmonics, linear RGB; score (T,) and quality (T,), 0 to 1; reason (T,) of
    poor quality; person (T,) counted from 1; identity. Rows where no face was found hold NaN. Of a picture also skin
    and hair (T, H, W), 0 to 255: how surely a pixel shows them.

    With --all, arrays are (T, P, ...) for P people, person is (P,) and identity (P, K). Where FILE is a folder, every
    picture and video in it becomes one .npz in the folder OUTPUT, with what it depends on in decided_by (JSON). Those
    that are there already are kept, unless the file has changed, or the tracker; those that cannot be read or show
    nobody are reported and left out.
    """
    from faces import Tracker
    from media.errors import UsageError

    if file.is_dir():
        _folder(file, output, everyone)
        return
    if output.suffix != ".npz":
        raise UsageError(f"{output}: tracks are saved as .npz; change the suffix")
    typer.echo(_one(Tracker(), file, output, everyone))


def _folder(folder: Path, output: Path, everyone: bool) -> None:
    from faces import Tracker
    from media.errors import InputError, OutputError, UnreadableError

    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file; {folder} is a folder, so give a folder to write into")
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not any(q.startswith(".") for q in p.parts[1:]))
    if not files:
        raise UnreadableError(f"{folder}: the folder is empty")
    tracker, err, done, kept, anew = Tracker(), Console(stderr=True), 0, 0, 0
    for file in files:
        target = output / file.relative_to(folder).with_suffix(".npz")
        if target.exists():
            if _decided(target) == _deciding(file, everyone):
                kept += 1
                continue
            anew += 1
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            typer.echo(_one(tracker, file, target, everyone, decided_by=_deciding(file, everyone)))
            done += 1
        except InputError as error:
            err.print(f"[yellow]skipped:[/yellow] {escape(str(error))}", highlight=False, soft_wrap=True)
        except OSError as error:
            raise OutputError(f"{target}: cannot be written ({error.strerror})") from error
    left = len(files) - done - kept
    if not done and not kept:
        raise UnreadableError(f"{folder}: none of {len(files)} files could be tracked")
    again = f" ({anew} anew: the file, the tracker or --all was another)" if anew else ""
    typer.echo(f"{output}: {done} tracked{again}, {kept} there already, {left} skipped")


def _deciding(file: Path, everyone: bool) -> str:
    """What a track depends on."""
    from vasari.scanning.deciding import tracking

    found = file.stat()
    return json.dumps(tracking() | {"seen": [found.st_size, found.st_mtime_ns], "all": everyone})


def _decided(target: Path) -> str:
    """What a track that is there depended on; "" where it does not say."""
    import numpy as np

    try:
        with np.load(target) as track:
            return str(track["decided_by"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return ""


def _one(tracker: "Tracker", file: Path, output: Path, everyone: bool, **words: str) -> str:
    """Track one file, and keep `words` beside; returns what to say of it."""
    import numpy as np

    from faces.arrays import arrays_of
    from faces.lighting import estimate_light
    from faces.offline import smooth
    from media import VideoReader, probe, read_picture
    from media.atomic import replacing
    from media.errors import FaceError, UnreadableError
    from media.units import FPS

    info = probe(file)
    masks: dict[str, np.ndarray] = {}
    if info.kind == "picture":
        picture = read_picture(file)
        found = tracker.track(picture) if everyone else []
        rows = [[replace(t, person=k) for k, t in enumerate(found or [tracker.portrait(picture)[0]], 1)]]
        lights = [[estimate_light(picture, t.parameters) for t in rows[0]]]
        shown = [tracker.masks(picture, t) for t in rows[0]]
        masks = {name: np.stack([np.uint8(255 * getattr(m, name) + 0.5) for m in shown]) for name in ("skin", "hair")}
        masks = {name: mask[None] for name, mask in masks.items()} if everyone else masks
    elif info.kind == "sound":
        raise UnreadableError(f"{file}: holds no picture; give a picture or a video")
    else:
        rows, lights = [], []
        now: list[np.ndarray] = []

        def watched() -> Iterator[np.ndarray]:
            for frame in VideoReader(file):
                now[:] = [frame]
                yield frame

        with frames_bar("tracking", int(info.duration * FPS) if info.duration else None) as progress:
            follow = (
                tracker.follow_all(watched()) if everyone else ([t] if t else [] for t in tracker.follow(watched()))
            )
            for row in follow:
                rows.append(row)
                lights.append([estimate_light(now[0], t.parameters) for t in row])
                progress(len(rows))
        rows = smooth(rows)
    count = sum(bool(row) for row in rows)
    if not count:
        raise FaceError(f"{file}: no face was found")
    with replacing(output) as temporary, temporary.open("wb") as stream:
        arrays: dict[str, Any] = {**arrays_of(rows, lights, everyone=everyone), **masks, **words}
        np.savez_compressed(stream, **arrays)
    people = len({t.person for row in rows for t in row})
    who = f"{people} people" if everyone and people > 1 else "a face"
    return f"{output}: {who} in {count} of {len(rows)} frames"
