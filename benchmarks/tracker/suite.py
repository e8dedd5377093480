"""How well faces are found and read."""

from functools import partial

from benchmarks.suites import Given, Parts, Suite


def parts(given: Given) -> Parts:
    from benchmarks.tracker import filmed, finding, london, motion, speed, truth

    for part in (london, truth, finding, filmed, motion, speed):
        yield part.__name__.rsplit(".", 1)[-1], partial(part.measure, given)


SUITE = Suite("tracker", parts)
