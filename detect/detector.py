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
from detect.fusion import STREAMS, Fusion
from detect.linear import Linear
from detect.picture import CELLS, PictureReader
from detect.picture import Look as Seen
from detect.result import Detection, Look, PersonResult, Segment, Stream, Verdict
from media import FPS
from media.errors import UsageError
from media.weights import WeightCard, WeightFile, read_weights
from provenance.exits import EXIT_NOTHING, EXIT_SYNTHETIC

WEIGHTS = Path(__file__).parent / "data" / "detector.onnx"
POOREST = 0.08  # median quality of the looks below which nothing is told
AROUND = 5  # looks over which a moment is judged: 1 s
HIGHEST = 0.25  # share of the looks that "picture_high" averages
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
    frequency: Linear
    motion: Linear
    fusion: Fusion
    strangeness: Strangeness
    card: WeightCard

    @classmethod
    def load(cls, path: Path | str = WEIGHTS) -> "Model":
        """Read the weights that ship with the package, or those at `path`.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        file = read_weights(path, "detector")
        tensors, config = file.tensors("frequency.", "motion.", "fusion.", "strangeness."), file.card.config
        return cls(
            file,
            Linear.load(tensors, "frequency"),
            Linear.load(tensors, "motion"),
            Fusion.load(tensors, config["thresholds"]),
            Strangeness(tensors["strangeness.mean"], tensors["strangeness.precision"], config["strangest"]),
            file.card,
        )

    def tensors(self) -> dict[str, np.ndarray]:
        """What is kept, by name; thresholds and limits go into the card's config."""
        strange = {"mean": self.strangeness.mean, "precision": self.strangeness.precision}
        return {
            **self.picture.tensors("picture."),
            **self.frequency.tensors("frequency"),
            **self.motion.tensors("motion"),
            **self.fusion.tensors(),
            **{f"strangeness.{k}": np.asarray(v, np.float32) for k, v in strange.items()},
        }

    def config(self) -> dict[str, object]:
        """What the card keeps."""
        return {"thresholds": dict(self.fusion.thresholds), "strangest": self.strangeness.limit}


def stream_scores(person: Person, frequency: Linear, motion: Linear) -> tuple[np.ndarray, np.ndarray]:
    """Scores of `STREAMS` (S,) for one person, NaN where one has nothing to say, and their standard errors (S,)."""
    scores, errors = np.full(len(STREAMS), np.nan), np.zeros(len(STREAMS))
    if person.looks:
        logits = np.array([look.logit for look in person.looks])
        bands = frequency(np.stack(person.frequencies))
        highest = np.sort(logits)[-max(1, round(HIGHEST * len(logits))) :]
        scores[:3] = logits.mean(), highest.mean(), bands.mean()
        spread = np.sqrt(max(1.0, len(logits) / AROUND))  # looks within a second are alike
        errors[:3] = logits.std() / spread, highest.std() / spread, bands.std() / spread
    if person.motions:
        told = motion(np.stack([features for _, features in person.motions]))
        scores[3], errors[3] = told.mean(), told.std() / np.sqrt(len(told))
    if person.hearing is not None:
        scores[4] = person.hearing.score
    return scores, errors


class Detector:
    """Judges files. Loads its networks at the first of them; `detect` any number.

    Args:
        model: what was learned.
        point: operating point, "fpr_1" (one false alarm in a hundred) or "fpr_01" (one in a thousand).
        threads: processor threads that networks may use; 0 lets OpenVINO choose.
    """

    def __init__(self, model: Model, *, point: str = "fpr_1", threads: int = 0) -> None:
        if point not in model.fusion.thresholds:
            raise UsageError(f"operating point {point}: choose one of {', '.join(model.fusion.thresholds)}")
        self.model, self.point, self.threads = model, point, threads
        self.threshold = model.fusion.thresholds[point]

    @classmethod
    def load(cls, path: Path | str = WEIGHTS, *, point: str = "fpr_1", threads: int = 0) -> "Detector":
        """With the weights that ship, or those at `path`."""
        return cls(Model.load(path), point=point, threads=threads)

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
        people = [self.judge_person(person) for person in evidence.people]
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
            threshold=round(float(expit(self.threshold)), 4),
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
        model, fusion = self.model, self.model.fusion
        scores, errors = stream_scores(person, model.frequency, model.motion)
        logit = float(fusion.logit(scores))
        strange = float(model.strangeness.of(np.mean([look.features for look in person.looks], 0)))
        reason = _reason(person, strange)
        moments = self._moments(person, scores)
        verdict: Verdict = "cannot_tell" if reason else "synthetic" if logit >= self.threshold else "nothing_found"
        low, high = fusion.interval(scores, errors)
        return PersonResult(
            person=person.number,
            verdict=verdict,
            reason=reason,
            probability=round(float(expit(logit)), 4),
            interval=(round(low, 4), round(high, 4)),
            logit=round(logit, 4),
            size=round(size, 1),
            strangeness=round(strange, 3),
            streams=_streams(scores, fusion.contributions(scores), person),
            segments=self._segments(person, moments),
            looks=[
                Look(time=round(t, 3), box=_rounded(box), probability=round(float(expit(m)), 4), hottest=_hottest(look))
                for t, box, m, look in zip(person.times, person.boxes, moments, person.looks, strict=True)
            ],
        )

    def _moments(self, person: Person, scores: np.ndarray) -> np.ndarray:
        """Fused logit of the second around each look: its own pictures and bands, other streams those of the whole."""
        looks = np.array([look.logit for look in person.looks])
        bands = self.model.frequency(np.stack(person.frequencies))
        here = np.repeat(scores[None], len(looks), 0)
        here[:, 0] = here[:, 1] = _smoothed(looks)
        here[:, 2] = _smoothed(bands)
        return self.model.fusion.logit(here)

    def _segments(self, person: Person, moments: np.ndarray) -> list[Segment]:
        """Runs of looks whose second lies above the threshold."""
        segments: list[Segment] = []
        if len(moments) < 2:
            return segments
        step = EVERY / FPS
        for time_, moment in zip(person.times, moments, strict=True):
            if moment < self.threshold:
                continue
            chance, end = round(float(expit(moment)), 4), round(time_ + step, 3)
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


def _streams(scores: np.ndarray, adds: np.ndarray, person: Person) -> list[Stream]:
    notes = {}
    if person.hearing is not None:
        offset = person.hearing.offset
        late = "with the sound" if offset == 0 else f"{abs(offset)} frames {'late' if offset > 0 else 'early'}"
        notes["sound"] = f"lips {late}, confidence {person.hearing.confidence:.2f}"
    return [
        Stream(
            name=name,
            score=None if np.isnan(score) else round(float(score), 4),
            adds=round(float(add), 4),
            note=notes.get(name, ""),
        )
        for name, score, add in zip(STREAMS, scores, adds, strict=True)
    ]


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Mean over `AROUND` looks, fewer at the ends."""
    kernel = np.ones(min(AROUND, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def _hottest(look: Seen) -> tuple[float, float]:
    row, column = np.unravel_index(int(look.evidence.argmax()), look.evidence.shape)
    return (round((float(column) + 0.5) / CELLS, 3), round((float(row) + 0.5) / CELLS, 3))


def _rounded(box: tuple[float, float, float]) -> tuple[float, float, float]:
    return (round(box[0], 1), round(box[1], 1), round(box[2], 1))
