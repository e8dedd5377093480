"""`vasari detect calibrate`: what real looks like in one place."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from media.errors import UnreadableError, UsageError
from media.words import plain


def calibrate(
    folder: Annotated[Path, typer.Argument(help="Folder of clips and pictures that are known to be real.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Profile to write, for `detect --profile`.")],
    weights: Annotated[Path | None, typer.Option(help="Weight file of `vasari train detector`.")] = None,
) -> None:
    """Learn what real looks like where you are: `vasari detect --profile PROFILE` then compares with it as well.

    Give one clip a person, seen as what you judge is seen: the same cameras, networks and codecs. From 99 clips on the
    profile decides alone what may be called synthetic at one false alarm in a hundred; a smaller one only takes
    accusations back. The profile holds scores and file names, no pictures, and is of one version of the weights.
    """
    from detect.calibrate import calibrate as learn
    from detect.detector import WEIGHTS, Detector
    from detect.profile import Profile

    if not folder.is_dir():
        raise UsageError(f"{folder}: no folder; give one that holds clips known to be real")
    if output.exists():
        try:
            Profile.read(output)
        except UnreadableError as error:
            raise UsageError(f"{output}: is there already and no profile; give another --output") from error
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    err = Console(stderr=True)

    def progress(path: Path, why: str) -> None:
        if why:
            err.print(f"left out {escape(plain(str(path)))}: {escape(plain(why))}", highlight=False, soft_wrap=True)

    profile = learn(Detector.load(weights or WEIGHTS), paths, progress=progress)
    profile.write(output)
    typer.echo(f"{output}: {profile.words()}, of {len(paths)} files; use it with `vasari detect --profile {output}`")
