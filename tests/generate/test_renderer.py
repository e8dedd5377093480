"""Rendering without a painter: what must move, moves; what must stay, stays."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest
from sitters import latent

from faces.actions import ACTION_INDEX
from generate import Renderer, Talker, retarget
from generate.painter import Painter
from generate.talker import SPEECH_OWNS
from generate.windows import EYE_LEFT, EYE_RIGHT, MOUTH, SHAPES, WINDOWS

SIZE = 256


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(latent(SIZE))


def window_slices(renderer: Renderer) -> dict[str, tuple[slice, slice]]:
    """Where the windows lie at rest."""
    windows = renderer.prepare(latent(SIZE)).windows
    shapes = {name: window.composite.shape for name, window in windows.items()}
    return {n: np.s_[w.top : w.top + shapes[n][0], w.left : w.left + shapes[n][1]] for n, w in windows.items()}


def turned(degrees: tuple[float, float, float]):
    face = latent(SIZE)
    return face.with_pose(face.pose.moved(np.radians(degrees), np.zeros(3), np.zeros(2)))


def test_the_same_latent_gives_the_same_frame(renderer: Renderer) -> None:
    first = renderer.render(latent(SIZE))
    renderer.render(turned((12, 5, 0)))
    renderer.render(latent(SIZE).edit(jawOpen=0.7))
    again = renderer.render(latent(SIZE))
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(first, Renderer(latent(SIZE)).render(latent(SIZE)))


def test_at_rest_the_portrait_comes_back(renderer: Renderer) -> None:
    picture = latent(SIZE).appearance.picture
    difference = np.abs(renderer.render(latent(SIZE)).astype(int) - picture).max(-1)
    outside = np.ones((SIZE, SIZE), bool)
    for where in window_slices(renderer).values():
        outside[where] = False
    assert difference[outside].mean() < 1.0
    assert np.quantile(difference[outside], 0.95) <= 3
    assert difference[~outside].mean() < 6
    assert np.array_equal(latent(SIZE).appearance.picture, picture)


def test_flow_at_rest_is_the_identity_map(renderer: Renderer) -> None:
    face = latent(SIZE)
    points, depth = renderer.geometry(face)
    flow = renderer.flow.backward(points, depth, face.appearance.points, face.appearance.unit)
    axis = np.arange(SIZE)
    away = np.linalg.norm(flow - np.stack(np.meshgrid(axis, axis), -1), axis=-1)
    assert np.median(away) < 0.05
    # Skin that turns away from the camera borrows pixels from its neighbours, so its rim moves a little; the face not.
    x, y = np.meshgrid(axis, axis)
    oval = np.hypot(x - face.pose.centre[0], (y - face.pose.centre[1] - 0.4 * face.pose.scale) / 1.2)
    assert np.quantile(away[oval < 0.85 * face.pose.scale], 0.98) < 0.3
    assert away.mean() < 0.3


@pytest.mark.parametrize("degrees", [(10, 0, 0), (-10, 0, 0), (0, 10, 0), (0, -10, 0), (5, 5, 8)])
def test_corners_of_the_background_stay(renderer: Renderer, degrees: tuple[float, float, float]) -> None:
    picture = latent(SIZE).appearance.picture.astype(int)
    frame = renderer.render(turned(degrees)).astype(int)
    corner = SIZE // 10
    for rows in (slice(0, corner), slice(-corner, None)):
        for columns in (slice(0, corner), slice(-corner, None)):
            assert np.abs(frame[rows, columns] - picture[rows, columns]).max() <= 1
    middle = np.s_[SIZE // 3 : 2 * SIZE // 3, SIZE // 3 : 2 * SIZE // 3]
    assert np.abs(frame[middle] - picture[middle]).mean() > 4


def test_the_face_goes_where_the_head_turns(renderer: Renderer) -> None:
    rest, right, down = (renderer.render(turned(d)) for d in ((0, 0, 0), (12, 0, 0), (0, 12, 0)))
    patch = np.s_[105:150, 100:156]  # eyes and nose

    def shift(frame: np.ndarray) -> tuple[int, int]:
        found = cv2.matchTemplate(frame, np.ascontiguousarray(rest[patch]), cv2.TM_CCOEFF_NORMED)
        y, x = np.unravel_index(found.argmax(), found.shape)
        return int(x) - 100, int(y) - 105

    assert shift(rest) == (0, 0)
    assert shift(right)[0] >= 4
    assert shift(down)[1] >= 3


def test_an_open_jaw_darkens_the_mouth(renderer: Renderer) -> None:
    shut, wide = latent(SIZE).edit(jawOpen=0.0), latent(SIZE).edit(jawOpen=0.7)
    before, after = (renderer.prepare(face).windows for face in (shut, wide))
    where = window_slices(renderer)
    closed, opened = (renderer.render(face).astype(int) for face in (shut, wide))
    assert np.abs(opened[where[MOUTH]] - closed[where[MOUTH]]).mean() > 5
    inside = after[MOUTH].seen[9:13].sum(0) > 0.5  # teeth, tongue, cavity
    assert inside.mean() > 0.03
    assert inside.sum() > 4 * (before[MOUTH].seen[9:13].sum(0) > 0.5).sum()
    lips = before[MOUTH].composite.mean()
    assert after[MOUTH].composite[inside].mean() < 0.8 * lips
    brow = np.s_[: where[EYE_LEFT][0].start]
    assert np.abs(opened[brow] - closed[brow]).mean() < 1


def test_shut_eyes_change_the_eyes_and_little_else(renderer: Renderer) -> None:
    open_, shut = latent(SIZE).edit(eyeBlinkLeft=0, eyeBlinkRight=0), latent(SIZE).edit(eyeBlinkLeft=1, eyeBlinkRight=1)
    where = window_slices(renderer)
    before, after = (renderer.render(face).astype(int) for face in (open_, shut))
    for name in (EYE_LEFT, EYE_RIGHT):
        assert np.abs(after[where[name]] - before[where[name]]).mean() > 2.5
        ball = [renderer.prepare(face).windows[name].seen[9].sum() for face in (open_, shut)]
        assert ball[1] < 0.35 * ball[0]
    assert np.abs(after[where[MOUTH]] - before[where[MOUTH]]).mean() < 0.5


def test_gaze_moves_the_irises(renderer: Renderer) -> None:
    face = latent(SIZE)

    def darkest(look: float) -> float:
        pose = face.pose.moved(np.zeros(3), np.zeros(3), np.array([look, 0]))
        window = renderer.prepare(face.with_pose(pose)).windows[EYE_LEFT]
        ball = window.seen[9] > 0.5
        dark = (1 - window.composite.mean(-1)) ** 6 * ball
        return float((dark * np.arange(ball.shape[1])).sum() / dark.sum())

    assert darkest(0.35) > darkest(0.0) + 1 > darkest(-0.35) + 2


def test_another_identity_changes_the_shape_alone(renderer: Renderer) -> None:
    swapped = latent(SIZE).with_identity(latent(SIZE, 1).identity)
    frame = renderer.render(swapped).astype(int)
    picture = latent(SIZE).appearance.picture.astype(int)
    assert np.abs(frame - picture).mean() > 0.5
    assert np.abs(frame[:20, :20] - picture[:20, :20]).max() <= 1


@pytest.mark.parametrize("size", [128, 256, 640])
def test_windows_scale_with_the_frame(size: int) -> None:
    maker = Renderer(latent(size))
    windows = maker.prepare(latent(size)).windows
    for name in WINDOWS:
        height, width = windows[name].composite.shape[:2]
        assert (height, width) == pytest.approx(np.array(SHAPES[name]) * size / 512, abs=1)
        assert windows[name].seen.shape == (14, height, width)
        assert np.isfinite(windows[name].seen).all()


def test_a_head_that_leaves_the_frame_is_no_error(renderer: Renderer) -> None:
    face = latent(SIZE)
    for shift in ((4.0, 0, 0), (0, -4.0, 0), (-9.0, 9.0, 0)):
        gone = face.with_pose(face.pose.moved(np.zeros(3), np.array(shift), np.zeros(2)))
        with np.errstate(all="raise", under="ignore"):
            assert renderer.render(gone).shape == (SIZE, SIZE, 3)


@dataclass
class Piece:
    """A stretch of performance."""

    actions: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray

    def cut(self, start: int, stop: int) -> "Piece":
        return Piece(*(value[start:stop] for value in vars(self).values()))


def performance(frames: int = 7) -> Piece:
    t = np.linspace(0, 1, frames)[:, None].astype(np.float32)
    actions = np.zeros((frames, 52), np.float32)
    actions[:, ACTION_INDEX["jawOpen"]] = 0.5 * t[:, 0]
    return Piece(actions, t * (0.2, 0.1, 0.05), t * (0.05, 0.0, 0.1), t * (0.2, -0.1))


def test_talker_renders_what_retarget_says_in_any_pieces(renderer: Renderer) -> None:
    whole, face = performance(), latent(SIZE)
    frames = list(Talker(face, None).frames([whole]))
    moments = zip(whole.actions, whole.rotation, whole.translation, whole.gaze, strict=True)
    for frame, moment in zip(frames, moments, strict=True):
        assert np.array_equal(frame, renderer.render(retarget(face, *moment)))
    cuts = [0, 1, 1, 4, 7]  # an empty piece among them
    pieces = [whole.cut(a, b) for a, b in pairwise(cuts)]
    again = list(Talker(face, None).frames(iter(pieces)))
    assert len(again) == len(frames)
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
    assert list(Talker(face, None).frames([])) == []


def test_talker_gives_frames_before_the_movements_end() -> None:
    asked = 0

    def movements():
        nonlocal asked
        for k in range(7):
            asked = k + 1
            yield performance().cut(k, k + 1)

    next(Talker(latent(SIZE), None).frames(movements()))
    assert asked <= 2


def test_an_error_in_the_movements_reaches_the_caller() -> None:
    def movements():
        yield performance().cut(0, 2)
        raise ValueError("the sound broke off")

    with pytest.raises(ValueError, match="the sound broke off"):
        list(Talker(latent(SIZE), None).frames(movements()))


def test_retarget_keeps_the_sitters_rest() -> None:
    face = latent(SIZE).edit(jawOpen=0.4, mouthSmileLeft=0.5, browInnerUp=0.2)
    still = retarget(face, np.zeros(52, np.float32), np.zeros(3), np.zeros(3), np.zeros(2))
    assert still.actions[ACTION_INDEX["jawOpen"]] == 0  # speech owns the jaw
    assert still.actions[ACTION_INDEX["mouthSmileLeft"]] == pytest.approx(0.4)
    assert SPEECH_OWNS[ACTION_INDEX["jawOpen"]]
    assert not SPEECH_OWNS[ACTION_INDEX["mouthSmileLeft"]]
    assert still.pose.centre == pytest.approx(face.pose.centre, abs=1e-3)
    assert still.identity is face.identity
    assert still.appearance is face.appearance


def test_eyes_hold_their_target_while_the_head_turns() -> None:
    face = latent(SIZE)
    rotation = np.array([0.2, -0.1, 0.0])
    moved = retarget(face, np.zeros(52, np.float32), rotation, np.zeros(3), np.zeros(2))
    assert moved.pose.gaze - face.pose.gaze == pytest.approx(np.tile(-rotation[:2], (2, 1)), abs=1e-5)


@pytest.mark.parametrize("index", [0, 1])
def test_a_still_face_is_the_photograph(index: int) -> None:
    face = latent(SIZE, index)
    renderer = Renderer(face)
    frame, picture = renderer.render(face).astype(int), face.appearance.picture.astype(int)
    prepared = renderer.prepare(face)
    assert all(still == pytest.approx(1, abs=1e-6) for still in prepared.still.values())
    for name, window in prepared.windows.items():
        height, width = window.composite.shape[:2]
        y, x = window.top + height // 4, window.left + width // 4
        middle = np.s_[y : y + height // 2, x : x + width // 2]
        assert np.abs(frame[middle] - picture[middle]).max() <= 1, name


def test_a_still_frame_is_the_whole_photograph() -> None:
    face = latent(512)
    frame = Renderer(face, Painter(threads=1)).render(face).astype(int)
    assert np.abs(frame - face.appearance.picture).max() <= 2


def test_what_is_missing_at_rest_is_not_added_far_from_it() -> None:
    face = latent(SIZE)
    renderer = Renderer(face)
    still = renderer.prepare(face.edit(jawOpen=0.5, eyeBlinkLeft=1, eyeBlinkRight=1)).still
    assert max(still.values()) < 0.01
    away = face.with_pose(face.pose.moved(np.zeros(3), np.array([0.2, 0.1, 0]), np.zeros(2)))
    assert min(renderer.prepare(away).still.values()) > 0.99  # the head moved, the face did not
    looking = face.with_pose(face.pose.moved(np.zeros(3), np.zeros(3), np.array([0.3, 0])))
    told = renderer.prepare(looking).still
    assert max(told[EYE_LEFT], told[EYE_RIGHT]) < 0.1 < 0.9 < told[MOUTH]
