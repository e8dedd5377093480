"""A search for marks that is over soon; import `little_search` where tests ask for it."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def little_search() -> Iterator[None]:
    """Pictures without a mark are searched at few places alone. For tests of something else: whoever finds nothing has
    looked everywhere, which takes seconds a file."""
    from provenance.watermark import alignment, picture

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "KEPT", 2)
        patch.setattr(alignment, "LIKELY", 1)
        patch.setattr(alignment, "TURN_STEP", 18.5)
        patch.setattr(alignment, "SCALE_STEP", 1.2)
        patch.setattr(picture, "CLIMBED", 0)
        yield
