"""A process that is killed at any step leaves a whole output, signed and registered, or none, and nothing else that can
be looked at."""

from pathlib import Path

import pytest
from making import picture
from permits import PORTRAITS, shown

from benchmarks.credentials.crashes import POINTS, SECONDS, begin, left_wrong
from provenance import Keys, save_picture, verify


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_killed_at_any_step(tmp_path: Path, point) -> None:
    keys = Keys.open(tmp_path / "keys")
    save_picture(tmp_path / "first.png", shown(keys, picture(), command="data"))  # makes a registry
    process = begin(tmp_path / "killed", point, keys, PORTRAITS[0])
    process.join(SECONDS)
    assert left_wrong(tmp_path / "killed", point, process, keys) == ""
    assert verify(tmp_path / "first.png", keys=keys).exit_code == 0  # the registry is whole
