"""The code of facial dynamics: actions come back through it, edits are kept, and its prior makes faces."""

from pathlib import Path

import numpy as np
import pytest

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.dynamics import CODE, Dynamics
from lab.people.behaviour import random_actions
from lab.recipes import dynamics as recipe
from lab.weights import load_weights
from media.errors import UsageError


@pytest.fixture(scope="module")
def code() -> Dynamics:
    return Dynamics.load()


def expressions(count: int) -> np.ndarray:
    rng = np.random.default_rng(2024)
    return np.stack([random_actions(rng) for _ in range(count)])


def test_actions_come_back(code: Dynamics) -> None:
    wanted = expressions(60)
    told = np.stack([code.decode(code.encode(row)) for row in wanted])
    assert np.abs(told - wanted).mean() < 0.012
    assert np.abs(np.abs(told - wanted).max(1)).mean() < 0.15


def test_codes_come_back(code: Dynamics) -> None:
    codes = np.stack([code.encode(row) for row in expressions(20)])
    again = np.stack([code.encode(code.decode(one)) for one in codes])
    assert np.abs(code.decode(again) - code.decode(codes)).mean() < 0.01


def test_codes_are_near_their_prior(code: Dynamics) -> None:
    codes = code.encode(expressions(100))
    assert 0.3 < codes.std() < 2
    assert np.abs(codes.mean(0)).max() < 1.5


@pytest.mark.parametrize(("name", "value"), [("jawOpen", 0.3), ("eyeBlinkLeft", 1.0), ("mouthSmileRight", 0.6)])
def test_single_actions_are_written(code: Dynamics, name: str, value: float) -> None:
    before = code.encode(np.zeros(52))
    after = code.decode(code.write(before, {name: value}))
    assert after[ACTION_INDEX[name]] == pytest.approx(value, abs=0.06)
    rest = np.delete(after - code.decode(before), ACTION_INDEX[name])
    assert np.abs(rest).mean() < 0.01
    assert np.abs(rest).max() < 0.12


def test_rest_is_rest(code: Dynamics) -> None:
    assert code.decode(code.encode(np.zeros(52))).max() < 0.03


def test_samples_are_expressions(code: Dynamics) -> None:
    rng = np.random.default_rng(1)
    actions = code.decode(code.sample(rng, 64))
    assert actions.shape == (64, len(FACIAL_ACTIONS))
    assert 0 <= actions.min() < actions.max() <= 1
    assert np.abs(actions.mean() - expressions(200).mean()) < 0.05
    assert len(np.unique(actions.round(2), axis=0)) == 64


def test_unknown_actions_are_refused(code: Dynamics) -> None:
    with pytest.raises(UsageError, match="'jawOpened' is not a facial action"):
        code.write(np.zeros(CODE), {"jawOpened": 0.2})


def test_dynamics_train(tmp_path: Path) -> None:
    out = tmp_path / "dynamics.onnx"
    options = {"workdir": tmp_path / "work", "width": 16, "batch": 8}
    recipe.train(None, out, steps=2, **options)
    card = recipe.train(None, out, steps=3, **options)
    assert card.steps in (2, 3)
    assert np.isfinite(list(card.figures.values())).all()
    assert load_weights(out, "dynamics")[1].config == {"width": 16}
    assert Dynamics(out).encode(np.full(52, 0.5)).shape == (CODE,)
