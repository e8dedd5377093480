"""`vasari animate`: a portrait moves as a video moves."""

from pathlib import Path
from typing import Annotated

import typer

from vasari.commands.generate import report
from vasari.options import ConsentFile, Crop, CropKind, FaceNumber, Keys, Output, Size
from vasari.progress import frames_bar
from vasari.stamping import Required, Timestamp, signing_keys


def animate(
    portrait: Annotated[Path, typer.Argument(help="Picture with a face.", show_default=False)],
    driving: Annotated[Path, typer.Argument(help="Video whose largest face drives the portrait.", show_default=False)],
    output: Output,
    size: Size = 512,
    crop: Crop = CropKind.face,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Take the driver's pose and expression as they are, not from its rest.")
    ] = False,
    consent: ConsentFile = None,
    face: FaceNumber = None,
    keys: Keys = None,
    timestamp: Timestamp = None,
    required: Required = False,
) -> None:
    """Move PORTRAIT as the largest face in DRIVING moves, with DRIVING's sound. Always watermarked and signed."""
    from faces import Tracker
    from media import VideoReader, iter_sound, probe
    from media.errors import FaceError, UnreadableError
    from media.units import FPS
    from provenance import Generated, Permit, save_video
    from vasari.studio import check_request, seat

    check_request(output, (portrait, driving), size)
    info = probe(driving)
    if info.kind != "video":
        raise UnreadableError(f"{driving}: holds no moving picture; give a video to move by")
    opened = signing_keys(keys, timestamp, required)
    settings = {"size": size, "crop": crop.value, "absolute": absolute}
    permit = Permit.of(portrait, keys=opened, consent=consent)
    sitter = seat(permit, size=size, face=face, whole=crop is CropKind.full)
    seen = 0

    def tracks():
        nonlocal seen
        for track in Tracker().follow(VideoReader(driving)):
            seen += track is not None
            yield track
        if not seen:
            raise FaceError(f"{driving}: no face was seen in the video; give one in which a face moves")

    with frames_bar("animating", int(info.duration * FPS) if info.duration else None) as progress:
        sound = iter_sound(driving) if info.has_sound else None
        frames = map(sitter.place, sitter.talker.follow(tracks(), absolute=absolute))
        performance = permit.perform(
            Generated, frames, sound, command="animate", inputs=(driving,), settings=settings,
            models=sitter.talker.models,
        )  # fmt: skip
        saved = save_video(output, performance, progress=progress)
    report(saved)
