"""What the look at single pictures learns by, and which of its weights are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from making import picture
from PIL import Image
from torch import nn

from detect.picture import SIDE
from lab.recipes import detector_pairs as drawn
from lab.recipes.detector_picture import averaged, loss
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
        return 10 * crops.mean((1, 2, 3))[:, None, None].expand(-1, 2, 2) - 5, None


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
    """Faces of six who do not exist, under names that spread over both sides."""
    where = tmp_path_factory.mktemp("people")
    names = [f"p{number}" for number in range(40)]
    sides = {side: [n for n in names if drawn._side(n) == side][:3] for side in ("train", "validation")}
    for number, name in enumerate(sides["train"] + sides["validation"]):
        for shot in "ab":
            Image.fromarray(picture(1 + number % 2, 200)).save(where / f"{name}_{shot}.png")
    return where


def test_nobody_of_a_folder_is_on_both_sides(folder: Path) -> None:
    items = drawn.people_of(folder)
    assert len(items) == 12
    sides = {(item.person, item.split) for item in items}
    assert len(sides) == len({person for person, _ in sides}) == 6
    assert {side for _, side in sides} == {"train", "validation"}


def test_pairs_are_drawn_alike_from_the_same_seed_and_a_fake_differs_from_its_real(
    folder: Path, tmp_path: Path
) -> None:
    pairs = drawn.Pairs(drawn.gathered_faces([folder], tmp_path, held=False), ("self_blend", "upsampled"))
    for seed in range(4):
        real, fake = pairs.pair(np.random.default_rng(seed))
        again = pairs.pair(np.random.default_rng(seed))
        assert np.array_equal(real, again[0])
        assert np.array_equal(fake, again[1])
        assert real.shape == fake.shape == (SIDE, SIDE, 3)
        assert not np.array_equal(real, fake)
    held = drawn.gathered_faces([folder], tmp_path, held=True)
    assert not {s.path for f in pairs.faces.folders for s in f} & {s.path for f in held.folders for s in f}
    found = drawn.checked(drawn.Pairs(held, ("upsampled",)), count=3)
    figures = drawn.validator(found, "cpu")(Brightness())
    assert set(figures) == {"auc_families", "auc_upsampled"}
    assert 0 <= figures["auc_families"] <= 1


def test_what_is_no_family_and_a_folder_of_nobody_are_refused(folder: Path, tmp_path: Path) -> None:
    faces = drawn.gathered_faces([folder], tmp_path / "kept", held=False)
    with pytest.raises(UsageError, match=r"no family of fakes 'gan'.*roundtrip"):
        drawn.Pairs(faces, ("gan",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="shows nobody to learn from"):
        drawn.gathered_faces([tmp_path / "empty"], tmp_path / "kept", held=False)
