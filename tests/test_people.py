"""People who do not exist, from a wardrobe of a few painted cards."""

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from faces.actions import ACTION_INDEX
from faces.fit import project
from faces.head import Part, load_head
from faces.people import Person, Wardrobe
from faces.people.assets import BROWS, HAIR, UNIT_DECIMETRES, read_cards
from faces.people.light import Light
from media import read_picture
from media.errors import UnreadableError
from provenance import Keys, is_nobody, verify
from vasari.commands.data import app

SIZE = 192
HEAD = load_head()


def nearest(x: float, y: float) -> int:
    """Vertex of the face's front nearest to a place, as MakeHuman's base mesh numbers it."""
    skin = HEAD.part_vertices(Part.SKIN)
    front = skin[HEAD.mean[skin, 2] < 0.6]
    return int(HEAD.base[front[np.hypot(HEAD.mean[front, 0] - x, HEAD.mean[front, 1] - y).argmin()]])


def write_card(folder: Path, corners: list[tuple[float, float]], lift: float, *, loose: bool = False) -> None:
    """One asset of quads, each corner bound to one vertex of the head and `lift` decimetres in front of it."""
    folder.mkdir(parents=True)
    bound = [nearest(x, y) for x, y in corners]
    quads = [list(range(i, i + 4)) for i in range(0, len(bound), 4)]
    if loose:  # one more quad, bound to the body
        bound += [19_000] * 4
        quads.append(list(range(len(bound) - 4, len(bound))))
    data = {
        "ref_vIdxs": [[v] * 3 for v in bound],
        "weights": [[0.5, 0.3, 0.2]] * len(bound),
        "offsets": [[0.0, 0.0, lift]] * len(bound),
        "faces": [n for quad in quads for n in [11, *quad, 0, 0, 1, 2, 3]],
        "uvs": [[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]],
        "materials": [{"mapDiffuse": "card.png"}],
    }
    (folder / f"{folder.name}.json").write_text(json.dumps(data))
    cv2.imwrite(str(folder / "card.png"), np.full((8, 8, 4), (40, 60, 80, 255), np.uint8))


def write_assets(root: Path) -> Path:
    hair = [(-0.8, -1.2), (0.8, -1.2), (0.6, -0.9), (-0.6, -0.9)]
    right = [(-0.7, -0.42), (-0.3, -0.42), (-0.3, -0.3), (-0.7, -0.3)]
    brows = right + [(-x, y) for x, y in right]
    for name in HAIR:
        write_card(root / "proxies/hair" / name, hair, 0.1, loose=True)
    for name in BROWS:
        write_card(root / "proxies/eyebrows" / name, brows, 0.02)
    for k, colour in enumerate(((150, 170, 220), (120, 150, 200))):
        folder = root / f"skins/toy{k}/textures"
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "toy_diffuse.png"), np.full((32, 32, 3), colour, np.uint8))
    return root


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_assets(tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module")
def wardrobe(assets: Path) -> Wardrobe:
    return Wardrobe(assets)


@cache
def _photograph(seed: int, wardrobe: Wardrobe):
    return Person.random(seed, wardrobe).photograph(wardrobe, SIZE)


def flat(value: object) -> list:
    """All that a person is, as plain numbers and words."""
    if hasattr(value, "__dataclass_fields__"):
        return [flat(getattr(value, name)) for name in value.__dataclass_fields__]
    return np.asarray(value).tolist()


def test_a_person_is_their_seed(wardrobe: Wardrobe) -> None:
    one, again, other = (Person.random(seed, wardrobe) for seed in (4, 4, 5))
    assert flat(one) == flat(again)
    assert flat(one) != flat(other)
    assert np.array_equal(_photograph(4, wardrobe)[0], Person.random(4, wardrobe).photograph(wardrobe, SIZE)[0])
    assert not np.array_equal(_photograph(4, wardrobe)[0], _photograph(5, wardrobe)[0])


def test_photograph_has_the_size_and_type_of_a_picture(wardrobe: Wardrobe) -> None:
    picture, parameters = _photograph(4, wardrobe)
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10
    small = Person.random(4, wardrobe).parameters(SIZE // 2)
    assert small.scale == pytest.approx(parameters.scale / 2)
    assert small.centre == pytest.approx(parameters.centre / 2)


@pytest.mark.parametrize("seed", [1, 4])
def test_parameters_tell_where_the_pupils_are(wardrobe: Wardrobe, seed: int) -> None:
    picture, parameters = _photograph(seed, wardrobe)
    vertices = HEAD.turn_eyes(parameters.neutral(HEAD), HEAD.eye_centres(parameters.identity), parameters.gaze)
    grey = cv2.GaussianBlur(picture, (0, 0), 0.5).astype(float).mean(-1)
    for part in (Part.EYE_RIGHT, Part.EYE_LEFT):
        index = HEAD.part_vertices(part)
        points, _ = project(vertices[index], parameters)
        x, y = points[0].astype(int)  # an eyeball's first vertex is its pupil
        radius = 0.16 * parameters.scale
        white = max(grey[y, int(x - radius)], grey[y, int(x + radius)])
        assert grey[y - 1 : y + 2, x - 1 : x + 2].min() < 0.75 * white


def test_the_same_person_opens_the_mouth(wardrobe: Wardrobe) -> None:
    person = Person.random(4, wardrobe)
    actions = person.actions.copy()
    actions[ACTION_INDEX["jawOpen"]] = 0.8
    picture, parameters = _photograph(4, wardrobe)
    moved, after = person.posed(actions=actions).photograph(wardrobe, SIZE)
    assert np.array_equal(after.identity, parameters.identity)
    chin = np.s_[SIZE // 2 :, SIZE // 3 : 2 * SIZE // 3]
    assert np.abs(moved[chin].astype(int) - picture[chin]).mean() > 2
    assert np.abs(moved[:20, :20].astype(int) - picture[:20, :20]).mean() < 1


def test_cards_ride_on_the_head(assets: Path) -> None:
    cards = read_cards(assets / "proxies/hair" / HAIR[0], HEAD)
    assert len(cards.triangles) == 2  # the quad that is bound to the body is left out
    assert cards.triangles.max() < len(cards.references)
    assert cards.texture.max() <= 1
    placed = cards.vertices(HEAD.mean)
    lifted = HEAD.mean[cards.references[:, 0]] - (0, 0, 0.1 / UNIT_DECIMETRES)
    assert np.allclose(placed, lifted, atol=1e-4)  # MakeHuman's z points out of the face, ours into it
    assert np.allclose(cards.vertices(HEAD.mean + 1.0), placed + 1.0, atol=1e-4)


def test_missing_assets_are_named(tmp_path: Path, assets: Path) -> None:
    with pytest.raises(UnreadableError, match="vasari data assets"):
        Wardrobe(tmp_path)
    with pytest.raises(UnreadableError, match="no skin textures"):
        _ = Wardrobe(assets, tmp_path).skins
    with pytest.raises(UnreadableError, match="cannot be read"):
        Wardrobe(assets).hair("wig99")


def test_people_are_made_by_the_command_line_as_nobody(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    words = ["people", "-o", tmp_path / "people", "-n", 2, "--assets", assets, "--size", SIZE, "--seed", 4]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    made = sorted(path.name for path in (tmp_path / "people").iterdir())
    assert made == ["000004.npz", "000004.png", "000005.npz", "000005.png"]
    portrait = tmp_path / "people/000004.png"
    assert read_picture(portrait).shape == (SIZE, SIZE, 3)
    assert is_nobody(portrait, Keys.open())
    assert verify(portrait, keys=Keys.open()).exit_code == 0
    truth = Person.random(4, Wardrobe(assets)).parameters(SIZE)
    with np.load(portrait.with_suffix(".npz")) as labels:
        assert set(labels.files) == {"identity", "actions", "rotation", "centre", "scale", "gaze"}
        assert labels["rotation"] == pytest.approx(np.degrees(truth.rotation), abs=1e-4)
        assert float(labels["scale"]) == pytest.approx(truth.scale)


def test_lights_are_unit_directions_that_shine() -> None:
    for seed in range(5):
        light = Light.random(np.random.default_rng(seed))
        assert np.linalg.norm(light.directions, axis=1) == pytest.approx(1, abs=1e-5)
        assert (light.colours >= 0).all()
        assert np.linalg.norm(light.key) == pytest.approx(1, abs=1e-5)
