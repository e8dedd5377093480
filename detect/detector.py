"""From evidence to what is said of a file.

detector = Detector.load()
detection = detector.detect("clip.mp4")          # a `Detection`
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.special import expit

from detect.evidence import EVERY, LEAST, Evidence, Gatherer, Person
from detect.manner import Manner, series_of
from detect.odds import Odds
from detect.picture import CELLS, PictureReader, telling
from detect.picture import Look as Seen
from detect.profile import Profile
from detect.promise import SEVERAL, Promise
from detect.result import Comparison, Detection, Likeness, Look, PersonResult, Segment, Verdict
from media import FPS
from media.errors import UsageError, WeightsError
from media.weights import WeightCard, WeightFile, read_weights
from provenance.exits import EXIT_NOTHING, EXIT_SYNTHETIC

WEIGHTS = Path(__file__).parent / "data" / "detector.onnx"
POOREST = 0.08  # median quality of the looks below which nothing is told
AROUND = 5  # looks over which a moment is judged: 1 s
POINTS = {"fpr_1": 0.01, "fpr_01": 0.001}
"""Operating points: the share of comparable reals that may be accused."""
RANK = {"synthetic": 2, "nothing_found": 1, "cannot_tell": 0}


@dataclass(frozen=True)
class Strangeness:
    """Distance of what was seen from what was learned from (Mahalanobis; Lee et al. 2018, arXiv 1807.03888, eq. 2)."""

    mean: np.ndarray  # (F,)
    precision: np.ndarray  # (F, F)
    limit: float  # distance from which nothing is told

    @classmethod
    def fit(cls, features: np.ndarray, *, room: float = 1.3) -> "Strangeness":
        """Of clips' mean features (N, F); the limit is `room` times beyond 99.5% of them."""
        mean = features.mean(0)
        covariance = np.cov(features.T) + 1e-3 * np.eye(len(mean)) * features.var(0).mean()
        own = cls(mean, np.linalg.inv(covariance), 1.0)
        return cls(mean, own.precision, float(room * np.quantile(own.of(features), 0.995)))

    def of(self, features: np.ndarray) -> np.ndarray:
        """(..., F) -> distance (...), in units of the limit."""
        d = features - self.mean
        distance: np.ndarray = np.sqrt(np.maximum(0, np.einsum("...i,ij,...j->...", d, self.precision, d))) / self.limit
        return distance


@dataclass(frozen=True)
class Model:
    """Everything learned, as one weight file holds it."""

    picture: WeightFile  # whose part "picture" looks at crops
    odds: Odds  # of single pictures
    clip_odds: Odds  # of several looks at somebody who speaks
    strangeness: Strangeness
    promise: Promise
    material: str  # what reals the promise was measured on
    card: WeightCard

    @classmethod
    def load(cls, path: Path | str = WEIGHTS) -> "Model":
        """Read the weights that ship with the package, or those at `path`.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        file = read_weights(path, "detector")
        tensors, config = file.tensors("odds.", "strangeness.", "promise."), file.card.config
        if "promise.clips" not in tensors:
            raise WeightsError(f"{path}: weights of an earlier detector, which promised otherwise; train them anew")
        strangeness = Strangeness(
            tensors["strangeness.mean"], tensors["strangeness.precision"], float(config["strangest"])
        )
        odds, clip_odds = (Odds.load(tensors, name) for name in ("pictures", "clips"))
        return cls(file, odds, clip_odds, strangeness, Promise.load(tensors), str(config["material"]), file.card)

    def tensors(self) -> dict[str, np.ndarray]:
        """What is kept, by name; limits and words go into the card's config."""
        return {
            **self.picture.tensors("picture."),
            **self.odds.tensors("pictures"),
            **self.clip_odds.tensors("clips"),
            **self.promise.tensors(),
            "strangeness.mean": np.asarray(self.strangeness.mean, np.float32),
            "strangeness.precision": np.asarray(self.strangeness.precision, np.float32),
        }

    def config(self) -> dict[str, object]:
        """What the card keeps."""
        return {"strangest": self.strangeness.limit, "material": self.material}


def score_of(person: Person) -> tuple[float, float]:
    """What the looks at somebody say in the mean of those that count, and its standard error; looks within a second
    are alike."""
    logits = telling(np.array([look.logit for look in person.looks]), np.array(person.openings))
    return float(logits.mean()), float(logits.std() / np.sqrt(max(1.0, len(logits) / AROUND)))


class Detector:
    """Judges files. Loads its networks at the first of them; `detect` any number.

    Args:
        model: what was learned.
        point: operating point, "fpr_1" (one false alarm in a hundred) or "fpr_01" (one in a thousand).
        threads: processor threads that networks may use; 0 lets OpenVINO choose.
        profile: what real looks like where it is used (`vasari detect calibrate`).
        manner: how the person moves whom a clip is said to show (`vasari detect enroll`).

    Raises:
        UsageError: there is no such point, or the profile is of other weights.
    """

    def __init__(
        self,
        model: Model,
        *,
        point: str = "fpr_1",
        threads: int = 0,
        profile: Profile | None = None,
        manner: Manner | None = None,
    ) -> None:
        if point not in POINTS:
            raise UsageError(f"operating point {point}: choose one of {', '.join(POINTS)}")
        if profile is not None:
            profile.check(model.card.sha256)
        self.model, self.point, self.threads, self.profile, self.manner = model, point, threads, profile, manner
        self.share = POINTS[point]

    @classmethod
    def load(
        cls,
        path: Path | str = WEIGHTS,
        *,
        point: str = "fpr_1",
        threads: int = 0,
        profile: Path | str | None = None,
        person: Path | str | None = None,
    ) -> "Detector":
        """With the weights that ship, or those at `path`; a profile, and how somebody moves, from their files.

        Raises:
            WeightsError: the weights are missing, damaged or of another model.
            UnreadableError: a file is none of a profile, or of a person.
            UsageError: as the constructor.
        """
        own = None if profile is None else Profile.read(profile)
        manner = None if person is None else Manner.read(person)
        return cls(Model.load(path), point=point, threads=threads, profile=own, manner=manner)

    @cached_property
    def gatherer(self) -> Gatherer:
        """What looks at files."""
        return Gatherer(PictureReader(self.model.picture, threads=self.threads), threads=self.threads)

    def detect(self, path: Path | str, *, longest: float | None = None) -> Detection:
        """What can be said of one file; `longest` seconds of it at most.

        Raises:
            UnreadableError: the file cannot be read.
        """
        return self.look(path, longest=longest)[0]

    def look(self, path: Path | str, *, keep: bool = False, longest: float | None = None) -> tuple[Detection, Evidence]:
        """As `detect`, with the evidence; with `keep`, the crops are in it."""
        start = time.perf_counter()
        evidence = self.gatherer.gather(path, keep=keep, longest=longest)
        detection = self.judge(str(path), evidence)
        rate = evidence.frames / max(time.perf_counter() - start, 1e-6)
        return detection.model_copy(update={"frames_per_second": round(rate, 1)}), evidence

    def watch(
        self, frames: Iterable[np.ndarray], name: str, *, every: float = 2.0, memory: float = 20.0
    ) -> Iterator[Detection]:
        """What can be said while a video comes: of its last `memory` seconds, each `every` seconds and at its end.
        Frames are uint8 RGB (H, W, 3), 25 a second; sound is not listened to.

        Raises:
            UsageError: `every` or `memory` is too short to say anything, or `memory` the shorter.
            Whatever `frames` raises.
        """
        if not 0.2 <= every <= memory:
            raise UsageError(
                f"every {every:g} s of the last {memory:g} s: give at least 0.2 s, and no less to look back"
            )
        start = time.perf_counter()
        for evidence in self.gatherer.watch_live(frames, every=every, memory=memory):
            rate = evidence.frames / max(time.perf_counter() - start, 1e-6)
            yield self.judge(name, evidence).model_copy(update={"frames_per_second": round(rate, 1)})

    def judge(self, file: str, evidence: Evidence) -> Detection:
        """What can be said of evidence."""
        people, own = [self.judge_person(person) for person in evidence.people], self.profile
        worst = max(people, key=lambda p: (RANK[p.verdict], p.probability or 0.0), default=None)
        notes = [f"breaks off after {evidence.seconds:.1f} s ({evidence.broken})"] if evidence.broken else []
        if evidence.kind == "sound":
            reason = "no pictures: sound alone is not judged"
        else:
            reason = "no face was found" if worst is None else worst.reason
        return Detection(
            file=file,
            kind=evidence.kind,
            verdict="cannot_tell" if worst is None else worst.verdict,
            exit_code=EXIT_SYNTHETIC if worst is not None and worst.verdict == "synthetic" else EXIT_NOTHING,
            reason=reason,
            probability=None if worst is None else worst.probability,
            interval=None if worst is None else worst.interval,
            operating_point=self.point,
            false_alarms=self.share,
            measured_on=self.model.material if own is None else f"{own.words()}; {self.model.material}",
            people=people,
            frames=evidence.frames,
            seconds=round(evidence.seconds, 3),
            notes=notes,
            model=self.model.card.sha256,
        )

    def judge_person(self, person: Person) -> PersonResult:
        """What can be said of one person."""
        size = float(np.median(person.sizes)) if person.sizes else 0.0
        if not person.looks:
            return PersonResult(
                person=person.number, verdict="cannot_tell", reason=f"too small: {size:.0f} pixels, {LEAST:.0f} needed",
                probability=None, interval=None, logit=None, size=round(size, 1), strangeness=None,
            )  # fmt: skip
        clip, (score, error) = len(person.looks) >= SEVERAL, score_of(person)
        odds = self.model.clip_odds if clip else self.model.odds
        conditions = np.mean(person.conditions, axis=0)
        strange = float(self.model.strangeness.of(np.mean([look.features for look in person.looks], 0)))
        compared, threshold = self._compared(score, conditions, clip)
        reason = _reason(person, strange) or ("" if threshold is not None else self._too_few(compared))
        verdict: Verdict = "cannot_tell" if reason else "nothing_found"
        if not reason and threshold is not None and score >= threshold:
            verdict = "synthetic"
        moments = _smoothed(np.array([look.logit for look in person.looks]))
        low, high = odds.interval(score, error)
        return PersonResult(
            person=person.number,
            verdict=verdict,
            reason=reason,
            probability=_chance(odds, score),
            interval=(round(low, 4), round(high, 4)),
            logit=round(odds.logit(score), 4),
            size=round(size, 1),
            strangeness=round(strange, 3),
            compared=compared,
            threshold=None if threshold is None else _chance(odds, threshold),
            lips=_lips(person),
            moves=self._moves(person),
            segments=[] if threshold is None else _segments(person, moments, threshold, odds),
            looks=[
                Look(time=round(t, 3), box=_rounded(box), probability=_chance(odds, float(m)), hottest=_hottest(look))
                for t, box, m, look in zip(person.times, person.boxes, moments, person.looks, strict=True)
            ],
        )

    def _compared(self, score: float, conditions: np.ndarray, clip: bool) -> tuple[Comparison, float | None]:
        """The reals of like quality, and the score from which "synthetic" is said; None where there are too few.

        With a profile that is large enough, by it alone; a smaller one only takes accusations back: what is accused
        then has to look more made than all reals of the profile that are comparable."""
        general = self.model.promise
        found = general.compare(score, conditions, clip=clip)
        threshold = general.threshold(conditions, self.share, clip=clip)
        if self.profile is not None:
            own = self.profile.promise.compare(score, conditions, clip=clip)
            limit = self.profile.promise.threshold(conditions, self.share, clip=clip)
            if limit is not None:
                found, threshold = own, limit
            elif threshold is not None and own.count:
                threshold = max(threshold, self.profile.promise.highest(conditions, clip=clip))
        told = Comparison(clips=found.count, people=found.people, above=found.above, p=round(found.p, 5))
        return told, threshold

    def _moves(self, person: Person) -> Likeness | None:
        """Beside whom was asked for."""
        found = None if self.manner is None else self.manner.beside(series_of(person))
        return None if found is None else Likeness(clips=found.clips, above=found.above, p=round(found.p, 5))

    def _too_few(self, compared: Comparison) -> str:
        wanted = round(1 / self.share) - 1
        return (
            f"only {compared.people} real people are known who were seen like this; {wanted} are needed to promise one "
            f"false alarm in {wanted + 1}"
        )


def _chance(odds: Odds, score: float) -> float:
    return round(float(expit(odds.logit(score))), 4)


def _segments(person: Person, moments: np.ndarray, threshold: float, odds: Odds) -> list[Segment]:
    """Runs of looks whose second lies above the threshold."""
    segments: list[Segment] = []
    if len(moments) < 2:
        return segments
    step = EVERY / FPS
    for time_, moment in zip(person.times, moments, strict=True):
        if moment < threshold:
            continue
        chance, end = _chance(odds, float(moment)), round(time_ + step, 3)
        if segments and time_ - segments[-1].end < 1.5 * step:
            last = segments.pop()
            segments.append(Segment(start=last.start, end=end, probability=max(last.probability, chance)))
        else:
            segments.append(Segment(start=round(time_, 3), end=end, probability=chance))
    return segments


def _reason(person: Person, strange: float) -> str:
    """Why nothing can be told of somebody who was looked at; "" where it can."""
    if float(np.median(person.qualities)) < POOREST:
        worst = person.reasons[int(np.argmin(person.qualities))]
        return f"poor looks: {worst}" if worst else "poor looks"
    if strange > 1:
        return f"unlike anything it learned from ({strange:.2f} of 1)"
    return ""


def _lips(person: Person) -> str:
    if person.hearing is None:
        return ""
    offset = person.hearing.offset
    count = f"{abs(offset)} frame{'s' * (abs(offset) > 1)}"
    late = "with the sound" if offset == 0 else f"{count} {'late' if offset > 0 else 'early'}"
    return f"lips {late}, confidence {person.hearing.confidence:.2f}"


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Mean over `AROUND` looks, fewer at the ends."""
    kernel = np.ones(min(AROUND, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def _hottest(look: Seen) -> tuple[float, float]:
    row, column = np.unravel_index(int(look.evidence.argmax()), look.evidence.shape)
    return (round((float(column) + 0.5) / CELLS, 3), round((float(row) + 0.5) / CELLS, 3))


def _rounded(box: tuple[float, float, float]) -> tuple[float, float, float]:
    return (round(box[0], 1), round(box[1], 1), round(box[2], 1))
