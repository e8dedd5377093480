"""What the detector says of a clip: of the person of whom most is seen, at the thresholds that ship."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from detect.detector import Detector
from detect.evidence import Person
from media.errors import UnreadableError


@dataclass(frozen=True)
class Said:
    """Of one clip."""

    verdict: str  # cannot_tell also where nobody is seen, or the file cannot be read
    logit: float | None  # None where nobody was judged


NOTHING = Said("cannot_tell", None)


@cache
def detector() -> Detector:
    """The one that ships, for this process."""
    return Detector.load(threads=1)


def said_of(path: Path) -> Said:
    """Of a file."""
    try:
        return said_of_people(detector().gatherer.gather(path).people)
    except UnreadableError:
        return NOTHING


def said_of_people(people: Sequence[Person]) -> Said:
    """Of evidence."""
    seen = max(people, key=lambda person: len(person.looks), default=None)
    if seen is None or not seen.looks:
        return NOTHING
    result = detector().judge_person(seen)
    return Said(result.verdict, result.logit)
