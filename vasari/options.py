"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[Path, typer.Option("--output", "-o", help="Video to write, .mp4.", show_default=False)]
Size = Annotated[int, typer.Option(help="Side of the square video, pixels.")]
ConsentFile = Annotated[Path | None, typer.Option("--consent", help="Consent file for a portrait of somebody.")]
FaceNumber = Annotated[int | None, typer.Option("--face", help="Which face, largest first (default: the largest).")]
Keys = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys (default: $VASARI_KEYS or ~/.config/vasari/keys).")
]
