"""Finding and tracking faces: in the shipped portraits, between them, and where there are none."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from sitters import PORTRAITS, portrait, tracked, tracker

from faces.finder import WEIGHTS as FINDER
from faces.finder import Box, Finder, suppress
from faces.landmarks import WEIGHTS as LANDMARKS
from faces.landmarks import LandmarkReader, crop_matrix, warp_crop
from faces.tracker import SMALLEST_FACE, SURE
from lab.reference import Reference
from media.errors import FaceError, UsageError, WeightsError

EYES = {
    468: (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    473: (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
}  # pupil -> outline of its eye


@cache
def side_by_side() -> np.ndarray:
    """The first portrait, and beside it the second at 0.62 of its size."""
    picture = np.full((512, 832, 3), 128, np.uint8)
    picture[:, :512] = portrait(0)
    picture[96:416, 512:] = cv2.resize(portrait(1), (320, 320), interpolation=cv2.INTER_AREA)
    return picture


def cat(size: int, fur: tuple[int, int, int]) -> np.ndarray:
    """A drawn cat's head, uint8 RGB (size, size, 3)."""
    picture = Image.new("RGB", (400, 400), (150, 190, 160))
    draw = ImageDraw.Draw(picture)
    for mirror in (lambda x: x, lambda x: 400 - x):
        draw.polygon([(mirror(x), y) for x, y in ((90, 170), (110, 40), (190, 110))], fill=fur)
        draw.polygon([(mirror(x), y) for x, y in ((108, 140), (118, 70), (165, 110))], fill=(230, 170, 170))
    draw.ellipse((80, 90, 320, 330), fill=fur)
    for x in (145, 255):
        draw.ellipse((x - 28, 170, x + 28, 220), fill=(190, 220, 90))
        draw.ellipse((x - 7, 172, x + 7, 218), fill=(10, 10, 10))
    draw.polygon([(185, 240), (215, 240), (200, 258)], fill=(220, 120, 130))
    draw.arc((165, 245, 200, 285), 0, 150, fill=(60, 30, 20), width=4)
    draw.arc((200, 245, 235, 285), 30, 180, fill=(60, 30, 20), width=4)
    for k in (-1, 0, 1):
        draw.line((175, 255 + 6 * k, 60, 245 + 22 * k), fill=(250, 250, 250), width=3)
        draw.line((225, 255 + 6 * k, 340, 245 + 22 * k), fill=(250, 250, 250), width=3)
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("index", range(len(PORTRAITS)))
def test_one_face_in_each_portrait(index: int) -> None:
    tracks = tracker().track(portrait(index))
    assert len(tracks) == 1
    track = tracks[0]
    assert track.score > SURE
    assert track.landmarks.shape == (478, 2)
    height, width = portrait(index).shape[:2]
    assert (track.landmarks > 0).all()
    assert (track.landmarks < (width, height)).all()
    for pupil, outline in EYES.items():
        contour = cv2.convexHull(track.landmarks[list(outline)])
        x, y = map(float, track.landmarks[pupil])
        assert cv2.pointPolygonTest(contour, (x, y), False) > 0
    assert np.abs(np.degrees(track.parameters.rotation)).max() < 25


def test_largest_face_first_and_another_on_request() -> None:
    tracks = tracker().track(side_by_side())
    assert len(tracks) == 2
    assert tracks[0].size > tracks[1].size
    assert tracks[0].parameters.centre[0] < 512 < tracks[1].parameters.centre[0]
    default, count = tracker().portrait(side_by_side())
    assert count == 2
    assert default.parameters.centre[0] < 512
    second, _ = tracker().portrait(side_by_side(), face=2)
    assert second.parameters.centre[0] > 512
    for number in (0, 3):
        with pytest.raises(FaceError, match=f"--face {number} was asked for, the picture has 2"):
            tracker().portrait(side_by_side(), face=number)


def test_a_face_is_found_where_it_was_moved_to() -> None:
    here = tracked(0)
    canvas = np.full((700, 900, 3), 90, np.uint8)
    canvas[150:662, 300:812] = portrait(0)
    there = tracker().portrait(canvas)[0]
    assert np.abs(there.landmarks - here.landmarks - (300, 150)).mean() < 0.02 * here.size


def test_a_mirrored_face_has_mirrored_landmarks() -> None:
    from faces.landmarks import MIRROR

    straight = tracked(0)
    mirrored = tracker().portrait(np.ascontiguousarray(portrait(0)[:, ::-1]))[0]
    back = mirrored.landmarks[MIRROR] * (-1, 1) + (511, 0)
    assert np.abs(back - straight.landmarks).mean() < 0.02 * straight.size
    assert mirrored.parameters.rotation[0] == pytest.approx(-straight.parameters.rotation[0], abs=0.06)


@pytest.mark.parametrize("seed", range(2))
def test_noise_and_blots_hold_no_face(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    blots = cv2.resize(noise[:12, :16], (400, 300), interpolation=cv2.INTER_CUBIC)
    assert tracker().track(noise) == []
    assert tracker().track(blots) == []


@pytest.mark.parametrize("fur", [(200, 140, 80), (60, 60, 60), (235, 230, 225)])
def test_a_drawn_cat_is_no_person(fur: tuple[int, int, int]) -> None:
    for size in (200, 500):
        with pytest.raises(FaceError, match="no face was found"):
            tracker().portrait(cat(size, fur))


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (31, 33)])
def test_odd_shapes_hold_no_face(shape: tuple[int, int]) -> None:
    assert tracker().track(np.full((*shape, 3), 120, np.uint8)) == []


def test_a_face_of_twenty_pixels_is_too_small() -> None:
    zoom = 20 / tracked(0).size
    tiny = cv2.resize(portrait(0), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    with pytest.raises(FaceError, match=r"pixels high, too small|no face was found"):
        tracker().portrait(tiny)
    assert tracked(0).size > SMALLEST_FACE


def test_following_keeps_the_identity_and_survives_a_gap() -> None:
    picture = cv2.resize(portrait(0), (256, 256), interpolation=cv2.INTER_AREA)
    moved = np.roll(picture, 4, axis=1)
    black = np.zeros_like(picture)
    tracks = list(tracker().follow([picture, moved, black, picture]))
    assert [t is not None for t in tracks] == [True, True, False, True]
    first, second, _, last = tracks
    assert np.array_equal(first.parameters.identity, second.parameters.identity)
    assert np.array_equal(first.parameters.identity, last.parameters.identity)
    shift = second.landmarks.mean(0) - first.landmarks.mean(0)
    assert shift == pytest.approx((4, 0), abs=0.8)
    assert np.abs(last.landmarks - first.landmarks).mean() < 1.0


def test_of_boxes_that_overlap_the_surest_stays() -> None:
    boxes = [Box(100, 100, 50, 0.6), Box(108, 104, 60, 0.9), Box(300, 100, 80, 0.5)]
    assert suppress(boxes) == [boxes[2], boxes[1]]


def test_crop_lays_the_eyes_level_whatever_the_tilt() -> None:
    points = tracked(0).landmarks
    angle = np.radians(33)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = crop_matrix(points @ turn.T, 128)
    inside = points @ turn.T @ matrix[:, :2].T + matrix[:, 2]
    right, left = inside[33], inside[263]
    assert left[1] == pytest.approx(right[1], abs=0.01)
    assert left[0] > right[0]
    assert inside.min() > 0
    assert inside.max() < 128


@pytest.mark.parametrize("zoom", [0.12, 0.35, 1.3])
def test_crops_land_where_the_matrix_says(zoom: float) -> None:
    """A dot at a known place lands at its image, however much the crop shrinks."""
    picture = np.zeros((600, 800, 3), np.uint8)
    cv2.circle(picture, (400, 300), 14, (255, 255, 255), -1)
    matrix = np.array([[zoom, 0, 64 - zoom * 396], [0, zoom, 64 - zoom * 305]])
    crop = warp_crop(picture, matrix, 128)[..., 0].astype(float)
    ys, xs = np.mgrid[:128, :128]
    middle = np.array([(crop * xs).sum(), (crop * ys).sum()]) / crop.sum()
    assert middle == pytest.approx(matrix @ (400, 300, 1), abs=0.12)


def test_weights_of_the_finder_do_not_read_landmarks() -> None:
    with pytest.raises(WeightsError, match="'landmarks' was needed"):
        LandmarkReader(FINDER)


def test_engines_read_what_torch_reads() -> None:
    """In float32 the graphs are the networks; in bfloat16 points stay within 0.5% of the eyes' distance."""
    points = tracked(0).landmarks
    eyes = np.linalg.norm(points[33] - points[263])
    reference = LandmarkReader()
    reference.network = Reference.load(LANDMARKS, "landmarks")
    matrix = crop_matrix(points, reference.side)
    truth = reference.read(portrait(0), matrix)
    for precise, most in ((True, 1e-5), (False, 5e-3)):
        reading = LandmarkReader(precise=precise).read(portrait(0), matrix)
        assert np.linalg.norm(reading.points - truth.points, axis=1).mean() < most * eyes + 1e-3
        assert reading.sigma == pytest.approx(truth.sigma, rel=0.05)
        assert reading.score == pytest.approx(truth.score, abs=0.02)
    finder = Finder()
    fast = finder.find(portrait(0))
    finder.network = Reference.load(FINDER, "finder")
    slow = finder.find(portrait(0))
    assert len(slow) == len(fast) == 1
    assert (fast[0].x, fast[0].y, fast[0].size) == pytest.approx((slow[0].x, slow[0].y, slow[0].size), rel=0.03)


def test_a_larger_network_with_uncertainty_is_read_too(tmp_path) -> None:
    """An untrained network of 192 pixels, as the graph reads it and as torch does."""
    import torch

    from lab.networks.landmarks import LandmarkNet
    from lab.weights import WeightCard, save_weights

    torch.manual_seed(0)
    config = {"width": 32, "side": 192, "uncertainty": True}
    net = LandmarkNet(**config)
    torch.nn.init.normal_(net.log_sigma.weight, std=0.02)
    path = tmp_path / "larger.onnx"
    save_weights(path, net.state_dict(), WeightCard("landmarks", config, "nothing", 0))
    matrix = crop_matrix(tracked(0).landmarks, 192)
    reader = LandmarkReader(path, precise=True)
    fast = reader.read(portrait(0), matrix)
    reader.network = Reference.load(path, "landmarks")
    slow = reader.read(portrait(0), matrix)
    assert fast.points == pytest.approx(slow.points, abs=0.02)
    assert fast.sigma == pytest.approx(slow.sigma, rel=1e-3)
    assert np.ptp(fast.sigma) > 0


@pytest.mark.parametrize("angle", [-80, 45, 80, 180])
def test_faces_turned_in_the_plane_are_found(angle: int) -> None:
    small = cv2.resize(portrait(1), (320, 320), interpolation=cv2.INTER_AREA)
    matrix = cv2.getRotationMatrix2D((160, 160), -angle, 1.0)
    turned = cv2.warpAffine(small, matrix, (320, 320), borderMode=cv2.BORDER_REFLECT)
    (track,) = tracker().track(turned)
    there = tracked(1).landmarks * 320 / 512 @ matrix[:, :2].T + matrix[:, 2]
    assert np.linalg.norm(track.landmarks - there, axis=1).mean() < 0.05 * track.size


@pytest.mark.parametrize("size", [24, 32, 60])
def test_small_faces_are_found_and_said_to_be_small(size: int) -> None:
    zoom = size / tracked(0).size
    canvas = np.full((480, 640, 3), 120, np.uint8)
    tiny = cv2.resize(portrait(0), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    canvas[200 : 200 + len(tiny), 300 : 300 + len(tiny)] = tiny
    (track,) = tracker().track(canvas)
    assert track.size == pytest.approx(size, rel=0.15)
    assert np.linalg.norm(track.landmarks.mean(0) - tracked(0).landmarks.mean(0) * zoom - (300, 200)) < 0.1 * size
    assert (size < 40) == track.reason.startswith("too small")


def test_half_a_face_is_found_by_looking_again() -> None:
    hidden = portrait(0).copy()
    hidden[round(float(tracked(0).landmarks[2, 1])) :] = (60, 110, 160)
    tracks = tracker().track(hidden)
    assert len(tracks) == 1
    assert np.linalg.norm(tracks[0].landmarks[8] - tracked(0).landmarks[8]) < 0.1 * tracked(0).size


def test_a_face_cut_by_the_border_is_finite() -> None:
    for cut in (portrait(0)[:, 200:], portrait(0)[180:], portrait(0)[:, :280], portrait(0)[:250]):
        for track in tracker().track(np.ascontiguousarray(cut)):
            assert np.isfinite(track.landmarks).all()
            assert np.isfinite(track.parameters.rotation).all()


SPOILT = {
    "too blurred": lambda p: cv2.GaussianBlur(p, (0, 0), 14),
    "too dark": lambda p: (p * 0.03).astype(np.uint8),
    "too small": lambda p: cv2.resize(p, (70, 70), interpolation=cv2.INTER_AREA),
}


@pytest.mark.parametrize("reason", SPOILT)
def test_a_poor_look_says_why(reason: str) -> None:
    from faces.fit import fitted
    from faces.landmarks import Reading
    from faces.quality import judge

    picture = SPOILT[reason](portrait(0))
    zoom = len(picture) / 512
    good = tracked(0)
    reading = Reading(good.landmarks * zoom, good.sigma * zoom, good.score)
    quality = judge(picture, reading, fitted(reading.points, sigma=reading.sigma))
    assert quality.value < 0.5
    assert quality.reason.startswith(reason)
    assert good.quality > 0.8
    assert good.reason == ""


def test_a_face_turned_away_says_so() -> None:
    from test_fit import mesh_points, random_head

    from faces.fit import fitted
    from faces.landmarks import Reading
    from faces.quality import judge

    points = mesh_points(replace(random_head(0), rotation=np.radians((70.0, 0, 0))))
    reading = Reading(points, np.full(478, 1.0, np.float32), 1.0)
    picture = np.random.default_rng(0).integers(60, 200, (600, 600, 3)).astype(np.uint8)
    quality = judge(picture, reading, fitted(points))
    assert quality.reason.startswith("turned 7") or quality.reason.startswith("turned 6")


def test_refusals_have_reasons() -> None:
    _, refused = tracker().look(cat(400, (200, 140, 80)))
    assert all(r.reason.startswith("not a face") for r in refused)
    with pytest.raises(FaceError, match="too dark"):
        tracker().portrait(np.zeros((200, 200, 3), np.uint8))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (5, 7, 4), (2, 2000, 3)])
def test_odd_pictures_hold_no_face(shape: tuple[int, ...]) -> None:
    assert tracker().track(np.full(shape, 130, np.uint8)) == []


def test_grey_and_alpha_are_read_and_others_are_refused() -> None:
    grey = cv2.cvtColor(portrait(0), cv2.COLOR_RGB2GRAY)
    clear = np.dstack([portrait(0), np.full((512, 512), 255, np.uint8)])
    for picture in (grey, clear):
        (track,) = tracker().track(picture)
        assert np.abs(track.landmarks - tracked(0).landmarks).mean() < 0.02 * track.size
    for wrong in (portrait(0) / 255.0, portrait(0)[..., :2], np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(UsageError, match="was given"):
            tracker().track(wrong)


def test_a_face_in_a_huge_picture_is_found() -> None:
    canvas = np.full((3000, 4000, 3), 90, np.uint8)
    canvas[1200:1712, 2500:3012] = portrait(0)
    (track,) = tracker().track(canvas)
    assert np.abs(track.landmarks - tracked(0).landmarks - (2500, 1200)).mean() < 0.02 * track.size


def test_people_are_unlike_each_other_and_like_themselves() -> None:
    from faces.likeness import likeness, unlike

    looks = [likeness(portrait(k), tracked(k).landmarks) for k in range(3)]
    tinted = (portrait(0) * (0.9, 0.75, 0.6)).astype(np.uint8)
    assert unlike(looks[0], likeness(tinted, tracked(0).landmarks)) < 0.5
    assert min(unlike(looks[0], looks[1]), unlike(looks[0], looks[2]), unlike(looks[1], looks[2])) > 1
