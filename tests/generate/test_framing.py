"""Twelve framings of strangers' pictures: no streak in the first frame, nor in frames in which the head moves."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from framings import FRAMINGS, found, framing, streaks
from sitters import latent

from faces.crop import UNIT_512, margin_of, usual_box
from generate import FaceLatent, Renderer, Talker, retarget
from generate.acting.controls import REST_DISTANCE
from generate.painter import Painter
from media.errors import UsageError
from vasari.studio import seat

SIZE = 512
MOVES = ((20, 0, 1), (-20, 0, 1), (0, 12, 1), (0, -12, 1), (0, 0, 0.85), (0, 0, 1.2), (-20, 12, 0.85))
"""Yaw and pitch in degrees, and distance."""
REACHING = [name for name in FRAMINGS if name != "tiny in a landscape"]  # whose usual square reaches over the border


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(threads=1)


def moved(face: FaceLatent, yaw: float, pitch: float, distance: float) -> FaceLatent:
    """The face as a performance moves it, speaking."""
    actions = face.edit(jawOpen=0.3).actions
    translation = np.array([0, 0, REST_DISTANCE * (1 - distance)])
    return retarget(face, actions, np.radians((yaw, pitch, 0)), translation, np.zeros(2))


def frames(renderer: Renderer, face: FaceLatent) -> Iterator[np.ndarray]:
    yield renderer.render(face)
    for move in MOVES:
        yield renderer.render(moved(face, *move))


@pytest.mark.parametrize("name", REACHING)
def test_streaks_are_seen_where_a_border_is_repeated(name: str) -> None:
    picture = framing(name)
    assert streaks(picture) == 0
    box = usual_box(picture.shape, found(name).parameters)
    factor = SIZE / box.side
    matrix = np.array([[factor, 0, -box.left * factor], [0, factor, -box.top * factor]])
    repeated = cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    assert streaks(repeated) > 20


@pytest.mark.parametrize("name", FRAMINGS)
def test_no_streak_in_any_frame(name: str, painter: Painter) -> None:
    face = FaceLatent.encode(framing(name), found(name), size=SIZE)
    shown = [streaks(frame) for frame in frames(Renderer(face, painter), face)]
    assert shown == [0] * len(shown)
    turned = moved(face, *MOVES[0])
    assert streaks(Renderer(face).render(turned)) == 0  # without a painter
    alone = replace(face, appearance=replace(face.appearance, around=None))  # whose surroundings are not known
    assert [streaks(Renderer(alone, painter).render(moved(alone, *move))) for move in MOVES[3:5]] == [0, 0]


@pytest.mark.parametrize("name", ["top", "upper right"])
def test_streaks_are_seen_where_moved_frames_repeat_the_border(name: str, painter: Painter) -> None:
    face = FaceLatent.encode(framing(name), found(name), size=SIZE)
    margin = margin_of(SIZE)
    around = cv2.copyMakeBorder(face.appearance.picture, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    face = replace(face, appearance=replace(face.appearance, around=around))
    assert max(streaks(frame) for frame in frames(Renderer(face, painter), face)) > 0


@pytest.mark.parametrize("crop", ["face", "square", "full"])
def test_a_sitter_is_framed_as_asked(crop: str, painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generate.talker.Painter", lambda: painter)
    for name in ("tiny in a landscape", "upper right"):
        picture = framing(name)
        permit = SimpleNamespace(picture=picture)
        sitter = seat(permit, size=256, crop=crop)
        face, renderer = sitter.talker.latent, sitter.talker.renderer
        first, turned = (sitter.place(renderer.render(one)) for one in (face, moved(face, *MOVES[0])))
        assert first.shape == turned.shape == (picture.shape if crop == "full" else (256, 256, 3))
        assert streaks(first) == streaks(turned) == 0
        assert np.abs(first.astype(int) - turned).mean() > 0.1
        if crop == "full":
            assert np.abs(first.astype(int) - picture).mean() < 6  # 256 pixels stand for 540
    if crop == "square":  # all of the landscape's height is seen, and the head where it was
        small = cv2.resize(framing("tiny in a landscape")[:, 540:1260], (256, 256), interpolation=cv2.INTER_AREA)
        square = seat(SimpleNamespace(picture=framing("tiny in a landscape")), size=256, crop=crop)
        assert np.abs(square.place(square.talker.latent.appearance.picture).astype(int) - small).mean() < 4


def test_an_unknown_crop_is_refused() -> None:
    with pytest.raises(UsageError, match="'tall': choose one of face, square, full"):
        seat(SimpleNamespace(picture=framing("top")), size=256, crop="tall")


def test_a_head_that_fills_its_frame_stays_in_it() -> None:
    name = "larger than the picture"
    face = FaceLatent.encode(framing(name), found(name), size=256)
    unit = face.appearance.unit
    assert unit > 1.5 * UNIT_512 / 2
    for move in MOVES:
        shift = moved(face, *move).pose.centre - face.pose.centre
        assert np.abs(shift).max() < 0.3 * unit
    free = face.pose.moved(np.radians((20, 0, 0)), np.zeros(3), np.zeros(2)).centre - face.pose.centre
    assert np.abs(free).max() > 0.3 * unit
    little = moved(face, 1, 1, 1).pose.centre
    assert np.allclose(little, face.pose.moved(np.radians((1, 1, 0)), np.zeros(3), np.zeros(2)).centre)


def test_a_head_with_room_moves_as_it_is_told() -> None:
    face = latent(256)
    assert face.appearance.room is None
    told = face.pose.moved(np.radians((20, 12, 3)), np.array([0.8, 0.2, 0.1]), np.zeros(2))
    followed = face.moved(np.radians((20, 12, 3)), np.array([0.8, 0.2, 0.1]), np.zeros(2))
    assert np.array_equal(followed.pose.centre, told.centre)
    assert Talker(face, None).box.side == 256
