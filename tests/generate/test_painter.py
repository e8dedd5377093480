"""The painter: engine and torch agree, any size works, and an untrained one paints nothing."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from sitters import latent

from generate import Painter, Renderer
from generate.painter import KINDS, WEIGHTS, network_input
from generate.windows import CHANNELS, EYE_LEFT, EYE_RIGHT, MOUTH, SHAPES, WINDOWS, Window
from lab.networks.painter import PainterNet, PainterNets
from lab.reference import painter_in_torch
from lab.weights import WeightCard, load_weights, save_weights
from media.errors import WeightsError

# OpenVINO may compute in bfloat16 (8 bits of mantissa): after a dozen layers that is about a hundredth of what is
# painted, and at single pixels, where paint is thick, a few of 255 grey levels.
SMALL = {"mouth": (8, 12, 16), "eye": (8, 12, 16)}
MEAN_TOLERANCE, WORST_TOLERANCE = 0.01, 0.08


@cache
def painter() -> Painter:
    return Painter(threads=1)


@cache
def windows(size: int = 512) -> dict[str, Window]:
    face = latent(size).edit(jawOpen=0.6, eyeBlinkLeft=0.5)
    turned = face.with_pose(face.pose.moved(np.radians((8, 4, 2)), np.zeros(3), np.zeros(2)))
    return Renderer(latent(size)).prepare(turned).windows


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """Weights that paint a lot, everywhere."""
    torch.manual_seed(0)
    nets = PainterNets(SMALL)
    with torch.no_grad():
        for name, parameter in nets.named_parameters():
            if name.endswith(("mix.weight", "leave.weight")):
                parameter.normal_(0, 0.05)
    path = tmp_path / "strange.onnx"
    card = WeightCard("painter", {"widths": SMALL}, "noise", 0)
    save_weights(path, nets.state_dict(), card)
    return path


def test_engine_and_torch_agree_on_real_windows() -> None:
    fast, reference = painter().paint(windows()), painter_in_torch().paint(windows())
    for name in WINDOWS:
        difference = np.abs(fast[name] - reference[name])
        assert difference.mean() < MEAN_TOLERANCE
        assert difference.max() < WORST_TOLERANCE


def test_engine_and_torch_agree_where_much_is_painted(strange: Path) -> None:
    fast, reference = Painter(strange, threads=1), painter_in_torch(strange)
    for kind in KINDS:
        seen = np.stack(
            [network_input(windows()[n], n) for n in ((MOUTH,) if kind == "mouth" else (EYE_RIGHT, EYE_LEFT))]
        )
        one, other = fast.residual(kind, seen), reference.residual(kind, seen)
        scale = np.abs(other).mean()
        assert scale > 0.01
        assert np.abs(one - other).mean() < 0.03 * scale


def test_an_untrained_network_paints_nothing(tmp_path: Path) -> None:
    nets = PainterNets(SMALL)
    seen = torch.randn(2, CHANNELS, *SHAPES[EYE_LEFT])
    assert not nets.eye(seen).any()
    path = tmp_path / "blank.onnx"
    save_weights(path, nets.state_dict(), WeightCard("painter", {"widths": SMALL}, "none", 0))
    painted = Painter(path).paint(windows())
    for name in WINDOWS:
        assert np.array_equal(painted[name], np.clip(windows()[name].composite, 0, 1))


@pytest.mark.parametrize("size", [128, 256, 640])
def test_other_sizes_are_painted_at_their_own(size: int) -> None:
    made = windows(size)
    painted = painter().paint(made)
    for name in WINDOWS:
        assert painted[name].shape == made[name].composite.shape
        assert painted[name].min() >= 0
        assert painted[name].max() <= 1
    frame = Renderer(latent(size), painter()).render(latent(size))
    assert frame.shape == (size, size, 3)
    assert frame.dtype == np.uint8


def test_paint_stays_inside_the_windows() -> None:
    renderer = Renderer(latent(512), painter())
    prepared = renderer.prepare(latent(512).edit(jawOpen=0.5))
    before = prepared.frame.copy()
    after = renderer.finish(prepared)
    outside = np.ones((512, 512), bool)
    for window in prepared.windows.values():
        height, width = window.composite.shape[:2]
        outside[window.top : window.top + height, window.left : window.left + width] = False
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before, after)


def test_right_eyes_are_painted_as_mirrored_left_ones(strange: Path) -> None:
    """A mirrored pair of windows comes back as the mirrored pair of paintings."""
    made = windows()
    right = made[EYE_RIGHT]
    twin = Window(right.left, right.top, right.composite[:, ::-1].copy(), right.seen[..., ::-1].copy())
    painted = painter_in_torch(strange).paint(made | {EYE_LEFT: twin})
    assert np.allclose(painted[EYE_LEFT], painted[EYE_RIGHT][:, ::-1], atol=1e-5)


def test_network_sees_every_window_at_its_own_size() -> None:
    for size in (128, 512, 640):
        for name in WINDOWS:
            seen = network_input(windows(size)[name], name)
            assert seen.shape == (CHANNELS, *SHAPES[name])
            assert seen.dtype == np.float32
    net = PainterNet((4, 4, 4))
    assert net(torch.zeros(1, CHANNELS, 128, 160)).shape == (1, 3, 128, 160)


def test_shipped_weights_carry_their_card() -> None:
    _, card = load_weights(WEIGHTS, "painter")
    assert card.licence == "Apache-2.0"
    assert "London" in card.data
    assert card.recipe.startswith("vasari train painter")
    with pytest.raises(WeightsError, match="'motion' was needed"):
        load_weights(WEIGHTS, "motion")
