"""People who do not exist, from a wardrobe of a few painted cards."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_assets import write_assets
from typer.testing import CliRunner

from faces.actions import ACTION_INDEX
from faces.fit import at_mesh
from faces.head import load_head
from faces.landmarks import MIRROR, PUPILS
from faces.mesh import mesh_points
from lab.people import Person, Photograph, Region, Wardrobe, random_actions
from lab.people.assets import HAIR, UNIT_DECIMETRES, read_cards
from lab.people.behaviour import GAZE, PITCH, RESTING, YAW, random_gaze, random_rotation
from lab.people.glasses import random_glasses
from lab.people.headwear import KINDS, random_headwear
from lab.people.held import random_held
from lab.people.light import random_light
from lab.people.traits import random_identity
from media import read_picture
from media.errors import ConsentError, UnreadableError
from provenance import Keys, Permit, Rendered, is_nobody, save_video, verify
from vasari.commands.data import app

SIZE = 192
HEAD = load_head()


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_assets(tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module")
def wardrobe(assets: Path) -> Wardrobe:
    return Wardrobe(assets)


@cache
def photograph(seed: int, wardrobe: Wardrobe, *, calm: bool = False) -> Photograph:
    return Person.random(seed, wardrobe, calm=calm).photograph(wardrobe, SIZE, supersample=1)


def flat(value: object) -> list:
    """All that a person is, as plain numbers and words."""
    if hasattr(value, "__dataclass_fields__"):
        return [flat(getattr(value, name)) for name in value.__dataclass_fields__]
    if isinstance(value, tuple):
        return [flat(one) for one in value]
    return np.asarray(value).tolist()


def at(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values (S, S, ...) at the pixels that points (N, >=2) fall on."""
    column, row = points[:, :2].astype(int).T
    return values[row, column]


SEEDS = tuple(range(12))


def test_a_person_is_their_seed(wardrobe: Wardrobe) -> None:
    one, again, other = (Person.random(seed, wardrobe) for seed in (4, 4, 5))
    assert flat(one) == flat(again)
    assert flat(one) != flat(other)
    first, second = (Person.random(4, wardrobe).photograph(wardrobe, SIZE, supersample=1) for _ in range(2))
    for name in ("picture", "mesh", "visible", "depth", "normals", "segmentation", "light"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert not np.array_equal(first.picture, photograph(5, wardrobe).picture)


def test_photograph_has_the_size_and_type_of_a_picture(wardrobe: Wardrobe) -> None:
    taken = photograph(4, wardrobe)
    assert (taken.picture.shape, taken.picture.dtype) == ((SIZE, SIZE, 3), np.uint8)
    assert (taken.segmentation.shape, taken.segmentation.dtype) == ((SIZE, SIZE), np.uint8)
    assert (taken.mesh.shape, taken.visible.shape, taken.light.shape) == ((478, 3), (478,), (9, 3))
    small = Person.random(4, wardrobe).parameters(SIZE // 2)
    assert small.scale == pytest.approx(taken.parameters.scale / 2)
    assert small.centre == pytest.approx(taken.parameters.centre / 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_agree_with_each_other(wardrobe: Wardrobe, seed: int) -> None:
    taken = photograph(seed, wardrobe)
    seen, body = taken.visible, taken.segmentation > 0
    assert all(np.isfinite(part).all() for part in (taken.mesh, taken.normals, taken.light, taken.depth[body]))
    assert np.isinf(taken.depth[~body]).all()
    assert np.linalg.norm(taken.normals[body], axis=1) == pytest.approx(1, abs=1e-3)
    assert not taken.normals[~body].any()
    assert set(np.unique(taken.segmentation)) <= set(Region)
    if not seen[:468].any():
        return
    points = taken.mesh[:468][seen[:468]]
    near = cv2.erode(taken.depth, np.ones((3, 3), np.uint8))
    far = cv2.dilate(taken.depth, np.ones((3, 3), np.uint8))
    slack = 0.08 * taken.parameters.scale
    assert (points[:, 2] > at(near, points) - slack).mean() > 0.99
    assert (points[:, 2] < at(far, points) + slack).mean() > 0.99
    faces = [Region.SKIN, Region.LIPS, Region.BROW, Region.EYE_RIGHT, Region.EYE_LEFT, Region.HAIR, Region.BEARD]
    faces += [Region.MOUTH, Region.TEETH, Region.TONGUE, Region.GLASSES]
    assert np.isin(at(taken.segmentation, points), faces).mean() > 0.9


def test_seen_irises_are_on_eyes_and_lips_on_lips(wardrobe: Wardrobe) -> None:
    eyes, mouths = [], []
    for seed in SEEDS:
        taken = photograph(seed, wardrobe)
        for pupil, eye in zip(PUPILS, (Region.EYE_RIGHT, Region.EYE_LEFT), strict=True):
            if taken.visible[pupil]:
                shown = cv2.dilate((taken.segmentation == eye).astype(np.uint8), np.ones((3, 3)))
                eyes.append(at(shown, taken.mesh[[pupil]]))
        middle = (taken.mesh[[0, 17]] + taken.mesh[[13, 14]]) / 2  # of the upper and of the lower lip
        shown = taken.visible[[0, 17]] & taken.visible[[13, 14]]
        mouths.extend(at(taken.segmentation, middle[shown]).tolist())
    assert len(eyes) > 6
    assert np.mean(eyes) == 1
    assert len(mouths) > 6
    assert np.mean(np.isin(mouths, (Region.LIPS, Region.BEARD))) > 0.8


def test_calm_people_face_the_camera_with_nothing_before_the_face(wardrobe: Wardrobe) -> None:
    for seed in range(4):
        taken = photograph(seed, wardrobe, calm=True)
        assert np.abs(np.degrees(taken.parameters.rotation)).max() < 25
        assert taken.parameters.actions.max() < 0.7
        assert taken.visible.mean() > 0.6
        assert not np.isin(taken.segmentation, (Region.OCCLUDER, Region.HAT, Region.GLASSES)).any()


@pytest.mark.parametrize("seed", [1, 2])
def test_parameters_tell_where_the_pupils_are(wardrobe: Wardrobe, seed: int) -> None:
    taken = photograph(seed, wardrobe, calm=True)
    grey = cv2.GaussianBlur(taken.picture, (0, 0), 0.5).astype(float).mean(-1)
    for pupil in PUPILS:
        x, y = taken.mesh[pupil, :2].astype(int)
        radius = 0.16 * taken.parameters.scale
        white = max(grey[y, int(x - radius)], grey[y, int(x + radius)])
        assert grey[y - 1 : y + 2, x - 1 : x + 2].min() < 0.8 * white


def test_the_same_person_opens_the_mouth(wardrobe: Wardrobe) -> None:
    person = Person.random(4, wardrobe, calm=True)
    actions = person.actions.copy()
    actions[ACTION_INDEX["jawOpen"]] = 0.8
    before = photograph(4, wardrobe, calm=True)
    after = person.posed(actions=actions).photograph(wardrobe, SIZE, supersample=1)
    assert np.array_equal(after.parameters.identity, before.parameters.identity)
    gap = np.linalg.norm(after.mesh[13] - after.mesh[14]) - np.linalg.norm(before.mesh[13] - before.mesh[14])
    assert gap > 0.1 * after.parameters.scale
    inside = (Region.MOUTH, Region.TEETH, Region.TONGUE)
    assert np.isin(after.segmentation, inside).sum() > np.isin(before.segmentation, inside).sum() + 10
    assert np.abs(after.picture[:20, :20].astype(int) - before.picture[:20, :20]).mean() < 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_covers_the_head_is_labelled_and_hides(wardrobe: Wardrobe, kind: str) -> None:
    person = Person.random(4, wardrobe, calm=True)
    hat = replace(random_headwear(np.random.default_rng(1)), kind=kind)
    taken = replace(person, outfit=replace(person.outfit, headwear=hat)).photograph(wardrobe, SIZE, supersample=1)
    assert (taken.segmentation == Region.HAT).sum() > 50
    if hat.covers:
        assert not (taken.segmentation == Region.HAIR).any()
    assert taken.visible[PUPILS[0]]
    assert taken.visible[PUPILS[1]]


def test_dark_glasses_hide_eyes_and_clear_ones_do_not(wardrobe: Wardrobe) -> None:
    person = Person.random(4, wardrobe, calm=True)
    glasses = replace(random_glasses(np.random.default_rng(1)), width=0.4, height=0.35, rim=0.02, fade=0.0)
    for dark, seen in ((0.95, False), (0.05, True)):
        outfit = replace(person.outfit, glasses=replace(glasses, dark=dark))
        taken = replace(person, outfit=outfit).photograph(wardrobe, SIZE, supersample=1)
        assert (taken.segmentation == Region.GLASSES).any()
        assert taken.visible[list(PUPILS)].tolist() == [seen, seen]


def test_a_face_mask_hides_the_mouth(wardrobe: Wardrobe) -> None:
    person = Person.random(4, wardrobe, calm=True)
    mask = replace(random_held(np.random.default_rng(1), person.look.tone), kind="mask")
    taken = replace(person, outfit=replace(person.outfit, held=mask)).photograph(wardrobe, SIZE, supersample=1)
    assert not taken.visible[[0, 13, 14, 17, 61, 291]].any()
    assert at(taken.segmentation, taken.mesh[[13, 14]]).tolist() == [Region.OCCLUDER] * 2
    assert taken.visible[list(PUPILS)].all()


def test_the_lens_leaves_labels_alone(wardrobe: Wardrobe) -> None:
    plain = photograph(4, wardrobe, calm=True)
    person = Person.random(4, wardrobe, calm=True)
    for medium in range(5):
        lens = replace(person.lens, medium=medium, shrink=0.4, quality=15, noise=9.0, motion=np.array((0.02, 0.0)))
        taken = replace(person, lens=lens).photograph(wardrobe, SIZE, supersample=1)
        assert taken.picture.shape == plain.picture.shape
        assert not np.array_equal(taken.picture, plain.picture)
        assert np.array_equal(taken.segmentation, plain.segmentation)
        assert np.array_equal(taken.mesh, plain.mesh)


def test_sex_age_and_weight_show_in_the_head() -> None:
    def face(*traits: float) -> np.ndarray:
        return HEAD.neutral(random_identity(np.random.default_rng(0), np.array(traits), 0.0))

    def length(points: np.ndarray) -> float:
        return points[152, 1] - points[10, 1]

    def lips(points: np.ndarray) -> float:
        return points[17, 1] - points[0, 1]

    man, woman = (at_mesh(face(sex, 0.3, 0.5)) for sex in (1, 0))
    assert length(man) > 1.02 * length(woman)
    assert man[168, 2] - man[4, 2] > 1.1 * (woman[168, 2] - woman[4, 2])  # how far the nose stands out
    assert lips(at_mesh(face(0.5, 1, 0.5))) < 0.9 * lips(at_mesh(face(0.5, 0, 0.5)))  # lips get thinner with age
    assert np.abs(face(0.5, 0.3, 1) - face(0.5, 0.3, 0)).max() > 0.03


def test_every_action_and_turn_occurs() -> None:
    rng = np.random.default_rng(0)
    actions = np.stack([random_actions(rng) for _ in range(1500)])
    rotations = np.stack([random_rotation(rng) for _ in range(1500)])
    gaze = np.stack([random_gaze(rng, rotation) for rotation in rotations])
    acted = [i for name, i in ACTION_INDEX.items() if not name.startswith("eyeLook")]  # these follow the gaze
    assert (actions[:, acted].max(0) > 0.4).all()
    assert (actions >= 0).all()
    assert (actions <= 1).all()
    assert ((actions > 0.3).sum(1) == 0).mean() > 0.1  # many at rest
    closed, opened = ACTION_INDEX["mouthClose"], ACTION_INDEX["jawOpen"]
    assert (actions[:, closed] <= actions[:, opened]).all()
    yaw, pitch = np.abs(rotations[:, 0]), np.abs(rotations[:, 1])
    assert 0.2 < (yaw > np.radians(30)).mean() < 0.6
    assert (yaw > np.radians(60)).mean() > 0.05
    assert yaw.max() <= YAW + 1e-6
    assert np.radians(30) < pitch.max() <= PITCH + 1e-6
    assert (np.abs(gaze - RESTING) <= GAZE + 1e-6).all()
    assert (np.abs(gaze[..., 0]) > np.radians(25)).mean() > 0.05
    left, right = (actions[:, ACTION_INDEX["mouthSmile" + side]] for side in ("Left", "Right"))
    assert np.abs(left - right).max() > 0.2


def test_mesh_points_mirror() -> None:
    """On a head made symmetric, a gaze to one side is the mirror image of the same gaze to the other."""
    centres = HEAD.eye_mean.copy()
    right, left = (
        mesh_points(HEAD, HEAD.turn_eyes(HEAD.mean.copy(), centres, turned), centres, turned)
        for turned in (np.tile((0.3, 0.1), (2, 1)), np.tile((-0.3, 0.1), (2, 1)))
    )
    mirrored = left[MIRROR] * (-1, 1, 1)
    assert np.abs(right[468:] - mirrored[468:]).max() < 0.02
    assert np.abs(right - mirrored).max() < 0.12
    assert np.allclose(right[:468], at_mesh(HEAD.mean), atol=1e-5)
    assert right[469, 0] > right[468, 0] > right[471, 0]
    assert right[470, 1] < right[468, 1] < right[472, 1]


def test_cards_ride_on_the_head(assets: Path) -> None:
    cards = read_cards(assets / "proxies/hair" / HAIR[0], HEAD)
    assert len(cards.triangles) == 4
    assert cards.triangles.max() < len(cards.references)
    assert (cards.references >= 0).all()  # the quad that is bound to the body rides on the head too
    placed = cards.vertices(HEAD.mean)
    lifted = HEAD.mean[cards.references[:, 0]] - (0, 0, 0.1 / UNIT_DECIMETRES)
    assert np.allclose(placed[:4], lifted[:4], atol=1e-4)  # MakeHuman's z points out of the face, ours into it
    assert np.allclose(cards.vertices(HEAD.mean + 1.0), placed + 1.0, atol=1e-4)
    mirrored = cards.mirrored(HEAD).vertices(HEAD.mean)
    assert np.allclose(mirrored, placed * (-1, 1, 1), atol=0.06)
    assert np.abs(cards.vertices(HEAD.mean, 1.5) - placed).max() > 0.05


def test_missing_assets_are_named(tmp_path: Path, assets: Path) -> None:
    with pytest.raises(UnreadableError, match="vasari data assets"):
        Wardrobe(tmp_path)
    with pytest.raises(UnreadableError, match="no skin textures"):
        _ = Wardrobe(assets, tmp_path).skins
    with pytest.raises(UnreadableError, match="cannot be read"):
        Wardrobe(assets).hair("wig99")


def test_the_command_line_names_missing_skins_before_any_work(assets: Path, tmp_path: Path) -> None:
    words = ["people", "-o", tmp_path / "people", "-n", 2, "--assets", assets, "--skins", tmp_path]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, UnreadableError)
    assert "no skin textures" in str(done.exception)
    assert not (tmp_path / "people").exists()


def test_a_film_without_the_person_is_not_one_of_them(wardrobe: Wardrobe, tmp_path: Path) -> None:
    """Whatever a caller says was drawn: where nobody is seen, anything might have been."""
    permit = Permit.rendered(Person.random(4, wardrobe, calm=True), wardrobe, SIZE, keys=Keys.open(tmp_path / "keys"))
    wall = np.full((SIZE, SIZE, 3), 120, np.uint8)
    with pytest.raises(ConsentError, match="no face is seen"):
        save_video(tmp_path / "a.mp4", permit.perform(Rendered, [wall] * 5, command="test"))
    assert not list(tmp_path.glob("*.mp4"))


def test_people_too_noisy_to_bear_a_mark_are_left_out_and_counted(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    taken = Person.photograph

    def noisy(self: Person, *given, **chosen):
        shot = taken(self, *given, **chosen)
        noise = np.random.default_rng(0).choice(np.uint8((0, 255)), shot.picture.shape)
        return replace(shot, picture=noise) if self.seed == 5 else shot

    monkeypatch.setattr(Person, "photograph", noisy)
    monkeypatch.setattr("vasari.commands.data.each", lambda do, seeds, workers: map(do, seeds))  # in this process
    words = ["people", "-o", tmp_path / "people", "-n", 3, "--assets", assets, "--size", SIZE, "--seed", 4]
    done = CliRunner().invoke(app, [*map(str, words), "--calm", "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "2 people; 1 left out" in done.output
    made = sorted(path.name for path in (tmp_path / "people").iterdir())
    assert made == ["000004.npz", "000004.png", "000006.npz", "000006.png"]


def test_people_are_made_by_the_command_line_as_nobody(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASARI_KEYS", str(tmp_path / "keys"))
    words = [
        "people",
        "-o",
        tmp_path / "people",
        "-n",
        2,
        "--assets",
        assets,
        "--size",
        SIZE,
        "--seed",
        4,
        "--calm",
        "--workers",
        1,
    ]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    made = sorted(path.name for path in (tmp_path / "people").iterdir())
    assert made == ["000004.npz", "000004.png", "000005.npz", "000005.png"]
    portrait = tmp_path / "people/000004.png"
    assert read_picture(portrait).shape == (SIZE, SIZE, 3)
    assert is_nobody(portrait, Keys.open())
    assert verify(portrait, keys=Keys.open()).exit_code == 0
    truth = Person.random(4, Wardrobe(assets), calm=True).photograph(Wardrobe(assets), SIZE)
    with np.load(portrait.with_suffix(".npz")) as labels:
        assert set(labels.files) == set(truth.labels())
        assert labels["rotation"] == pytest.approx(np.degrees(truth.parameters.rotation), abs=1e-4)
        assert float(labels["scale"]) == pytest.approx(truth.parameters.scale)
        assert np.array_equal(labels["mesh"], truth.mesh)
        assert np.array_equal(labels["segmentation"], truth.segmentation)
        body = truth.segmentation > 0
        assert labels["depth"].dtype == np.float16
        assert np.abs(labels["depth"][body] - truth.depth[body]).max() < 0.2
        assert np.abs(labels["normals"] - truth.normals).max() < 0.01


def test_lights_are_unit_directions_that_shine() -> None:
    for seed in range(8):
        light = random_light(np.random.default_rng(seed))
        for directions, colours in ((light.directions, light.colours), (light.keys, light.key_colours)):
            assert np.linalg.norm(directions, axis=1) == pytest.approx(1, abs=1e-5)
            assert (colours >= 0).all()
        assert np.linalg.norm(light.key) == pytest.approx(1, abs=1e-5)
        coefficients = light.harmonics()
        total = 0.282095 * (light.colours.sum(0) + light.key_colours.sum(0))
        assert coefficients[0] == pytest.approx(total, rel=1e-4)
