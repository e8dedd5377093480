"""Fixtures of tests that save: a maker's keys, a portrait that nobody knows, a folder for what is no output."""

from pathlib import Path

import pytest
from permits import PORTRAITS
from PIL import Image

from media import read_picture
from provenance import Keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Of a maker of the module's own."""
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture
def somebody(tmp_path: Path) -> Path:
    """A portrait that is known to nobody: an example with one pixel changed."""
    changed = read_picture(PORTRAITS[1]).copy()
    changed[0, 0] ^= 1
    path = tmp_path / "somebody.png"
    Image.fromarray(changed).save(path)
    return path


@pytest.fixture
def beside(tmp_path: Path) -> None:
    """A folder "in" for what is no output; `permits.left` leaves it out."""
    (tmp_path / "in").mkdir()
