"""Regions around a face: skin where cheeks are, hair on the head, and finite shares in odd pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from sitters import portrait, tracked, tracker
from toy_assets import write_assets
from toy_london import make_toy_london

from faces.regions import WEIGHTS, Kind, RegionReader, guided
from lab.people.labels import Region
from lab.recipes import regions
from lab.reference import Reference
from lab.weights import load_weights
from media.errors import UsageError


def at(mask: np.ndarray, index: int, point: int) -> float:
    """Mean of a mask around a mesh point of a portrait."""
    x, y = np.round(tracked(index).landmarks[point]).astype(int)
    return float(mask[y - 2 : y + 3, x - 2 : x + 3].mean())


@pytest.mark.parametrize("index", range(3))
def test_cheeks_are_skin_and_hair_is_on_the_head(index: int) -> None:
    picture, track = portrait(index), tracked(index)
    masks = tracker().masks(picture, track)
    for mask in (masks.skin, masks.hair):
        assert mask.shape == picture.shape[:2]
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1
    assert min(at(masks.skin, index, p) for p in (50, 280, 205, 425)) > 0.8  # cheeks
    assert max(at(masks.hair, index, p) for p in (50, 280, 205, 425, 1, 468, 473)) < 0.2
    assert max(at(masks.skin, index, p) for p in (468, 473)) < 0.5  # irises
    assert masks.hair.mean() > 0.005
    assert (masks.hair + masks.skin).max() <= 1 + 1e-5
    above = masks.hair[: int(track.landmarks[:468, 1].min() + 0.3 * track.size)].sum()
    assert above > 0.3 * masks.hair.sum()


def test_engines_agree_with_the_reference() -> None:
    reader = RegionReader()
    reader.network = Reference.load(WEIGHTS, "regions")
    slow = reader.read(portrait(0), tracked(0).landmarks)
    fast = RegionReader().read(portrait(0), tracked(0).landmarks)
    assert np.abs(slow - fast).mean() < 0.01
    assert (slow.argmax(-1) == fast.argmax(-1)).mean() > 0.98
    assert np.abs(slow.sum(-1) - 1).max() < 1e-4


@pytest.mark.parametrize("case", ["black", "one pixel", "outside", "huge", "one point"])
def test_odd_pictures_have_finite_shares(case: str) -> None:
    picture, points = portrait(0), tracked(0).landmarks
    if case == "black":
        picture = np.zeros_like(picture)
    elif case == "one pixel":
        picture = picture[:1, :1]
    elif case == "outside":
        points = points + np.float32((4000, -9000))
    elif case == "huge":
        points = points * 50
    else:
        points = np.tile(points.mean(0), (478, 1))
    shares = tracker().regions.read(picture, points)
    assert shares.shape == (*picture.shape[:2], len(Kind))
    assert np.isfinite(shares).all()
    assert np.abs(shares.sum(-1) - 1).max() < 1e-3


def test_guided_edges_are_those_of_the_picture() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 200
    rough = np.clip((np.arange(60, dtype=np.float32) - 22) / 16, 0, 1)[None, :, None].repeat(40, 0)
    fine = guided(picture, rough, 8)[20, :, 0]
    assert fine[31] - fine[28] > 2.5 * (rough[20, 31, 0] - rough[20, 28, 0])


def test_labels_of_a_head_become_kinds() -> None:
    kinds = regions.kinds_of(np.array([[r.value for r in Region]], np.uint8))[0]
    assert kinds[Region.HAIR] == Kind.HAIR
    assert kinds[Region.TEETH] == kinds[Region.BROW] == kinds[Region.EYE_LEFT] == Kind.FEATURES
    assert regions.overlap(kinds, kinds) == {k.name.lower(): 1.0 for k in Kind}


def test_recipe_trains_and_resumes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "PICTURES", 3)
    folder = make_toy_london(tmp_path_factory.mktemp("london"))
    assets = write_assets(tmp_path_factory.mktemp("assets"))
    out, workdir = tmp_path / "weights.onnx", tmp_path / "work"
    options = {"workdir": workdir, "assets": assets, "batch": 2, "shards": (1, 1)}
    regions.train(folder, out, steps=2, **options)
    card = regions.train(folder, out, steps=3, **options)
    rows = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 2, 3]
    assert {"hair_iou", "skin_iou", "iou"} <= set(card.figures)
    assert all(0 <= card.figures[name] <= 1 for name in ("hair_iou", "skin_iou", "iou"))
    shares = RegionReader(out).read(portrait(0), tracked(0).landmarks)
    assert np.isfinite(shares).all()
    with pytest.raises(UsageError, match="--assets"):
        regions.train(folder, out, workdir=workdir)


def test_shipped_weights_say_what_they_learned_from() -> None:
    card = load_weights(WEIGHTS, "regions")[1]
    assert "London" in card.data
    assert card.figures["hair_iou"] > 0.5
    assert WEIGHTS.stat().st_size < 4_000_000
