"""What marks bear."""

from functools import partial

from benchmarks.suites import Given, Parts, Suite


def parts(given: Given) -> Parts:
    from benchmarks.watermark import forging, labels, peers, pictures, sound, unmarked
    from benchmarks.watermark.clips import unmarked_clips

    clips = unmarked_clips(given)
    for part in (pictures, labels, forging, peers):
        yield part.__name__.rsplit(".", 1)[-1], partial(part.measure, given, clips)
    yield "unmarked", partial(unmarked.measure, given)
    yield "sound", partial(sound.measure, given)


SUITE = Suite("watermark", parts)
