"""`vasari generate`: a portrait speaks."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import SpeechError
from vasari import directing
from vasari.options import ConsentFile, Crop, CropKind, FaceNumber, Keys, Output, Size
from vasari.progress import frames_bar
from vasari.stamping import Required, Timestamp, signing_keys, tell

if TYPE_CHECKING:
    import numpy as np

    from provenance import Saved


def generate(
    portrait: Annotated[Path, typer.Argument(help="Picture with a face.", show_default=False)],
    speech: Annotated[
        Path,
        typer.Argument(help="Sound or video file with speech; - with --live.", show_default=False, allow_dash=True),
    ],
    output: Output,
    size: Size = 512,
    crop: Crop = CropKind.face,
    gaze: Annotated[
        str, typer.Option(metavar="YAW,PITCH", help="Where the eyes rest, degrees from the camera: right, down.")
    ] = "0,0",
    distance: Annotated[
        float, typer.Option(help="Distance of the head: 1 as in the portrait, 0.8 nearer, 1.25 further.")
    ] = 1.0,
    emotion: Annotated[
        str | None,
        typer.Option(metavar="NAME[:AMOUNT],...", help="For example happy or sad:0.5,angry:0.2 (amounts 0 to 1)."),
    ] = None,
    pose: Annotated[
        str, typer.Option(metavar="YAW,PITCH,ROLL", help="How the head is held, degrees from the portrait's pose.")
    ] = "0,0,0",
    movement: Annotated[float, typer.Option(help="Head movement: 0 still, 1 natural, at most 2.")] = 1.0,
    curve: Annotated[
        Path | None,
        typer.Option(
            help="CSV table of controls over time: the column time (seconds) and any of gaze_yaw, gaze_pitch, "
            "pose_yaw, pose_pitch, pose_roll (degrees), distance, movement, happy, sad ...; between rows, straight "
            "lines."
        ),
    ] = None,
    style: Annotated[
        int | None, typer.Option(help="Seed of the way of speaking (default: as --seed).", show_default=False)
    ] = None,
    guidance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=SCALE,...",
            help="How far conditions are weighed (sound, gaze, emotion, style), and steps of the flow. "
            "[default: sound=0.5,gaze=0.3,emotion=1,steps=5]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Chooses head movement, glances, blinks and expressions.")] = 0,
    consent: ConsentFile = None,
    face: FaceNumber = None,
    keys: Keys = None,
    timestamp: Timestamp = None,
    required: Required = False,
    live: Annotated[
        bool, typer.Option("--live", help="Speak raw sound (16 kHz mono s16le) from standard input while it comes.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="With --live: where the marked video goes meanwhile, as fragmented mp4. - (standard output, the "
            "default), a named pipe, tcp://HOST:PORT, or the output's own name, which then grows.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make the face in PORTRAIT speak SPEECH. The result is always watermarked and signed.

    A portrait of somebody needs their consent on file; portraits of people who do not exist need none.

    With --live, frames are marked before they leave, and the output is signed when the sound ends.
    """
    from media import iter_sound, probe
    from media.units import FPS
    from provenance import Generated, Permit, save_live, save_video
    from provenance.hashing import file_sha256
    from vasari.live import check_input, check_not_input, moments, open_outlet
    from vasari.studio import check_request, seat

    asked, weighed = directing.controls(gaze, pose, distance, emotion, movement, curve), directing.guidance(guidance)
    check_input(speech) if live else check_not_input(speech, to)
    inputs = () if live else (speech,)
    check_request(output, (portrait, *inputs), size)
    info = None if live else probe(speech)
    if info and not info.has_sound:
        raise SpeechError(f"{speech}: holds no sound; give a recording of speech")
    opened = signing_keys(keys, timestamp, required)
    settings = {"size": size, "crop": crop.value, "gaze": gaze, "distance": distance, "emotion": emotion or "neutral"}
    settings |= {"seed": seed, "pose": pose, "movement": movement, "style": seed if style is None else style}
    settings |= {"guidance": guidance or "default", "curve": file_sha256(curve) if curve else "none"}
    permit = Permit.of(portrait, keys=opened, consent=consent)
    outlet = open_outlet(to, output) if live else None
    sitter = seat(permit, size=size, face=face, whole=crop is CropKind.full)
    err = Console(stderr=True)
    if sitter.talker.faces > 1 and face is None:
        faces = sitter.talker.faces
        err.print(f"{escape(str(portrait))}: {faces} faces; the largest speaks (--face N chooses)", highlight=False)
    if opened.created:
        err.print(f"development keys were made in {escape(str(opened.folder))}; back them up", highlight=False)
    said = {"command": "generate", "inputs": inputs, "settings": settings, "models": sitter.talker.models}
    asking = {"seed": seed, "style": style, "controls": asked, "guidance": weighed}
    if outlet is not None:
        with frames_bar("live", None) as progress:
            performance = permit.perform(Generated, moments(sitter, asking), **said)
            saved = save_live(output, performance, outlet, progress=progress)
        report(saved, err=True)
        return
    frames = map(sitter.place, _frames(sitter.talker, speech, asking))
    performance = permit.perform(Generated, frames, iter_sound(speech), **said)
    total = None if info is None or not info.duration else int(-(-info.duration * FPS // 1))
    with frames_bar("generating", total) as progress:
        saved = save_video(output, performance, progress=progress)
    report(saved)


def _frames(talker, speech, asking) -> "Iterator[np.ndarray]":
    from generate import Motion
    from media import iter_sound

    chunks = iter_sound(speech, seconds=1.0)
    pieces = Motion.load().stream(chunks, **asking)
    return talker.frames(pieces)


def report(saved: "Saved", *, err: bool = False) -> None:
    """Say what was written and how fast, on standard output or error."""
    seconds = saved.seconds["total"]
    typer.echo(
        f"{saved.path}: {saved.frames} frames in {seconds:.1f} s ({saved.frames / seconds:.1f} frames/s), "
        f"mark {saved.mark}, signed",
        err=err,
    )
    tell(saved.notes)
