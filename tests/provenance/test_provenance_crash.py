"""A process that is killed at any step leaves a whole output, signed and registered, or none, and nothing else that can
be looked at."""

from making import picture
from permits import PORTRAITS, shown

from benchmarks.credentials.crashes import POINTS, SECONDS, begin, left_wrong
from provenance import Keys, save_picture, verify


def test_killed_at_any_step(tmp_path):
    keys = Keys.open(tmp_path / "keys")
    save_picture(tmp_path / "first.png", shown(keys, picture(), command="data"))  # makes a registry
    running = []
    for number, point in enumerate(POINTS):
        place = tmp_path / str(number)
        running.append((place, point, begin(place, point, keys, PORTRAITS[0])))
        if len(running) % 3 == 0:  # a few at a time
            [process.join(SECONDS) for *_, process in running]
    for place, point, process in running:
        process.join(SECONDS)
        assert left_wrong(place, point, process, keys) == "", point
    assert verify(tmp_path / "first.png", keys=keys).exit_code == 0  # the registry is whole
