"""Pictures labelled by a public face mesh: what its views say becomes points and how far they are believed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from faces.landmarks import MIRROR, POINTS
from lab.labelled.taught import taught_faces
from lab.recipes.detector_pairs import side_of
from lab.recipes.tracker import BELIEVED, Others
from media.errors import UnreadableError, UsageError

SIDE = 200
TEACHES = next(name for name in (f"A{k:06d}" for k in range(50)) if side_of(name) == "train")
CHOOSES = next(name for name in (f"A{k:06d}" for k in range(50)) if side_of(name) == "validation")


def points_of(seed: int) -> np.ndarray:
    """A face in the middle of a picture, (478, 3)."""
    return np.random.default_rng(seed).uniform(60, 140, (POINTS, 3)).astype(np.float32)


def views_of(points: np.ndarray, apart: float = 0.0, seed: int = 0) -> np.ndarray:
    """What six views of it would show, three of them mirrored; `apart`: pixels by which they differ."""
    noise = np.random.default_rng(seed).normal(0, apart, (6, POINTS, 3)).astype(np.float32)
    return np.stack([points[MIRROR]] * 3 + [points] * 3) + noise


def folder_of(folder: Path, views: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for name in views:
        picture = np.random.default_rng(len(name)).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / name), picture)
    np.savez(folder / "mesh478.npz", **views)
    return folder


def test_mirrored_views_stand_for_their_partners_and_agree(tmp_path: Path) -> None:
    points = points_of(1)
    folder = folder_of(tmp_path / "a", {f"{TEACHES}.png": views_of(points), f"{CHOOSES}.png": views_of(points)})
    (face,) = taught_faces([folder], "train")
    assert face.person == TEACHES
    np.testing.assert_allclose(face.points, points[:, :2], atol=1e-4)
    assert face.trust.min() == 1


def test_points_on_which_views_disagree_are_not_believed(tmp_path: Path) -> None:
    points = points_of(2)
    torn, lost = views_of(points), views_of(points)
    torn[:, :40] += np.random.default_rng(3).normal(0, 30, (6, 40, 3))
    lost[:4] = np.nan
    folder = folder_of(tmp_path / "a", {
        f"{TEACHES}.png": torn, f"{TEACHES}_a.png": views_of(points, 30.0), f"{TEACHES}_b.png": lost,
    })  # fmt: skip
    (face,) = taught_faces([folder], "train")  # of the others no view agrees with another, or too few show a face
    assert face.path.name == f"{TEACHES}.png"
    assert face.trust[:40].mean() < 0.3
    assert face.trust[np.setdiff1d(np.arange(40, POINTS), MIRROR[:40])].min() == 1


def test_a_cut_shows_the_same_places_with_room_around(tmp_path: Path) -> None:
    points = points_of(4)
    folder = folder_of(tmp_path / "a", {f"{TEACHES}.png": views_of(points)})
    picture, moved = taught_faces([folder], "train")[0].cut(256)
    assert picture.shape == (256, 256, 3)
    assert 60 < moved.min() < moved.max() < 196
    zoom = (moved - moved.mean(0)) / (points[:, :2] - points[:, :2].mean(0))
    np.testing.assert_allclose(zoom, np.median(zoom), rtol=0.05)


def test_frames_of_a_clip_are_of_its_person(tmp_path: Path) -> None:
    names = [f"{who}_bbaf2n.{k:03d}.png" for who in ("s1", "pA", "p") for k in (1, 2)]
    folder = folder_of(tmp_path / "grid", {name: views_of(points_of(5)) for name in names})
    sides = {side_of(who): [n for n in names if n.startswith(f"{who}_")] for who in ("s1", "pA", "p")}
    for side, there in sides.items():
        assert {face.path.name for face in taught_faces([folder], side)} >= set(there)


def test_their_points_are_believed_less_than_those_set_by_hand(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", {f"{TEACHES}.png": views_of(points_of(6))})
    others = Others(taught_faces([folder], "train"), [])
    picture, points, trust = others(np.random.default_rng(0))
    assert picture.dtype == np.uint8
    assert points.shape == (POINTS, 2)
    assert trust.max() == pytest.approx(BELIEVED)


def test_what_is_no_such_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"public_mesh\.py"):
        taught_faces([tmp_path], "train")
    np.savez(tmp_path / "mesh478.npz", a=np.zeros((6, 10, 3)))
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(UnreadableError, match="478 points"):
        taught_faces([tmp_path], "train")
    folder = folder_of(tmp_path / "b", {f"{CHOOSES}.png": views_of(points_of(7))})
    with pytest.raises(UsageError, match="nobody"):
        taught_faces([folder], "train")
