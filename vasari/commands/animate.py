"""`vasari animate`: a portrait moves as a video moves."""

from pathlib import Path
from typing import Annotated

import typer

from vasari.commands.generate import report
from vasari.options import (
    ConsentFile,
    Crop,
    CropKind,
    FaceNumber,
    Keys,
    LabelReason,
    Output,
    Portrait,
    Size,
    SpokenNotice,
    VisibleLabel,
)
from vasari.progress import frames_bar
from vasari.stamping import Required, Timestamp, signing_keys


def animate(
    portrait: Portrait,
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
    label: VisibleLabel = None,
    label_reason: LabelReason = "",
    notice: SpokenNotice = None,
) -> None:
    """Move PORTRAIT as the largest face in DRIVING moves, with DRIVING's sound. Always watermarked and signed."""
    from media import probe
    from media.units import FPS
    from vasari import api
    from vasari.studio import check_request, labelled

    worn = labelled(label, label_reason)
    check_request(output, (portrait, driving), size)
    info, settings = probe(driving), {"crop": crop.value}
    with frames_bar("animating", int(info.duration * FPS) if info.duration else None) as progress:
        saved = api.animate(
            portrait, driving, output, consent=consent, keys=signing_keys(keys, timestamp, required), absolute=absolute,
            size=size, crop=crop.value, face=face, told=settings, progress=progress, label=worn.kind,
            label_reason=worn.reason, notice=notice,
        )  # fmt: skip
    report(saved)
