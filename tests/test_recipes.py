"""Each recipe of the face trains on a toy set, resumes, and writes weights that load. No ImageNet weights needed."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from toy_london import BACKDROP, PEOPLE, make_toy_london, toy_mesh, toy_parameters, toy_photograph

from faces import Tracker
from faces.finder import Finder
from faces.landmarks import MIRROR, LandmarkReader
from faces.london import London, background_mask
from faces.training import finder, landmarks
from generate.painter import Painter
from generate.training import painter
from learning import load_weights
from media.errors import UnreadableError


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Toy batches: two threads would wait for each other longer than one computes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_london(tmp_path_factory.mktemp("london"))


@pytest.fixture(autouse=True)
def no_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a toy run asked for ImageNet weights")

    for module in ("learning.backbone", "faces.finder"):
        monkeypatch.setattr(f"{module}.load_imagenet", refuse)


def test_people_are_split_once_and_for_all(folder: Path) -> None:
    london = London(folder)
    groups = [{p.id for p in people} for people in (london.training, london.validation, london.test)]
    assert sum(map(len, groups)) == PEOPLE
    assert len(set.union(*groups)) == PEOPLE  # nobody twice
    assert groups[2] == {"003", "008"}
    assert groups[1] == {"006"}
    assert London(folder).training == london.training


def test_a_folder_that_is_not_the_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="not a folder of the London set"):
        London(tmp_path)


def test_background_mask_tells_the_person_from_the_wall() -> None:
    picture = toy_photograph(toy_parameters(1, "neutral"), 1)
    mask = background_mask(picture)
    wall = (np.abs(picture.astype(int) - BACKDROP).max(-1) < 12).astype(np.uint8)
    wall = cv2.erode(wall, np.ones((9, 9), np.uint8)) > 0
    assert mask[wall].mean() < 0.05
    assert mask[100:140, 108:148].min() > 0.95  # between the eyes


def recipe(run: Callable, folder: Path, tmp_path: Path, **options) -> tuple[Path, dict[str, float]]:
    """Two steps, and a third after a resume; returns the weight file and its figures."""
    out, workdir = tmp_path / "weights.safetensors", tmp_path / "work"
    options |= {"workdir": workdir, "pretrained": False}
    before = run(folder, out, steps=2, **options)
    after = run(folder, out, steps=3, **options)
    rows = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 2, 3]  # the second run went on from step 2
    assert all(np.isfinite(value) for value in after.figures.values())
    assert set(after.figures) == set(before.figures)
    assert "London" in after.data
    assert after.recipe.startswith("vasari train")
    assert after.steps in (2, 3)
    return out, after.figures


def test_finder_trains(folder: Path, tmp_path: Path) -> None:
    out, figures = recipe(finder.train, folder, tmp_path, batch=2)
    assert {"loss", "size_error"} <= set(figures)
    assert isinstance(Finder(out).find(np.zeros((100, 120, 3), np.uint8)), list)


def test_landmarks_train(folder: Path, tmp_path: Path) -> None:
    out, figures = recipe(landmarks.train, folder, tmp_path, batch=2)
    assert figures["nme_pct"] > 0
    reading = LandmarkReader(out).read(np.zeros((200, 200, 3), np.uint8), np.eye(2, 3))
    assert reading.points.shape == (478, 2)
    assert 0 <= reading.score <= 1
    assert (reading.sigma > 0).all()


def test_painter_trains(folder: Path, tmp_path: Path) -> None:
    out, figures = recipe(painter.train, folder, tmp_path, widths=(4, 6, 8), scenes=1)
    assert figures["mouth_psnr_db"] > 10
    assert figures["eye_unpainted_psnr_db"] > 10
    assert Painter(out, backend="torch").card.config == {"widths": [4, 6, 8]}
    assert load_weights(out, "painter")[1].steps in (2, 3)


def test_samples_depend_on_the_step_alone(folder: Path) -> None:
    london = London(folder)
    photos = landmarks.photographs(london.training[:2], london)
    one, other = landmarks.Batches(photos, 5, 2), landmarks.Batches(photos, 5, 2)
    other(0)
    assert all(torch.equal(a, b) for a, b in zip(one(3), other(3), strict=True))
    assert not torch.equal(one(3)[0], one(4)[0])
    scenes = finder.Scenes(photos, 5, 2), finder.Scenes(photos, 5, 2)
    scenes[1](0)
    assert all(torch.equal(a, b) for a, b in zip(scenes[0](3), scenes[1](3), strict=True))


def test_labels_follow_the_bent_photograph() -> None:
    """A sample's points lie where the pixels went: the pupils of a face with bright eyes stay bright."""
    parameters = toy_parameters(0, "neutral")
    mesh = toy_mesh(parameters)
    picture = np.full((256, 256, 3), 60, np.uint8)
    for pupil in (468, 473):
        cv2.circle(picture, mesh[pupil, :2].round().astype(int).tolist(), 7, (255, 255, 255), -1)
    photo = landmarks.Photograph(picture, mesh, np.ones((256, 256), np.float32))
    contrasts = []
    for seed in range(12):
        crop, points = landmarks.sample(photo, np.random.default_rng(seed))
        grey = crop.mean(-1)
        at = (points[[468, 473]] * landmarks.CROP - 0.5).round().astype(int)
        if (at < 2).any() or (at >= landmarks.CROP - 2).any():
            continue
        cheek = (points[[50, 280]] * landmarks.CROP - 0.5).round().astype(int).clip(0, landmarks.CROP - 1)
        contrasts.append(grey[at[:, 1], at[:, 0]].mean() - grey[cheek[:, 1], cheek[:, 0]].mean())
    assert np.median(contrasts) > 40


def test_targets_mark_the_middle_and_the_size() -> None:
    marked = finder.targets([(100.0, 60.0, 64.0)])
    y, x = np.unravel_index(marked[0].argmax(), marked[0].shape)
    assert (x, y) == (100 // finder.STRIDE, 60 // finder.STRIDE)
    assert marked[0].max() == 1
    assert marked[1][y, x] == pytest.approx(np.log(64 / finder.STRIDE))
    assert not finder.targets([]).any()


def test_mirrored_mesh_is_the_mesh_of_the_mirrored_head() -> None:
    parameters = toy_parameters(0, "smile")
    parameters.identity[:] = 0
    parameters.rotation[:] = 0
    mesh = toy_mesh(parameters)[:, :2]
    flipped = mesh[MIRROR] * (-1, 1) + (2 * parameters.centre[0], 0)
    assert np.abs(flipped - mesh).mean() < 0.02 * parameters.scale


def test_shipped_tracker_reads_the_toy_heads() -> None:
    """The toy set is not so far from people that the shipped networks see nothing in it."""
    parameters = toy_parameters(0, "neutral", 384)
    tracks = Tracker().track(toy_photograph(parameters, 0, 384))
    assert len(tracks) == 1
    error = np.linalg.norm(tracks[0].landmarks - toy_mesh(parameters)[:, :2], axis=1).mean()
    assert error < 0.12 * parameters.scale
