"""What the look at single pictures learns by, and which of its weights are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from making import picture
from PIL import Image
from sitters import EXAMPLES
from torch import nn

from detect.detector import Detector, Model
from detect.picture import CELLS, SIDE
from lab.fakes.families import FAMILIES
from lab.labelled import Item, write_manifest
from lab.recipes import detector_calibration
from lab.recipes import detector_pairs as drawn
from lab.recipes.detector import train
from lab.recipes.detector_picture import Draw, averaged, loss
from lab.weights import load_weights
from media.errors import UsageError


def lone(value: float) -> nn.Module:
    """A network of one weight, with a norm whose count is no number to average."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    net[0].weight.data.fill_(value)
    net[1].num_batches_tracked.fill_(7)
    return net.eval()


@pytest.mark.parametrize(("wanted", "share"), [(1.0, 0.0), (0.72, 0.3), (0.4, 0.5)])
def test_the_mean_with_the_weights_before_is_kept_where_validation_finds_it_better(wanted: float, share: float) -> None:
    net, before = lone(1.0), lone(0.0).state_dict()

    def validate(one: nn.Module) -> dict[str, float]:
        return {"auc": 1 - abs(one[0].weight.item() - wanted), "auc_talk": 0.9}

    figures = averaged(net, before, {"step": 40.0, **validate(net)}, validate)
    assert net[0].weight.item() == pytest.approx(1 - share)
    assert int(net[1].num_batches_tracked) == 7
    assert figures == pytest.approx({"step": 40.0, "before": share, **validate(net)})


class Brightness(nn.Module):
    """Evidence is how bright a crop is, everywhere."""

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, None]:
        return 10 * crops.mean((1, 2, 3))[:, None, None].expand(-1, CELLS, CELLS) - 5, None


def told(reals: list[int], fakes: list[int]) -> dict[str, float]:
    crops = np.array([*reals, *fakes], np.uint8)[:, None, None, None].repeat(3, 1)
    labels = torch.arange(len(crops)).ge(len(reals)).float()
    value, figures = loss(Brightness(), (torch.from_numpy(crops), labels))
    return {"loss": float(value), **figures}


def test_one_suspicious_real_costs_more_than_its_share() -> None:
    calm, loud = told([40] * 8, [200] * 8), told([40] * 7 + [215], [200] * 8)
    assert calm["right"] == 1.0
    assert loud["right"] == 15 / 16
    assert loud["above"] > 4 * calm["above"]  # every fake is set against it
    assert loud["loss"] > calm["loss"]


def test_fakes_above_all_reals_cost_little() -> None:
    assert told([10] * 4, [250] * 4)["above"] < 0.05
    assert told([250] * 4, [10] * 4)["above"] > 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces of nine who do not exist, under names that spread over three sides."""
    where = tmp_path_factory.mktemp("people")
    names = [f"p{number}" for number in range(60)]
    sides = ("train", "validation", "calibration")
    chosen = [name for side in sides for name in [n for n in names if drawn.side_of(n) == side][:3]]
    for number, name in enumerate(chosen):
        for shot in "ab":
            Image.fromarray(picture(1 + number % 2, 200)).save(where / f"{name}_{shot}.png")
    return where


def test_nobody_of_a_folder_is_on_two_sides(folder: Path) -> None:
    items = drawn.people_of(folder)
    assert len(items) == 18
    sides = {(item.person, item.split) for item in items}
    assert len(sides) == len({person for person, _ in sides}) == 9
    assert {side for _, side in sides} == {"train", "validation", "calibration"}


def test_pairs_are_drawn_alike_from_the_same_seed_and_a_fake_differs_from_its_real(
    folder: Path, tmp_path: Path
) -> None:
    pairs = drawn.Pairs(drawn.gathered_faces([folder], tmp_path, "train"), ("self_blend", "upsampled"))
    for seed in range(4):
        real, fake = pairs.pair(np.random.default_rng(seed))
        again = pairs.pair(np.random.default_rng(seed))
        assert np.array_equal(real, again[0])
        assert np.array_equal(fake, again[1])
        assert real.shape == fake.shape == (SIDE, SIDE, 3)
        assert not np.array_equal(real, fake)
    held = drawn.gathered_faces([folder], tmp_path, "validation")
    assert not {s.path for f in pairs.faces.folders for s in f} & {s.path for f in held.folders for s in f}
    found = drawn.checked(drawn.Pairs(held, ("upsampled",)), count=3)
    figures = drawn.validator(found, "cpu")(Brightness())
    assert set(figures) == {"auc", "auc_upsampled"}
    assert 0 <= figures["auc"] <= 1


def test_a_fake_with_a_number_is_made_once_and_seen_in_many_ways(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setitem(drawn.FAMILIES, "upsampled", lambda rng: lambda picture, mesh: made.append(1) or picture // 2)
    pairs = drawn.Pairs(drawn.gathered_faces([folder], tmp_path, "train"), ("upsampled",))
    views = [pairs.drawn(7, np.random.default_rng(seed)) for seed in (1, 2, 1)]
    assert len(made) == 1
    assert np.array_equal(views[0], views[2])
    assert not np.array_equal(views[0], views[1])
    draw = Draw(None, 5, 3, pairs)
    crops, labels = draw(2)
    assert crops.shape == (6, 3, SIDE, SIDE)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(crops, Draw(None, 5, 3, pairs)(2)[0])
    assert not torch.equal(crops, draw(3)[0])


def test_the_recipe_learns_from_folders_of_people_alone_and_of_sets_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "CHECKED", 2)
    for where in (drawn, detector_calibration):
        monkeypatch.setattr(where, "FAMILIES", {"upsampled": FAMILIES["upsampled"]})
    monkeypatch.setattr(drawn.Pairs.__init__, "__defaults__", (("upsampled",),))
    out, options = tmp_path / "d.onnx", {"batch": 2, "pretrained": False}
    card = train(folder, out, steps=2, workdir=tmp_path / "work", **options)
    assert {"auc", "auc_upsampled"} <= set(card.figures)
    assert f"--data {folder.name} --steps 2" in card.recipe
    again = train(folder, out, steps=2, workdir=tmp_path / "work", **options)  # nothing is left to do: the same weights
    assert again.sha256 == card.sha256
    model = Model.load(out)
    assert len(np.unique(model.promise.people)) == 3  # of the calibrating side alone
    ways = 3 * 2 * detector_calibration.WAYS  # two pictures of each
    assert (model.promise.clips.sum(), (~model.promise.clips).sum()) == (ways, ways)
    assert f"{ways} clips (0 of people filmed while they spoke" in model.material
    assert f"{ways} pictures of 3 real people" in model.material
    (tmp_path / "measured").mkdir()
    (tmp_path / "measured" / "crops").symlink_to(tmp_path / "work" / "crops")
    measured = train(
        folder, tmp_path / "e.onnx", steps=0, start=out, untaught=[folder], workdir=tmp_path / "measured", **options
    )  # the network stays, and everybody in the folder is compared with
    assert len(np.unique(Model.load(tmp_path / "e.onnx").promise.people)) > 3
    assert measured.figures == card.figures
    for name in ("picture.squeeze.weight", "picture.out.bias"):
        kept, before = (load_weights(path, "detector")[0][name] for path in (tmp_path / "e.onnx", out))
        assert torch.equal(kept, before)
    with pytest.raises(UsageError, match="name the weights with --start"):
        train(folder, tmp_path / "e.onnx", steps=0, workdir=tmp_path / "none", **options)
    told = Detector.load(out, threads=1).detect(EXAMPLES / "portrait.png").people[0]
    assert told.verdict == "cannot_tell"
    assert "real people are known" in told.reason or "unlike anything" in told.reason
    (tmp_path / "set").mkdir()
    labelled(tmp_path / "set")
    for name in ("both", "alone"):  # runs of their own, over the same pictures
        (tmp_path / name).mkdir()
        (tmp_path / name / "crops").symlink_to(tmp_path / "work" / "crops")
    both = train([tmp_path / "set", folder], out, steps=1, workdir=tmp_path / "both", start=out, **options)
    assert {"auc_blocks", "auc_upsampled", "before"} <= set(both.figures)
    assert "--data set --data" in both.recipe
    alone = train(tmp_path / "set", out, steps=1, workdir=tmp_path / "alone", **options)
    assert "auc_blocks" in alone.figures


def labelled(folder: Path) -> None:
    """A set of pictures; its fakes are coarse."""
    items = []
    for number, split in enumerate(("train", "validation", "calibration")):
        for k in range(2):
            shown = picture(1 + k, 200)
            for label, pixels in (("real", shown), ("fake", shown[::4, ::4].repeat(4, 0).repeat(4, 1))):
                name, who = f"{split}{k}{label}.png", f"{split}{k}"
                Image.fromarray(np.ascontiguousarray(pixels)).save(folder / name)
                kind = "real" if label == "real" else "blocks"
                items.append(Item(file=name, label=label, kind=kind, split=split, person=who, sitting=f"{number}{who}"))
    write_manifest(folder, items)


def test_a_folder_that_is_neither_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for given in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(UsageError, match="no labelled set, and shows nobody"):
            train(given, tmp_path / "d.onnx", steps=1, workdir=tmp_path / "work")
    with pytest.raises(UsageError, match="--data FOLDER"):
        train([], tmp_path / "d.onnx", steps=1, workdir=tmp_path / "work")


def test_what_is_no_family_and_a_folder_of_nobody_are_refused(folder: Path, tmp_path: Path) -> None:
    faces = drawn.gathered_faces([folder], tmp_path / "kept", "train")
    with pytest.raises(UsageError, match=r"no family of fakes 'gan'.*roundtrip"):
        drawn.Pairs(faces, ("gan",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="shows nobody to learn from"):
        drawn.gathered_faces([tmp_path / "empty"], tmp_path / "kept", "train")
