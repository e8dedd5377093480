"""How fast the product is, and what the peers cost."""

from functools import partial

from benchmarks.suites import Given, Parts, Suite


def parts(given: Given) -> Parts:
    from benchmarks.speed import peers, scaling, stages, timeline, whole

    yield "whole", partial(whole.measure, given)
    yield "stages", partial(stages.measure, given)
    yield "timeline", partial(timeline.measure, given)
    yield "scaling", partial(scaling.measure, given)
    yield "peers", peers.figures


SUITE = Suite("speed", parts)
