"""The detector on material that nobody here made, at the thresholds that ship."""

from functools import partial

from benchmarks.suites import Given, Parts, Suite


def parts(given: Given) -> Parts:
    """Raises `UnreadableError` where the list of clips is not as it should be, before any work."""
    from benchmarks.wild import judging, own
    from benchmarks.wild.clips import read_clips

    assert given.wild is not None
    clips = read_clips(given.wild)
    if given.quick:
        clips = [*[c for c in clips if not c.made][:6], *[c for c in clips if c.made][:6]]
    yield "judging", partial(judging.measure, given, clips)
    yield "own", partial(own.measure, given, clips)


SUITE = Suite(
    "wild",
    parts,
    needs={"wild": "clips that nobody here made: real/, fake/, clips.csv"},
    promised={
        "wild_auc": "higher", "wild_fpr": "lower", "wild_tpr": "higher", "wild_cannot_tell_pct": "lower",
        "wild_own_auc": "higher", "wild_n_real": "higher", "wild_n_fake": "higher",
    },
)  # fmt: skip
