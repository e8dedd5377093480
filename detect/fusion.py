"""From streams to one calibrated probability, its interval, and the points at which something is said.

The streams' scores are weighed by logistic regression whose weights cannot be negative: more evidence of making never
makes a face look more real. It is fitted on the calibration split, whose people, voices and seeds no stream was trained
on, with both classes weighing the same: probabilities are those of a file that is as likely made as not, before
anything is seen. Fits to resampled people (Efron and Tibshirani 1993, clustered by person) give the interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from detect.result import Kind

STREAMS: tuple[Kind, ...] = ("picture", "picture_high", "frequency", "motion", "sound")
FARTHEST = 4.0  # deviations at which a stream is clipped
RIDGE = 0.005  # of the weights; by cross-validation on calibration people
RESAMPLED = 60  # fits to resampled people
POINTS = {"fpr_1": 0.99, "fpr_01": 0.999}  # operating points: share of reals that must lie below
NOISE = np.random.default_rng(5).standard_normal(RESAMPLED)  # fixed, so that one file always gets one interval


@dataclass(frozen=True)
class Fusion:
    """Everything that turns scores into a probability."""

    mean: np.ndarray  # (S,) of each stream among calibration clips
    scale: np.ndarray  # (S,)
    weights: np.ndarray  # (1 + RESAMPLED, S + 1): of all people, of resampled ones; the last is the bias
    thresholds: Mapping[str, float]  # logit from which something is said, by operating point

    @classmethod
    def fit(cls, scores: np.ndarray, made: np.ndarray, people: Sequence[str]) -> "Fusion":
        """Fit to calibration clips: scores (N, S) with NaN where a stream has nothing to say, labels (N,) bool, who is
        seen in each."""
        heard = np.isfinite(scores)
        count = np.maximum(heard.sum(0), 1)
        mean = np.where(heard, scores, 0).sum(0) / count
        scale = np.sqrt(np.where(heard, np.square(scores - mean), 0).sum(0) / count) + 1e-6
        z, who = _standard(scores, mean, scale), np.array(people)
        rng, names = np.random.default_rng(11), np.unique(who)
        rows = [_weights(z, made)]
        while len(rows) < 1 + RESAMPLED:
            chosen = np.concatenate([np.flatnonzero(who == n) for n in rng.choice(names, len(names))])
            if len(np.unique(made[chosen])) == 2:
                rows.append(_weights(z[chosen], made[chosen]))
        fusion = cls(mean, scale, np.stack(rows), {})
        logits = unseen_logits(z, made, who)[~made]
        return cls(mean, scale, fusion.weights, operating_points(logits, who[~made]))

    def logit(self, scores: np.ndarray) -> np.ndarray:
        """(..., S) -> logits (...)."""
        logits: np.ndarray = _standard(scores, self.mean, self.scale) @ self.weights[0, :-1] + self.weights[0, -1]
        return logits

    def contributions(self, scores: np.ndarray) -> np.ndarray:
        """(S,) -> what each stream adds to the logit (S,)."""
        added: np.ndarray = _standard(scores, self.mean, self.scale) * self.weights[0, :-1]
        return added

    def interval(self, scores: np.ndarray, error: np.ndarray) -> tuple[float, float]:
        """95% interval of the probability, for scores (S,) whose standard errors from look to look are `error` (S,)."""
        spread = NOISE[:, None] * np.nan_to_num(error) / self.scale
        z = _standard(scores, self.mean, self.scale) + np.where(np.isnan(scores), 0, spread)
        logits = (z * self.weights[1:, :-1]).sum(1) + self.weights[1:, -1]
        low, high = np.quantile(np.append(logits, self.logit(scores)), (0.025, 0.975))
        return float(special.expit(low)), float(special.expit(high))

    def tensors(self) -> dict[str, np.ndarray]:
        """What is kept of it; thresholds go into the card."""
        values = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        return {f"fusion.{k}": np.asarray(v, np.float32) for k, v in values.items()}

    @classmethod
    def load(cls, tensors: Mapping[str, np.ndarray], thresholds: Mapping[str, float]) -> "Fusion":
        """What `tensors` and the card kept."""
        mean, scale, weights = (tensors[f"fusion.{k}"] for k in ("mean", "scale", "weights"))
        return cls(mean, scale, weights, thresholds)


def unseen_logits(z: np.ndarray, made: np.ndarray, who: np.ndarray, folds: int = 5) -> np.ndarray:
    """Logits of standardised scores (N, S), each from a fit that did not see its person (N,)."""
    names = np.unique(who)
    fold = {name: k % folds for k, name in enumerate(np.random.default_rng(3).permutation(names))}
    place = np.array([fold[name] for name in who])
    logits = np.zeros(len(z))
    for k in np.unique(place):
        rest = place != k
        weights = _weights(z[rest], made[rest])
        logits[~rest] = z[~rest] @ weights[:-1] + weights[-1]
    return logits


def operating_points(logits: np.ndarray, people: np.ndarray) -> dict[str, float]:
    """Logit from which something is said, by name: above the share of reals that the point asks for, and above the
    bound that Student's t predicts for one more person, since few people cannot show how far reals reach."""
    from scipy import stats  # half a second, and only fits need it

    names = np.unique(people)
    own = np.array([logits[people == n].mean() for n in names])
    deviation = float(np.sqrt(own.var(ddof=1) + np.mean([logits[people == n].var() for n in names])))
    points = {}
    for name, share in POINTS.items():
        bound = own.mean() + stats.t.ppf(share, len(names) - 1) * deviation * np.sqrt(1 + 1 / len(names))
        points[name] = float(max(bound, np.quantile(logits, share)))
    return points


def _standard(scores: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardised and clipped; what says nothing is 0."""
    standard: np.ndarray = np.nan_to_num(np.clip((scores - mean) / scale, -FARTHEST, FARTHEST))
    return standard


def _weights(z: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Logistic regression with weights of at least 0: (S + 1,), the last is the bias."""
    from scipy import optimize

    sign = np.where(made, 1.0, -1.0)
    share = np.where(made, 0.5 / max(1, made.sum()), 0.5 / max(1, (~made).sum()))

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (z @ w[:-1] + w[-1])
        pull = -share * sign * special.expit(-margin)
        gradient = np.append(z.T @ pull + 2 * RIDGE * w[:-1], pull.sum())
        return float((share * np.logaddexp(0, -margin)).sum() + RIDGE * np.square(w[:-1]).sum()), gradient

    bounds = [(0, None)] * z.shape[1] + [(None, None)]
    found = optimize.minimize(loss, np.zeros(z.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    weights: np.ndarray = found.x
    return weights
