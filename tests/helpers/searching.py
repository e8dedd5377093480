"""A search for marks that is over soon; import `little_search` where tests ask for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def searching_little() -> Iterator[None]:
    """Pictures without a mark are searched at few places alone, sound at few speeds. For tests of something else:
    whoever finds nothing has looked everywhere, which takes seconds a file."""
    from provenance.marks import alignment, picture, speed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "KEPT", 2)
        patch.setattr(alignment, "LIKELY", 1)
        patch.setattr(alignment, "TURN_STEP", 18.5)
        patch.setattr(alignment, "SCALE_STEP", 1.2)
        patch.setattr(alignment, "LEVELS", (1.33,))
        patch.setattr(picture, "CLIMBED", 0)
        patch.setattr(picture, "upright", lambda aspect: alignment.upright(aspect)[:1])
        patch.setattr(speed, "SLOWEST", 0.995)
        patch.setattr(speed, "FASTEST", 1.005)
        yield


@pytest.fixture
def little_search() -> Iterator[None]:
    """The same around a test; fixtures of a module are made before."""
    with searching_little():
        yield
