"""Light and skin: what a head was shaded with is found again, and what hides the face is no skin."""

from dataclasses import replace

import numpy as np
import pytest
from sitters import portrait, tracked

from faces.fit import FaceParameters, project
from faces.head import load_head, rotation_matrix
from faces.lighting import estimate_light, harmonics, shade, skin_mask
from faces.raster import Raster, vertex_normals

LAMPS = {
    "from above": (0.5, -0.3, -0.2, 0.0),
    "from one side": (0.45, 0.0, -0.15, 0.25),
    "flat": (0.5, 0.0, 0.0, 0.0),
}


def lit_head(light: np.ndarray, size: int = 256) -> tuple[np.ndarray, FaceParameters]:
    """A plaster head under a light (9, 3), and where it is."""
    head = load_head()
    placed = FaceParameters(
        identity=np.zeros(head.identity_size, np.float32),
        actions=np.zeros(52, np.float32),
        rotation=np.radians((12.0, -5.0, 4.0)),
        centre=np.array([size / 2, size * 0.42]),
        scale=size * 0.2,
        gaze=np.zeros((2, 2)),
        detail=np.zeros_like(head.mean),
    )
    points, depth = project(head.mean, placed)
    normals = vertex_normals(
        (head.mean @ rotation_matrix(*placed.rotation).T).astype(np.float32), head.triangles, head.weld
    )
    raster = Raster(size, size).draw(points, depth, head.triangles)
    seen = raster.triangle >= 0
    linear = np.where(seen[..., None], shade(light, raster.interpolate(normals, head.triangles)), 0.05)
    return (255 * np.clip(linear, 0, 1) ** (1 / 2.2) + 0.5).astype(np.uint8), placed


@pytest.mark.parametrize("lamp", LAMPS)
def test_the_light_that_was_used_is_found_again(lamp: str) -> None:
    truth = np.zeros((9, 3))
    truth[:4] = np.array(LAMPS[lamp])[:, None] * (1.0, 0.8, 0.65)
    picture, placed = lit_head(truth)
    found = estimate_light(picture, placed)
    normals = np.random.default_rng(0).normal(size=(400, 3))
    normals[:, 2] = -np.abs(normals[:, 2]) - 0.7  # those that a face shows to the camera
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    error = np.abs(shade(found, normals) - shade(truth, normals)).mean()
    assert error < 0.04 * shade(truth, normals).max() + 0.005


def test_a_board_before_half_the_face_does_not_change_the_light_much() -> None:
    truth = np.zeros((9, 3))
    truth[:4] = np.array(LAMPS["from above"])[:, None]
    picture, placed = lit_head(truth)
    hidden = picture.copy()
    hidden[150:] = 20
    facing = np.array([[0.0, 0, -1], [0.5, 0, -0.866], [-0.5, 0, -0.866]])
    clean, covered = (shade(estimate_light(p, placed), facing) for p in (picture, hidden))
    assert np.abs(clean - covered).max() < 0.15 * clean.max()


def test_harmonics_are_orthogonal_over_the_sphere() -> None:
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(40_000, 3))
    values = harmonics(normals / np.linalg.norm(normals, axis=1, keepdims=True))
    gram = values.T @ values / len(values)
    gram /= np.sqrt(np.outer(gram.diagonal(), gram.diagonal()))
    assert np.abs(gram - np.eye(9)).max() < 0.03


@pytest.mark.parametrize("index", range(3))
def test_cheeks_are_skin_and_eyes_and_backdrop_are_not(index: int) -> None:
    picture, track = portrait(index), tracked(index)
    mask = skin_mask(picture, track)
    assert mask.shape == picture.shape[:2]
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1

    def at(point: int) -> float:
        x, y = np.round(track.landmarks[point]).astype(int)
        return float(mask[y - 2 : y + 3, x - 2 : x + 3].mean())

    assert min(at(50), at(280), at(205), at(425)) > 0.8  # cheeks
    assert max(at(468), at(473)) < 0.2  # irises
    assert mask[:20].max() == 0
    assert 0.02 < mask.mean() < 0.3


def test_a_board_is_no_skin() -> None:
    picture = portrait(0).copy()
    middle = np.round(tracked(0).landmarks[50]).astype(int)
    where = (slice(middle[1] - 12, middle[1] + 12), slice(middle[0] - 12, middle[0] + 12))
    picture[where] = (40, 90, 200)
    assert skin_mask(picture, tracked(0))[where].mean() < 0.1


@pytest.mark.parametrize("change", ["black", "white", "one pixel", "elsewhere", "grey"])
def test_light_and_skin_of_odd_pictures_are_finite(change: str) -> None:
    picture, track = portrait(0), tracked(0)
    if change == "one pixel":
        picture = picture[:1, :1]
    elif change == "elsewhere":
        track = replace(track, parameters=track.parameters.scaled(1.0, (5000.0, -9000.0)))
    elif change == "grey":
        picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    else:
        picture = np.full_like(picture, 255 * (change == "white"))
    assert np.isfinite(estimate_light(picture, track.parameters)).all()
    mask = skin_mask(picture, track)
    assert mask.shape == picture.shape[:2]
    assert np.isfinite(mask).all()
