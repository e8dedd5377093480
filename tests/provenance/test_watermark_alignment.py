"""The mark in pictures that were cut, turned or mirrored."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from making import picture
from sitters import portrait

from lab import attacks
from provenance.marks import alignment, geometry
from provenance.marks.alignment import Place
from provenance.marks.chips import Chips
from provenance.marks.code import PICTURE
from provenance.marks.picture import FEW, PictureMarker, PictureReader

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
MESSAGE = 0x0123456789ABCDEF
QUARTER = np.array([[0.25, 0.75, 0.25], [0.25, 0.25, 0.75], [1.0, 1.0, 1.0]])


@pytest.fixture(autouse=True)
def nearby(monkeypatch):
    """The rough list about the places that are tested alone: the whole of it takes seconds."""
    monkeypatch.setattr(alignment, "SMALLEST", 0.88)
    monkeypatch.setattr(alignment, "LARGEST", 1.5)
    monkeypatch.setattr(alignment, "FARTHEST", 11.25)
    monkeypatch.setattr(alignment, "KEPT", 8)
    monkeypatch.setattr(alignment, "LIKELY", 2)


@pytest.fixture(scope="module")
def marked():
    frame = cv2.resize(portrait(1), (384, 384), interpolation=cv2.INTER_AREA)
    return [PictureMarker(MESSAGE, KEY).mark(frame)] * 2


def read(frames, key=KEY):
    reader = PictureReader(key)
    for frame in frames:
        reader.add(frame)
    return reader.read(search=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: attacks.cropped(f, 0.7, (0.2, 0.6)),
        lambda f: attacks.rotated(f, 10),
        lambda f: attacks.rotated(f, -7, grow=True),
        lambda f: attacks.mirrored(attacks.cropped(f, 0.85)[0]),
    ],
    ids=["crop", "turn", "turn-grown", "mirrored-crop"],
)
def test_the_message_is_found_where_it_lies(marked, change):
    frames = attacks.h264([change(frame)[0] for frame in marked], 23)
    reading = read(frames)
    assert reading.message == MESSAGE
    assert reading.place is not None
    assert reading.p_value < 1e-6


def test_the_place_is_told(marked):
    frame, matrix = attacks.cropped(marked[0], 0.75, (0.9, 0.1))
    place = read([frame]).place
    error = np.linalg.inv(matrix @ geometry.whole(384, 384)) @ place.map(*frame.shape[:2]) @ QUARTER - QUARTER
    assert np.abs(error).max() * 64 < 0.6  # fine cells
    assert "cut to 0.75" in str(place)


@pytest.mark.parametrize(("turn", "mirror"), [(1, False), (2, False), (3, True), (0, True)])
def test_quarter_turns_and_mirror_images(turn, mirror):
    frame = PictureMarker(MESSAGE, KEY).mark(cv2.resize(picture(5, 384), (384, 300)))
    shown = np.ascontiguousarray(np.rot90(frame[:, ::-1] if mirror else frame, -turn))
    assert read([shown]).message == MESSAGE


def test_another_key_and_an_unmarked_picture_show_nothing(marked):
    cut = [attacks.cropped(frame, 0.8)[0] for frame in marked]
    for reading in (read(cut, OTHER), read([picture(9, 300)])):
        assert reading.message is None
        assert not reading.noticed


def test_what_is_hopeless_is_left_early():
    """The reader looks once at each upright way, and twice at likely places: what it says there leads no further."""
    reader = PictureReader(KEY)
    for seed in (9, 9, 9):
        reader.add(picture(seed, 300))
    assert not reader.read(search=True).noticed
    assert len(reader._moved._said) <= alignment.UPRIGHT + alignment.LIKELY * FEW


def test_networks_look_once_whatever_the_number_of_keys(marked):
    frame = attacks.cropped(marked[0], 0.75)[0]
    reader = PictureReader(OTHER)
    reader.add(frame)
    assert not reader.read(search=True).noticed
    fields = reader._moved.fields
    assert reader.read(KEY, search=True).message == MESSAGE
    assert reader._moved.fields is fields


def test_frames_are_searched_later_as_at_once(marked):
    reader = PictureReader(KEY)
    reader.add(attacks.cropped(marked[0], 0.75)[0])
    looked = reader.looked
    at_once = reader.read(search=True)
    reader.reset()
    reader.add(picture(9, 300))
    reader.recall(looked)
    reader.attempts = 0
    assert reader.read(search=True) == at_once


def test_what_was_found_as_it_is_needs_no_search(marked):
    assert read(marked).place is None


def test_a_search_reports_a_bound_that_counts_its_places():
    assert alignment.PLACES > 1e11
    reading = PictureReader(KEY)._judged(np.zeros(5120), KEY, alignment.PLACES)
    assert reading.p_value == 1.0


@pytest.mark.parametrize("place", [Place(12.0, 1.3, True, 1.5, 0.1, -0.2), Place(-90.0, 0.7, False, 1.0)])
def test_rounded_places_are_near(place):
    near = place.rounded().map(300, 400) @ QUARTER - place.map(300, 400) @ QUARTER
    assert np.abs(near[:2]).max() < 1.5  # pixels
    assert place.rounded() == place.rounded().rounded()


def test_laying_back_undoes_what_was_done():
    frame = picture(1, 256)
    turned, matrix = attacks.rotated(frame, 20, grow=True)
    shown, seen = geometry.aligned(turned, matrix @ geometry.whole(256, 256))
    assert np.abs(shown.astype(float) - frame)[8:-8, 8:-8].mean() < 2.0
    assert seen.min() > 200


@pytest.mark.parametrize(
    "place", [Place(-33.0, 0.6, False, 1.0), Place(12.0, 1.3, True, 1.5), Place(0.0, 1.0, False, 1.0)]
)
def test_fields_are_laid_in_tiles(place):
    """The canvas repeats: what OpenCV lays on a plane of several, in tiles one over the other."""
    field = np.random.default_rng(0).normal(size=(2, 60, 80)).astype(np.float32)
    side, around, (height, width) = alignment.ROUGH, 4, (300, 400)
    canvas = alignment._laid(field, place, (height, width), side)
    onto = geometry.scaled(80 / width, 60 / height) @ place.map(height, width) @ geometry.scaled(1 / side, 1 / side)
    middle = geometry.moved(around * side, around * side)
    whole = 2 * around * side
    for laid, said in zip(canvas, field, strict=True):
        plane = geometry.warped(said, middle @ np.linalg.inv(onto), whole, whole, border=cv2.BORDER_CONSTANT)
        tiles = plane.reshape(2 * around, side, 2 * around, side).sum(axis=(0, 2))
        assert np.sqrt(np.square(laid - tiles).mean()) < 0.01 * tiles.std()


def test_a_mirrored_canvas_is_searched_like_a_mirrored_picture():
    chips = Chips.from_key(KEY, PICTURE.coded_bits)
    search = alignment.Search(chips)
    fields = alignment.Fields(lambda bright: np.stack([bright, bright - 0.5]))
    fields.add(picture(3, 256)[..., 0])
    for turn in (-20.0, 5.0):
        place = Place(turn, 1.1, False, 1.0)
        _, (mirror, z, _, (x, y)) = search._heights(fields, place, alignment.ROUGH, (False, True))
        ((_, again, _, (across, down)),) = search._heights(
            fields, replace(place, mirror=True), alignment.ROUGH, (False,)
        )
        assert mirror
        assert z == pytest.approx(again, abs=0.05)
        assert (-x - across) % alignment.ROUGH in (0, 1, alignment.ROUGH - 1)
        assert y == pytest.approx(down, abs=1)


def test_what_was_cut_off_is_not_seen():
    _, matrix = attacks.cropped(picture(1, 256), 0.5, (0.0, 0.0))
    _, seen = geometry.aligned(np.zeros((128, 128), np.uint8), matrix @ geometry.whole(256, 256))
    assert seen[:120, :120].min() == 255
    assert seen[136:].max() == 0
