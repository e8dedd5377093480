"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Engine(StrEnum):
    """What goes through many files."""

    local = "local"
    ray = "ray"


class CropKind(StrEnum):
    """How much of the portrait's picture the video shows."""

    face = "face"
    square = "square"
    full = "full"


class LabelKind(StrEnum):
    """When a visible label is shown."""

    off = "off"
    start = "start"
    on = "on"


Portrait = Annotated[Path, typer.Argument(help="Picture with a face.", show_default=False)]
Output = Annotated[Path, typer.Option("--output", "-o", help="Video to write, .mp4.", show_default=False)]
Size = Annotated[int, typer.Option(help="Side of the square in which the face is rendered, pixels: even, 128 to 1024.")]
Crop = Annotated[
    CropKind,
    typer.Option(
        help="face: a square around head and shoulders, within the picture where that holds the head; square: the "
        "largest square of the picture; full: the whole picture, at most 1280 pixels long."
    ),
]
VisibleLabel = Annotated[
    LabelKind | None,
    typer.Option(
        "--label",
        help="Visible label, AI in a corner that is clear of the head: on; start: for 3 s, and again every 10 s; off. "
        "The credentials state which (default: off; of what is sent live, on).",
        show_default=False,
    ),
]
LabelReason = Annotated[
    str,
    typer.Option(
        "--label-reason", metavar="WHY", help="With --label off: why, for the credentials.", show_default=False
    ),
]
SpokenNotice = Annotated[
    str | None,
    typer.Option(
        "--notice",
        metavar="[LANGUAGE]",
        help="Say before the sound that AI made it, in en (default), cs, da, de, el, es, fi, fr, hi, hu, it, nl, pl, "
        "pt, ro or sv; spoken by espeak-ng, stated in the credentials.",
        show_default=False,
    ),
]
ConsentFile = Annotated[Path | None, typer.Option("--consent", help="Consent file for a portrait of somebody.")]
FaceNumber = Annotated[
    int | None, typer.Option("--face", help="Which face of several, counted from 1, the largest (default: 1).")
]
Keys = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
]


class OperatingPoint(StrEnum):
    """From which evidence on a face is called synthetic."""

    fpr_1 = "fpr_1"
    fpr_01 = "fpr_01"


Point = Annotated[
    OperatingPoint, typer.Option(help="fpr_1: one false alarm in a hundred is aimed at; fpr_01: one in a thousand.")
]
ProfileFile = Annotated[
    Path | None,
    typer.Option("--profile", help="What real looks like where you are: a file of `vasari detect calibrate`."),
]
PersonFile = Annotated[
    Path | None,
    typer.Option(
        "--person", help="How the person moves whom the clip is said to show: a file of `vasari detect enroll`."
    ),
]
ReportFolder = Annotated[
    Path | None, typer.Option("--report", help="Folder for a page a file, with timeline and pictures; opens offline.")
]
Longest = Annotated[float | None, typer.Option(min=0.1, help="Look at this many seconds of each video at most.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0, max=4096, help="Processes (default: one a core for many files, else none).", show_default=False
    ),
]
Seconds = Annotated[
    float,
    typer.Option(min=1, help="Seconds that one file may take before it is given up, where processes look at files."),
]
Engines = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="local: processes of this machine; ray: of a Ray cluster ($RAY_ADDRESS), whose machines reach the files "
        "by the same names.",
    ),
]
Ledger = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File of JSON lines to add to. Files that have their line are skipped, unless they have changed, or what "
        "decides has: version, weights, keys, trusted roots, lists of revoked certificates.",
        show_default=False,
    ),
]
MarkKeys = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        help="Folder of keys that read marks and anchor trust (default: $VASARI_KEYS or ~/.config/vasari/keys).",
    ),
]
Anchors = Annotated[
    list[Path] | None,
    typer.Option("--anchor", help="PEM file with a root certificate to trust as well. Repeatable."),
]
Fetched = Annotated[
    list[str] | None,
    typer.Option(
        "--fetch",
        metavar="HOST",
        help="Host that may be asked, over https, for credentials that a file says lie there. Repeatable; else nothing "
        "is fetched.",
        show_default=False,
    ),
]
Authorities = Annotated[
    list[Path] | None,
    typer.Option(
        "--timestamp-anchor",
        help="PEM file with the root certificate of a time-stamp authority whose word on times counts. Repeatable.",
    ),
]
RevokedLists = Annotated[
    list[Path] | None,
    typer.Option("--revoked", help="PEM file with a list of certificates that count no more. Repeatable."),
]
