"""Tables of controls over time: read, interpolated, refused with the line that is wrong."""

from pathlib import Path

import numpy as np
import pytest

from generate.acting import Controls
from generate.motion.curve import read_curve
from media.errors import UsageError


def table(path: Path, text: str) -> Path:
    path = path / "curve.csv"
    path.write_text(text)
    return path


def test_between_rows_values_lie_on_straight_lines_and_ends_are_held(tmp_path: Path) -> None:
    curve = read_curve(table(tmp_path, "time,gaze_yaw,happy,distance\n1,0,0,1\n3,20,0.5,2\n"))
    assert curve(0) == curve(1)
    assert curve(99) == curve(3)
    middle = curve(2)
    assert np.degrees(middle.gaze) == pytest.approx((10, 0))
    assert middle.amounts[1] == pytest.approx(0.25)
    assert middle.distance == pytest.approx(1.5)


def test_what_has_no_column_is_as_before(tmp_path: Path) -> None:
    base = Controls(gaze=(0.1, 0.2), emotion=("sad", 0.5), bias=(0.1, 0, 0), intensity=0.5)
    curve = read_curve(table(tmp_path, "pose_pitch,time\n5,0\n"), base)
    now = curve(1.0)
    assert now.gaze == base.gaze
    assert now.emotion == base.emotion
    assert now.intensity == 0.5
    assert np.degrees(now.bias) == pytest.approx((np.degrees(0.1), 5, 0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line"),
        ("time,gaze\n0,1\n", "first line"),
        ("gaze_yaw\n0\n", "first line"),
        ("time,time\n0,1\n", "first line"),
        ("time,happy\n", "no rows"),
        ("time,happy\n0,x\n", "line 2"),
        ("time,happy\n0,0.1\n1\n", "line 3"),
        ("time,happy\n0,nan\n", "line 2"),
        ("time,happy\n0,2\n", "line 2"),
        ("time,happy,sad\n0,0.6,0.6\n", "line 2"),
        ("time,gaze_yaw\n0,80\n", "line 2"),
        ("time,happy\n1,0\n1,0\n", "line 3"),
        ("\x00\x01\n", "first line"),
    ],
)
def test_refusals_name_the_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_curve(table(tmp_path, text))


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_curve(path)
