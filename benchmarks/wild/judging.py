"""What the detector says of clips from elsewhere, as they are: at the thresholds that ship, which nothing here sets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.detector import measures
from benchmarks.detector.judging import Said, said_of
from benchmarks.detector.measures import Scored, figure
from benchmarks.figures import Figure, mean_figure
from benchmarks.suites import Given
from benchmarks.wild.clips import WildClip
from media.processes import each

GOALS = {"auc": 0.8, "fpr": 0.05, "cannot_tell_pct": 30.0, "ece": 0.05}


@dataclass(frozen=True)
class Judged:
    """A clip, and what was said of it."""

    clip: WildClip
    said: Said

    @property
    def verdict(self) -> str:
        return self.said.verdict


def _judge(clip: WildClip) -> Judged:
    return Judged(clip, said_of(clip.path))


def measure(given: Given, clips: Sequence[WildClip]) -> list[Figure]:
    """wild_auc, _fpr, _tpr, _cannot_tell_pct, _ece, _n_real, _n_fake; of each source."""
    said = list(each(_judge, clips, given.workers))
    reals, fakes = ([one for one in said if one.clip.made == made] for made in (False, True))
    scored = _scored(said)
    figures = [
        figure("wild_auc", measures.auc, scored, goal=GOALS["auc"], note="as they are; intervals resample people"),
        _share("wild_fpr", reals, "synthetic", goal=GOALS["fpr"], better="lower", note="reals called synthetic"),
        _share("wild_tpr", fakes, "synthetic", note="fakes called synthetic"),
        _share(
            "wild_cannot_tell_pct", said, "cannot_tell", percent=True, goal=GOALS["cannot_tell_pct"], better="lower",
            note=f"reals {_counted(reals)}, fakes {_counted(fakes)}",
        ),
        figure("wild_ece", measures.calibration_error, scored, goal=GOALS["ece"], better="lower", note="even odds"),
        Figure(name="wild_n_real", value=len(reals), unit=""),
        Figure(name="wild_n_fake", value=len(fakes), unit=""),
    ]  # fmt: skip
    for source in dict.fromkeys(one.clip.source for one in said):
        own = [one for one in said if one.clip.source == source]
        kind = "fakes" if own[0].clip.made else "reals"
        name = f"wild_{source.lower().replace(' ', '_').replace('-', '_')}_called_synthetic"
        figures.append(
            _share(name, own, "synthetic", better="higher" if own[0].clip.made else "lower",
                   note=f"{kind}; cannot tell {_counted(own)}")
        )  # fmt: skip
    return figures


def _scored(said: Sequence[Judged]) -> Scored:
    rows = [(one.said.logit, one.clip) for one in said if one.said.logit is not None]
    return Scored(
        np.array([logit for logit, _ in rows]),
        np.array([clip.made for _, clip in rows], bool),
        np.array([clip.person for _, clip in rows]),
        np.array([clip.source for _, clip in rows]),
    )


def _share(name: str, said: Sequence[Judged], verdict: str, *, percent: bool = False, **more) -> Figure:
    scale = 100.0 if percent else 1.0
    return mean_figure(name, [scale * (one.verdict == verdict) for one in said], "%" if percent else "", **more)


def _counted(said: Sequence[Judged]) -> str:
    return f"{sum(one.verdict == 'cannot_tell' for one in said)} of {len(said)}"
