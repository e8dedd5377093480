"""The table of recipes against the recipes themselves."""

import inspect
from pathlib import Path

import pytest

from lab.networks.dynamics import DynamicsNet
from lab.recipes import OPTIONS, RECIPES, load
from lab.training import Plan
from lab.training.recipe import Recipe, Run, Trial, command, recipe
from media.errors import UsageError
from media.weights import read_weights
from vasari.commands.train import Recipe as Offered


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_says_what_its_recipe_takes_and_where_its_weights_ship(name):
    run, home = load(name)
    assert home.is_file()
    called = run.prepare if isinstance(run, Recipe) else run
    taken = {*inspect.signature(called).parameters, *(("workers",) if isinstance(run, Recipe) else ())}
    assert set(RECIPES[name].takes) <= taken
    # What a recipe would take but the command refuses is an option that nobody can give.
    refused = (OPTIONS - {"workers", "batch", "lr"}) & taken - set(RECIPES[name].takes)
    assert not refused
    if home.suffix == ".onnx":
        model = {"tracker": "landmarks"}.get(name, name)
        assert read_weights(home, model).card.model == model


def test_the_command_knows_the_recipes_of_the_table():
    assert [recipe.value for recipe in Offered] == list(RECIPES)


def test_a_card_names_the_command_that_makes_it_again_without_folders_of_this_machine():
    run = Run(12, Path("work"), "cpu", 3, 0)
    options = {"lr": 1e-3, "start": Path("/home/me/old.onnx"), "pretrained": False, "variant": None}
    told = command("tracker", [Path("/data/london"), Path("/data/more")], run, options)
    assert told == "vasari train tracker --data london --data more --start old.onnx --lr 0.001 --steps 12 --seed 3"


def toy(tmp_path, **options):
    @recipe("dynamics", steps=1)
    def train(run, data, *, rate: float = 1e-3, width: int = 8) -> Trial:
        model = DynamicsNet(width)
        plan = Plan(steps=run.steps, lr=rate, seed=run.seed, validate_every=1, bf16=False)
        loss = lambda net, batch: (sum((p**2).sum() for p in net.parameters()), {})  # noqa: E731
        return Trial(
            model, plan, lambda step: step, loss, lambda net: {"loss": 1.0}, select="loss", data="nothing",
            config={"width": width},
        )  # fmt: skip

    return train(None, tmp_path / "w.onnx", workdir=tmp_path / "work", **options)


def test_a_recipe_goes_on_with_what_it_began_with_alone(tmp_path):
    card = toy(tmp_path, rate=2e-3)
    assert (card.model, card.steps, card.config) == ("dynamics", 1, {"width": 8})
    assert toy(tmp_path, rate=2e-3, width=8).sha256 == card.sha256  # a default that is given is the default
    with pytest.raises(UsageError, match=r"rate was 0\.002, now 0\.001"):
        toy(tmp_path)
    with pytest.raises(UsageError, match="seed was 0, now 1"):
        toy(tmp_path, rate=2e-3, seed=1)
    with pytest.raises(TypeError, match="unheard"):
        toy(tmp_path, unheard=1)
