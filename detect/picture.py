"""One look at one face: does it show what making a face leaves behind, and where?

A backbone cut off at a sixteenth of the crop, so that each place of its last map sees a part of the face only, and a
read-out of every place: local evidence carries further to fakes of other makers than the look of the whole face does
(Chai et al. 2020, "What makes fake images detectable?", arXiv 2008.10588, section 3). The places are pooled by a soft
maximum, since a fake may be one in a small part alone.

To that comes what the mouth shows beyond the upper face of the same look. A face that is made to speak has to be drawn
at its mouth, while brows and eyes are carried over from a photograph more or less as they were; a lens, a codec or a
filter treats both alike. On films that nobody here made this says more than the evidence by itself, and most where the
lips are apart, so of a clip those looks count.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from faces.landmarks import PUPILS, crop_matrix, warp_crop
from media.networks import Network
from media.weights import WeightFile

SIDE = 224  # pixels a side of the crop that is looked at
SCALE = 1.45  # side of the crop over the longer side of the box of the mesh points
CELLS = SIDE // 16  # places across
SHARPNESS = 1.0  # of the soft maximum over the places


MOUTH, UPPER = np.s_[:, 7:11, 5:10], np.s_[:, 3:7, 3:11]
"""Where mouth and upper face lie among the places of a look: crops are placed by the face's mesh."""
LIPS = (13, 14)  # mesh points: middles of the inner lips
CARRIED = 0.5  # how much of what the upper face shows is taken off


def pooled(evidence: np.ndarray) -> np.ndarray:
    """Evidence (B, H, W) -> logit (B,): the logarithm of the mean of the exponentials."""
    flat = SHARPNESS * evidence.reshape(len(evidence), -1)
    logits: np.ndarray = (logsumexp(flat, 1) - np.log(flat.shape[1])) / SHARPNESS
    return logits


def scores(evidence: np.ndarray) -> np.ndarray:
    """Evidence (B, CELLS, CELLS) -> score (B,) of "made": all places pooled, and the mouth beside the upper face."""
    return np.asarray(pooled(evidence) + pooled(evidence[MOUTH]) - CARRIED * pooled(evidence[UPPER]))


def opening_of(mesh: np.ndarray) -> float:
    """The gap between the inner lips of mesh points (478, 2 or 3), in distances between the pupils."""
    upper, lower, *pupils = mesh[[*LIPS, *PUPILS], :2]
    return float(np.linalg.norm(lower - upper)) / max(float(np.linalg.norm(pupils[1] - pupils[0])), 1e-6)


def telling(logits: np.ndarray, openings: np.ndarray) -> np.ndarray:
    """Of a clip's looks, logits (N,) and how far lips are apart in each (N,), the logits that count (at least N / 2):
    those of the half in which they are furthest apart."""
    return np.asarray(logits[openings >= np.median(openings)])


def face_crop(picture: np.ndarray, landmarks: np.ndarray, side: int = SIDE, scale: float = SCALE) -> np.ndarray:
    """The crop that is looked at: uint8 RGB (side, side, 3), eyes level, for mesh points (478, 2) in pixels."""
    return warp_crop(picture, crop_matrix(landmarks[:468], side, scale), side)


@dataclass(frozen=True)
class Look:
    """What one crop says."""

    logit: float  # of "made", on a scale of its own: `detect.odds` makes a probability of it
    evidence: np.ndarray  # (14, 14) float32: logit of "made" at each place
    features: np.ndarray  # (width,) float32


class PictureReader:
    """Looks at crops with trained weights.

    Args:
        file: weights of model "detector".
        engine: what runs the network, see `media.networks`; None: the one that is set.
        threads: processor threads; 0 lets the engine choose.
    """

    def __init__(self, file: WeightFile, *, engine: str | None = None, threads: int = 0) -> None:
        self.network = Network(file, "picture", engine=engine, threads=threads)

    def look(self, crops: np.ndarray) -> list[Look]:
        """uint8 RGB (B, SIDE, SIDE, 3) -> what each says."""
        if not len(crops):
            return []
        evidence, features = self.network(crops)
        evidence = evidence[:, 0]
        return [Look(float(z), e, f) for z, e, f in zip(scores(evidence), evidence, features, strict=True)]
