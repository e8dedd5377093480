"""What is promised of a score: how many comparable real clips look more made, and whether there are enough to say so.

    compared = promise.compare(logit, quality)       of 312 comparable real clips of 140 people, 2 look more made
    compared.p                                       0.0096: how seldom a real would look made so much
    compared.enough(0.01)                            whether one in a hundred can be spoken of at all

Inductive conformal prediction (Vovk, Gammerman and Shafer 2005, section 4.2; for anomalies Laxhammar and Falkman 2015):
if a file is real and exchangeable with the reals that it is compared with, none of which taught the detector anything,
then p <= a with a probability of a at most, whatever the score is. Reals are compared only with reals of like quality
(sharpness and noise of what is around the face), because a score depends on that: one threshold that is right for
studio pictures accuses people on the telephone. Nothing inside the face says how it was seen, as it may be made.

A clip's score is the mean of many looks and a picture's that of one, which strays further; so clips are compared with
clips, and what was seen in fewer than `SEVERAL` looks with pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

QUALITIES = ("detail", "grain")
RADIUS = 1.0  # root mean square, in deviations, by which comparable clips differ
MOST = 1200  # the nearest, where there are more
SEVERAL = 4  # looks from which on somebody is compared with clips
GROWN = 1.08  # by which the face is grown before what is around it begins
FLOOR = 0.15  # squared levels of 255, that rounding leaves


def quality_of(crop: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """(len(QUALITIES),) float32: what a look says of how it came to be seen, and nothing of how it was made: it is
    measured beside the face.

    Args:
        crop: that is looked at, uint8 RGB (S, S, 3).
        mesh: points (478, 2) in its pixels.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    face = _face(mesh, crop.shape[0])
    soft, softer = cv2.GaussianBlur(grey, (0, 0), 0.8), cv2.GaussianBlur(grey, (0, 0), 3.2)
    fine, coarse = np.square(grey - soft)[~face], np.square(soft - softer)[~face]
    # the median: grain is everywhere, edges are not
    told: np.ndarray = 0.5 * np.log(np.array([coarse.mean(), np.median(fine)], np.float32) + np.float32(FLOOR))
    return told


def _face(mesh: np.ndarray, side: int) -> np.ndarray:
    """(side, side) bool: inside of the face; of one that fills the crop, all but the first pixel."""
    points = mesh[:468]
    middle = points.mean(0)
    hull = cv2.convexHull(((points - middle) * GROWN + middle).astype(np.float32)).round().astype(np.int32)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, hull, 1)
    inside = mask > 0
    if inside.all():
        inside[0, 0] = False
    return inside


@dataclass(frozen=True)
class Compared:
    """A score beside those of comparable reals."""

    count: int  # comparable real clips
    people: int  # whom they show
    above: int  # of them, how many look at least as made

    @property
    def p(self) -> float:
        """How seldom a real looks so made; 1 where there is nothing to compare with."""
        return (1 + self.above) / (1 + self.count)

    def enough(self, share: float) -> bool:
        """Whether false alarms of so small a share can be spoken of: it takes as many people as one of them would
        be the share of."""
        return (1 + self.people) * share >= 1


@dataclass(frozen=True)
class Promise:
    """Real clips that taught the detector nothing: what it says of them, and of what quality they are."""

    logits: np.ndarray  # (N,) float32: scores, on any scale
    quality: np.ndarray  # (N, len(QUALITIES)) float32
    people: np.ndarray  # (N,) int32, a number for everybody who is shown
    clips: np.ndarray  # (N,) bool: the mean of several looks, or one look at a picture
    mean: np.ndarray  # (len(QUALITIES),) float32, of the qualities
    scale: np.ndarray  # (len(QUALITIES),) float32: by how much clips of like quality may differ

    @classmethod
    def of(
        cls, logits: np.ndarray, quality: np.ndarray, people: np.ndarray, clips: np.ndarray | None = None
    ) -> "Promise":
        """From logits (N,), qualities (N, Q), the names of whom they show (N,) and which are clips (N,); all where that
        is not said."""
        logits, quality = np.asarray(logits, np.float32), np.asarray(quality, np.float32)
        numbers = np.unique(people, return_inverse=True)[1].astype(np.int32)
        some = len(logits) > 0
        mean = quality.mean(axis=0) if some else np.zeros(len(QUALITIES), np.float32)
        scale = np.maximum(quality.std(axis=0), 1e-3) if some else np.ones(len(QUALITIES), np.float32)
        several = np.ones(len(logits), bool) if clips is None else np.asarray(clips, bool)
        return cls(logits, quality, numbers, several, mean, scale)

    def compare(self, logit: float, quality: np.ndarray, *, clip: bool = True) -> Compared:
        """The reals that are comparable with a clip or a picture of this quality (Q,), and how many look at least as
        made."""
        near = self._near(quality, clip)
        above = int((self.logits[near] >= logit).sum())
        return Compared(len(near), len(np.unique(self.people[near])), above)

    def threshold(self, quality: np.ndarray, share: float, *, clip: bool = True) -> float | None:
        """Logit from which no more than `share` of comparable reals lie; None where there are not enough to say."""
        near = self._near(quality, clip)
        allowed = int((1 + len(near)) * share) - 1  # so many may lie above
        if not Compared(len(near), len(np.unique(self.people[near])), 0).enough(share):
            return None
        return float(np.sort(self.logits[near])[::-1][allowed] + 1e-5)

    def highest(self, quality: np.ndarray, *, clip: bool = True) -> float:
        """What the most suspicious of the comparable reals scores."""
        return float(self.logits[self._near(quality, clip)].max() + 1e-5)

    def tensors(self) -> dict[str, np.ndarray]:
        """What is kept of it; the rest follows."""
        kept = {"logits": self.logits, "quality": self.quality, "people": self.people, "clips": self.clips}
        return {f"promise.{name}": np.asarray(value, np.int32 if value.dtype == bool else value.dtype)
                for name, value in kept.items()}  # fmt: skip

    @classmethod
    def load(cls, tensors: Mapping[str, np.ndarray]) -> "Promise":
        """What `tensors` kept."""
        return cls.of(*(tensors[f"promise.{name}"] for name in ("logits", "quality", "people", "clips")))

    def _near(self, quality: np.ndarray, clip: bool) -> np.ndarray:
        """Rows of the comparable reals, the nearest first."""
        apart = np.sqrt(np.square((self.quality - quality) / self.scale).mean(axis=1))
        near = np.flatnonzero((apart <= RADIUS) & (self.clips == clip))
        return near[np.argsort(apart[near], kind="stable")[:MOST]]
