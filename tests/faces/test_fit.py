"""Fitting the head: what a known head projects to is found again."""

from dataclasses import replace

import numpy as np
import pytest
from sitters import mesh_points

from faces.actions import ACTION_INDEX
from faces.fit import CORRESPONDENCES, FaceParameters, fit, fit_person, fitted, project
from faces.head import load_head, rotation_matrix
from faces.landmarks import OUTER_EYES

HEAD = load_head()


def random_head(seed: int) -> FaceParameters:
    """Somebody, with an expression, turned up to 20 degrees."""
    rng = np.random.default_rng(seed)
    actions = np.zeros(52, np.float32)
    for name, value in (("jawOpen", rng.uniform(0, 0.5)), ("mouthFunnel", rng.uniform(0, 0.3))):
        actions[ACTION_INDEX[name]] = value
    for name in ("mouthSmile", "eyeBlink", "browDown"):
        actions[ACTION_INDEX[f"{name}Left"]] = actions[ACTION_INDEX[f"{name}Right"]] = rng.uniform(0, 0.4)
    return FaceParameters(
        identity=(0.6 * rng.standard_normal(HEAD.identity_size)).astype(np.float32),
        actions=actions,
        rotation=np.radians(rng.uniform(-20, 20, 3)),
        centre=rng.uniform(150, 400, 2),
        scale=float(rng.uniform(40, 160)),
        gaze=np.tile(rng.uniform(-0.25, 0.25, 2), (2, 1)),
        detail=np.zeros_like(HEAD.mean),
    )


def turn_between(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two poses, degrees."""
    difference = rotation_matrix(*a).T @ rotation_matrix(*b)
    return float(np.degrees(np.arccos(np.clip((np.trace(difference) - 1) / 2, -1, 1))))


def reprojection_pct(found: FaceParameters, points: np.ndarray) -> float:
    """Mean distance of the mesh points, % of the distance between the outer eye corners."""
    again = mesh_points(found)[:468]
    span = np.linalg.norm(points[OUTER_EYES[0]] - points[OUTER_EYES[1]])
    return float(100 * np.linalg.norm(again - points[:468], axis=1).mean() / span)


@pytest.mark.parametrize("seed", range(6))
def test_a_projected_head_is_found_again(seed: int) -> None:
    truth = random_head(seed)
    points = mesh_points(truth)
    found = fit(points)
    assert turn_between(found.rotation, truth.rotation) < 2.0
    assert reprojection_pct(found, points) < 2.0
    assert found.scale == pytest.approx(truth.scale, rel=0.06)
    assert np.linalg.norm(found.centre - truth.centre) < 0.06 * truth.scale
    assert np.abs(found.gaze - truth.gaze).max() < np.radians(8)
    assert found.actions.min() >= 0
    assert found.actions.max() <= 1


def test_expression_is_told_from_rest() -> None:
    rest = random_head(3)
    rest.actions[:] = 0
    moved = random_head(3)
    moved.actions[:] = 0
    moved.actions[ACTION_INDEX["jawOpen"]] = 0.7
    jaw = ACTION_INDEX["jawOpen"]
    calm, wide = fit(mesh_points(rest)), fit(mesh_points(moved), known=rest)
    assert calm.actions[jaw] < 0.15
    assert wide.actions[jaw] > 0.5


def test_landmarks_moved_and_resized_move_and_resize_the_head() -> None:
    points = mesh_points(random_head(1))
    here, there = fit(points), fit(points * 1.7 + (31, -12))
    assert there.scale == pytest.approx(1.7 * here.scale, rel=1e-3)
    assert there.centre == pytest.approx(1.7 * here.centre + (31, -12), abs=0.005 * here.scale)
    assert turn_between(here.rotation, there.rotation) < 0.1
    assert np.allclose(here.identity, there.identity, atol=0.02)
    assert np.allclose(here.actions, there.actions, atol=0.01)


def test_a_known_identity_is_kept() -> None:
    truth = random_head(2)
    known = replace(truth, actions=np.zeros_like(truth.actions), rotation=truth.rotation + np.float32(0.08))
    points = mesh_points(truth)
    found = fit(points, known=known)
    assert np.array_equal(found.identity, truth.identity)
    assert np.array_equal(found.detail, truth.detail)
    assert not known.actions.any()  # and not written into
    assert turn_between(found.rotation, truth.rotation) < 1.0
    assert reprojection_pct(found, points) < 1.0
    assert np.abs(found.actions - truth.actions).mean() < 0.05


def test_detail_takes_up_what_the_bases_leave() -> None:
    truth = random_head(4)
    points = mesh_points(truth)
    points[[61, 91, 146]] += 0.05 * truth.scale  # a corner of the mouth that no basis knows
    found = fit(points)
    with np.load(CORRESPONDENCES) as file:
        corners, bary = HEAD.triangles[file["triangle"]], file["bary"]

    def error(neutral: np.ndarray) -> float:
        face = np.einsum("pc,pcd->pd", bary, HEAD.pose_face(neutral, found.actions)[corners])
        return float(np.linalg.norm(project(face, found)[0] - points[:468], axis=1).mean())

    assert error(found.neutral(HEAD)) < 0.9 * error(HEAD.neutral(found.identity))
    assert error(found.neutral(HEAD)) < 0.006 * truth.scale
    assert np.linalg.norm(found.detail, axis=1).max() < 0.15


def test_a_few_wild_landmarks_do_not_carry_the_pose_away() -> None:
    truth = random_head(5)
    points = mesh_points(truth)
    wild = np.random.default_rng(0).choice(468, 12, replace=False)
    points[wild] += np.random.default_rng(1).normal(0, 0.6 * truth.scale, (12, 2))
    assert turn_between(fit(points).rotation, truth.rotation) < 4.0


def test_confidence_says_what_the_landmarks_tell() -> None:
    """Open jaws are seen, tongues are not; what is read worse is trusted less; turned away, one side is lost."""
    points = mesh_points(random_head(0))
    size = float(np.ptp(points[:468], axis=0).max())
    sharp, blurred = (fitted(points, sigma=np.full(478, part * size)).confidence for part in (0.005, 0.08))
    assert (sharp >= 0).all()
    assert (sharp <= 1).all()
    assert sharp[ACTION_INDEX["jawOpen"]] > 0.9
    assert sharp[ACTION_INDEX["tongueOut"]] == 0
    assert (blurred <= sharp + 1e-6).all()
    assert blurred.mean() < 0.8 * sharp.mean()
    lost = np.full(478, 0.005 * size)
    left = np.flatnonzero(load_mesh()[:, 0] > 0.1)  # the person's left
    lost[left] = 0.2 * size
    half = fitted(points, sigma=lost).confidence
    assert half[ACTION_INDEX["mouthSmileRight"]] > half[ACTION_INDEX["mouthSmileLeft"]] + 0.1


def load_mesh() -> np.ndarray:
    """Mesh points (468, 3) of the mean head."""
    from faces.fit import at_mesh

    return at_mesh(HEAD.mean)


def test_points_of_large_expected_error_hardly_count() -> None:
    truth = random_head(2)
    points = mesh_points(truth)
    sigma = np.full(478, 0.01 * truth.scale)
    wrong = np.arange(468) % 3 == 0
    points[:468][wrong] += 0.1 * truth.scale
    sigma[:468][wrong] = truth.scale
    told, untold = fit(points, sigma=sigma, known=truth), fit(points, known=truth)
    assert np.linalg.norm(told.centre - truth.centre) < 0.3 * np.linalg.norm(untold.centre - truth.centre)


def test_one_person_in_several_pictures_is_one_person() -> None:
    rng, truth = np.random.default_rng(0), random_head(4)
    turns = [np.radians((yaw, 0, 0)) for yaw in (-30, 0, 30)]
    clean = [mesh_points(replace(truth, rotation=turn)) for turn in turns]
    noisy = [p + rng.normal(0, 0.03 * truth.scale, p.shape) for p in clean]
    together = fit_person(noisy, [None] * 3)
    assert all(np.array_equal(f.parameters.identity, together[0].parameters.identity) for f in together)

    def shape_error(identity: np.ndarray) -> float:
        return float(np.linalg.norm(at_neutral(identity) - at_neutral(truth.identity), axis=1).mean())

    alone = np.mean([shape_error(fit(p).identity) for p in noisy])
    assert shape_error(together[0].parameters.identity) < alone
    for found, turn in zip(together, turns, strict=True):
        assert turn_between(found.parameters.rotation, turn) < 3


def at_neutral(identity: np.ndarray) -> np.ndarray:
    """Mesh points (468, 3) of a resting head."""
    from faces.fit import at_mesh

    return at_mesh(HEAD.neutral(identity))


@pytest.mark.parametrize("kind", ["one point", "line", "huge", "far away"])
def test_broken_landmarks_give_finite_heads(kind: str) -> None:
    points = {
        "one point": np.full((478, 2), 7.0),
        "line": np.stack([np.arange(478.0), np.zeros(478)], -1),
        "huge": mesh_points(random_head(0)) * 1e6,
        "far away": mesh_points(random_head(0)) + 1e6,
    }[kind]
    for known in (None, random_head(0)):
        found = fitted(points, sigma=np.full(478, 1e-3), known=known)
        assert np.isfinite(found.error)
        assert np.isfinite(found.confidence).all()
        for name in ("identity", "actions", "rotation", "centre", "scale", "gaze", "detail"):
            assert np.isfinite(getattr(found.parameters, name)).all(), name
