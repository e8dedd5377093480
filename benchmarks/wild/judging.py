"""What the detector says of clips from elsewhere, as they are: at the thresholds that ship, which nothing here sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.detector import measures
from benchmarks.detector.measures import Scored, figure
from benchmarks.figures import Figure, mean_figure
from benchmarks.suites import Given
from benchmarks.wild.clips import WildClip
from detect.detector import Detector, stream_scores
from detect.fusion import STREAMS
from media.errors import UnreadableError
from media.processes import each

GOALS = {"auc": 0.8, "fpr": 0.05, "cannot_tell_pct": 30.0, "ece": 0.05}


@dataclass(frozen=True)
class Said:
    """What was said of a clip."""

    clip: WildClip
    verdict: str  # of the file: cannot_tell also where nobody is seen, or it cannot be read
    logit: float  # NaN where nobody was judged
    streams: np.ndarray  # (len(STREAMS),), NaN where one says nothing


@cache
def _detector() -> Detector:
    return Detector.load(threads=1)


def say_of(clip: WildClip) -> Said:
    """Look at one clip."""
    detector, nothing = _detector(), np.full(len(STREAMS), np.nan)
    try:
        detection, evidence = detector.look(clip.path)
    except UnreadableError:
        return Said(clip, "cannot_tell", float("nan"), nothing)
    seen = max(evidence.people, key=lambda person: len(person.looks), default=None)
    if seen is None or not seen.looks:
        return Said(clip, detection.verdict, float("nan"), nothing)
    logit = detector.judge_person(seen).logit
    streams, _ = stream_scores(seen, detector.model.frequency, detector.model.motion)
    return Said(clip, detection.verdict, float("nan") if logit is None else logit, streams)


def measure(given: Given, clips: Sequence[WildClip]) -> list[Figure]:
    """wild_auc, _fpr, _tpr, _cannot_tell_pct, _ece, _n_real, _n_fake; of each stream and each source."""
    said = list(each(say_of, clips, given.workers))
    reals, fakes = ([one for one in said if one.clip.made == made] for made in (False, True))
    scored = _scored([one for one in said if np.isfinite(one.logit)])
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
    for k, name in enumerate(STREAMS):
        own = [one for one in said if np.isfinite(one.streams[k])]
        figures.append(figure(f"wild_auc_{name}", measures.auc, _scored(own, lambda one, k=k: one.streams[k])))
    for source in dict.fromkeys(one.clip.source for one in said):
        own = [one for one in said if one.clip.source == source]
        kind = "fakes" if own[0].clip.made else "reals"
        name = f"wild_{source.lower().replace(' ', '_').replace('-', '_')}_called_synthetic"
        figures.append(
            _share(name, own, "synthetic", better="higher" if own[0].clip.made else "lower",
                   note=f"{kind}; cannot tell {_counted(own)}")
        )  # fmt: skip
    return figures


def _scored(said: Sequence[Said], value: Callable[[Said], float] = lambda one: one.logit) -> Scored:
    return Scored(
        np.array([value(one) for one in said]),
        np.array([one.clip.made for one in said], bool),
        np.array([one.clip.person for one in said]),
        np.array([one.clip.source for one in said]),
    )


def _share(name: str, said: Sequence[Said], verdict: str, *, percent: bool = False, **more) -> Figure:
    scale = 100.0 if percent else 1.0
    return mean_figure(name, [scale * (one.verdict == verdict) for one in said], "%" if percent else "", **more)


def _counted(said: Sequence[Said]) -> str:
    return f"{sum(one.verdict == 'cannot_tell' for one in said)} of {len(said)}"
