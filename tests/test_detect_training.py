"""What the look at single pictures learns by, and which of its weights are kept."""

import numpy as np
import pytest
import torch
from torch import nn

from lab.recipes.detector_picture import averaged, loss


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
