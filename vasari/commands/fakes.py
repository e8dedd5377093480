"""`vasari data fakes`: a labelled set to learn detection from and to measure it on."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from media.threads import cores
from vasari.progress import frames_bar

Videos = Annotated[Path | None, typer.Option(help="Folder of videos of people who agreed, one to be seen in each.")]
People = Annotated[
    Path | None,
    typer.Option(help="List of who is seen in the videos, CSV or JSON: file, person, consent (docs/detection.md)."),
]
Generator = Annotated[
    list[Path] | None,
    typer.Option(help="Folder of other weights (painter.onnx, refiner.onnx) to fake with; repeatable."),
]
Licence = Annotated[
    Path | None,
    typer.Option(help="File that states the licence of --data's pictures (default: LICENSE or README there)."),
]
KeysFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of keys that clips are signed with, and that signed the consents (default: OUTPUT/keys; with "
        "--videos, your own)."
    ),
]


def fakes(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write into; made when missing.", show_default=False)
    ],
    n: Annotated[
        int, typer.Option("-n", min=1, help="How many sittings, a real clip and 5 to 8 fakes each; videos not counted.")
    ] = 100,
    data: Annotated[Path | None, typer.Option(help="Folder of the London set: photographed people.")] = None,
    assets: Annotated[
        Path | None, typer.Option(help="Folder made by `vasari data assets`: people who do not exist.")
    ] = None,
    skins: Annotated[Path | None, typer.Option(help="Folder of 2048 pixel skins, beside --assets.")] = None,
    videos: Videos = None,
    people: People = None,
    speech_set: Annotated[Path, typer.Option(help="Folder made by `vasari data speech`: what is said.")] = Path(
        "speech"
    ),
    generator: Generator = None,
    licence: Licence = None,
    keys: KeysFolder = None,
    seed: Annotated[int, typer.Option(help="Seed; the same seed makes the same set.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one a core.")] = 0,
) -> None:
    """Make reals and fakes of the same people before the same cameras, with exact labels and disjoint splits.

    Volunteers are shown under the licence of their data set. People in videos only under their signed consent: the list
    of --people names, for each video, who is seen and the consent file (`vasari consent grant VIDEO`).

    Writes clips/NNNNNN_KIND.mp4, all of them marked and signed in the same way, and manifest.jsonl, a line a clip
    (docs/detection.md). A run that was broken off goes on where it stopped.
    """
    from lab.fakes import Making, make_set
    from lab.labelled import SPLITS

    making = Making(
        output,
        n,
        data,
        assets,
        skins,
        speech_set,
        seed,
        tuple(generator or ()),
        videos=videos,
        people=people,
        licence=licence,
        keys=keys,
    )
    with frames_bar("sittings", len(making.tasks())) as progress:
        items = make_set(making, workers=workers or cores(), progress=progress)
    reals = sum(item.label == "real" for item in items)
    counts = Counter(item.split for item in items)
    split = ", ".join(f"{name} {counts[name]}" for name in SPLITS if counts[name])
    typer.echo(f"{output}: {reals} real and {len(items) - reals} fake clips ({split or 'none'})")
