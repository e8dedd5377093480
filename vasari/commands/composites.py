"""`vasari data composites`: photographs of people who do not exist, mixed of volunteers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from media.errors import UsageError
from media.processes import each
from media.threads import cores
from vasari.progress import frames_bar

if TYPE_CHECKING:
    from lab.pictures.composites import Studio
    from lab.pictures.compositeset import Points

EXPRESSIONS = ("neutral", "smile")
SIDES = (256, 1024)  # smallest and largest side of the pictures, pixels


def composites(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write into; made when missing.", show_default=False)
    ],
    data: Annotated[Path, typer.Option(help="Folder of the London Set (DATASHEET.md).", show_default=False)],
    n: Annotated[int, typer.Option("-n", help="How many people.")] = 64,
    size: Annotated[int, typer.Option(help="Side of the pictures, pixels.")] = 640,
    parents: Annotated[
        int | None, typer.Option(help="How many volunteers each is mixed of (default: three to six).", min=3, max=8)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same seed makes the same set.")] = 0,
    licence: Annotated[
        Path | None, typer.Option(help="File that states the set's licence (default: found beside the pictures).")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one a core.")] = 0,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys that the pictures are signed and marked with.")
    ] = None,
) -> None:
    """Mix photographs of people who do not exist from volunteers of the London Set, with exact points.

    Each face is the mean of several training volunteers, within and beyond the mean face, with the pores of one of them
    and hair and collar of one more; neutral and smiling, mixed alike. The folder is laid out as the set itself:
    NNNNN_neutral.png and NNNNN_smile.png (marked and signed), mesh478.npz, neutral_landmarks189.npz, people.csv
    (how each was mixed).
    """
    from lab.fakes.licences import licence_of
    from lab.pictures.compositeset import write_set
    from provenance import Keys

    if not SIDES[0] <= size <= SIDES[1]:
        raise UsageError(f"--size {size}: choose a number from {SIDES[0]} to {SIDES[1]}")
    if n < 1:
        raise UsageError(f"-n {n}: choose at least 1")
    Keys.open(keys)
    stated = licence or licence_of(data)
    if stated is None:
        raise UsageError(f"{data}: no file states the set's licence; give it with --licence FILE")
    darkroom = Darkroom(output, data, size, parents, seed, stated, keys)
    opened(darkroom)  # what is missing is said before any work
    output.mkdir(parents=True, exist_ok=True)
    points = []
    with frames_bar("people", n) as progress:
        for done, told in enumerate(each(darkroom, range(n), workers or cores()), 1):
            points.append(told)
            progress(done)
    write_set(output, points)
    typer.echo(f"{output}: {n} people, {2 * n} pictures")


@dataclass(frozen=True)
class Darkroom:
    """Where and how people are mixed; goes to every process."""

    output: Path
    data: Path
    size: int
    parents: int | None
    seed: int
    licence: Path
    keys: Path | None

    def __call__(self, number: int) -> "Points":
        """Mix, mark, sign and save one person, neutral and smiling; returns where the points are."""
        import numpy as np

        from lab.fakes.licences import DATASET
        from lab.pictures.compositeset import Points
        from provenance import Keys, Mixed, Permit, save_picture

        studio = opened(self)
        mixture = studio.draw(np.random.default_rng((self.seed, number)), self.parents)
        name, composed = f"{number:05d}", {}
        for expression in EXPRESSIONS:
            permit = Permit.mixed(
                mixture, studio, expression, keys=Keys.open(self.keys), dataset=DATASET, licence=self.licence
            )
            shown = permit.perform(
                Mixed,
                permit.picture,
                command="data composites",
                inputs=studio.sources(mixture, expression),
                settings={"seed": self.seed, "number": number, "size": self.size, "expression": expression},
            )
            save_picture(self.output / f"{name}_{expression}.png", shown)
            composed[expression] = permit.photograph
        meshes = {expression: one.mesh for expression, one in composed.items()}
        return Points(name, studio.told(mixture), meshes, composed["neutral"].template)


@cache
def opened(darkroom: Darkroom) -> "Studio":
    """The studio of a darkroom, one a process."""
    from lab.pictures.composites import Studio
    from lab.pictures.london import London

    return Studio(London(darkroom.data), darkroom.size)
