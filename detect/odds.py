"""From what looks say in the mean to a probability and its interval.

Logistic regression on the one score, fitted to people who taught the network nothing, as many made as not (Platt 1999).
Fits to resampled people (Efron and Tibshirani 1993, clustered by person) give the interval, together with how much the
score differs from look to look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

RIDGE = 0.005  # of the slope
RESAMPLED = 60  # fits to resampled people
NOISE = np.random.default_rng(5).standard_normal(RESAMPLED)  # fixed, so that one file always gets one interval


@dataclass(frozen=True)
class Odds:
    """Everything that turns a score into a probability, at even odds before anything is seen."""

    fits: np.ndarray  # (1 + RESAMPLED, 2) float32: slope and offset, of all people, of resampled ones

    @classmethod
    def fit(cls, scores: np.ndarray, made: np.ndarray, people: Sequence[str]) -> "Odds":
        """Fit to scores (N,), labels (N,) bool and who is seen in each."""
        who = np.array(people)
        rng, names = np.random.default_rng(11), np.unique(who)
        rows = [_line(scores, made)]
        places = {name: np.flatnonzero(who == name) for name in names}
        while len(rows) < 1 + RESAMPLED:
            chosen = np.concatenate([places[name] for name in rng.choice(names, len(names))])
            if len(np.unique(made[chosen])) == 2:
                rows.append(_line(scores[chosen], made[chosen]))
        return cls(np.stack(rows).astype(np.float32))

    def logit(self, score: float) -> float:
        """Of "made"; rises with the score."""
        return float(self.fits[0, 0] * score + self.fits[0, 1])

    def interval(self, score: float, error: float) -> tuple[float, float]:
        """95% interval of the probability, for a score whose standard error from look to look is `error`."""
        logits = self.fits[1:, 0] * (score + NOISE * error) + self.fits[1:, 1]
        low, high = np.quantile(np.append(logits, self.logit(score)), (0.025, 0.975))
        return float(special.expit(low)), float(special.expit(high))

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """What is kept of it, under `name`."""
        return {f"odds.{name}": self.fits}

    @classmethod
    def load(cls, tensors: Mapping[str, np.ndarray], name: str) -> "Odds":
        """What `tensors` kept."""
        return cls(tensors[f"odds.{name}"])


def _line(scores: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Slope, of at least 0, and offset, both classes weighing the same."""
    from scipy import optimize  # half a second, and only fits need it

    sign = np.where(made, 1.0, -1.0)
    share = np.where(made, 0.5 / max(1, made.sum()), 0.5 / max(1, (~made).sum()))

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (w[0] * scores + w[1])
        pull = -share * sign * special.expit(-margin)
        value = float((share * np.logaddexp(0, -margin)).sum() + RIDGE * w[0] ** 2)
        return value, np.array([pull @ scores + 2 * RIDGE * w[0], pull.sum()])

    return np.asarray(optimize.minimize(loss, np.zeros(2), jac=True, bounds=[(0, None), (None, None)]).x)
