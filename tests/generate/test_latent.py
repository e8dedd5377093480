"""The face latent: four parts that change one at a time."""

import io
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sitters import latent, portrait, tracked

from faces.actions import ACTION_INDEX
from faces.crop import EYES_AT, UNIT_512, face_crop, margin_of
from faces.fit import CAMERA_DISTANCE, project
from faces.head import PIVOT, Part, load_head, rotation_matrix
from faces.texture import EYE_TEXTURE
from generate.latent import FaceLatent, Identity, Pose, posed_vertices
from generate.renderer import Renderer
from media.errors import UnreadableError, UsageError

PARTS = ("appearance", "identity", "pose", "actions")
ANGLE = st.floats(-0.4, 0.4)


def assert_only_changed(before: FaceLatent, after: FaceLatent, part: str) -> None:
    for name in PARTS:
        assert (getattr(before, name) is getattr(after, name)) == (name != part), name


def test_each_part_is_exchanged_on_its_own() -> None:
    one, other = latent(256, 0), latent(256, 1)
    assert_only_changed(one, one.with_pose(other.pose), "pose")
    assert_only_changed(one, one.with_identity(other.identity), "identity")
    assert_only_changed(one, one.with_actions(other.actions), "actions")
    assert_only_changed(one, one.edit(jawOpen=0.3), "actions")
    assert_only_changed(one, one.with_dynamics(other.dynamics), "actions")
    assert_only_changed(one, one.with_appearance(other), "appearance")
    assert one.with_pose(other.pose).pose is other.pose
    assert np.array_equal(one.with_actions(other.actions).actions, other.actions)


def test_edit_sets_single_actions_and_keeps_to_their_range() -> None:
    face = latent(256)
    before = face.actions.copy()
    edited = face.edit(jawOpen=0.3, mouthSmileLeft=7.0, eyeBlinkLeft=-1.0)
    assert edited.actions[ACTION_INDEX["jawOpen"]] == pytest.approx(0.3)
    assert edited.actions[ACTION_INDEX["mouthSmileLeft"]] == 1
    assert edited.actions[ACTION_INDEX["eyeBlinkLeft"]] == 0
    assert np.array_equal(face.actions, before)
    with pytest.raises(UsageError, match="'jawOpened' is not a facial action"):
        face.edit(jawOpened=0.3)


@pytest.mark.parametrize("size", [256, 512, 640])
def test_crop_puts_the_eyes_where_the_painter_expects_them(size: int) -> None:
    face = latent(size)
    assert face.appearance.picture.shape == (size, size, 3)
    assert face.appearance.picture.dtype == np.uint8
    # The portrait is a little smaller than the usual square, and the crop lies within it.
    assert 1 <= face.appearance.unit / (UNIT_512 * size / 512) < 1.02
    assert face.pose.scale == face.appearance.unit
    # The crop is moved inwards where it would leave the picture, so the eyes lie near their place, not on it.
    assert face.pose.centre == pytest.approx((size / 2, size * EYES_AT), abs=0.06 * size)


def test_crop_carries_its_parameters_along() -> None:
    parameters = tracked().parameters
    crop, moved = face_crop(portrait(), parameters, 384)
    factor = moved.scale / parameters.scale
    before, _ = project(load_head().mean, parameters)
    after, _ = project(load_head().mean, moved)
    offset = moved.centre - parameters.centre * factor
    assert np.allclose(after, before * factor + offset, atol=0.02)
    nose = after[load_head().mean[:, 2].argmin()].round().astype(int)
    there = ((nose - offset) / factor).round().astype(int)
    assert np.abs(crop[nose[1], nose[0]].astype(int) - portrait()[there[1], there[0]]).max() < 25


def test_encoding_keeps_the_portrait_and_reads_its_eyes() -> None:
    face = latent(512)
    eyes = face.appearance.eyes
    assert eyes.shape == (2, EYE_TEXTURE, EYE_TEXTURE, 3)
    assert eyes.min() >= 0
    assert eyes.max() <= 1
    axis = (np.arange(EYE_TEXTURE) + 0.5) / EYE_TEXTURE
    radius = np.hypot(*np.meshgrid(axis - 0.5, axis - 0.5)) * 2
    for eye in eyes:  # the pupil is darker than the white
        assert eye[radius < 0.08].mean() < 0.7 * eye[(radius > 0.35) & (radius < 0.5)].mean()
    assert (face.appearance.tint >= 0.15).all()
    assert (face.appearance.tint <= 1).all()


def test_what_lies_around_a_crop_is_kept() -> None:
    tall = np.vstack([portrait()[::-1], portrait()])  # there is something above
    parameters = tracked().parameters.scaled(1.0, (0.0, 512.0))
    face = FaceLatent.encode(tall, replace(tracked(), parameters=parameters), size=256)
    margin = margin_of(256)
    assert face.appearance.around is not None
    assert not face.appearance.around[margin:-margin, margin:-margin].any()  # not twice
    whole = face.appearance.with_margin()
    assert whole.shape == (256 + 2 * margin, 256 + 2 * margin, 3)
    assert np.array_equal(whole[margin:-margin, margin:-margin], face.appearance.picture)
    above = cv2.resize(tall[:512], (256, 256), interpolation=cv2.INTER_AREA)[-margin // 2 :]
    shown = whole[margin - margin // 2 : margin, margin:-margin]
    assert np.abs(shown.astype(int) - above).mean() < 4
    alone = replace(face.appearance, around=None).with_margin()
    assert np.array_equal(alone[margin:-margin, margin:-margin], face.appearance.picture)
    assert alone[:4].mean() < 0.75 * face.appearance.picture[:margin].mean()  # darker, far out


def test_points_of_the_appearance_are_the_projected_head() -> None:
    face, head = latent(512), load_head()
    vertices = posed_vertices(head, face.identity, face.actions, face.pose.gaze)
    points, _ = project(vertices, face.pose)
    eyes = head.part_vertices(Part.EYE_LEFT, Part.EYE_RIGHT, Part.TEETH_UPPER)
    assert np.allclose(points[eyes], face.appearance.points[eyes])  # only hidden skin borrows a place
    skin = head.part_vertices(Part.SKIN)
    same = (np.abs(points[skin] - face.appearance.points[skin]) < 1e-3).all(1)
    assert 0.3 < same.mean() < 1


def test_no_movement_is_the_same_pose() -> None:
    pose = latent(256).pose
    still = pose.moved(np.zeros(3), np.zeros(3), np.zeros(2))
    assert still.rotation == pytest.approx(pose.rotation, abs=1e-5)
    assert still.centre == pytest.approx(pose.centre, abs=1e-3)
    assert still.scale == pytest.approx(pose.scale)
    assert still.gaze == pytest.approx(pose.gaze)


@settings(deadline=None, max_examples=40)
@given(ANGLE, ANGLE, ANGLE)
def test_the_neck_stays_while_the_head_turns(yaw: float, pitch: float, roll: float) -> None:
    pose = Pose(np.array([0.1, -0.05, 0.02], np.float32), np.array([128.0, 110.0]), 40.0, np.zeros((2, 2)))
    moved = pose.moved(np.array([yaw, pitch, roll]), np.zeros(3), np.zeros(2))
    for_before, for_after = (
        p.centre + p.scale * pivot[:2] / (1 + pivot[2] / CAMERA_DISTANCE)
        for p, pivot in ((p, rotation_matrix(*p.rotation) @ PIVOT) for p in (pose, moved))
    )
    assert for_after == pytest.approx(for_before, abs=0.01)


def test_translation_moves_right_down_and_nearer() -> None:
    pose = latent(256).pose
    moved = pose.moved(np.zeros(3), np.array([0.5, 0.25, 0.0]), np.zeros(2))
    assert moved.centre - pose.centre == pytest.approx((0.5 * pose.scale, 0.25 * pose.scale), abs=1e-3)
    nearer = pose.moved(np.zeros(3), np.array([0, 0, 1.0]), np.zeros(2))
    assert nearer.scale == pytest.approx(pose.scale * CAMERA_DISTANCE / (CAMERA_DISTANCE - 1))
    assert np.isfinite(pose.moved(np.zeros(3), np.array([0, 0, 99.0]), np.zeros(2)).scale)  # through the camera


def test_looks_are_bounded() -> None:
    assert np.abs(latent(256).pose.moved(np.zeros(3), np.zeros(3), np.array([9.0, -9.0])).gaze).max() <= 0.7


def test_identity_is_code_and_detail() -> None:
    head = load_head()
    detail = np.zeros_like(head.mean)
    detail[5] = (0.1, 0, 0)
    one = Identity(np.zeros(head.identity_size, np.float32), detail)
    assert np.allclose(one.neutral(head) - head.mean, detail, atol=1e-6)


def test_a_latent_is_kept_in_one_file() -> None:
    face = latent(256).edit(jawOpen=0.4)
    again = FaceLatent.from_bytes(face.to_bytes())
    for part in ("appearance", "identity", "pose"):
        one, other = getattr(face, part), getattr(again, part)
        assert all(
            np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one) if f.name != "rest"
        )
    assert np.array_equal(again.actions, face.actions)
    assert np.array_equal(again.appearance.rest.rotation, face.appearance.rest.rotation)
    assert np.array_equal(Renderer(again).render(again), Renderer(face).render(face))


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other", "version", "shape", "nan"])
def test_damaged_latents_are_refused(damage: str) -> None:
    whole = latent(256).to_bytes()
    with np.load(io.BytesIO(whole)) as file:
        parts = dict(file)
    if damage == "version":
        parts["version"] = np.int32(99)
    elif damage == "shape":
        parts["actions"] = parts["actions"][:51]
    elif damage == "nan":
        parts["pose.rotation"] = parts["pose.rotation"] * np.nan
    again = io.BytesIO()
    np.savez(again, **parts)
    middle = len(whole) // 2
    data = {
        "empty": b"",
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes(b ^ 255 for b in whole[middle : middle + 64]) + whole[middle + 64 :],
        "other": b"PK\x03\x04 not at all",
    }.get(damage, again.getvalue())
    with pytest.raises(UnreadableError):
        FaceLatent.from_bytes(data)
