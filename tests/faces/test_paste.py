"""A face crop goes back into its picture without an edge."""

import cv2
import numpy as np
import pytest
from sitters import portrait, tracked

from faces.crop import Box, box_crop, usual_box
from generate.paste import LONGEST, Paste


def wide(factor: float) -> tuple[np.ndarray, object]:
    """A portrait in a wider picture, all of it resized by `factor`, and its head."""
    whole = cv2.copyMakeBorder(portrait(), 40, 201, 300, 155, cv2.BORDER_REFLECT)
    parameters = tracked().parameters.scaled(1.0, (300, 40))
    resized = cv2.resize(whole, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return resized, parameters.scaled(factor)


@pytest.mark.parametrize(("factor", "size"), [(1.0, 512), (0.5, 256), (0.6, 512), (1.0, 256)])
def test_a_crop_as_it_was_cut_changes_nothing(factor: float, size: int) -> None:
    picture, parameters = wide(factor)
    box = usual_box(picture.shape, parameters)
    paste = Paste(picture, box, size)
    frame = box_crop(picture, box, size)
    whole = paste(frame)
    assert whole.shape == paste.still.shape
    assert whole.shape[0] % 2 == whole.shape[1] % 2 == 0
    difference = np.abs(whole.astype(int) - paste.still)
    assert difference.mean() < (1.0 if size >= 512 * factor else 2.5)
    assert np.abs((whole.astype(int) - paste.still).mean()) < 0.2


def test_a_black_frame_fades_into_the_picture() -> None:
    picture, parameters = wide(1.0)
    paste = Paste(picture, usual_box(picture.shape, parameters), 256)
    whole = paste(np.zeros((256, 256, 3), np.uint8))
    face = parameters.centre.astype(int)
    assert whole[face[1], face[0]].max() == 0
    assert (whole[:4] == paste.still[:4]).all() or paste.where[0].start < 4
    assert (whole[:, :20] == paste.still[:, :20]).all()
    steps = np.abs(np.diff(whole.astype(int), axis=1)).mean(2)
    before = np.abs(np.diff(paste.still.astype(int), axis=1)).mean(2)
    assert steps.max() < before.max() + 40  # no edge where the crop begins


def test_large_pictures_are_made_smaller_and_cut_faces_stay_inside() -> None:
    picture = cv2.resize(portrait(), (3000, 3000))
    parameters = tracked().parameters.scaled(3000 / portrait().shape[0])
    whole = Paste(picture, usual_box(picture.shape, parameters), 512)(np.zeros((512, 512, 3), np.uint8))
    assert max(whole.shape) == LONGEST
    beyond = Box(-200, -150, 514)  # the crop reaches far out of the picture
    assert Paste(portrait(), beyond, 256)(np.zeros((256, 256, 3), np.uint8)).shape[2] == 3


def test_a_picture_is_shown_as_large_as_asked() -> None:
    part = portrait()[:300, 100:400]
    for shown in (128, 512):
        paste = Paste(part, Box(40, 20, 250), 256, (shown, shown))
        whole = paste(box_crop(part, Box(40, 20, 250), 256))
        assert whole.shape == (shown, shown, 3)
        assert np.abs(whole.astype(int) - paste.still).mean() < 2
