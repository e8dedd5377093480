"""The head: rotations, eyes and facial actions mean what their names and signs say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.fit import CAMERA_DISTANCE, FaceParameters, _bases, project
from faces.head import Part, lid_actions, load_head, rotation_angles, rotation_matrix
from media.errors import WeightsError

HEAD = load_head()
UPPER_LIP, LOWER_LIP = 13, 14  # mesh points on the inner rims of the lips
MOUTH_CORNERS = (61, 291)  # the person's right, left
LIDS = {"Right": (159, 145), "Left": (386, 374)}  # upper, lower
AXIS = st.floats(-1.3, 1.3)
SIDEWAYS = ("jaw", "mouth")  # jawLeft and mouthLeft move everything to one side; they are no pair of muscles
PAIRS = [n[:-4] for n in FACIAL_ACTIONS if n.endswith("Left") and n[:-4] not in SIDEWAYS]


def actions(**values: float) -> np.ndarray:
    out = np.zeros(52, np.float32)
    for name, value in values.items():
        out[ACTION_INDEX[name]] = value
    return out


def mesh(**values: float) -> np.ndarray:
    """The 468 mesh points (468, 3) of the mean head under facial actions."""
    bases = _bases()
    return bases.mean + np.tensordot(actions(**values).astype(float), bases.actions, 1)


def lip_gap(**values: float) -> float:
    points = mesh(**values)
    return float(points[LOWER_LIP, 1] - points[UPPER_LIP, 1])


@settings(deadline=None)
@given(AXIS, AXIS, AXIS)
def test_rotation_round_trip(yaw: float, pitch: float, roll: float) -> None:
    matrix = rotation_matrix(yaw, pitch, roll)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-5)
    assert rotation_angles(matrix) == pytest.approx((yaw, pitch, roll), abs=1e-4)


def test_signs_of_a_turn() -> None:
    forward = np.array([0, 0, -1.0])  # the nose
    right, down = rotation_matrix(0.3, 0) @ forward, rotation_matrix(0, 0.3) @ forward
    assert right == pytest.approx((np.sin(0.3), 0, -np.cos(0.3)), abs=1e-6)
    assert down == pytest.approx((0, np.sin(0.3), -np.cos(0.3)), abs=1e-6)
    crown = rotation_matrix(0, 0, 0.3) @ np.array([0, -1.0, 0])
    assert crown[0] > 0  # a clockwise tilt takes the crown to the right


def parameters(**changes) -> FaceParameters:
    values = {
        "identity": np.zeros(HEAD.identity_size, np.float32),
        "actions": np.zeros(52, np.float32),
        "rotation": np.zeros(3, np.float32),
        "centre": np.array([100.0, 120.0], np.float32),
        "scale": 80.0,
        "gaze": np.zeros((2, 2), np.float32),
        "detail": np.zeros_like(HEAD.mean),
    }
    return FaceParameters(**values | changes)


def test_projection_moves_the_nose_where_the_head_turns() -> None:
    nose = HEAD.mean[[HEAD.mean[:, 2].argmin()]]
    ahead = project(nose, parameters())[0][0]
    assert project(nose, parameters(rotation=np.array([0.3, 0, 0])))[0][0, 0] > ahead[0]
    assert project(nose, parameters(rotation=np.array([0, 0.3, 0])))[0][0, 1] > ahead[1]


def test_projection_is_a_pinhole() -> None:
    points, depth = project(np.array([[0, 0, 0], [1, 0, 0], [1, 0, -2]], float), parameters())
    assert points[0] == pytest.approx((100, 120))
    assert points[1] == pytest.approx((180, 120))
    assert points[2, 0] == pytest.approx(100 + 80 / (1 - 2 / CAMERA_DISTANCE))
    assert depth == pytest.approx((0, 0, -2))


@settings(deadline=None, max_examples=40)
@given(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))
def test_turned_eyes_keep_their_place(yaw: float, pitch: float) -> None:
    identity = np.random.default_rng(1).standard_normal(HEAD.identity_size).astype(np.float32) * 0.5
    rest, centres = HEAD.neutral(identity), HEAD.eye_centres(identity)
    turned = HEAD.turn_eyes(rest.copy(), centres, np.array([[yaw, pitch]] * 2))
    for centre, part in zip(centres, (Part.EYE_RIGHT, Part.EYE_LEFT), strict=True):
        index = HEAD.part_vertices(part)
        before, after = (np.linalg.norm(v[index] - centre, axis=1) for v in (rest, turned))
        assert after == pytest.approx(before, abs=1e-4)
        pupil = index[rest[index, 2].argmin()]
        if abs(yaw) > 0.02:
            assert np.sign(turned[pupil, 0] - rest[pupil, 0]) == np.sign(yaw)
        if abs(pitch) > 0.02:
            assert np.sign(turned[pupil, 1] - rest[pupil, 1]) == np.sign(pitch)
    others = np.setdiff1d(np.arange(len(rest)), HEAD.part_vertices(Part.EYE_RIGHT, Part.EYE_LEFT))
    assert np.array_equal(turned[others], rest[others])


def test_unit_of_the_head_is_the_distance_of_the_eyes() -> None:
    assert HEAD.eye_mean.mean(0) == pytest.approx((0, 0, 0), abs=0.02)
    assert np.linalg.norm(HEAD.eye_mean[1] - HEAD.eye_mean[0]) == pytest.approx(1, abs=0.02)
    assert HEAD.eye_mean[0, 0] < HEAD.eye_mean[1, 0]  # the person's right eye is on the left of the picture


def test_open_jaw_parts_the_lips_and_mouth_close_shuts_them() -> None:
    shut, wide = lip_gap(), lip_gap(jawOpen=1.0)
    assert abs(shut) < 0.05
    assert wide - shut > 0.25
    assert lip_gap(jawOpen=0.5) - shut == pytest.approx((wide - shut) / 2, rel=1e-3)
    assert lip_gap(jawOpen=1.0, mouthClose=1.0) - shut < 0.35 * (wide - shut)


def test_blinks_shut_one_eye() -> None:
    rest, blink = mesh(), mesh(eyeBlinkLeft=1.0)

    def opening(points: np.ndarray, side: str) -> float:
        upper, lower = LIDS[side]
        return float(points[lower, 1] - points[upper, 1])

    assert opening(blink, "Left") < 0.35 * opening(rest, "Left")
    assert opening(blink, "Right") == pytest.approx(opening(rest, "Right"), abs=0.01)


@pytest.mark.parametrize("name", FACIAL_ACTIONS)
def test_no_action_moves_the_skull(name: str) -> None:
    moved = np.linalg.norm(HEAD.actions[ACTION_INDEX[name]], axis=1)
    assert moved[HEAD.mean[:, 1] < -1.3].max() < 0.01
    if name.startswith("eye"):
        assert moved[HEAD.mean[:, 1] > 1.3].max() < 1e-3


def test_directions_of_single_actions() -> None:
    rest = mesh()
    smile, brow = mesh(mouthSmileLeft=1.0, mouthSmileRight=1.0), mesh(browInnerUp=1.0)
    right, left = MOUTH_CORNERS
    assert smile[[right, left], 1].mean() < rest[[right, left], 1].mean()  # up
    assert smile[left, 0] - smile[right, 0] > rest[left, 0] - rest[right, 0]  # wider
    assert brow[[55, 285], 1].mean() < rest[[55, 285], 1].mean() - 0.02
    assert mesh(jawLeft=1.0)[152, 0] > rest[152, 0]  # the person's left is the picture's right


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_actions_mirror_each_other(name: str) -> None:
    from faces.landmarks import MIRROR

    left = mesh(**{f"{name}Left": 1.0}) - mesh()
    right = (mesh(**{f"{name}Right": 1.0}) - mesh())[MIRROR[:468]] * (-1, 1, 1)
    size = max(1e-3, float(np.abs(left).max()))
    assert np.abs(left - right).mean() < 0.12 * size


def test_lids_follow_the_gaze() -> None:
    looked = lid_actions(np.radians([[15.0, 10.0], [15.0, 10.0]]))
    assert looked[ACTION_INDEX["eyeLookOutLeft"]] == pytest.approx(0.5)  # to the picture's right: the left eye, outward
    assert looked[ACTION_INDEX["eyeLookInRight"]] == pytest.approx(0.5)
    assert looked[ACTION_INDEX["eyeLookDownLeft"]] == pytest.approx(1 / 3)
    assert looked[ACTION_INDEX["eyeLookUpLeft"]] == 0
    assert not lid_actions(np.zeros((2, 2))).any()


def test_scaled_parameters_move_with_the_picture() -> None:
    before = parameters(rotation=np.array([0.2, 0.1, 0.05]))
    points, _ = project(HEAD.mean, before)
    moved, _ = project(HEAD.mean, before.scaled(2.5, (7, -3)))
    assert np.allclose(moved, points * 2.5 + (7, -3), atol=1e-2)


def test_mirror_is_its_own_inverse() -> None:
    from faces.landmarks import MIRROR

    assert np.array_equal(MIRROR[MIRROR], np.arange(478))


def test_a_damaged_head_file_is_named(tmp_path) -> None:
    path = tmp_path / "head.safetensors"
    path.write_bytes(b"no head")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_head(path)
