"""Whether credentials conform, and hold whatever happens."""

from functools import partial

from benchmarks.outputs import maker
from benchmarks.suites import Given, Parts, Suite

CLIPS, CLIPS_QUICK = 12, 2
SECONDS = 3.0  # of each clip


def parts(given: Given) -> Parts:
    from benchmarks.credentials import conformance, crashes, live, recovery, tampered

    with maker(given.portrait, given.speech, CLIPS_QUICK if given.quick else CLIPS, SECONDS) as made:
        for part in (conformance, live, tampered, recovery, crashes):
            yield part.__name__.rsplit(".", 1)[-1], partial(part.measure, made, given.quick)


SUITE = Suite("credentials", parts)
