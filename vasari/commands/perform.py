"""`vasari perform`: speech to curves that move a head in any engine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vasari import directing
from vasari.commands.generate import (
    CurveTable,
    Distance,
    Emotion,
    Gaze,
    Guidance,
    Movement,
    Other,
    Pose,
    Seed,
    Style,
)

Sound = Annotated[Path, typer.Argument(help="Sound or video file with speech.", show_default=False)]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Curves to write: .csv (Live Link Face's layout) or .json.", show_default=False
    ),
]


class Rate(StrEnum):
    """Frames a second."""

    r25 = "25"
    r30 = "30"
    r50 = "50"
    r60 = "60"


def perform(
    speech: Sound,
    output: Output,
    fps: Annotated[
        Rate, typer.Option(help="Frames a second; between those of 25 a second, straight lines.")
    ] = Rate.r25,
    gaze: Gaze = "0,0",
    distance: Distance = 1.0,
    emotion: Emotion = None,
    pose: Pose = "0,0,0",
    movement: Movement = 1.0,
    curve: CurveTable = None,
    style: Style = None,
    guidance: Guidance = None,
    seed: Seed = 0,
    hear: Other = None,
) -> None:
    """Write how a face moves that speaks SPEECH: 52 facial actions, head and eyes, a row a frame.

    The columns are those of Live Link Face, which Unreal, Unity and Blender read; angles are radians, yaw towards the
    right of the picture, pitch down. No picture of a face is made, so nothing is marked or signed; the speech stays as
    it is. Who renders a person's face from it still owes them their consent, and viewers a label.
    """
    from generate.curves import curves, write_curves
    from generate.motion import Motion
    from media import read_sound
    from media.atomic import replacing
    from media.errors import UsageError
    from provenance import check_output
    from vasari.studio import check_speech

    kind = output.suffix.lower().lstrip(".")
    if kind not in ("csv", "json"):
        raise UsageError(f"{output}: curves are written as .csv or .json")
    asked, weighed = directing.controls(gaze, pose, distance, emotion, movement, curve), directing.guidance(guidance)
    files = [speech] if hear is None else [speech, hear]
    check_output(output, files, {f".{kind}": "curves"})
    for sound in files:
        check_speech(sound)
    clip = Motion.load().generate(
        read_sound(speech), seed=seed, style=style, controls=asked, guidance=weighed,
        other=None if hear is None else read_sound(hear),
    )  # fmt: skip
    values = curves(clip, int(fps))
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        write_curves(file, values, int(fps), kind)
    typer.echo(
        f"{output}: {len(values)} frames, {fps.value} a second; no picture of a face was made, nothing is signed"
    )
