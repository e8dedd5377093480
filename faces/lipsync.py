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
import torch
import torch.nn.functional as F
from torch import nn

from faces.actions import FACIAL_ACTIONS
from lab.mel import log_mel
from lab.weights import load_weights
from media.errors import SpeechError
from media.mel import BINS, HISTORY
from media.units import SAMPLES_PER_FRAME

WEIGHTS = Path(__file__).parent / "data" / "lipsync.safetensors"
MOUTH = [i for i, name in enumerate(FACIAL_ACTIONS) if name.startswith(("jaw", "mouth", "tongue", "cheekPuff"))]
OFFSETS = 15  # frames either way, as SyncNet has it
SHORTEST = 2 * OFFSETS + 25  # frames under which nothing can be said


class LipSyncNet(nn.Module):
    """Sound and lips -> points on the unit sphere, one a frame, each of which sees about 0.2 s around it."""

    def __init__(self, width: int = 64, size: int = 48) -> None:
        super().__init__()
        self.config = {"width": width, "size": size}
        self.sound = nn.Sequential(
            nn.Conv1d(BINS, width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(width, 2 * width, 4, stride=2, padding=1), nn.GELU(),
            nn.Conv1d(2 * width, 2 * width, 3, padding=1), nn.GELU(),
            nn.Conv1d(2 * width, size, 1),
        )  # fmt: skip
        self.lips = nn.Sequential(
            nn.Conv1d(len(MOUTH), width, 3, padding=1), nn.GELU(),
            nn.Conv1d(width, 2 * width, 3, padding=1), nn.GELU(),
            nn.Conv1d(2 * width, size, 1),
        )  # fmt: skip

    def forward(self, mel: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mel (B, BINS, 4 T) and facial actions (B, T, 52) -> sound (B, T, size), lips (B, T, size)."""
        sound = self.sound(mel.to(self.sound[0].weight.dtype)).transpose(1, 2).float()
        shown = actions[..., MOUTH].transpose(1, 2).to(self.lips[0].weight.dtype)
        return F.normalize(sound, dim=-1), F.normalize(self.lips(shown).transpose(1, 2).float(), dim=-1)


@dataclass(frozen=True)
class Sync:
    """How well lips and sound go together."""

    offset: int  # frames by which the lips come late (+) or early (-) where they fit best
    distance: float  # at that offset, 0 to 2
    confidence: float  # the median distance over all offsets less that at the best
    distances: np.ndarray  # (2 OFFSETS + 1,) from the lips early to the lips late


class LipSync:
    """Scores lips against sound."""

    def __init__(self, network: LipSyncNet) -> None:
        self._network = network.eval()

    @classmethod
    @cache
    def load(cls, path: Path | str = WEIGHTS) -> "LipSync":
        """Read the weights that ship with the package.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        tensors, card = load_weights(path, "lipsync")
        network = LipSyncNet(**card.config)
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
        return cls(network)

    @torch.inference_mode()
    def score(self, speech: np.ndarray, actions: np.ndarray) -> Sync:
        """Sound (N,) float32 mono 16 kHz and the facial actions (T, 52) shown with it at 25 frames a second.

        Raises:
            SpeechError: less than `SHORTEST` frames of both.
        """
        frames = min(len(speech) // SAMPLES_PER_FRAME, len(actions))
        if frames < SHORTEST:
            raise SpeechError(f"{frames / 25:.1f} s of sound and lips: at least {SHORTEST / 25:.1f} s are needed")
        heard = np.concatenate([np.zeros(HISTORY), speech[: frames * SAMPLES_PER_FRAME]]).astype(np.float32)
        mel = log_mel(torch.from_numpy(heard))[None]
        sound, lips = self._network(mel, torch.from_numpy(np.asarray(actions[:frames], np.float32))[None])
        return compared(sound[0], lips[0])


def compared(sound: torch.Tensor, lips: torch.Tensor) -> Sync:
    """Points (T, size) of sound and lips -> the score. Each frame of sound meets lips up to `OFFSETS` frames away."""
    inner = sound[OFFSETS : len(sound) - OFFSETS]
    shifted = [lips[OFFSETS + k : len(lips) - OFFSETS + k] for k in range(-OFFSETS, OFFSETS + 1)]
    distances = np.array([float((inner - other).norm(dim=-1).mean()) for other in shifted])
    best = int(distances.argmin())
    return Sync(best - OFFSETS, float(distances[best]), float(np.median(distances) - distances[best]), distances)
