"""Which frames are looked at, and what of them: nobody else is shown for long."""

import random
import threading

import cv2
import numpy as np
import pytest
from sitters import PORTRAITS

from media import read_picture
from media.errors import ConsentError
from provenance import Generated, Keys, Permit
from provenance.permits.likeness import BLOCKS, FACES, NEAREST, PASSED, WHOLES, Aside, Due, Witness, _about
from provenance.permits.onlooker import seen

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


def shown(witness: Witness, *frames: np.ndarray, most: int = NEAREST) -> Due:
    """What of these frames, one after the other and again, is due first; it is looked at."""
    for number in range(most):
        frame = frames[number % len(frames)]
        if due := witness.due(frame):
            witness.look(frame, due)
            return due
    return Due.NOT


def exchanged(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The face of `other` in the place of that of `frame`, as bright in each block, so that no block changed."""
    face, theirs = seen(frame)[0].points, seen(other)[0].points
    low, high = face.min(0).astype(int), face.max(0).astype(int)
    (left, top), (right, bottom) = theirs.min(0).astype(int), theirs.max(0).astype(int)
    put = frame.astype(np.float32)
    there = np.s_[low[1] : high[1], low[0] : high[0]]
    put[there] = cv2.resize(other[top:bottom, left:right], put[there].shape[1::-1])

    def coarse(picture: np.ndarray) -> np.ndarray:
        return cv2.resize(picture, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)

    for _ in range(30):
        put += cv2.resize(coarse(frame.astype(np.float32)) - coarse(put), (SIDE, SIDE))
        put = put.clip(0, 255)
    return put.astype(np.uint8)


def test_the_face_is_looked_at_often_and_all_of_it_seldom(witness: Witness, keys: Keys) -> None:
    frame = own(keys)
    assert shown(witness, frame) is Due.WHOLE  # the first
    dues = []
    for _ in range(4 * WHOLES):  # where chance draws none
        if due := witness.due(frame):
            witness.look(frame, due)
        dues.append(due)
    assert max(np.diff(np.flatnonzero(dues))) == 2 * FACES
    assert [n for n, due in enumerate(dues, 1) if due is Due.WHOLE] == [2 * WHOLES, 4 * WHOLES]
    assert witness.judge()["frames"] == 1 + sum(map(bool, dues))


def test_another_face_in_the_place_of_the_first_is_told_there(witness: Witness, keys: Keys) -> None:
    frame = own(keys)
    shown(witness, frame)
    put = exchanged(frame, another_face())
    assert shown(witness, put, most=2 * FACES) is Due.FACE
    with pytest.raises(ConsentError, match="another face"):
        witness.judge()


@pytest.mark.parametrize("pace", [2, NEAREST, FACES, 2 * FACES])
def test_frames_of_somebody_else_between_others_are_seen_at_any_pace(witness: Witness, keys: Keys, pace: int) -> None:
    """One frame of so many is the portrait's own, another one each time, as if it drew the looks."""
    frame = own(keys)
    brighter, put = np.clip(frame + 28.0, 0, 255).astype(np.uint8), exchanged(frame, another_face())
    witness._draw = random.Random(pace).random
    shown(witness, frame)
    sequence = [one for mine in [frame, brighter] * 50 for one in [mine, *[put] * (pace - 1)]]
    dues = [witness.due(one) for one in sequence]
    theirs = [due > Due.NOT for one, due in zip(sequence, dues, strict=True) if one is put]
    assert any(theirs[: 4 * FACES])
    assert sum(map(bool, dues)) < len(sequence) / 4  # and not by looking at all of them


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


def test_what_could_not_be_looked_at_is_due_of_the_next(witness: Witness, keys: Keys) -> None:
    frame = own(keys)
    shown(witness, frame)
    witness.owe(Due.FACE)
    assert witness.due(frame) is Due.FACE
    assert witness.due(frame) is Due.NOT


def test_frames_that_come_faster_than_they_can_be_looked_at_wait(witness: Witness, keys: Keys) -> None:
    """Sent live, a look takes as long as it likes: meanwhile a second of video may pass, not all of it."""
    frame, count = own(keys), 12 * PASSED
    aside = Aside(Permit.of(PORTRAITS[0], keys=keys).perform(Generated, [], command="test"), live=True)
    aside.witness._draw = lambda: 0.0  # every frame is due
    looked, over = [0], threading.Event()

    def look(frame: np.ndarray, due: Due = Due.WHOLE, number: int = 0) -> None:
        looked.append(number)
        while number and not aside._late() and not over.is_set():
            over.wait(0.001)

    aside.witness.look = look
    for _ in range(count):
        aside.see(frame)
    over.set()
    aside.close()
    assert max(np.diff([*looked, count])) <= 2 * PASSED
    assert len(looked) < count / 2
