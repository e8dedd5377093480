"""Do these lips belong to this sound? A contrastive score, in the way of SyncNet.

Two small networks put sound and lips, a fifth of a second of each, on a sphere, so that what belongs together lies
close (Chung and Zisserman 2016, "Out of time"). Shifting one against the other gives SyncNet's figures: at which offset
they are nearest, how near (distance), and how much nearer than at other offsets (confidence). They are trained on
performances, apart from whatever they judge.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from faces.actions import FACIAL_ACTIONS
from media.errors import SpeechError
from media.mel import HISTORY, log_mel
from media.networks import Network
from media.units import SAMPLES_PER_FRAME
from media.weights import WeightFile, read_weights

WEIGHTS = Path(__file__).parent / "data" / "lipsync.onnx"
MOUTH = [i for i, name in enumerate(FACIAL_ACTIONS) if name.startswith(("jaw", "mouth", "tongue", "cheekPuff"))]
OFFSETS = 15  # frames either way, as SyncNet has it
SHORTEST = 2 * OFFSETS + 25  # frames under which nothing can be said


@dataclass(frozen=True)
class Sync:
    """How well lips and sound go together."""

    offset: int  # frames by which the lips come late (+) or early (-) where they fit best
    distance: float  # at that offset, 0 to 2
    confidence: float  # the median distance over all offsets less that at the best
    distances: np.ndarray  # (2 OFFSETS + 1,) from the lips early to the lips late


class LipSync:
    """Scores lips against sound.

    Args:
        file: weights of model "lipsync".
        engine: what runs the networks, see `media.networks`; None: the one that is set.
    """

    def __init__(self, file: WeightFile, *, engine: str | None = None) -> None:
        self._sound, self._lips = (Network(file, part, engine=engine, precise=True) for part in ("sound", "lips"))

    @classmethod
    @cache
    def load(cls, path: Path | str = WEIGHTS) -> "LipSync":
        """Read the weights that ship with the package.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        return cls(read_weights(path, "lipsync"))

    def score(self, speech: np.ndarray, actions: np.ndarray) -> Sync:
        """Sound (N,) float32 mono 16 kHz and the facial actions (T, 52) shown with it at 25 frames a second.

        Raises:
            SpeechError: less than `SHORTEST` frames of both.
        """
        frames = min(len(speech) // SAMPLES_PER_FRAME, len(actions))
        if frames < SHORTEST:
            raise SpeechError(f"{frames / 25:.1f} s of sound and lips: at least {SHORTEST / 25:.1f} s are needed")
        heard = np.concatenate([np.zeros(HISTORY), speech[: frames * SAMPLES_PER_FRAME]]).astype(np.float32)
        sound = self._sound(log_mel(heard).T[None])[0]
        lips = self._lips(np.asarray(actions[:frames, MOUTH], np.float32)[None])[0]
        return compared(sound[0], lips[0])


def compared(sound: np.ndarray, lips: np.ndarray) -> Sync:
    """Points (T, size) of sound and lips -> the score. Each frame of sound meets lips up to `OFFSETS` frames away."""
    inner = sound[OFFSETS : len(sound) - OFFSETS]
    shifted = [lips[OFFSETS + k : len(lips) - OFFSETS + k] for k in range(-OFFSETS, OFFSETS + 1)]
    distances = np.array([float(np.linalg.norm(inner - other, axis=-1).mean()) for other in shifted])
    best = int(distances.argmin())
    return Sync(best - OFFSETS, float(distances[best]), float(np.median(distances) - distances[best]), distances)
