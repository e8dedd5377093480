"""The square around a head lies within its picture, and what a picture lacks is dim and blurred."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from framings import FRAMINGS, background, found, framing, streaks
from sitters import portrait, tracked, tracker

from faces.crop import UNIT_512, Box, box_crop, crop_around, face_box, face_crop, head_box, margin_of, square_box
from faces.crop import usual_box as usual

TALL = 210  # pixels: narrower than the head of the first portrait is high


def narrow() -> np.ndarray:
    return np.ascontiguousarray(portrait()[:, 150 : 150 + TALL])


def within(box: Box, shape: tuple[int, ...]) -> bool:
    height, width = shape[:2]
    return min(box.left, box.top) >= 0 and box.left + box.side <= width and box.top + box.side <= height


def test_a_head_holds_its_landmarks_and_some_hair() -> None:
    for who in range(3):
        first, last = head_box(tracked(who).parameters)
        points = tracked(who).landmarks[:468, :2]
        assert (first < points.min(0)).all()
        assert (last > points.max(0) - 0.1 * tracked(who).parameters.scale).all()
        assert first[1] < points[:, 1].min() - 0.5 * tracked(who).parameters.scale


@pytest.mark.parametrize("name", FRAMINGS)
def test_frames_lie_within_their_picture(name: str) -> None:
    picture, parameters = framing(name), found(name).parameters
    box = face_box(picture.shape, parameters)
    assert within(box, picture.shape)
    size = np.array(picture.shape[1::-1])
    first, last = (np.clip(corner, 0, size) for corner in head_box(parameters))
    corner = np.array([box.left, box.top])
    if name != "larger than the picture":
        assert (corner <= first + 1e-3).all()  # all that the picture shows of the head
        assert (corner + box.side >= last - 1e-3).all()
    square = square_box(picture.shape, box)
    assert within(square, picture.shape)
    assert square.side == min(picture.shape[:2])
    assert square.left <= box.left + 0.5
    assert square.top + square.side >= box.top + box.side - 0.5


def test_a_frame_that_lies_within_its_picture_is_left_as_it_is() -> None:
    whole = cv2.copyMakeBorder(portrait(), 40, 200, 300, 150, cv2.BORDER_REFLECT)
    for shift in ((300, 40), (20, 10), (440, 230)):
        parameters = tracked().parameters.scaled(1.0, shift)
        box = face_box(whole.shape, parameters)
        assert box == usual(whole.shape, parameters)
        assert box.side == pytest.approx(parameters.scale * 512 / UNIT_512)
        factor = 256 / box.side
        picture = cv2.GaussianBlur(whole, (0, 0), 0.45 / factor) if factor < 0.7 else whole
        matrix = np.array([[factor, 0, -box.left * factor], [0, factor, -box.top * factor]])
        plain = cv2.warpAffine(picture, matrix, (256, 256), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        assert np.array_equal(box_crop(whole, box, 256), plain)
        assert np.array_equal(crop_around(whole, box, 256)[0], plain)


def test_a_picture_narrower_than_its_head_is_filled_at_the_sides() -> None:
    strip = narrow()
    parameters = tracker().portrait(strip)[0].parameters
    box = face_box(strip.shape, parameters)
    assert TALL < box.side < usual(strip.shape, parameters).side
    assert box.left < 0 < TALL < box.left + box.side
    assert 0 <= box.top < box.top + box.side <= strip.shape[0]
    crop, moved = face_crop(strip, parameters, 256)
    assert np.isfinite(moved.centre).all()
    dim = round(-box.left * 256 / box.side)
    assert dim > 16
    assert crop[:, 2].mean() < 0.95 * crop[:, dim + 2].mean()


def test_what_is_beyond_a_picture_is_its_reflection_and_dims() -> None:
    picture = np.clip(background(200, 200, seed=5), 0, 255).astype(np.uint8)
    crop = box_crop(picture, Box(-100, 0, 200), 400)  # two pixels for one; the left half is beyond
    mirrored = np.abs(crop[:, 195:199].astype(int) - crop[:, 205:201:-1]).mean()
    assert mirrored < 6  # next to the border

    def fine(part: np.ndarray) -> float:
        return float(np.abs(np.diff(part.astype(float), axis=0)).mean())

    assert fine(crop[:, :150]) < 0.2 * fine(crop[:, 205:])
    assert crop[:, :60].mean() < 0.75 * crop[:, 205:].mean()
    assert streaks(crop) == 0


def test_a_head_out_of_the_picture_still_has_a_square() -> None:
    for shift in ((-900, 0), (0, 900), (-400, -400)):
        parameters = tracked().parameters.scaled(1.0, shift)
        box = face_box((512, 512, 3), parameters)
        assert np.isfinite([box.left, box.top, box.side]).all()
        assert 0 < box.side <= usual((512, 512, 3), parameters).side
    tiny = replace(tracked().parameters, scale=0.5)
    assert box_crop(portrait(), face_box((512, 512, 3), tiny), 128).shape == (128, 128, 3)


def test_what_surrounds_a_crop_is_the_picture_where_there_is_one() -> None:
    picture = np.clip(background(600, 400, seed=6), 0, 255).astype(np.uint8)
    crop, around = crop_around(picture, Box(200, 0, 200), 200)
    margin = margin_of(200)
    assert np.array_equal(crop, picture[:200, 200:400])
    inner = 30  # pixels of the margin that are not blurred for the sake of what is beyond
    shown = around[margin : margin + 200, margin - inner : margin]
    assert np.abs(shown.astype(int) - picture[:200, 200 - inner : 200]).max() <= 1
    assert around[:10].mean() < 0.8 * picture[:50, 150:450].mean()  # nothing is above
