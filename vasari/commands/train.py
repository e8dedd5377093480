"""`vasari train`: train a weight that ships, by the recipe that made it."""

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

Recipe = StrEnum(
    "Recipe",
    "finder tracker closeup regions painter refiner recognition dynamics aligner speech lipsync motion watermark "
    "detector roundtrip",
)  # names of `lab.recipes.RECIPES`, which is not imported before something is trained
Recipe.__doc__ = "What can be trained."


Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="Training data: the London folder for what sees faces; a speech set (`vasari data speech`) for "
        "aligner, speech, lipsync and motion; a folder of photographs for the watermark; a labelled set "
        "(`vasari data fakes`) for the detector, and behind it, each with --data, folders of pictures and videos of "
        "people who are real, to draw fakes of; such folders alone for roundtrip."
    ),
]
Workers = Annotated[int | None, typer.Option(help="Processes that make pictures, where a recipe does (default: none).")]
Assets = Annotated[
    Path | None,
    typer.Option(help="Folder made by `vasari data assets`: people who do not exist, to learn from."),
]
Composites = Annotated[
    Path | None, typer.Option(help="Tracker only: folder made by `vasari data composites`, to learn from as well.")
]
Unlabelled = Annotated[
    list[Path] | None,
    typer.Option(help="Speech only: folder of recordings of voices whose words nobody wrote down. Repeatable."),
]
Taught = Annotated[
    list[Path] | None,
    typer.Option(
        help="Tracker only: folder of pictures of real people, labelled by lab/labelled/public_mesh.py. Repeatable."
    ),
]
Untaught = Annotated[
    list[Path] | None,
    typer.Option(
        help="Detector only: folder of pictures and videos of people who are real and taught it nothing: all of them "
        "are what scores are compared with. Repeatable."
    ),
]
Tracks = Annotated[
    Path | None,
    typer.Option(help="Motion only: folder of tracks (`vasari track`) beside their videos, to learn from as well."),
]
Teacher = Annotated[
    Path | None, typer.Option(help="Painter, refiner: weights of another, larger perhaps, to learn from besides.")
]
Variant = Annotated[str | None, typer.Option(help="Roundtrip only: which one (kl8, fsq8, kl16, kl4, kl8wide, sr4).")]
Encoder = Annotated[
    Path | None,
    typer.Option(help="Speech only: folder of a Hugging Face speech model; trains a head on it. Give --out as well."),
]
Frozen = Annotated[
    int | None,
    typer.Option(help="Tracker only: stages of the backbone that stay as they are; processors learn the rest sooner."),
]


def train(
    recipe: Annotated[Recipe, typer.Argument(help="Which weight.", show_default=False)],
    data: Data = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Weight file (default: where it ships).")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps in all (default: the recipe's own).")] = None,
    workdir: Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; under torchrun, cuda is a GPU for each.")] = "cpu",
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint in the working folder.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of data and weights.")] = 0,
    workers: Workers = None,
    batch: Annotated[int | None, typer.Option(help="Crops a step; painter: windows, detector: pairs a step.")] = None,
    start: Annotated[Path | None, typer.Option(help="Weight file to go on from, where a recipe can.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    assets: Assets = None,
    skins: Annotated[Path | None, typer.Option(help="Folder of 2048 pixel skins for them.")] = None,
    composites: Composites = None,
    unlabelled: Unlabelled = None,
    taught: Taught = None,
    frozen: Frozen = None,
    untaught: Untaught = None,
    tracks: Tracks = None,
    teacher: Teacher = None,
    variant: Variant = None,
    encoder: Encoder = None,
) -> None:
    """Train a weight. Resumable and seeded; the checkpoint is chosen on validation data only."""
    from lab.recipes import OPTIONS, RECIPES, SEVERAL, load
    from lab.training.ranks import Ranks
    from media.errors import UsageError

    row = RECIPES[recipe]
    given = {"steps": steps, "workers": workers, "batch": batch, "start": start, "lr": lr, "assets": assets,
             "skins": skins, "composites": composites, "unlabelled": unlabelled, "taught": taught, "frozen": frozen,
             "untaught": untaught, "tracks": tracks, "teacher": teacher, "encoder": encoder,
             "variant": variant}  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name in OPTIONS and name not in row.takes:
            raise UsageError(f"--{name} means nothing to `train {recipe}`; leave it out")
    if not data and row.needs:
        raise UsageError(f"train {recipe}: {row.needs}")
    if len(data or ()) > 1 and row.data not in SEVERAL:
        raise UsageError(f"train {recipe}: takes one --data, got {len(data or ())}")
    source = data if row.data in SEVERAL else data[0] if data else None
    run, home = load(recipe, **({"variant": variant} if variant else {}))
    console = Console(stderr=True)

    def progress(step: int, figures: Mapping[str, float]) -> None:
        words = "  ".join(f"{k} {v:.4g}" for k, v in figures.items() if math.isfinite(v))
        console.print(f"step {step:6d}  {words}", highlight=False)

    folder = workdir / recipe.value / (variant or "")
    ranks = Ranks.join(device)
    device = ranks.device(device)
    card = run(
        source, out or home, workdir=folder, device=device, resume=resume, seed=seed, progress=progress, **options
    )
    figures = ", ".join(f"{k} {v:.4g}" for k, v in card.figures.items() if k != "step")
    if ranks.first:
        typer.echo(f"{out or home}: step {card.steps}, {figures}")
