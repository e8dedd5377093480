"""Recipe: the whole detector from a labelled set. Pictures first, by gradient; then bands and motion, then the fusion.

Each split has one use: `train` for the picture network, bands and motion; `validation` chooses the picture network's
checkpoint; `calibration` fits fusion, strangeness and operating points. `test` is never read.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from detect.detector import Model, Strangeness, stream_scores
from detect.evidence import Person
from detect.frequency import feature_names as band_names
from detect.fusion import Fusion
from detect.linear import Linear
from detect.motion import feature_names as motion_names
from detect.picture import PictureReader
from lab.labelled import open_set
from lab.labelled.manifest import SOUND_KINDS, ClipSet, Item
from lab.networks.detector import picture_tensors
from lab.recipes.detector_evidence import gathered, looked
from lab.recipes.detector_linear import fit_linear
from lab.recipes.detector_picture import PAIRS, train_picture
from lab.training.ranks import first_to_begin
from lab.training.resuming import guarded
from lab.weights import WeightCard, load_weights, save_weights, weight_file
from media.errors import UsageError

DATA = (
    "A labelled set of `vasari data fakes`: people who do not exist, filmed as rendered and as faked; photographs of "
    "the Face Research Lab London Set (DeBruine and Jones 2017, CC-BY 4.0, doi 10.6084/m9.figshare.5047666), most of "
    "them disguised as other people, filmed as they are and faked. No camera video. Backbone from ImageNet "
    "(EfficientNet-Lite0, Apache-2.0)."
)
LINEAR = 160  # training clips that bands and motion are fitted to, at most
FAKES_A_REAL = 2  # fakes that are calibrated on, at most, for each real: thresholds are set by reals
STEPS = 1500


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
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> WeightCard:
    """Train all of it and write `out`.

    Args:
        data: folder of a labelled set; more folders, of pictures and videos of people who are real, may follow: fakes
            of them are drawn while the picture network learns (`detector_pairs`).
        batch: pairs of real and fake a step.
        start: weight file whose picture network is gone on from, instead of ImageNet's backbone.

    Raises:
        UsageError: no set is given, its splits overlap, or one of them lacks a class.
        UnreadableError: `data` holds none, by a manifest or in a layout that is known.
        WeightsError: `start` is missing, damaged or of another model.
    """
    folders = [data] if isinstance(data, Path | str) else list(data or ())
    if not folders:
        raise UsageError("train detector: give a labelled set with --data FAKES (`vasari data fakes -o FAKES`)")
    clips, others = open_set(folders[0]), [Path(folder) for folder in folders[1:]]
    before = None if start is None else picture_tensors(load_weights(start, "detector")[0])
    net, figures = train_picture(
        clips, steps=steps, workdir=workdir, device=device, resume=resume, seed=seed, workers=workers, batch=batch,
        lr=lr, pretrained=pretrained, start=before, folders=others, progress=progress,
    )  # fmt: skip
    picture = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    model, fitted = fit_rest(clips, picture, workdir, seed=seed, workers=workers)
    told = " ".join(f"--data {Path(folder).resolve().name}" for folder in folders)
    recipe = f"vasari train detector {told} --steps {steps} --batch {batch} --lr {lr:g} --seed {seed}"
    recipe += f" --start {start.name}" if start else ""
    card = WeightCard("detector", model.config(), DATA, int(figures["step"]), {**figures, **fitted}, recipe=recipe)
    return save_weights(out, model.tensors(), card, dtype=torch.float16)


def fit_rest(
    clips: ClipSet, picture: Mapping[str, torch.Tensor], workdir: Path, *, seed: int = 0, workers: int = 0
) -> tuple[Model, dict[str, float]]:
    """Bands, motion, fusion, strangeness and operating points, for a trained picture network (tensors by name)."""
    rng = np.random.default_rng((seed, 8))
    items = [i for i in clips.of("train") if i.kind not in SOUND_KINDS and "lapse" not in i.traits]
    chosen = _balanced(items, rng)
    folder = workdir / "evidence"
    learned = _seen(clips, chosen, folder, workers)
    calibrated = _seen(clips, _calibrating(clips.of("calibration"), rng), folder, workers)
    for name, found in (("train", learned), ("calibration", calibrated)):
        if len({item.label for item, _ in found}) < 2:
            raise UsageError(f"the set's {name} split needs reals and fakes with faces")
    frequency = _linear([(p.frequencies, i.is_fake) for i, p in learned], len(band_names()))
    motion = _linear([([m for _, m in p.motions], i.is_fake) for i, p in learned], len(motion_names()))
    named = {f"picture.{name}": tensor for name, tensor in picture.items()}
    file = weight_file(named, WeightCard("detector", {}, DATA, 0), dtype=torch.float16)
    reader = PictureReader(file, threads=1)
    for _, person in [*learned, *calibrated]:
        looked(person, reader)
    scores = np.stack([stream_scores(p, frequency, motion)[0] for _, p in calibrated])
    made = np.array([i.is_fake for i, _ in calibrated])
    fusion = Fusion.fit(scores, made, [i.person or i.file for i, _ in calibrated])
    features = np.stack([np.mean([look.features for look in p.looks], 0) for _, p in [*learned, *calibrated]])
    strangeness = Strangeness.fit(features)
    model = Model(file, frequency, motion, fusion, strangeness, file.card)
    logits = fusion.logit(scores)
    share = float((logits[made] >= fusion.thresholds["fpr_1"]).mean())
    return model, {"calibration_clips": float(len(made)), "calibration_tpr_fpr1": share}


def _linear(rows: Sequence[tuple[Sequence[np.ndarray], bool]], count: int) -> Linear:
    """Fitted to the features of each clip; silent where one class has none (pictures do not move)."""
    features = [np.stack(own) for own, _ in rows if len(own)]
    made = [np.full(len(own), fake) for own, fake in rows if len(own)]
    if not made or len(np.unique(np.concatenate(made))) < 2:
        return Linear.silent(count)
    return fit_linear(np.concatenate(features), np.concatenate(made))


def _balanced(items: Sequence[Item], rng: np.random.Generator) -> list[Item]:
    """At most `LINEAR` items, as many real as fake where there are."""
    groups = [[i for i in items if i.is_fake == fake] for fake in (False, True)]
    chosen: list[Item] = []
    for group in groups:
        count = min(len(group), LINEAR // 2)
        chosen += [group[k] for k in rng.permutation(len(group))[:count]]
    return chosen


def _calibrating(items: Sequence[Item], rng: np.random.Generator) -> list[Item]:
    """All reals, and `FAKES_A_REAL` times as many fakes where there are."""
    reals, fakes = [i for i in items if not i.is_fake], [i for i in items if i.is_fake]
    return reals + [fakes[k] for k in sorted(rng.permutation(len(fakes))[: FAKES_A_REAL * len(reals)])]


def _seen(clips: ClipSet, items: Sequence[Item], folder: Path, workers: int) -> list[tuple[Item, Person]]:
    with first_to_begin():
        people = gathered(clips, items, folder, workers=workers)
    return [(item, person) for item, person in zip(items, people, strict=True) if person is not None]
