"""Faces through videos: steady and without lag, the same people after cuts, gaps and crossings."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from sitters import mesh_points, portrait, tracked, tracker

from faces.actions import ACTION_INDEX
from faces.arrays import arrays_of
from faces.landmarks import CROP_SCALE, OUTER_EYES
from faces.offline import smooth
from faces.smoothing import Crop, Smoother, smooth_run
from faces.track import Track

SIZE = 192  # pixels a side of the small portraits in the scenes
SCENE = (256, 512)


@cache
def small(index: int) -> tuple[np.ndarray, np.ndarray]:
    """A portrait of SIZE pixels and a soft oval mask (SIZE, SIZE, 1) of its head."""
    picture = cv2.resize(portrait(index), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    track = tracked(index)
    x, y = track.landmarks[:468].mean(0) * SIZE / 512
    size = track.size * SIZE / 512
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.ellipse(mask, (round(float(x)), round(float(y))), (round(0.62 * size), round(0.8 * size)), 0, 0, 360, 1, -1)
    return picture, cv2.GaussianBlur(mask, (0, 0), 2)[..., None]


def scene(*people: tuple[int, float], seed: int = 0) -> np.ndarray:
    """A frame with people (which portrait, pixels of its left border), the last in front."""
    rng = np.random.default_rng(seed)
    grid = rng.integers(60, 180, (4, 6, 3)).astype(np.uint8)
    frame = cv2.resize(grid, SCENE[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    for index, left in people:
        picture, mask = small(index)
        shift = np.float32([[1, 0, left], [0, 1, 30]])
        there = cv2.warpAffine(picture, shift, SCENE[::-1]).astype(np.float32)
        over = cv2.warpAffine(mask, shift, SCENE[::-1])[..., None]
        frame = over * there + (1 - over) * frame
    return frame.astype(np.uint8)


def places(rows: list[list[Track]]) -> list[dict[int, float]]:
    """For each frame, person -> x of the eyes' midpoint."""
    return [{t.person: float(t.parameters.centre[0]) for t in row} for row in rows]


def test_two_people_cross_and_stay_themselves() -> None:
    frames = [scene((1, 300 - 8 * k), (0, 8 * k)) for k in range(38)]
    seen = places(list(tracker().follow_all(frames)))
    first = min(seen[0], key=seen[0].__getitem__)  # who starts on the left
    (other,) = set(seen[0]) - {first}
    assert set(seen[-1]) == {first, other}
    assert set().union(*seen) == {first, other}
    assert seen[-1][first] > seen[-1][other] + 150
    assert all(first in row for row in seen)  # the one in front is never lost


def test_people_keep_their_numbers_through_cuts_and_gaps() -> None:
    shots = [(scene((0, 60)), 6), (scene((1, 60), seed=1), 6), (scene(seed=2), 3), (scene((0, 200), (2, 0)), 6)]
    frames = [frame for frame, count in shots for _ in range(count)]
    seen = places(list(tracker().follow_all(frames)))
    assert [sorted(seen[k]) for k in (5, 11, 13, 20)] == [[1], [2], [], [1, 3]]
    assert seen[20][1] > seen[20][3]


def test_after_something_passed_before_a_face_it_is_the_same_person() -> None:
    frames = [scene((0, 20 + 3 * k)) for k in range(24)]
    for frame in frames[8:14]:
        frame[:, 20:300] = (40, 90, 60)
    tracks = list(tracker().follow(frames))
    found = [t is not None for t in tracks]
    assert found[:8] == [True] * 8
    assert not any(found[9:14])
    assert all(found[15:])
    assert {t.person for t in tracks if t} == {1}


def test_a_stream_is_the_same_as_a_file() -> None:
    frames = [scene((0, 40 + 4 * k)) for k in range(8)]
    follower = tracker()._follower(everyone=True)
    streamed = [follower.step(frame) for frame in frames]
    for a, b in zip(streamed, tracker().follow_all(iter(frames)), strict=True):
        assert len(a) == len(b) == 1
        assert np.array_equal(a[0].landmarks, b[0].landmarks)
        assert np.array_equal(a[0].parameters.actions, b[0].parameters.actions)
        assert np.array_equal(a[0].parameters.rotation, b[0].parameters.rotation)


def test_frames_are_taken_as_they_come() -> None:
    """No frame is asked for before the last one's track was given."""
    asked = 0

    def frames():
        nonlocal asked
        for k in range(4):
            asked += 1
            yield scene((0, 40 + k))

    for given, track in enumerate(tracker().follow(frames()), 1):
        assert asked == given
        assert track is not None


def noisy(frame: np.ndarray, seed: int, grain: float = 4.0) -> np.ndarray:
    return np.clip(frame + np.random.default_rng(seed).normal(0, grain, frame.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("offline", [False, True])
def test_a_still_face_is_still(offline: bool) -> None:
    """Root mean square wander below 0.1% of the eyes' distance under fresh noise in every frame."""
    frames = [noisy(portrait(1), k) for k in range(30)]
    tracks = list(tracker().follow(frames, offline=offline))[5:]
    points = np.stack([t.landmarks for t in tracks])
    eyes = np.linalg.norm(points[0, OUTER_EYES[1]] - points[0, OUTER_EYES[0]])
    wander = np.sqrt(np.square(points - points.mean(0)).sum(-1).mean())
    assert wander < 1e-3 * eyes
    assert np.stack([t.parameters.rotation for t in tracks]).std(0).max() < np.radians(0.15)


def test_a_fast_face_is_not_lagged_behind() -> None:
    still = cv2.resize(portrait(0), (256, 256), interpolation=cv2.INTER_AREA)
    start = tracker().portrait(still)[0].landmarks
    shifts = 22 * np.sin(2 * np.pi * 1.3 * np.arange(24) / 25)
    frames = [cv2.warpAffine(still, np.float32([[1, 0, s], [0, 1, 0]]), (256, 256), borderMode=1) for s in shifts]
    found = np.array([t.landmarks[:, 0].mean() for t in tracker().follow(frames)]) - start[:, 0].mean()
    speed = np.gradient(shifts)
    assert abs(((found - shifts) * speed).sum() / (speed * speed).sum()) < 0.4  # frames
    assert np.abs(found - shifts)[2:].max() < 1.5  # pixels


def motion(kind: str, count: int = 60) -> np.ndarray:
    """Exact mesh points (T, 478, 2) of a head that talks or blinks while it drifts."""
    from test_fit import random_head

    head, rows = random_head(1), []
    for k in range(count):
        actions = head.actions.copy()
        if kind == "speech":
            actions[ACTION_INDEX["jawOpen"]] = 0.2 + 0.2 * np.sin(2 * np.pi * 4 * k / 25)
        elif kind == "blink":
            amount = {3: 0.5, 4: 1.0, 5: 0.7, 6: 0.3}.get(k % 20, 0.0)
            actions[[ACTION_INDEX["eyeBlinkLeft"], ACTION_INDEX["eyeBlinkRight"]]] = amount
        drift = np.array([0.2 * head.scale * np.sin(2 * np.pi * 0.4 * k / 25), 0.0])
        rows.append(mesh_points(replace(head, actions=actions, centre=head.centre + drift)))
    return np.stack(rows).astype(float)


@pytest.mark.parametrize(("kind", "points"), [("speech", (13, 14, 0, 17)), ("blink", (159, 145, 386, 374))])
def test_lips_and_lids_are_followed_at_once(kind: str, points: tuple[int, ...]) -> None:
    truth = motion(kind)
    eyes = np.linalg.norm(truth[0, OUTER_EYES[1]] - truth[0, OUTER_EYES[0]])
    raw = truth + np.random.default_rng(0).normal(0, 5e-4 * eyes, truth.shape)
    smoother = Smoother()
    causal = np.stack([smoother.step(r) for r in raw])
    speed = np.gradient(truth, axis=0)[:, points]
    for smoothed, most in ((causal, 0.3), (smooth_run(raw), 0.05)):
        late = -((smoothed - truth)[:, points] * speed).sum() / np.square(speed).sum()
        assert abs(late) < most


def test_smoothing_leaves_a_moving_face_its_size_and_turn() -> None:
    """A spin through more than a turn, growing: followed, nothing blows up where the angle wraps."""
    from test_fit import random_head

    base = mesh_points(random_head(2)).astype(float)
    base -= base.mean(0)
    smoother = Smoother()
    for k in range(80):
        angle, zoom = 0.1 * k, 1.01**k
        turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        truth = base @ turn.T + 300
        assert np.abs(smoother.step(truth) - truth).max() < 0.02 * np.ptp(base) * zoom


def test_jitter_does_not_move_the_crop_and_motion_does() -> None:
    rng, points = np.random.default_rng(0), tracked(0).landmarks
    crop = Crop(128, CROP_SCALE)
    still = [crop.follow(points + rng.normal(0, 1.0, (478, 2)), np.zeros(2)) for _ in range(20)]
    assert all(np.array_equal(still[0], m) for m in still)
    there = points + np.array([80.0, 0.0])
    moved = crop.follow(there, np.zeros(2))
    middle = there.mean(0) @ moved[:, :2].T + moved[:, 2]
    assert np.abs(middle - 64).max() < 12


def test_offline_keeps_one_head_for_a_person() -> None:
    frames = [scene((0, 30 + 5 * k)) for k in range(10)]
    tracks = list(tracker().follow(frames, offline=True))
    assert all(np.array_equal(t.parameters.identity, tracks[0].parameters.identity) for t in tracks)
    assert all(np.array_equal(t.parameters.detail, tracks[0].parameters.detail) for t in tracks)
    shift = np.diff([t.parameters.centre[0] for t in tracks])
    assert shift == pytest.approx(np.full(9, 5.0), abs=0.7)


def test_arrays_of_nobody_and_of_two() -> None:
    frames = [scene((0, 10), (1, 280)), scene(seed=5), scene((1, 280), seed=6)]
    rows = smooth(list(tracker().follow_all(frames)))
    lights = [[np.zeros((9, 3), np.float32) for _ in row] for row in rows]
    both = arrays_of(rows, lights, everyone=True)
    assert both["landmarks"].shape == (3, 2, 478, 2)
    assert both["found"].sum(1).tolist() == [2, 0, 1]
    assert np.isnan(both["rotation"][1]).all()
    largest = arrays_of([row[:1] for row in rows], [light[:1] for light in lights], everyone=False)
    assert largest["landmarks"].shape == (3, 478, 2)
    assert largest["found"].tolist() == [True, False, True]
    assert largest["person"][1] == 0


@pytest.mark.parametrize("kind", ["black", "noise", "one pixel", "shrinking"])
def test_odd_videos_are_survived(kind: str) -> None:
    rng = np.random.default_rng(0)
    frames = {
        "black": [np.zeros((64, 64, 3), np.uint8)] * 3,
        "noise": list(rng.integers(0, 256, (3, 90, 120, 3)).astype(np.uint8)),
        "one pixel": [np.zeros((1, 1, 3), np.uint8)] * 3,
        "shrinking": [cv2.resize(portrait(0), (s, s), interpolation=cv2.INTER_AREA) for s in (256, 200, 128, 40, 8)],
    }[kind]
    rows = list(tracker().follow_all(frames))
    assert len(rows) == len(frames)
    for track in (t for row in rows for t in row):
        assert np.isfinite(track.landmarks).all()
        assert 0 <= track.quality <= 1
    assert len(list(tracker().follow(frames, offline=True))) == len(frames)
