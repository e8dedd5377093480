"""Figures of the benchmarks: goals, intervals, the table, the file."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from benchmarks.figures import Figure, Results, machine, mean_figure, table, write
from vasari.cli import main


@pytest.mark.parametrize(
    ("value", "goal", "better", "met"),
    [
        (3.0, 2.0, "higher", True),
        (2.0, 2.0, "higher", True),
        (1.0, 2.0, "higher", False),
        (1.0, 2.0, "lower", True),
        (2.0, 2.0, "lower", True),
        (3.0, 2.0, "lower", False),
        (0.0, 0.0, "lower", True),
        (None, 2.0, "higher", None),
        (3.0, None, "higher", None),
    ],
)
def test_met(value: float | None, goal: float | None, better: str, met: bool | None) -> None:
    assert Figure(name="f", value=value, unit="s", goal=goal, better=better).met is met


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_interval_holds_the_mean(values: list[float]) -> None:
    figure = mean_figure("f", values, "dB")
    assert figure.value == pytest.approx(np.mean(values), abs=1e-9)
    assert figure.n == len(values)
    assert figure.interval is not None
    low, high = figure.interval
    slack = 1e-9 + 0.35 * np.std(values)  # a bootstrap of very few, very unequal values may just miss
    assert low - slack <= figure.value <= high + slack
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_interval_of_many_values_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400).tolist()
    low, high = mean_figure("f", values, "dB").interval or (0, 0)
    assert low < np.mean(values) < high
    assert high - low == pytest.approx(2 * 1.96 * 2 / np.sqrt(400), rel=0.2)
    assert mean_figure("f", values, "dB").interval == (low, high)  # seeded


def test_values_that_could_not_be_measured_are_left_out() -> None:
    assert mean_figure("f", [1.0, float("nan"), 3.0, float("inf")], "s").n == 2
    empty = mean_figure("f", [float("nan")], "s", goal=1.0, note="no people")
    assert (empty.value, empty.n, empty.met, empty.note) == (None, 0, None, "no people")


def results() -> Results:
    figures = [
        Figure(name="fps_512", value=41.25, unit="fps", goal=25.0, n=3, interval=(40.0, 42.0)),
        Figure(name="landmark_nme_pct", value=3.5, unit="%", goal=3.0, better="lower", n=14),
        Figure(name="lip_corr", value=None, unit="", note="no [speech] here"),
    ]
    return Results(suite="speed", machine=machine(), figures=figures)


def test_file_has_the_shape_that_was_promised(tmp_path: Path) -> None:
    path = write(results(), tmp_path)
    assert path == tmp_path / "results.json"
    data = json.loads(path.read_text())
    assert set(data) == {"schema_version", "suite", "made", "machine", "figures"}
    assert data["schema_version"] == 1
    assert data["suite"] == "speed"
    assert {"processor", "cores", "memory_gib"} <= set(data["machine"])
    promised = {"name", "value", "unit", "goal", "better", "n", "interval"}
    assert all(promised <= set(figure) for figure in data["figures"])
    assert data["figures"][0]["interval"] == [40.0, 42.0]
    assert data["figures"][2]["value"] is None
    assert Results.model_validate(data) == results().model_copy(update={"machine": data["machine"]})


def test_table_shows_values_goals_and_what_was_not_measured() -> None:
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(table(results()))
    text = out.getvalue()
    assert "fps_512" in text
    assert "41.25 fps" in text
    assert "≥ 25" in text
    assert "≤ 3" in text
    assert "40 to 42" in text
    assert "not measured" in text
    assert "no [speech] here" in text


def test_bench_animates_only_people_who_do_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    somebody = tmp_path / "somebody.png"
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(somebody)
    arguments = ["bench", "speed", "-o", str(tmp_path / "out"), "--portrait", str(somebody)]
    monkeypatch.setattr("sys.argv", ["vasari", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert "people who do not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
