"""`vasari generate`: a portrait speaks."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from media.errors import SpeechError, UsageError
from vasari.options import ConsentFile, Crop, CropKind, FaceNumber, Keys, Output, Size
from vasari.progress import frames_bar

if TYPE_CHECKING:
    from provenance import Saved

DISTANCES = (0.8, 1.25)
MOVEMENTS = (0.0, 2.0)
WIDEST = 45.0  # degrees: eyes do not turn further


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
        str | None, typer.Option(metavar="NAME[:AMOUNT]", help="For example happy or sad:0.5 (amount 0 to 1).")
    ] = None,
    movement: Annotated[float, typer.Option(help="Head movement: 0 still, 1 natural, at most 2.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Chooses head movement, glances and blinks.")] = 0,
    consent: ConsentFile = None,
    face: FaceNumber = None,
    keys: Keys = None,
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
    from generate.motion import Controls
    from media import iter_sound, probe, read_picture
    from media.units import FPS
    from provenance import Keys as KeyFolder
    from provenance import save_live, save_video
    from vasari.live import check_input, check_not_input, moments, open_outlet
    from vasari.studio import check_request, claim_for, seat

    look, mood = parse_gaze(gaze), parse_emotion(emotion)
    if not DISTANCES[0] <= distance <= DISTANCES[1]:
        raise UsageError(f"--distance {distance:g}: choose a number from {DISTANCES[0]} to {DISTANCES[1]}")
    if not MOVEMENTS[0] <= movement <= MOVEMENTS[1]:
        raise UsageError(f"--movement {movement:g}: choose a number from {MOVEMENTS[0]:g} to {MOVEMENTS[1]:g}")
    check_input(speech) if live else check_not_input(speech, to)
    inputs = () if live else (speech,)
    check_request(output, (portrait, *inputs), size)
    picture, info = read_picture(portrait), None if live else probe(speech)
    if info and not info.has_sound:
        raise SpeechError(f"{speech}: holds no sound; give a recording of speech")
    opened = KeyFolder.open(keys)
    settings = {"size": size, "crop": crop.value, "gaze": gaze, "distance": distance, "emotion": emotion or "neutral"}
    settings["seed"] = seed
    claim_for("generate", portrait, inputs, consent, opened, settings)
    outlet = open_outlet(to, output) if live else None
    sitter = seat(picture, size=size, face=face, whole=crop is CropKind.full)
    err = Console(stderr=True)
    if sitter.faces > 1 and face is None:
        err.print(
            f"{escape(str(portrait))}: {sitter.faces} faces; the largest speaks (--face N chooses)", highlight=False
        )
    if opened.created:
        err.print(f"development keys were made in {escape(str(opened.folder))}; back them up", highlight=False)
    claim = claim_for("generate", portrait, inputs, consent, opened, settings, sitter.models)
    controls = Controls(gaze=look, distance=distance, emotion=mood, intensity=movement)
    if outlet is not None:
        with frames_bar("live", None) as progress:
            shown = moments(sitter, seed, controls)
            saved = save_live(output, shown, outlet, claim=claim, keys=opened, progress=progress)
        report(saved, err=True)
        return
    frames = map(sitter.place, _frames(sitter.talker, speech, seed, controls))
    total = None if info is None or not info.duration else int(-(-info.duration * FPS // 1))
    with frames_bar("generating", total) as progress:
        saved = save_video(output, frames, iter_sound(speech), claim=claim, keys=opened, progress=progress)
    report(saved)


def _frames(talker, speech, seed, controls) -> Iterator[np.ndarray]:
    from generate import Motion
    from media import iter_sound

    chunks = iter_sound(speech, seconds=1.0)
    pieces = Motion.load().stream(chunks, seed=seed, controls=controls)
    return talker.frames(pieces)


def parse_gaze(text: str) -> tuple[float, float]:
    """ "YAW,PITCH" in degrees -> radians."""
    try:
        yaw, pitch = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--gaze {text}: write two numbers of degrees, for example --gaze 10,-5") from error
    if not (abs(yaw) <= WIDEST and abs(pitch) <= WIDEST):
        raise UsageError(f"--gaze {text}: choose angles from {-WIDEST:g} to {WIDEST:g} degrees")
    return float(np.radians(yaw)), float(np.radians(pitch))


def parse_emotion(text: str | None) -> tuple[str, float] | None:
    """ "NAME[:AMOUNT]" -> (name, amount)."""
    from faces.performances import EMOTIONS

    if text is None:
        return None
    name, _, amount = text.partition(":")
    try:
        value = float(amount) if amount else 1.0
    except ValueError as error:
        raise UsageError(f"--emotion {text}: the amount is a number from 0 to 1, for example happy:0.5") from error
    if name not in EMOTIONS or not 0 <= value <= 1:
        raise UsageError(f"--emotion {text}: choose one of {', '.join(EMOTIONS)}, with an amount from 0 to 1")
    return name, value


def report(saved: "Saved", *, err: bool = False) -> None:
    """Say what was written and how fast, on standard output or error."""
    seconds = saved.seconds["total"]
    typer.echo(
        f"{saved.path}: {saved.frames} frames in {seconds:.1f} s ({saved.frames / seconds:.1f} frames/s), "
        f"mark {saved.mark}, signed",
        err=err,
    )
