"""Families of fakes: one draw is one change, it stays where it says, and every family is another."""

import numpy as np
import pytest
from making import picture

from faces import Tracker
from lab.fakes.decoding import shipped
from lab.fakes.families import FAMILIES, face_mask, size_of


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    """A face and its mesh."""
    seen = picture(1, 256)
    track = Tracker(threads=1).track(seen)[0]
    return seen, track.landmarks[:, :2].astype(np.float32)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_draw_is_one_change(name: str, face: tuple[np.ndarray, np.ndarray]) -> None:
    seen, mesh = face
    kept, made = seen.copy(), []
    for seed in range(3):
        change = FAMILIES[name](np.random.default_rng(seed))
        made.append(change(seen, mesh))
        assert np.array_equal(made[-1], change(seen, mesh))
        assert np.array_equal(made[-1], FAMILIES[name](np.random.default_rng(seed))(seen, mesh))
        assert (made[-1].shape, made[-1].dtype) == (seen.shape, np.uint8)
        assert 0.05 < np.abs(made[-1].astype(float) - seen).mean() < 40
    assert np.array_equal(kept, seen)
    assert not np.array_equal(made[0], made[1])


@pytest.mark.parametrize("name", ["redrawn", "reenacted"])
def test_what_moves_is_the_face(
    name: str, face: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the decoder, nothing far from the face changes."""
    seen, mesh = face
    monkeypatch.setattr("lab.fakes.families._through", lambda rng, pixels: lambda picture, mesh: picture)
    monkeypatch.setattr("lab.fakes.families._blurred", lambda picture, mesh, pixels: picture)
    away = face_mask(seen.shape, mesh, 1.9, 0.001) < 0.5
    near = face_mask(seen.shape, mesh, 1.0, 0.001) > 0.5
    changed = np.zeros(seen.shape[:2])
    for seed in range(8):
        made = FAMILIES[name](np.random.default_rng(seed))(seen, mesh)
        changed += np.abs(made.astype(float) - seen).mean(2)
    assert changed[near].mean() > 20 * changed[away].mean()


def test_faces_at_the_edge_and_small_ones_are_changed_too(face: tuple[np.ndarray, np.ndarray]) -> None:
    seen, mesh = face
    low = np.maximum(mesh[:468].min(0) + 20, 0).astype(int)
    cut, moved = np.ascontiguousarray(seen[low[1] :, low[0] :]), mesh - low
    small, tiny = np.ascontiguousarray(seen[::4, ::4]), mesh / 4
    for name, draw in FAMILIES.items():
        for shown, points in ((cut, moved), (small, tiny)):
            made = draw(np.random.default_rng(1))(shown, points.astype(np.float32))
            assert made.shape == shown.shape, name
    assert size_of(tiny) < 64


def test_autoencoders_ship_in_several_strides() -> None:
    assert {"kl4", "kl8", "kl8wide", "fsq8"} <= set(shipped())
