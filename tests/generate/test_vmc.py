"""Curves as the VMC protocol: every action by its name, turns in Unity's axes, datagrams that no network cuts up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faces.actions import FACIAL_ACTIONS
from faces.head import rotation_matrix
from generate.curves import NAMES
from generate.vmc import LARGEST, SHAPES, datagrams, quaternion

ANGLE = st.floats(-1.4, 1.4)


def read(row: np.ndarray, seconds: float = 0.0) -> list[tuple[str, list[object]]]:
    """Address and values of each message, by somebody else's reader."""
    osc_bundle = pytest.importorskip("pythonosc.osc_bundle")
    bundles = [osc_bundle.OscBundle(data) for data in datagrams(row, seconds)]
    return [(one.address, one.params) for bundle in bundles for one in bundle]


def test_a_frame_holds_every_curve_once_and_then_applies_them() -> None:
    row = np.arange(61) / 61
    told = read(row, 2.5)
    assert told[:2] == [("/VMC/Ext/OK", [1]), ("/VMC/Ext/T", [2.5])]
    assert told[-1] == ("/VMC/Ext/Blend/Apply", [])
    values = dict(params for address, params in told if address == "/VMC/Ext/Blend/Val")
    assert sorted(values) == sorted(name[0].upper() + name[1:] for name in FACIAL_ACTIONS)
    assert np.allclose([values[name] for name in SHAPES], row[:52], atol=1e-6)
    bones = {params[0]: params[1:] for address, params in told if address == "/VMC/Ext/Bone/Pos"}
    assert list(bones) == ["Head", "LeftEye", "RightEye"]
    for at, bone in enumerate(bones):
        first = NAMES.index(f"{bone}Yaw")
        assert first == 52 + 3 * at
        assert np.allclose(bones[bone], [0, 0, 0, *quaternion(*row[first : first + 3])], atol=1e-6)
    assert len(told) == 2 + 3 + 52 + 1
    assert {type(value) for _, params in told[1:] for value in params} == {str, float}


def test_datagrams_are_few_and_fit_any_network() -> None:
    sent = datagrams(np.full(61, 0.5), 3600.0)
    assert len(sent) == 3
    assert max(map(len, sent)) <= LARGEST


@settings(deadline=None)
@given(ANGLE, ANGLE, ANGLE)
def test_a_turn_is_that_of_the_head(yaw: float, pitch: float, roll: float) -> None:
    turn = quaternion(yaw, pitch, roll)
    assert turn[3] >= 0
    assert np.linalg.norm(turn) == pytest.approx(1)
    # All three axes are the other way round there, which changes no matrix.
    assert np.abs(Rotation.from_quat(turn).as_matrix() - rotation_matrix(yaw, pitch, roll)).max() < 1e-6


def test_turns_go_where_unity_has_them() -> None:
    """x is the model's right, y up, z where it faces."""
    forward, up = np.eye(3)[2], np.eye(3)[1]
    assert Rotation.from_quat(quaternion(0.3, 0, 0)).apply(forward)[0] < -0.2  # yaw: towards its own left
    assert Rotation.from_quat(quaternion(0, 0.3, 0)).apply(forward)[1] < -0.2  # pitch: down
    assert Rotation.from_quat(quaternion(0, 0, 0.3)).apply(up)[0] < -0.2  # roll: clockwise for who faces it
    assert quaternion(0, 0, 0).tolist() == [0, 0, 0, 1]
