"""Curves for other engines: the layout that they read, nothing left out, and the same at any rate."""

import csv
import io
import json
from dataclasses import fields

import numpy as np
import pytest

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting import MotionClip
from generate.curves import NAMES, ORDER, RATES, Curves, curves, timecode, write_curves


def moving(frames: int = 50) -> MotionClip:
    rng = np.random.default_rng(0)
    return MotionClip(
        rng.random((frames, 52)).astype(np.float32),
        *(rng.normal(0, 0.1, (frames, size)).astype(np.float32) for size in (3, 3, 2)),
    )


def test_the_layout_is_that_of_live_link_face() -> None:
    assert sorted(ORDER) == sorted(FACIAL_ACTIONS)
    assert len(NAMES) == 61
    assert NAMES[:3] == ("EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft")
    assert NAMES[14:18] == ("JawForward", "JawRight", "JawLeft", "JawOpen")
    assert NAMES[-10:-5] == ("TongueOut", "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw")


def test_a_table_holds_every_frame_as_it_is() -> None:
    clip, file = moving(), io.StringIO()
    write_curves(file, curves(clip), 25, "csv")
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(rows) == len(clip)
    assert {row["BlendshapeCount"] for row in rows} == {"61"}
    assert rows[30]["Timecode"] == "00:00:01:05.000"
    jaw = [float(row["JawOpen"]) for row in rows]
    assert np.allclose(jaw, clip.actions[:, ACTION_INDEX["jawOpen"]], atol=1e-6)
    assert np.allclose([float(row["HeadYaw"]) for row in rows], clip.rotation[:, 0], atol=1e-6)
    eye = clip.gaze[:, 1] - clip.rotation[:, 1]
    assert np.allclose([float(row["RightEyePitch"]) for row in rows], eye, atol=1e-6)


def test_json_says_what_its_numbers_are() -> None:
    file = io.StringIO()
    write_curves(file, curves(moving(3), 60), 60, "json")
    told = json.loads(file.getvalue())
    assert (told["frames_a_second"], told["names"], told["angles"]) == (60, list(NAMES), "radians")
    assert np.shape(told["frames"]) == (7, 61)


@pytest.mark.parametrize("rate", RATES)
def test_another_rate_is_the_same_movement(rate: int) -> None:
    times = (np.arange(100) + 0.5) / 25
    clip = moving(100)
    clip.rotation[:, 0] = np.sin(times)
    found = curves(clip, rate)
    assert len(found) == 4 * rate
    at = (np.arange(len(found)) + 0.5) / rate
    assert np.abs(found[:, NAMES.index("HeadYaw")] - np.sin(at))[rate // 25 : -rate // 25].max() < 1e-3
    assert found.min() >= min(curves(clip).min(), 0) - 1e-9
    assert found.max() <= curves(clip).max() + 1e-9


@pytest.mark.parametrize("rate", RATES)
def test_pieces_are_the_whole_and_come_as_soon_as_they_can(rate: int) -> None:
    clip, made = moving(23), Curves(rate)
    rows, at = [], 0
    for size in (0, 1, 1, 2, 5, 0, 14):
        part = MotionClip(*(getattr(clip, f.name)[at : at + size] for f in fields(clip)))
        rows.append(made.push(part))
        at += size
        known = (at - 0.5) / 25  # the middle of the last frame that is known
        count = sum(map(len, rows))
        assert at == 0 or (count - 0.5) / rate <= known + 1e-9 < (count + 0.5) / rate
    rows.append(made.finish())
    assert np.array_equal(np.concatenate(rows), curves(clip, rate))
    assert len(curves(clip, rate)) == round(23 * rate / 25)


def test_time_codes_count_frames_seconds_minutes_hours() -> None:
    assert timecode(0, 60) == "00:00:00:00.000"
    assert timecode(60 * 3600 + 61 * 60 + 7, 60) == "01:01:01:07.000"


def test_nothing_said_is_a_table_of_no_rows() -> None:
    empty = moving(0)
    assert curves(empty, 60).shape == (0, 61)
