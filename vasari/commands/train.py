"""`vasari train`: train a weight that ships, by the recipe that made it."""

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


class Recipe(StrEnum):
    """What can be trained."""

    finder = "finder"
    tracker = "tracker"
    closeup = "closeup"
    regions = "regions"
    painter = "painter"
    refiner = "refiner"
    recognition = "recognition"
    dynamics = "dynamics"
    aligner = "aligner"
    speech = "speech"
    lipsync = "lipsync"
    motion = "motion"
    watermark = "watermark"
    detector = "detector"
    roundtrip = "roundtrip"


PEOPLE = (Recipe.tracker, Recipe.closeup, Recipe.regions, Recipe.refiner, Recipe.recognition)
"""What learns from people who do not exist, too."""
LONDON = (*PEOPLE, Recipe.finder, Recipe.painter)  # what learns from volunteers
TAKEN_BY = {  # which recipes take an option that not all of them take
    "workers": (*PEOPLE, Recipe.painter, Recipe.detector, Recipe.roundtrip),
    "batch": (*PEOPLE, Recipe.painter, Recipe.detector, Recipe.roundtrip),
    "start": (Recipe.tracker, Recipe.speech, Recipe.motion, Recipe.detector),
    "lr": (*PEOPLE[:3], Recipe.recognition, Recipe.speech, Recipe.motion, Recipe.detector, Recipe.roundtrip),
    "assets": PEOPLE,
    "skins": PEOPLE,
    "tracks": (Recipe.motion,),
    "encoder": (Recipe.speech,),
    "variant": (Recipe.roundtrip,),
}


def _recipe(recipe: Recipe, variant: str | None) -> tuple[Callable, Path]:
    """The training function and where its weights ship."""
    if recipe is Recipe.finder:
        from faces.finder import WEIGHTS
        from lab.recipes.finder import train as run
    elif recipe is Recipe.tracker:
        from faces.landmarks import WEIGHTS
        from lab.recipes.tracker import train as run
    elif recipe is Recipe.closeup:
        from faces.closeup import WEIGHTS
        from lab.recipes.closeup import train as run
    elif recipe is Recipe.regions:
        from faces.regions import WEIGHTS
        from lab.recipes.regions import train as run
    elif recipe is Recipe.painter:
        from generate.painter import WEIGHTS
        from lab.recipes.painter import train as run
    elif recipe is Recipe.recognition:
        from faces.recognition import WEIGHTS
        from lab.recipes.recognition import train as run
    elif recipe is Recipe.refiner:
        from generate.refiner import WEIGHTS
        from lab.recipes.refiner import train as run
    elif recipe is Recipe.dynamics:
        from generate.dynamics import WEIGHTS
        from lab.recipes.dynamics import train as run
    elif recipe is Recipe.motion:
        from generate.motion.model import WEIGHTS
        from lab.recipes.motion import train as run
    elif recipe is Recipe.aligner:
        from lab.performances.align import WEIGHTS
        from lab.recipes.aligner import train as run
    elif recipe is Recipe.lipsync:
        from faces.lipsync import WEIGHTS
        from lab.recipes.lipsync import train as run
    elif recipe is Recipe.detector:
        from detect.detector import WEIGHTS
        from lab.recipes.detector import train as run
    elif recipe is Recipe.roundtrip:
        from lab.fakes.decoding import weights_of
        from lab.recipes.roundtrip import VARIANTS
        from lab.recipes.roundtrip import train as run

        WEIGHTS = weights_of(variant or next(iter(VARIANTS)))
    elif recipe is Recipe.speech:
        from generate.speech.encoder import WEIGHTS
        from lab.recipes.speech import train as run
    else:
        from lab.recipes.watermark import recipe as run
        from provenance.watermark.picture import WEIGHTS
    return run, WEIGHTS


def train(
    recipe: Annotated[Recipe, typer.Argument(help="Which weight.", show_default=False)],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Training data: the London folder for what sees faces; a speech set (`vasari data speech`) for "
            "aligner, speech, lipsync and motion; a folder of photographs for the watermark; a labelled set "
            "(`vasari data fakes`) for the detector; folders of pictures and videos for roundtrip, which takes several."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Weight file (default: where it ships).")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps in all (default: the recipe's own).")] = None,
    workdir: Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; under torchrun, cuda is a GPU for each.")] = "cpu",
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint in the working folder.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of data and weights.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Processes that make pictures, where a recipe does (default: none).")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Crops a step; painter: portraits, detector: pairs a step.")] = None,
    start: Annotated[Path | None, typer.Option(help="Weight file to go on from, where a recipe can.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    assets: Annotated[
        Path | None,
        typer.Option(help="Folder made by `vasari data assets`: people who do not exist, to learn from."),
    ] = None,
    skins: Annotated[Path | None, typer.Option(help="Folder of 2048 pixel skins for them.")] = None,
    tracks: Annotated[
        Path | None,
        typer.Option(help="Motion only: folder of tracks (`vasari track`) beside their videos, to learn from as well."),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Roundtrip only: which autoencoder (kl8, fsq8, kl16, kl4, kl8wide).")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="Speech only: folder of a Hugging Face speech model; trains a head on it. Give --out as well."
        ),
    ] = None,
) -> None:
    """Train a weight. Resumable and seeded; the checkpoint is chosen on validation data only."""
    from lab.training.ranks import Ranks
    from media.errors import UsageError

    run, home = _recipe(recipe, variant)
    if not data and recipe in LONDON:
        raise UsageError(f"train {recipe}: give the training pictures with --data LONDON_FOLDER")
    if not data and recipe is Recipe.roundtrip:
        raise UsageError("train roundtrip: give pictures and videos with --data FOLDER (several times, if need be)")
    if len(data or ()) > 1 and recipe is not Recipe.roundtrip:
        raise UsageError(f"train {recipe}: takes one --data, got {len(data or ())}")
    source = data if recipe is Recipe.roundtrip else data[0] if data else None
    console = Console(stderr=True)

    def progress(step: int, figures: Mapping[str, float]) -> None:
        words = "  ".join(f"{k} {v:.4g}" for k, v in figures.items() if math.isfinite(v))
        console.print(f"step {step:6d}  {words}", highlight=False)

    given = {
        "steps": steps,
        "workers": workers,
        "batch": batch,
        "start": start,
        "lr": lr,
        "assets": assets,
        "skins": skins,
        "tracks": tracks,
        "encoder": encoder,
        "variant": variant,
    }
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if recipe not in TAKEN_BY.get(name, tuple(Recipe)):
            raise UsageError(f"--{name} means nothing to `train {recipe}`; leave it out")
    folder = workdir / recipe.value / (variant or "")
    ranks = Ranks.join(device)
    device = ranks.device(device)
    card = run(
        source, out or home, workdir=folder, device=device, resume=resume, seed=seed, progress=progress, **options
    )
    figures = ", ".join(f"{k} {v:.4g}" for k, v in card.figures.items())
    if ranks.first:
        typer.echo(f"{out or home}: step {card.steps}, {figures}")
