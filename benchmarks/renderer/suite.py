"""How faces look when they are moved."""

from functools import partial

from benchmarks.suites import Given, Parts, Suite
from lab.people import Wardrobe
from lab.pictures.london import London
from media import VideoReader


def parts(given: Given) -> Parts:
    """Raises `UnreadableError` where a folder, or the video, is not what it should be, before any work."""
    from benchmarks.renderer import clip, leak, likeness, restore, smiles, teeth, truth
    from benchmarks.renderer.judge import Judge

    if given.london is not None:
        London(given.london)
    if given.assets is not None:
        _ = Wardrobe(given.assets, given.skins).skins
    if given.clip is not None:
        VideoReader(given.clip)
    judge = Judge()
    for part in (smiles, truth, teeth, leak, clip, likeness):
        yield part.__name__.rsplit(".", 1)[-1], partial(part.measure, given, judge)
    yield "restore", partial(restore.measure, given)


SUITE = Suite("renderer", parts)
