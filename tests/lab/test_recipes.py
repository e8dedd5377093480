"""Each recipe of the face trains on a toy set, resumes, and writes weights that load. No ImageNet weights needed."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from toy_london import (
    BACKDROP,
    PEOPLE,
    SIZE,
    bright_pupils,
    contrast,
    make_toy_london,
    toy_mesh,
    toy_parameters,
    toy_photograph,
)

from faces import Tracker
from faces.finder import Finder
from faces.landmarks import MIRROR, LandmarkReader
from faces.templates import FURTHEST, TemplateReader
from generate.painter import WEIGHTS as PAINTER
from generate.painter import Painter
from generate.refiner import WEIGHTS as REFINER
from generate.refiner import Refiner
from lab.pictures import degrade
from lab.pictures.london import London, background_mask, put_before
from lab.pictures.photographs import photographs
from lab.recipes import finder, painter, refiner
from lab.recipes import tracker as landmarks
from lab.weights import load_weights
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

    for module in ("lab.training.backbone", "lab.networks.finder"):
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
    out, workdir = tmp_path / "weights.onnx", tmp_path / "work"
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


def test_landmarks_train(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarks, "VALIDATION_BATCHES", 1)
    monkeypatch.setattr(landmarks, "VALIDATION_CROPS", 8)
    out, figures = recipe(landmarks.train, folder, tmp_path, batch=4, fresh=2, kept=6, width=4, rank=8)
    assert figures["nme_pct"] > 0
    assert {"photo_nme_pct", "lifted_nme_pct"} <= set(figures)
    reading = LandmarkReader(out).read(np.zeros((200, 200, 3), np.uint8), np.eye(2, 3))
    assert reading.points.shape == (478, 2)
    assert 0 <= reading.score <= 1
    assert (reading.sigma > 0).all()


def test_painter_trains(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "VALIDATION_BATCHES", 2)
    for name in ("FIRST", "LOOKED"):
        monkeypatch.setattr(painter, name, 2)
    widths = {"mouth": (4, 6, 8), "eye": (4, 6, 8)}
    out, figures = recipe(painter.train, folder, tmp_path, widths=widths, batch=1, teacher=PAINTER)
    assert figures["volunteers_mouth_psnr_db"] > 10
    assert figures["volunteers_eye_unpainted_psnr_db"] > 10
    assert figures["volunteers_eye_teacher_psnr_db"] > 10
    assert Painter(out).card.config["widths"] == {"mouth": [4, 6, 8], "eye": [4, 6, 8]}
    assert load_weights(out, "painter")[1].steps in (2, 3)


def test_refiner_trains(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in {"FIRST": 2, "LOOKED": 2, "UNSEEN": 1, "PAIRS": 4}.items():
        monkeypatch.setattr(refiner, name, count)
    out, figures = recipe(refiner.train, folder, tmp_path, widths=(4, 6, 8), batch=2, kept=6, teacher=REFINER)
    assert figures["volunteers_psnr_db"] > 10
    assert figures["volunteers_flow_psnr_db"] > 10
    assert Refiner(out).card.config["widths"] == [4, 6, 8]


def test_samples_depend_on_the_step_alone(folder: Path) -> None:
    london = London(folder)
    volunteers = landmarks.Volunteers(landmarks.lift_volunteers(london, london.training[:2], correct=True))
    one, other = landmarks.Batches(volunteers, None, 5, 2), landmarks.Batches(volunteers, None, 5, 2)
    other(0)
    assert all(torch.equal(a, b) for a, b in zip(one(3), other(3), strict=True))
    assert not torch.equal(one(3)[0], one(4)[0])
    photos = photographs(london.training[:2], london)
    scenes = finder.Scenes(photos, 5, 2), finder.Scenes(photos, 5, 2)
    scenes[1](0)
    assert all(torch.equal(a, b) for a, b in zip(scenes[0](3), scenes[1](3), strict=True))


def test_a_head_lifted_and_put_back_is_the_photograph(folder: Path) -> None:
    london = London(folder)
    lifted = landmarks.lift_volunteers(london, london.training[:1], correct=False, size=256)[0]
    shot = lifted.shoot(lifted.parameters)
    error = np.abs(shot.picture.astype(int) - lifted.picture).mean(-1)
    near = (
        np.hypot(*(np.mgrid[:256, :256] - lifted.parameters.centre[::-1, None, None])) < 1.2 * lifted.parameters.scale
    )
    assert error[near].mean() < 4
    truth = (london.mesh[f"{london.training[0].id}_neutral"][:, :2] + 0.5) * (256 / SIZE) - 0.5
    assert np.abs(shot.mesh[:, :2] - truth).mean() < 1.0


def test_crops_carry_their_labels_along() -> None:
    """Cropped, turned, mirrored and bent, labels lie where their pixels went."""
    picture, _, mesh = bright_pupils()
    pictures = torch.from_numpy(picture).permute(2, 0, 1)[None].float().repeat(12, 1, 1, 1) / 255
    points = torch.from_numpy(mesh[None, :, :2]).float().repeat(12, 1, 1)
    torch.manual_seed(0)
    crops, moved = degrade.recrop(pictures, points, 96, bend=0.03)
    for crop, labels in zip(crops, moved, strict=True):
        assert contrast(255 * crop.permute(1, 2, 0).numpy(), labels.numpy() * 96 - 0.5) > 60


def test_degraded_pictures_stay_pictures() -> None:
    """Every degradation changes something, keeps to the range, and leaves some pictures of a batch as they are."""
    torch.manual_seed(0)
    pictures = degrade.smooth_fields(24, 3, 6, 64, torch.device("cpu")).mul(0.2).add(0.5).clamp(0, 1)
    for step in (degrade.colour, degrade.occlude, degrade.blur, degrade.shrink, degrade.noise, degrade.block_code):
        changed = step(pictures)
        assert changed.shape == pictures.shape
        assert torch.isfinite(changed).all()
        assert not torch.equal(changed, pictures)
    out = degrade.degrade(pictures)
    assert out.min() >= 0
    assert out.max() <= 1
    assert any(torch.equal(a, b) for a, b in zip(out, pictures, strict=True))


def test_meshes_are_pulled_towards_hand_set_points() -> None:
    """A mesh that is off by a smooth error comes nearer to the truth, and never moves further than it may."""
    rng = np.random.default_rng(0)
    meshes = rng.normal(0, 0.02, (30, 60, 2)) + rng.uniform(-1, 1, (60, 2))
    templates = meshes[:, ::3]
    reader = TemplateReader(meshes, templates, ridge=1e-3)
    off = meshes[0] + 0.03
    corrected = reader.correct(off, templates[0], reach=0.4)
    assert np.abs(corrected - meshes[0]).mean() < 0.5 * np.abs(off - meshes[0]).mean()
    far = reader.correct(meshes[0], templates[0] + 5.0)
    assert np.abs(far - meshes[0]).max() <= FURTHEST + 1e-9


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


def test_another_background_leaves_no_fringe_of_the_studio() -> None:
    """A dark disc on a bright wall, with a soft edge, put before black: nothing brighter than the disc is left."""
    side = 1000
    yy, xx = np.mgrid[:side, :side]
    alpha = np.clip((280 - np.hypot(xx - 500, yy - 480)) / 3 + 0.5, 0, 1)[..., None]
    picture = (alpha * np.array([70, 50, 40]) + (1 - alpha) * 205).astype(np.uint8)
    shown = put_before(picture, np.zeros((side, side, 3), np.float32), np.ones(3))
    above = shown[: int(0.58 * side)].astype(int)
    assert above.max() <= 90  # the wall was 205
    assert np.abs(above[300:480, 400:600] - [70, 50, 40]).max() <= 2
    assert above[:180].max() <= 2
    np.testing.assert_allclose(shown[-20:], picture[-20:], atol=1)  # below, the wall stays
