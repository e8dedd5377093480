"""Which frames are looked at, and what of them."""

import cv2
import numpy as np
import pytest
from sitters import PORTRAITS

from media import read_picture
from media.errors import ConsentError
from provenance import Generated, Keys, Permit
from provenance.likeness import BLOCKS, NEAREST, Due, Witness, _about
from provenance.onlooker import seen

pytest_plugins = ["maker_fixtures"]
SIDE = 256


@pytest.fixture
def witness(keys: Keys) -> Witness:
    """Nothing is looked at by chance."""
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    watching = Witness(allowed.perform(Generated, [own(keys)] * 2, command="test"))
    watching._draw = lambda: 0.999
    return watching


def another_face() -> np.ndarray:
    return cv2.resize(read_picture(PORTRAITS[2]), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def own(keys: Keys) -> np.ndarray:
    picture = Permit.of(PORTRAITS[0], keys=keys).picture
    return np.ascontiguousarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def shown(witness: Witness, frame: np.ndarray) -> Due:
    """What of a frame is due after some that were like the one before."""
    before = witness.seen
    due = Due.NOT
    while not due and witness.seen < before + NEAREST:
        due = witness.due(frame)
        if due:
            witness.look(frame, due)
    return due


def test_what_stays_as_it_was_is_not_looked_at(witness: Witness, keys: Keys) -> None:
    assert shown(witness, own(keys)) is Due.WHOLE  # the first
    assert shown(witness, own(keys)) is Due.NOT
    assert witness.judge()["frames"] == 2  # and the last


def test_another_face_in_the_place_of_the_first_is_told_there(witness: Witness, keys: Keys) -> None:
    frame, other = own(keys), another_face()
    shown(witness, frame)
    face = witness._face
    assert face is not None
    low, high = face.min(0).astype(int), face.max(0).astype(int)
    put = frame.copy()
    there = np.s_[low[1] : high[1], low[0] : high[0]]
    points = seen(other)[0].points
    (left, top), (right, bottom) = points.min(0).astype(int), points.max(0).astype(int)
    put[there] = cv2.resize(other[top:bottom, left:right], put[there].shape[1::-1])
    assert shown(witness, put) is Due.FACE
    with pytest.raises(ConsentError, match="another face"):
        witness.judge()


def test_a_face_beside_it_has_the_whole_looked_at(witness: Witness, keys: Keys) -> None:
    room = np.ascontiguousarray(np.hstack([own(keys), np.full((SIDE, SIDE, 3), 128, np.uint8)]))
    shown(witness, room)
    joined = room.copy()
    joined[:, SIDE:] = cv2.resize(another_face(), (SIDE, SIDE))
    assert shown(witness, joined) is Due.WHOLE
    with pytest.raises(ConsentError, match="another face"):
        witness.judge()


def test_a_face_that_has_left_its_place_is_sought_everywhere(witness: Witness, keys: Keys) -> None:
    room = np.full((SIDE, 2 * SIDE, 3), 128, np.uint8)
    here, there = room.copy(), room.copy()
    here[:, :SIDE], there[:, SIDE:] = own(keys), own(keys)
    shown(witness, here)
    assert witness._face is not None
    before = witness._face.mean(0)
    witness.look(there, Due.FACE)  # as if nothing else had changed
    assert witness._face is not None
    assert abs(witness._face.mean(0)[0] - before[0] - SIDE) < 0.1 * SIDE
    assert witness._alike[-1] > 0.6


def test_about_a_face_is_a_square_around_it() -> None:
    points = np.array([[100.0, 100.0], [200.0, 200.0]])
    about = _about(points, (400, 800, 3))
    rows, columns = np.nonzero(about)
    middles = (columns + 0.5) * 800 / BLOCKS, (rows + 0.5) * 400 / BLOCKS
    assert all(abs(across - 150) < 75 for across in middles[0])
    assert all(abs(down - 150) < 75 for down in middles[1])
    assert about.sum() == 2
