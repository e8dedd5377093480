"""The refiner: two layers travel where it says, the fast path and the torch path agree, and it learns."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sitters import latent

from faces.flow import inward
from generate.painter import Painter
from generate.refiner import ANSWERS, CHANNELS, GRID, Refiner, Viewer, compose, person_in, trimmed
from generate.renderer import Renderer
from lab.networks.refiner import RefinerNet, composed
from lab.recipes import refiner as recipe
from lab.reference import Reference, painter_in_torch
from lab.training.pool import Pool
from lab.weights import WeightCard, save_weights


def smooth(rng: np.random.Generator, size: int, channels: int, amount: float) -> np.ndarray:
    """A field (size, size, channels) float32 that changes slowly."""
    noise = rng.normal(0, 1, (size, size, channels)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), size / 16) * np.float32(amount * size / 16)


def picture(size: int) -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 255, (size, size, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), size / 64)
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def plain_answers(share: float) -> np.ndarray:
    answers = np.zeros((ANSWERS, GRID, GRID), np.float32)
    answers[4] = share
    return answers


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that change a lot, everywhere."""
    torch.manual_seed(0)
    net = RefinerNet((8, 12, 16))
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("weight"):
                parameter.normal_(0, 0.06)
    path = tmp_path_factory.mktemp("weights") / "refiner.onnx"
    save_weights(path, net.state_dict(), WeightCard("refiner", {"widths": [8, 12, 16]}, "none", 0))
    return path


@pytest.mark.parametrize("size", [256, 320, 512])
def test_composing_agrees_with_torch(size: int) -> None:
    rng = np.random.default_rng(size)
    source, shift = picture(size), smooth(rng, size // 2, 2, 20)
    answers = smooth(rng, GRID, ANSWERS, 2).transpose(2, 0, 1) * np.array([1, 1, 1, 1, 6, 0.1, 0.1, 0.1])[:, None, None]
    answers = np.ascontiguousarray(answers, np.float32)
    frame = compose(source, shift, answers)
    reference, share = composed(
        torch.from_numpy(source).permute(2, 0, 1)[None] / 255,
        torch.from_numpy(shift).permute(2, 0, 1)[None] * (GRID / size),
        torch.from_numpy(answers)[None],
    )
    wanted = 255 * reference[0].permute(1, 2, 0).clamp(0, 1).numpy()
    assert np.abs(frame - wanted).mean() < 0.5
    assert np.abs(frame - wanted).max() < 4
    assert float(share.min()) < 0.3 < 0.9 < float(share.max())


def test_a_whole_person_is_the_flow_alone() -> None:
    source, shift = picture(256), smooth(np.random.default_rng(1), 128, 2, 20)
    axis = np.arange(256, dtype=np.float32)
    field = np.stack(np.meshgrid(axis, axis), -1) + cv2.resize(shift, (256, 256))
    flow = cv2.remap(source, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(compose(source, shift, plain_answers(20.0)).astype(int) - flow).max() <= 3


def test_what_is_behind_stays_where_the_person_is_not() -> None:
    source, shift = picture(256), smooth(np.random.default_rng(1), 128, 2, 20)
    assert np.abs(compose(source, shift, plain_answers(-20.0)).astype(int) - source).max() <= 1


def test_colour_is_added_and_clipped() -> None:
    grey, still = np.full((128, 128, 3), 100, np.uint8), np.zeros((64, 64, 2), np.float32)
    answers = plain_answers(20.0)
    answers[5], answers[6] = 0.2, -0.9
    frame = compose(grey, still, answers)
    assert frame[64, 64].tolist() == [151, 0, 100]


def test_far_shifts_read_the_border() -> None:
    source = picture(256)
    frame = compose(source, np.full((128, 128, 2), 1e6, np.float32), plain_answers(20.0))
    assert (frame == source[-1, -1]).all()


@pytest.mark.parametrize("size", [256, 512])
def test_a_view_of_rest_shows_the_source_twice(size: int) -> None:
    face = latent(size)
    renderer = Renderer(face)
    view = Viewer(renderer.head, face, renderer.flow).see(face, *renderer.geometry(face))
    assert view.seen.shape == (CHANNELS, GRID, GRID)
    inside = view.seen[8] > 0
    assert 0.1 < inside.mean() < 0.6
    assert np.abs(view.seen[:3] - view.seen[3:6])[:, ~inside].mean() < 0.01
    assert np.abs(view.seen[12:15] - view.seen[15:18]).max() < 1e-5  # normals now and then
    assert np.abs(view.seen[18:]).max() == 0


def test_fast_path_agrees_with_torch(strange: Path) -> None:
    face = latent(256).edit(jawOpen=0.5)
    renderer = Renderer(latent(256))
    seen = Viewer(renderer.head, latent(256), renderer.flow).see(face, *renderer.geometry(face)).seen
    refiner = Refiner(strange, threads=1)
    fast = refiner.answer(seen)
    refiner.network.network = Reference.load(strange, "refiner")
    reference = refiner.answer(seen)
    assert np.abs(reference).max() > 0.05
    assert np.abs(fast - reference).max() < 0.05 * np.abs(reference).max()


def test_shipped_frames_in_8_bits_are_those_of_the_reference() -> None:
    face = latent(512)
    renderer = Renderer(face)
    turned = face.with_pose(face.pose.moved(np.radians((20, 8, 0)), np.zeros(3), np.zeros(2))).edit(jawOpen=0.4)
    view = Viewer(renderer.head, face, renderer.flow).see(turned, *renderer.geometry(turned))
    frames = [
        compose(face.appearance.picture, view.shift, refiner.answer(view.seen)).astype(float)
        for refiner in (painter_in_torch().refiner, Refiner(threads=1))
    ]
    assert np.square(frames[0] - frames[1]).mean() < 255**2 / 10**4.0  # 40 dB
    flow = renderer.warp(*renderer.geometry(turned))
    assert np.abs(frames[0] - flow).mean() > 0.5  # and it does something


def test_a_turned_head_leaves_the_corners_alone() -> None:
    face = latent(512)
    renderer = Renderer(face, Painter(threads=1))
    turned = face.with_pose(face.pose.moved(np.radians((25, 0, 0)), np.zeros(3), np.zeros(2)))
    frame = renderer.render(turned).astype(int)
    for corner in (np.s_[:40, :40], np.s_[:40, -40:]):
        assert np.abs(frame[corner] - face.appearance.picture[corner]).mean() < 1.5


def test_mirrored_pairs_are_the_pairs_of_mirrored_people() -> None:
    """Mirroring what is seen and where it comes from, then composing, mirrors the frame."""
    face = latent(256)
    renderer = Renderer(face)
    turned = face.with_pose(face.pose.moved(np.radians((12, 5, 3)), np.zeros(3), np.zeros(2)))
    pair = recipe.make_pair(face, turned, renderer.render(turned), None)
    batch = tuple(torch.from_numpy(np.stack([column])) for column in pair)
    plain = recipe.prepared(batch, "cpu", change=False)
    for seed in range(20):
        torch.manual_seed(seed)
        if float(torch.rand(1)) < 0.5:  # the draw by which `prepared` mirrors
            break
    torch.manual_seed(seed)
    mirrored = recipe.prepared(batch, "cpu", change=True)
    whole = torch.from_numpy(plain_answers(20.0))[None]
    ramp = torch.linspace(0, 1, 256).expand(1, 3, 256, 256)
    straight, other = (composed(ramp, shift, whole)[0] for _, _, shift, *_ in (plain, mirrored))
    assert torch.allclose(1 - other.flip(-1), straight, atol=0.02)
    assert torch.allclose(mirrored[4].flip(-1), plain[4])
    assert torch.allclose(mirrored[3][:, 9].flip(-1), -plain[3][:, 9])  # places, to the right
    assert torch.allclose(mirrored[3][:, 10].flip(-1), plain[3][:, 10])  # and down


def test_the_pool_keeps_the_newest() -> None:
    pool = Pool(4)
    pool.add((torch.arange(3), torch.arange(3) * 10.0))
    assert len(pool) == 3
    pool.add((torch.arange(3, 6), torch.arange(3, 6) * 10.0))
    assert len(pool) == 4
    first, second = pool.draw(100)
    assert set(first.tolist()) == {2, 3, 4, 5}
    assert torch.equal(second, first * 10.0)


def test_background_in_a_coarse_rim_is_trimmed_where_it_looks_otherwise() -> None:
    y, x = np.mgrid[:128, :128]
    disc = np.hypot(x - 64, y - 64)
    picture = np.where((disc < 40)[..., None], (120, 80, 60), (225, 225, 230)).astype(np.uint8)
    notched = picture.copy()
    notched[60:68, 96:104] = 225, 225, 230  # 8 pixels into the disc
    coarse = (disc < 43).astype(np.float32)
    found = trimmed(coarse, notched, 90.0)
    assert found[64, 100] < 0.2
    assert found[41:46, 64].max() > 0.8
    assert found[20:23, 64].max() < 0.2  # the rim that was too wide
    assert found.max() <= 1
    assert (found <= coarse).all()
    even = np.full_like(picture, 200)
    np.testing.assert_array_equal(trimmed(coarse, even, 90.0), coarse)  # nothing tells them apart
    for nobody in (np.zeros_like(coarse), np.ones_like(coarse)):
        np.testing.assert_array_equal(trimmed(nobody, picture, 90.0), nobody)


def test_inward_leads_to_the_nearest_place_on_the_person() -> None:
    person = np.zeros((64, 64), np.float32)
    person[16:48, 16:48] = 1
    field = inward(person, 2)
    assert field.shape == (32, 32, 2)
    assert not field[12:20, 12:20].any()
    assert field[16, 0].tolist() == [20, 0]  # half pixels 8 to 23 are person, 10 to 21 lie away from the rim
    assert field[31, 16].tolist() == [0, -20]
    assert not inward(np.zeros((64, 64), np.float32), 2).any()


def test_what_comes_into_view_shows_nothing_beside_the_person() -> None:
    """The photograph's background is made green: no green is seen inside a head that turns."""
    face = latent(512)
    green = face.appearance.picture.copy()
    green[person_in(face.appearance) < 0.5] = (0, 255, 0)
    face = face.with_appearance(replace(face, appearance=replace(face.appearance, picture=green)))
    renderer = Renderer(face)
    turned = face.with_pose(face.pose.moved(np.radians((30, 0, 0)), np.zeros(3), np.zeros(2)))
    points, depth = renderer.geometry(turned)
    view = Viewer(renderer.head, face, renderer.flow).see(turned, points, depth)
    inside = cv2.erode((renderer.flow.raster.triangle >= 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    plain = renderer.flow.shift(points, depth, face.appearance.points, face.appearance.unit)

    def share(shift: np.ndarray) -> float:
        shown = compose(green, shift, plain_answers(20.0))[::2, ::2].astype(int)[inside]
        return float((shown[:, 1] - shown[:, 0] > 100).mean())

    assert share(view.shift) < 0.5 * share(plain)
    assert share(view.shift) < 0.01
