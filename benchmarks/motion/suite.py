"""How faces move when they speak."""

from functools import partial

from benchmarks.suites import Given, Parts, Suite


def parts(given: Given) -> Parts:
    """Raises `UnreadableError` where the speech set is none, before any work."""
    from benchmarks.motion import control, filmed, guidance, lips, listening, live, liveliness, movement, sheets, voices
    from benchmarks.motion.talk import Talks

    talks = Talks.of(given)
    for part in (lips, voices, movement, listening, liveliness, control, guidance, sheets):
        yield part.__name__.rsplit(".", 1)[-1], partial(part.measure, given, talks)
    yield "filmed", partial(filmed.measure, given)
    yield "live", partial(live.measure, given)


SUITE = Suite("motion", parts)
