"""Who a face is: the shipped recogniser on shipped portraits, its pictures, its recipe on a toy set."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sitters import portrait, tracked
from toy_london import make_toy_london

from faces.recognition import PLACES, WEIGHTS, Recogniser, aligned_matrix, anchors, verification
from lab.pictures.recognition import KEPT, SHARD, picture_set
from lab.recipes import recognition
from lab.weights import load_weights
from media.errors import UsageError


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


def mirrored(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture mirrored, and its mesh points in the order of the mirrored face."""
    from faces.landmarks import MIRROR

    flipped = points[MIRROR].copy()
    flipped[:, 0] = picture.shape[1] - 1 - flipped[:, 0]
    return np.ascontiguousarray(picture[:, ::-1]), flipped


def relit(picture: np.ndarray) -> np.ndarray:
    """Light from one side, warmer and dimmer."""
    ramp = np.linspace(1.15, 0.55, picture.shape[1])[None, :, None] * np.array([1.05, 0.95, 0.8])
    return np.clip(picture * ramp, 0, 255).astype(np.uint8)


def test_a_person_is_nearer_to_themselves_than_to_others(recogniser: Recogniser) -> None:
    """In another light, mirrored, and shrunk."""
    own = [recogniser.embed(portrait(i), tracked(i)) for i in range(3)]
    for i in range(3):
        points = tracked(i).landmarks
        small = cv2.resize(portrait(i), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
        again = [
            recogniser.embed(relit(portrait(i)), points),
            recogniser.embed(*mirrored(portrait(i), points)),
            recogniser.embed(small, (points + 0.5) * 0.4 - 0.5),
        ]
        others = max(float(own[i] @ own[j]) for j in range(3) if j != i)
        assert min(float(own[i] @ a) for a in again) > others + 0.1


def test_embeddings_are_unit_vectors_and_the_same_every_time(recogniser: Recogniser) -> None:
    one, other = (recogniser.embed(portrait(), tracked()) for _ in range(2))
    assert one.shape == (128,)
    assert one.dtype == np.float32
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(one, other)
    assert np.array_equal(one, recogniser.embed(portrait(), tracked().landmarks))


@pytest.mark.parametrize(
    ("picture", "points"),
    [
        (np.zeros((64, 64), np.uint8), np.zeros((478, 2))),
        (np.zeros((64, 64, 3), np.float32), np.zeros((478, 2))),
        (np.zeros((0, 64, 3), np.uint8), np.zeros((478, 2))),
        (np.zeros((64, 64, 3), np.uint8), np.zeros((468, 2))),
        (np.zeros((64, 64, 3), np.uint8), np.full((478, 2), np.nan)),
        (np.zeros((64, 64, 3), np.uint8), np.full((478, 2), 30.0)),  # all in one place
    ],
)
def test_what_is_no_face_is_refused(recogniser: Recogniser, picture: np.ndarray, points: np.ndarray) -> None:
    with pytest.raises(UsageError):
        recogniser.embed(picture, points)


def test_a_face_beyond_the_edge_is_embedded_all_the_same(recogniser: Recogniser) -> None:
    points = tracked().landmarks - tracked().landmarks.mean(0)
    assert np.isfinite(recogniser.embed(portrait(), points)).all()


def test_the_shipped_weight_is_small_and_says_what_it_learned_from() -> None:
    assert WEIGHTS.stat().st_size < 5e6
    card = load_weights(WEIGHTS, "recognition")[1]
    assert "London" in card.data
    assert "do not exist" in card.data


def test_crops_are_laid_on_the_same_places() -> None:
    """Whatever the size, the turn and the place of a face in its picture."""
    points = tracked().landmarks
    matrix = cv2.getRotationMatrix2D((200, 180), 33, 0.4)
    for moved in (points, points @ matrix[:, :2].T + matrix[:, 2]):
        laid = aligned_matrix(moved)
        placed = anchors(moved) @ laid[:, :2].T + laid[:, 2]
        assert np.abs(placed / 112 - PLACES).max() < 0.06
        assert np.abs(placed.mean(0) / 112 - PLACES.mean(0)).max() < 1e-6


def test_verification_figures() -> None:
    told = verification(np.array([0.9, 0.8, 0.4, 0.1]), np.linspace(-1, 0.5, 101))
    assert told["tpr_fpr1"] == pytest.approx(0.5)
    assert told["auc"] == pytest.approx((101 + 101 + 94 + 74) / 404, abs=0.01)
    assert (
        verification(np.ones(3), np.ones(0)) == verification(np.zeros(5), np.zeros(7)) == {"auc": 0.5, "tpr_fpr1": 0.0}
    )


def test_pictures_are_made_once(tmp_path: Path) -> None:
    """An interrupted set goes on where it stopped, and smaller sets are taken out of it."""
    made = []

    def shoot(person: int, shot: int) -> np.ndarray:
        made.append((person, shot))
        return np.full((KEPT, KEPT, 3), 5 * person + shot, np.uint8)

    people = SHARD + 2
    first = picture_set(tmp_path, shoot, people, 2)
    assert first.shape == (people, 2, KEPT, KEPT, 3)
    assert first[3, 1, 0, 0, 0] == 16
    (tmp_path / f"{SHARD:06d}.npy").unlink()
    made.clear()
    assert np.array_equal(picture_set(tmp_path, shoot, people, 2), first)
    assert {person for person, _ in made} == {SHARD, SHARD + 1}
    made.clear()
    assert len(picture_set(tmp_path, shoot, 5, 2)) == 5
    assert not made


def test_recognition_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps, and a third after a resume, on a toy set; the weights load."""

    def refuse(*_: object) -> None:
        raise AssertionError("a toy run asked for ImageNet weights")

    monkeypatch.setattr("lab.training.backbone.load_imagenet", refuse)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    folder, out, workdir = make_toy_london(tmp_path / "london"), tmp_path / "weights.onnx", tmp_path / "work"
    for steps in (2, 3):
        card = recognition.train(
            folder, out, steps=steps, workdir=workdir, pretrained=False, batch=4, width=8, shots_london=3
        )
    rows = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 2, 3]
    assert {"london_auc", "auc", "tpr_fpr1"} <= set(card.figures)
    assert all(np.isfinite(value) for value in card.figures.values())
    assert card.recipe.startswith("vasari train recognition")
    assert Recogniser(out).embed(portrait(), tracked()).shape == (128,)


def test_contrast_wants_one_person_together() -> None:
    together = torch.eye(3).repeat_interleave(3, 0)
    who = torch.arange(9) // 3
    assert float(recognition.contrast(together, who)) < float(recognition.contrast(together.roll(1, 0), who)) - 3
    assert float(recognition.contrast(together, who)) == pytest.approx(
        np.log(2), abs=1e-3
    )  # two alike are equally near


def test_nobody_is_in_a_batch_twice() -> None:
    crops = np.arange(20 * 4, dtype=np.uint8).reshape(20, 4, 1, 1, 1).repeat(3, -1)
    draw = recognition.Draw([(crops, 0.75), (crops[:6], 0.25)], seed=1, batch=24)
    pictures, who = draw(5)
    assert torch.equal(pictures, draw(5)[0])
    assert not torch.equal(pictures, draw(6)[0])
    assert len(who) == 24
    assert len(set(pictures[:18, 0, 0, 0].tolist())) == 18  # 6 people, 3 photographs each, none twice
    assert all(len(set((pictures[who == k, 0, 0, 0] // 4).tolist())) == 1 for k in range(8))
