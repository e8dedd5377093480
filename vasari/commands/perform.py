"""`vasari perform`: speech to curves that move a head in any engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from media.errors import UsageError
from vasari import directing
from vasari.commands.generate import (
    CurveTable,
    Distance,
    Emotion,
    Gaze,
    Guidance,
    Movement,
    Pose,
    Seed,
    Style,
)
from vasari.live import STANDARD_INPUT

if TYPE_CHECKING:
    import numpy as np

NOTHING = "no picture of a face was made, nothing is signed"
Sound = Annotated[
    Path,
    typer.Argument(
        help="Sound or video file with speech; with --osc also -: raw sound (16 kHz mono s16le) from standard input "
        "while it comes.",
        show_default=False,
        allow_dash=True,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Curves to write: .csv (Live Link Face's layout) or .json.", show_default=False
    ),
]
Rate = Annotated[
    int,
    typer.Option(metavar="25|30|50|60", help="Frames a second; between those of 25 a second, straight lines."),
]
Osc = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Send the curves there in real time, as Open Sound Control over UDP (VMC protocol; receivers usually "
        "listen on port 39539 or 39540). Nothing listens here.",
        show_default=False,
    ),
]


def perform(
    speech: Sound,
    output: Output = None,
    osc: Osc = None,
    fps: Rate = 25,
    gaze: Gaze = "0,0",
    distance: Distance = 1.0,
    emotion: Emotion = None,
    pose: Pose = "0,0,0",
    movement: Movement = 1.0,
    curve: CurveTable = None,
    style: Style = None,
    guidance: Guidance = None,
    seed: Seed = 0,
    hear: Annotated[
        Path | None,
        typer.Option(
            help="Recording of the other speaker, from the same moment on, to whom the face listens; with a recorded "
            "SPEECH.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write how a face moves that speaks SPEECH, or send it to an engine live: 52 facial actions, head and eyes.

    The columns are those of Live Link Face, which Unreal, Unity and Blender read; angles are radians, yaw towards the
    right of the picture, pitch down. What is sent (--osc) begins when SPEECH has been heard through; play the sound
    with the first frame. No picture of a face is made, so nothing is marked or signed; the speech stays as it is. Who
    renders a person's face from it still owes them their consent, and viewers a label.
    """
    from generate.curves import RATES

    if fps not in RATES:
        raise UsageError(f"--fps {fps}: choose one of {', '.join(map(str, RATES))}")
    if output is None and osc is None:
        raise UsageError("nowhere to go: give -o FILE, --osc HOST:PORT, or both")
    asked, weighed = directing.controls(gaze, pose, distance, emotion, movement, curve), directing.guidance(guidance)
    asking = {"seed": seed, "style": style, "controls": asked, "guidance": weighed}
    live = speech == STANDARD_INPUT
    _check(speech, output, osc, hear)
    rows = _coming(fps, asking) if live else _whole(speech, hear, fps, asking)
    if osc is not None:
        rows = _sent(rows, osc, fps, live=live)
    kept = None if output is None else list(rows)
    count = sum(1 for _ in rows) if kept is None else len(kept)
    told = [f"{count} frames, {fps} a second", f"sent to {osc}" if osc else "", NOTHING]
    if output is not None and kept is not None:
        _write(output, kept, fps)
    typer.echo(f"{output or speech}: {'; '.join(filter(None, told))}")


def _check(speech: Path, output: Path | None, osc: str | None, hear: Path | None) -> None:
    """Everything that can be refused before any work."""
    from provenance import check_output
    from vasari import live
    from vasari.sending import read_address
    from vasari.studio import check_speech

    if osc is not None:
        read_address(osc)
    if speech == STANDARD_INPUT:
        if osc is None:
            raise UsageError("-: standard input is for --osc; without it give a file")
        if hear is not None:
            raise UsageError(f"--hear {hear}: goes with a recording; leave it out, or give a file in place of -")
        live.check_piped()
    files = [file for file in (speech, hear) if file is not None and file != STANDARD_INPUT]
    if output is not None:
        kind = output.suffix.lower()
        if kind not in (".csv", ".json"):
            raise UsageError(f"{output}: curves are written as .csv or .json")
        check_output(output, files, {kind: "curves"})
    for sound in files:
        check_speech(sound)


def _whole(speech: Path, hear: Path | None, rate: int, asking: dict[str, Any]) -> "Iterator[np.ndarray]":
    """Rows (61,) of a recording, which is heard through first."""
    from generate.curves import curves
    from generate.motion import Motion
    from media import read_sound

    other = None if hear is None else read_sound(hear)
    yield from curves(Motion.load().generate(read_sound(speech), other=other, **asking), rate)


def _coming(rate: int, asking: dict[str, Any]) -> "Iterator[np.ndarray]":
    """Rows (61,) of what comes in on standard input, as soon as they are known."""
    from generate.curves import Curves
    from generate.motion import Motion
    from vasari.live import standard_input

    made, motion = Curves(rate), Motion.load()
    motion.make_ready()
    typer.echo("listening", err=True)
    for clip in motion.stream(standard_input(), **asking):
        yield from made.push(clip)
    yield from made.finish()


def _sent(rows: "Iterator[np.ndarray]", osc: str, rate: int, *, live: bool) -> "Iterator[np.ndarray]":
    """The rows, each when it has been sent. Who stops it leaves a face at rest; what came live until then is whole."""
    from vasari import sending

    number = 0
    with sending.Sender(osc) as sender:
        try:
            for number, row in enumerate(sending.paced(rows, rate, sending.Clock(), follow=live)):
                sender.send(row, number / rate)
                yield row
        except (KeyboardInterrupt, SystemExit):
            sender.rest((number + 1) / rate)
            if not live:
                raise


def _write(output: Path, rows: "list[np.ndarray]", rate: int) -> None:
    import numpy as np

    from generate.curves import NAMES, write_curves
    from media.atomic import replacing

    values = np.reshape(rows, (len(rows), len(NAMES)))
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        write_curves(file, values, rate, output.suffix.lower().lstrip("."))
