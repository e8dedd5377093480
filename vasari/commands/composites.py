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
    import numpy as np

    from lab.pictures.composites import Mixture, Studio
    from lab.pictures.compositeset import Points
    from lab.pictures.strangers import Strangers

EXPRESSIONS = ("neutral", "smile")
SIDES = (256, 1024)  # smallest and largest side of the pictures, pixels
PARENTS = 5  # of portraits
TRIES = 60  # mixtures that are drawn for one portrait


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
    portraits: Annotated[
        bool,
        typer.Option("--portraits", help="Portraits to show: of five volunteers each, and like nobody of the set."),
    ] = False,
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
    (how each was mixed). With --portraits a mixture is drawn again while the recogniser finds it as like some volunteer
    as only one in a hundred pairs of different volunteers are; how like the nearest is stands in people.csv.
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
    darkroom = Darkroom(output, data, size, parents, portraits, seed, stated, keys)
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
    portraits: bool
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
        mixture, nearest = self._drawn(np.random.default_rng((self.seed, number)))
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
                settings={"expression": expression, "number": number, **self.settings()},
            )
            save_picture(self.output / f"{name}_{expression}.png", shown)
            composed[expression] = permit.photograph
        meshes = {expression: one.mesh for expression, one in composed.items()}
        return Points(name, studio.told(mixture) | nearest, meshes, composed["neutral"].template)

    def settings(self) -> dict[str, int | bool]:
        """What was asked for, for the credentials."""
        asked = {"seed": self.seed, "size": self.size, "portraits": self.portraits}
        return asked if self.parents is None else {**asked, "parents": self.parents}

    def _drawn(self, rng: "np.random.Generator") -> tuple["Mixture", dict[str, str]]:
        """A mixture; of portraits one that is like nobody, and how like the nearest is."""
        studio = opened(self)
        if not self.portraits:
            return studio.draw(rng, self.parents), {}
        strangers = everybody(self)
        for _ in range(TRIES):
            mixture = studio.draw(rng, self.parents or PARENTS, even=True)
            nearest = strangers.nearest(studio.compose(mixture).picture)
            if nearest < strangers.limit:
                return mixture, {"nearest": f"{nearest:.3f}"}
        raise UsageError(
            f"--portraits: of {TRIES} mixtures each was like a volunteer (cosine {strangers.limit:.2f} or more); mix "
            "more of them with --parents, or choose another --seed"
        )


@cache
def opened(darkroom: Darkroom) -> "Studio":
    """The studio of a darkroom, one a process."""
    from lab.pictures.composites import Studio
    from lab.pictures.london import London

    return Studio(London(darkroom.data), darkroom.size)


@cache
def everybody(darkroom: Darkroom) -> "Strangers":
    """Whom portraits of a darkroom must not be like, once a process."""
    from lab.pictures.london import London
    from lab.pictures.strangers import Strangers

    return Strangers(London(darkroom.data))
