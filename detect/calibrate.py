"""Learns what real looks like in one place, from clips that are known to be real."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from detect.detector import Detector, score_of
from detect.profile import Known, Profile
from media.errors import UnreadableError, UsageError

LEAST = 20  # clips


def calibrate(
    detector: Detector, paths: Sequence[Path], *, progress: Callable[[Path, str], None] = lambda path, why: None
) -> Profile:
    """Look at clips that are known to be real.

    Args:
        progress: is told each file, and why it was left out, "" where it was not.

    Raises:
        UsageError: fewer than `LEAST` show a face that can be judged.
    """
    rows = []
    for path in paths:
        why = "no face that can be judged"
        try:
            people = [person for person in detector.gatherer.gather(path).people if person.looks]
        except UnreadableError as error:
            people, why = [], str(error)
        if people:
            seen, why = max(people, key=lambda person: len(person.looks)), ""
            conditions = np.mean(seen.conditions, axis=0)
            seen_as = tuple(round(float(v), 4) for v in conditions)
            rows.append(Known(path.name, round(score_of(seen)[0], 4), seen_as, len(seen.looks)))
        progress(path, why)
    if len(rows) < LEAST:
        raise UsageError(f"{len(rows)} of {len(paths)} files show a face that can be judged; a profile needs {LEAST}")
    return Profile(detector.model.card.sha256, tuple(rows))
