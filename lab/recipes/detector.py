"""Recipe: the whole detector. The look at single pictures by gradient; then, on other people, what its scores mean.

Each side has one use: `train` teaches the picture network, `validation` chooses its checkpoint, `calibration` is what
scores are compared with (`detector_calibration`). `test` is never read.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from detect.detector import Model
from detect.picture import PictureReader
from lab.labelled import open_set
from lab.labelled.manifest import ClipSet
from lab.networks.detector import picture_tensors
from lab.recipes.detector_calibration import calibrated
from lab.recipes.detector_pairs import people_of
from lab.recipes.detector_picture import PAIRS, train_picture
from lab.training.ranks import first_to_begin
from lab.training.resuming import guarded
from lab.weights import WeightCard, load_weights, save_weights, weight_file
from media.errors import UnreadableError, UsageError

DATA = (
    "Pictures and videos in the folders {folders} (DATASHEET.md says where they are from; london: Face Research "
    "Lab London Set, DeBruine and Jones 2017, CC-BY 4.0, doi 10.6084/m9.figshare.5047666; grid: Cooke et al. 2006, "
    "CC-BY 4.0; officials: press portraits in the public domain), and fakes made of them. Backbone from ImageNet "
    "(EfficientNet-Lite0, Apache-2.0)."
)
STEPS = 1200


@guarded
def train(
    data: Path | Sequence[Path] | None,
    out: Path,
    *,
    steps: int = STEPS,
    workdir: Path,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    workers: int = 0,
    batch: int = PAIRS,
    lr: float = 6e-4,
    pretrained: bool = True,
    start: Path | None = None,
    untaught: Sequence[Path] = (),
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> WeightCard:
    """Train all of it and write `out`.

    Args:
        data: folders of pictures and videos of people who are real, and labelled sets (`vasari data fakes`, or public
            ones), in any order.
        batch: pairs of real and fake a step.
        steps: 0 leaves the picture network of `start` as it is; what its scores mean is measured anew.
        start: weight file whose picture network is gone on from, instead of ImageNet's backbone.
        untaught: folders of people who are real and taught the network nothing, neither now nor before: all of them
            are what scores are compared with.

    Raises:
        UsageError: nothing is given, splits overlap, or a side shows nobody.
        WeightsError: `start` is missing, damaged or of another model.
    """
    given = [data] if isinstance(data, Path | str) else list(data or ())
    if not given:
        raise UsageError("train detector: give folders of people who are real, or labelled sets, with --data FOLDER")
    if not steps and start is None:
        raise UsageError("train detector --steps 0: only measures anew what scores mean; name the weights with --start")
    sets, folders = sorted_out([Path(folder) for folder in given])
    tensors, earlier = (None, None) if start is None else load_weights(start, "detector")
    before = None if tensors is None else picture_tensors(tensors)
    if steps:
        net, figures = train_picture(
            sets, folders, steps=steps, workdir=workdir, device=device, resume=resume, seed=seed, workers=workers,
            batch=batch, lr=lr, pretrained=pretrained, start=before, progress=progress,
        )  # fmt: skip
        before = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    elif earlier is not None:
        figures = {**earlier.figures, "step": earlier.steps}
    named = {f"picture.{name}": tensor for name, tensor in (before or {}).items()}
    file = weight_file(named, WeightCard("detector", {}, "", 0), dtype=torch.float16)
    reader = PictureReader(file, threads=1)
    with first_to_begin():
        rest = calibrated(sets, folders, reader, workdir / "crops", untaught=untaught, seed=seed, workers=workers)
    model = Model(file, rest.odds, rest.clip_odds, rest.strangeness, rest.promise, rest.material, file.card)
    told = " ".join(f"--data {Path(folder).resolve().name}" for folder in given)
    learning = f" --batch {batch} --lr {lr:g}" if steps else ""
    recipe = f"vasari train detector {told} --steps {steps}{learning} --seed {seed}"
    recipe += f" --start {start.name}" if start else ""
    recipe += "".join(f" --untaught {Path(folder).resolve().name}" for folder in untaught)
    if not steps and earlier is not None:
        recipe = f"{earlier.recipe.split('; calibrated')[0]}; calibrated by {recipe}"
        learned = earlier.data
    else:
        learned = DATA.format(folders=", ".join(Path(folder).resolve().name for folder in (*given, *untaught)))
    card = WeightCard("detector", model.config(), learned, int(figures["step"]), figures, recipe=recipe)
    return save_weights(out, model.tensors(), card, dtype=torch.float16)


def sorted_out(given: Sequence[Path]) -> tuple[list[ClipSet], list[Path]]:
    """Labelled sets, and folders of people who are all real.

    Raises:
        UsageError: a folder is neither.
    """
    sets, folders = [], []
    for folder in given:
        try:
            sets.append(open_set(folder))
        except UnreadableError as error:
            if not folder.is_dir() or not people_of(folder):
                raise UsageError(f"train detector: {folder} is no labelled set, and shows nobody ({error})") from error
            folders.append(folder)
    return sets, folders
