"""`vasari generate`: a portrait speaks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from vasari import directing
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
from vasari.stamping import Required, Timestamp, signing_keys, tell

if TYPE_CHECKING:
    from provenance import Saved

Speech = Annotated[
    Path, typer.Argument(help="Sound or video file with speech; - with --live.", show_default=False, allow_dash=True)
]
Gaze = Annotated[
    str,
    typer.Option(
        metavar="YAW,PITCH", help="Where the eyes rest, degrees from the camera: + is right, down; at most 45."
    ),
]
Distance = Annotated[
    float, typer.Option(help="Distance of the head, 0.5 to 3: 1 as in the portrait, 0.8 nearer, 1.25 further.")
]
Emotion = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[:AMOUNT],...",
        help="Of neutral, happy, sad, angry, surprised, fearful, disgusted, contempt, with amounts 0 to 1: happy, "
        "or sad:0.5,angry:0.2.",
    ),
]
Pose = Annotated[
    str,
    typer.Option(
        metavar="YAW,PITCH,ROLL", help="How the head is held, degrees from the portrait's pose, at most 30 each."
    ),
]
Movement = Annotated[float, typer.Option(help="Head movement: 0 still, 1 natural, at most 2.")]
CurveTable = Annotated[
    Path | None,
    typer.Option(
        help="CSV table of controls over time: the column time (seconds) and any of gaze_yaw, gaze_pitch, "
        "pose_yaw, pose_pitch, pose_roll (degrees), distance, movement, happy, sad ...; between rows, straight "
        "lines."
    ),
]
Style = Annotated[
    int | None, typer.Option(help="Seed of the way of speaking (default: as --seed).", show_default=False)
]
Guidance = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=SCALE,...",
        help="How far conditions are weighed (sound, gaze, emotion, style), and steps of the flow. "
        "[default: sound=0.3,gaze=0.3,emotion=1,steps=8]",
        show_default=False,
    ),
]
Other = Annotated[
    Path | None,
    typer.Option(
        "--hear",
        help="What the other speaker says, from the same moment on: the face listens to it, and it is not in the "
        "output. With --live, a named pipe, or a file, of raw sound like that on standard input.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="Chooses head movement, glances, blinks and expressions.")]
Live = Annotated[
    bool, typer.Option("--live", help="Speak raw sound (16 kHz mono s16le) from standard input while it comes.")
]
To = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="With --live: where the marked video goes meanwhile, as fragmented mp4 whose seconds carry credentials. - "
        "(standard output, the default), a named pipe, tcp://HOST:PORT, the output's own name, which then grows, or "
        "FOLDER/NAME.m3u8 (HLS: a playlist and its segments in a new folder).",
        show_default=False,
    ),
]


def generate(
    portrait: Portrait,
    speech: Speech,
    output: Output,
    size: Size = 512,
    crop: Crop = CropKind.face,
    gaze: Gaze = "0,0",
    distance: Distance = 1.0,
    emotion: Emotion = None,
    pose: Pose = "0,0,0",
    movement: Movement = 1.0,
    curve: CurveTable = None,
    style: Style = None,
    guidance: Guidance = None,
    seed: Seed = 0,
    consent: ConsentFile = None,
    face: FaceNumber = None,
    keys: Keys = None,
    timestamp: Timestamp = None,
    required: Required = False,
    live: Live = False,
    to: To = None,
    hear: Other = None,
    label: VisibleLabel = None,
    label_reason: LabelReason = "",
    notice: SpokenNotice = None,
) -> None:
    """Make the face in PORTRAIT speak SPEECH. The result is always watermarked and signed.

    A portrait of somebody needs their consent on file; portraits of people who do not exist need none. With --live,
    frames are labelled, marked and signed before they leave, and the output is signed when the sound ends.
    """
    from media.units import FPS
    from provenance import Permit, save_live, save_video
    from vasari import live as listening
    from vasari.studio import announced, check_request, check_speech, labelled, seat, speaking

    asked, weighed = directing.controls(gaze, pose, distance, emotion, movement, curve), directing.guidance(guidance)
    asking = {"seed": seed, "style": style, "controls": asked, "guidance": weighed}
    worn, spoken = labelled(label, label_reason, live=live), announced(notice, live=live)
    listening.check_input(speech, hear) if live else listening.check_not_input(speech, to)
    files = [] if live else [speech, *([hear] if hear else [])]
    check_request(output, (portrait, *files), size)
    seconds = [check_speech(file).duration + (spoken.seconds if spoken else 0.0) for file in files]
    opened = signing_keys(keys, timestamp, required)
    settings = {"size": size, "crop": crop.value, "gaze": gaze, "distance": distance, "emotion": emotion or "neutral"}
    settings |= {"seed": seed, "pose": pose, "movement": movement, "style": seed if style is None else style,
                 "guidance": guidance or "default", "curve": directing.fingerprint(curve)}  # fmt: skip
    permit = Permit.of(portrait, keys=opened, consent=consent)
    outlet = listening.open_outlet(to, output) if live else None
    sitter = seat(permit, size=size, face=face, crop=crop.value)
    _say(_largest(portrait, sitter.talker.faces) if face is None else "")
    _say(f"development keys were made in {opened.folder}; back them up" if opened.created else "")
    with frames_bar("live" if live else "generating", -int(-seconds[0] * FPS // 1) if seconds else None) as progress:
        given = (asking, settings, sitter.label(worn), hear)
        if outlet is not None:
            saved = save_live(output, listening.speaking(permit, sitter, *given), outlet, progress=progress)
        else:
            saved = save_video(output, speaking(permit, sitter, speech, *given, spoken), progress=progress)
    report(saved, err=live)


def _largest(portrait: Path, faces: int) -> str:
    return f"{portrait}: {faces} faces; the largest speaks (--face N chooses)" if faces > 1 else ""


def _say(line: str) -> None:
    """A remark on standard error, nothing for ""."""
    if line:
        Console(stderr=True).print(escape(line), highlight=False)


def report(saved: "Saved", *, err: bool = False) -> None:
    """Say what was written and how fast, on standard output or error."""
    seconds = saved.seconds["total"]
    typer.echo(
        f"{saved.path}: {saved.frames} frames in {seconds:.1f} s ({saved.frames / seconds:.1f} frames/s), "
        f"mark {saved.mark}, signed",
        err=err,
    )
    tell(saved.notes)
