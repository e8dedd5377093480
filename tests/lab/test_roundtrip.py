"""Small autoencoders: their shapes, their recipe, pictures sent through them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from command_line import vasari
from making import clip, picture
from sitters import EXAMPLES
from toy_london import make_toy_london

from lab.fakes.decoding import autoencoder, roundtrip, weights_of
from lab.labelled.manifest import person_of
from lab.networks.autoencoder import Autoencoder, enlarging, rounded
from lab.recipes import roundtrip as recipe
from lab.training import Plan
from lab.weights import WeightCard, load_weights, save_weights
from media import read_picture
from media.errors import UsageError

SHIPPED = sorted(path.stem for path in weights_of("kl8").parent.glob("*.safetensors"))
TINY = {"widths": [4, 6, 8], "latent": 2}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """An autoencoder that learned nothing."""
    torch.manual_seed(0)
    net = Autoencoder(**TINY)
    path = tmp_path / "tiny.safetensors"
    save_weights(path, net.state_dict(), WeightCard("roundtrip", TINY, "nothing", 0))
    return path


@pytest.mark.parametrize("name", recipe.VARIANTS)
def test_variants_are_small_and_give_back_what_they_get(name: str) -> None:
    net = Autoencoder(**recipe.VARIANTS[name].config)
    assert sum(p.numel() for p in net.parameters()) < 1.5e6
    pictures = torch.rand(1, 3, 4 * net.stride, 2 * net.stride)
    made, nats = net(pictures)
    assert made.shape == pictures.shape
    assert torch.isfinite(made).all()
    assert nats.item() >= 0
    latents, deviation = net.encode(pictures)
    assert latents.shape[2:] == deviation.shape[2:] == (4, 2)
    (made.sum() + nats).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("way", ["nearest", "shuffle", "transposed"])
def test_each_way_of_enlarging_doubles_the_size(way: str) -> None:
    assert enlarging(3, 5, way)(torch.rand(2, 3, 6, 4)).shape == (2, 5, 12, 8)


def test_rounded_latents_take_so_many_values_and_pass_the_gradient() -> None:
    latents = torch.linspace(-6, 6, 4001).view(1, 1, -1, 1).repeat(1, 3, 1, 1).requires_grad_()
    found = rounded(latents, (8, 5, 2))
    assert [len(channel.unique()) for channel in found[0]] == [8, 5, 2]
    assert found.abs().max() <= 1
    assert torch.equal(rounded(found.detach().atanh().nan_to_num(9, 9, -9)[:, 1:2], (5,)), found[:, 1:2])
    found.sum().backward()
    assert (latents.grad > 0).float().mean() > 0.9


def people(folder: Path) -> list[Path]:
    """A toy London Set, and a folder with a picture and a video of each of some others."""
    others = folder / "others" / "deep"
    others.mkdir(parents=True)
    for number in range(24):
        cv2.imwrite(str(others / f"p{number}_one.png"), cv2.resize(picture(number), (150, 140)))
    writer = cv2.VideoWriter(str(others / "p3_two.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 160))
    for frame in clip(3, 60):
        writer.write(cv2.resize(frame, (160, 160)))
    writer.release()
    (others / "notes.txt").write_text("no picture")
    cv2.imwrite(str(others / "small_one.png"), picture(1)[:40, :40])
    return [make_toy_london(folder / "london"), folder / "others"]


def test_nobody_is_learned_from_and_chosen_by(tmp_path: Path) -> None:
    london, others = people(tmp_path)
    learned, held = (recipe.Pictures([london, others], held=held) for held in (False, True))
    assert (len(learned.groups[0]), len(held.groups[0])) == (18, 2)  # of 12 people 9 train, 1 chooses, 2 test
    assert len(learned.groups[1]) + len(held.groups[1]) == 24 + 3  # and three frames of the video
    assert len(held.groups[1]) > 0
    assert person_of(Path("s1_bbaf2n.mpg")) == person_of(Path("s1_swiz3a.mpg")) == "s1"
    assert [person_of(Path(name)) for name in ("A000014.jpg", "c118_A000055.jpg")] == ["A000014", "c118_A000055"]
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="to choose by"):
        recipe.Pictures([tmp_path / "none"], held=True)


def test_crops_depend_on_seed_and_step_alone(tmp_path: Path) -> None:
    pictures = recipe.Pictures(people(tmp_path), held=False)
    one, other = recipe.Batches(pictures, 5, 3), recipe.Batches(pictures, 5, 3)
    other(0)
    assert torch.equal(one(3), other(3))
    assert not torch.equal(one(3), one(4))
    assert one(3).shape == (3, 3, recipe.SIDE, recipe.SIDE)


@pytest.mark.parametrize("adversary", [0.0, 0.3])
def test_recipe_trains_resumes_and_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adversary: float) -> None:
    monkeypatch.setitem(recipe.VARIANTS, "tiny", recipe.Variant(TINY, adversary))
    monkeypatch.setattr(recipe, "VALIDATION", 8)
    folders, out = people(tmp_path), tmp_path / "w.safetensors"
    options = {"variant": "tiny", "batch": 2, "pretrained": False}
    whole = recipe.train(folders, out, steps=4, workdir=tmp_path / "a", **options)

    class CutError(Exception):
        pass

    def cut(step: int, _: object) -> None:
        if step == 4:
            raise CutError

    monkeypatch.setattr(recipe, "Plan", lambda **k: Plan(**k | {"checkpoint_every": 2}))
    with pytest.raises(CutError):
        recipe.train(folders, out, steps=4, workdir=tmp_path / "b", progress=cut, **options)
    again = recipe.train(folders, out, steps=4, workdir=tmp_path / "b", **options)
    assert again.sha256 == whole.sha256
    assert {"psnr_db", "perceptual"} <= set(again.figures)
    assert "London" in again.data
    assert "--data london --data others --variant tiny" in again.recipe
    rows = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 4]
    assert load_weights(out, "roundtrip")[1].config == TINY
    assert roundtrip(picture(2), "kl8", weights=out).shape == picture(2).shape
    with pytest.raises(UsageError, match="no variant 'other'"):
        recipe.train(folders, out, workdir=tmp_path / "c", variant="other")


@pytest.mark.parametrize("shape", [(128, 128), (131, 97), (5, 3), (1, 1)])
@pytest.mark.parametrize("scale", [1.0, 0.5, 1.7])
def test_pictures_of_any_size_come_back_in_it(weights: Path, shape: tuple[int, int], scale: float) -> None:
    given = cv2.resize(picture(1), shape[::-1])
    made = roundtrip(given, "kl8", scale=scale, weights=weights)
    assert made.shape == given.shape
    assert made.dtype == np.uint8
    assert np.array_equal(made, roundtrip(given, "kl8", scale=scale, weights=weights))


def test_stray_latents_depend_on_their_seed(weights: Path) -> None:
    given = picture(1)[:64, :64]

    def made(seed: int) -> np.ndarray:
        return roundtrip(given, "kl8", stray=2.0, rng=np.random.default_rng(seed), weights=weights)

    assert np.array_equal(made(1), made(1))
    assert not np.array_equal(made(1), made(2))
    with pytest.raises(ValueError, match="rng"):
        roundtrip(given, "kl8", stray=1.0, weights=weights)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_brings_a_face_back(name: str) -> None:
    given = read_picture(EXAMPLES / "portrait.png")[::2, ::2]
    made = roundtrip(given, name)
    decibels = 10 * np.log10(255**2 / np.square(made.astype(float) - given).mean())
    assert 24 < decibels < 45  # it is the face, and it came through
    assert weights_of(name).stat().st_size < 3_000_000


def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(UsageError, match=r"no round trip 'vae'; there are kl8"):
        weights_of("vae")


def test_a_network_is_read_once(weights: Path) -> None:
    assert autoencoder(weights) is autoencoder(weights)


def test_the_command_says_what_it_needs() -> None:
    assert "--data FOLDER" in vasari("train", "roundtrip").line
    assert "takes one --data, got 2" in vasari("train", "finder", "--data", "a", "--data", "b").line
    assert "--variant means nothing" in vasari("train", "finder", "--data", "a", "--variant", "kl8").line
    assert "there are kl8" in vasari("train", "roundtrip", "--data", "a", "--variant", "vae").line
