"""A run is gone on with by what began it, or not at all; and what is no number never wins."""

import json
import logging
import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from lab.training import Plan, fit
from lab.training.resuming import FILE, contents, guarded
from media.errors import UsageError, VasariError


def train(folder: Path, values: list[float], *, width: int = 1, resume: bool = True, higher: bool = False, **plan):
    """One step for each validation figure; returns figures and weights."""
    figures = iter(values)
    torch.manual_seed(0)
    model = nn.Linear(1, width)
    options = {"steps": len(values), "validate_every": 1, "checkpoint_every": 1, "warmup": 1, "bf16": False} | plan
    kept = fit(
        model, Plan(**options), lambda step: torch.full((1, 1), 1.0 + step), lambda m, b: (m(b).square().sum(), {}),
        lambda m: {"loss": next(figures), "other": math.nan}, select="loss", workdir=folder, resume=resume,
        higher_is_better=higher,
    )  # fmt: skip
    return kept, [value.tolist() for value in model.state_dict().values()]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("higher", [False, True])
def test_what_is_no_number_never_wins(tmp_path: Path, bad: float, higher: bool, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        kept, _ = train(tmp_path / "a", [bad, 0.5, bad, 0.5, bad], higher=higher)
    assert (kept["loss"], kept["step"]) == (0.5, 2)
    assert "not kept" in caplog.text
    with pytest.raises(VasariError, match=r"a2.*no validation gave a finite 'loss'") as caught:
        train(tmp_path / "a2", [bad] * 3)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_before_whose_best_is_no_number_is_beaten(tmp_path: Path) -> None:
    train(tmp_path, [0.5, 0.4])
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    state["best"]["figures"]["loss"] = math.nan
    del state["made_by"]
    torch.save(state, tmp_path / "state.pt")
    kept, _ = train(tmp_path, [0.9], steps=3)
    assert kept["loss"] == 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 5}, "seed was 0, now 5"), ({"lr": 0.5}, "lr was 0.001, now 0.5"),
        ({"clip": 2.0, "ema": 0.5}, "clip was 1.0, now 2.0, ema was 0.999, now 0.5"),
        ({"width": 2}, "network was .*, now .*"), ({"warmup": 2}, "warmup was 1, now 2"),
    ],
)  # fmt: skip
def test_another_plan_is_refused_by_name(tmp_path: Path, change: dict, words: str) -> None:
    _, weights = train(tmp_path, [0.5, 0.4])
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(UsageError, match=words + "; use another --workdir or --no-resume") as caught:
        train(tmp_path, [0.3, 0.2], **change)
    assert str(caught.value).startswith(str(tmp_path))
    assert (tmp_path / "state.pt").read_bytes() == before
    assert train(tmp_path, [0.3, 0.2])[1] == weights  # the run that was there can be gone on with
    train(tmp_path, [0.3, 0.2], resume=False, **change)


def test_more_steps_are_taken_and_it_is_said_what_they_are_not(tmp_path: Path, caplog) -> None:
    train(tmp_path, [0.5, 0.4])
    with caplog.at_level(logging.WARNING):
        train(tmp_path, [0.3, 0.2], steps=4, warmup=2)
    assert "planned for 2 steps, now 4; from step 2 on" in caplog.text
    with pytest.raises(UsageError, match="has done 4 steps, 3 are asked for"):
        train(tmp_path, [], steps=3)


Given = list[tuple]


@pytest.fixture
def recipe():
    calls: Given = []

    @guarded
    def learn(data, out, *, workdir, steps=3, resume=True, seed=0, batch=4, widths=(1, 2), skins=None, reader=None):
        if data is None:
            raise UsageError("give data")
        calls.append((data, seed, batch))
        (Path(workdir) / "state.pt").touch()

    learn.calls = calls
    return learn


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a.png").write_bytes(b"abc")
    return tmp_path / "data"


def test_the_same_settings_go_on(tmp_path: Path, data: Path, recipe) -> None:
    for steps, reader in ((3, None), (4, object())):
        recipe(data, tmp_path / f"{steps}", workdir=tmp_path / "w", steps=steps, reader=reader)
    data.rename(tmp_path / "elsewhere")
    moved = contents(tmp_path / "elsewhere") | {"name": "data"}
    assert json.loads((tmp_path / "w" / FILE).read_text())["data"] == moved


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 5}, "seed was 0, now 5"), ({"batch": 8}, "batch was 4, now 8"),
        ({"widths": [3]}, re.escape("widths was [1, 2], now [3]")),
    ],
)  # fmt: skip
def test_other_settings_are_refused_by_name(tmp_path: Path, data: Path, recipe, change: dict, words: str) -> None:
    recipe(data, None, workdir=tmp_path / "w")
    with pytest.raises(UsageError, match=words + "; use another --workdir or --no-resume"):
        recipe(data, None, workdir=tmp_path / "w", **change)
    recipe(data, None, workdir=tmp_path / "w")
    recipe(data, None, workdir=tmp_path / "w", resume=False, **change)
    assert len(recipe.calls) == 3


def test_other_data_are_refused_even_for_a_new_run(tmp_path: Path, data: Path, recipe) -> None:
    """Recipes keep in the folder what they prepared of the data."""
    recipe(data, None, workdir=tmp_path / "w")
    (data / "b.png").write_bytes(b"more")
    for resume in (True, False):
        with pytest.raises(
            UsageError, match=r"data was 'data' \(1 files, .*now 'data' \(2 files, .*another --workdir$"
        ):
            recipe(data, None, workdir=tmp_path / "w", resume=resume)
    with pytest.raises(UsageError, match="skins was none, now 'data'"):
        recipe([data, data], None, workdir=tmp_path / "w", skins=data)


def test_what_is_refused_before_it_begins_leaves_nothing(tmp_path: Path, data: Path, recipe) -> None:
    with pytest.raises(UsageError, match="give data"):
        recipe(None, None, workdir=tmp_path / "w")
    assert not (tmp_path / "w").exists()
    recipe(data, None, workdir=tmp_path / "w")
