"""What is measured of a talking face, and how far many of them lie from truth.

Everything is read from the frames themselves by the project's tracker, recogniser and judge of lips, truth included,
so that no entrant is known better than another.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from benchmarks.motion.liveliness import blinks, jitter, pose_intensity
from faces import Track, Tracker
from faces.landmarks import crop_matrix, warp_crop
from faces.lipsync import SHORTEST, LipSync
from faces.recognition import Recogniser
from generate.acting import MotionClip, mouth_opening
from lab.speaking.evaluate import Spoken, lip_corr, lip_lag_ms, true_opening
from lab.training.backbone import MEAN, STD, Perceptual

CROP, ROOM = 224, 1.5  # pixels a side of the crop that is compared, and its side over that of the face
EVERY = 5  # frames from one look of the recogniser to the next
WINDOW, STRIDE = 12, 4  # frames of a window that a clip's distance is taken of, and from one to the next
FINE, COARSE = 2, 3  # levels of the backbone: at an eighth (40 channels) and at a sixteenth (112)
FOLLOWS = 0.2  # correlation under which lips go with no sound, so that none can be late
BATCH = 16  # crops that are looked at together


@dataclass(frozen=True)
class Seen:
    """What the tracker sees in one clip of T frames."""

    tracks: list[Track | None]  # T
    crops: np.ndarray  # (T, CROP, CROP, 3) uint8 RGB, cut alike in all frames: around the face of the first

    @property
    def found(self) -> list[Track]:
        """Where a face was found."""
        return [track for track in self.tracks if track is not None]

    @cached_property
    def moved(self) -> MotionClip:
        """How the face moved; where none was found, as in the frame before."""
        last = next(iter(self.found))
        rows = []
        for track in self.tracks:
            last = last if track is None else track
            p = last.parameters
            rows.append((p.actions, p.rotation, np.zeros(3, np.float32), np.asarray(p.gaze).reshape(-1, 2).mean(0)))
        return MotionClip(*(np.stack(part).astype(np.float32) for part in zip(*rows, strict=True)))


class Eye:
    """Networks that look; each is loaded once."""

    def __init__(self) -> None:
        self.tracker, self.recogniser, self.lips, self.perceptual = (
            Tracker(),
            Recogniser(),
            LipSync.load(),
            Perceptual(),
        )

    def look(self, frames: list[np.ndarray]) -> Seen:
        """uint8 RGB frames (H, W, 3) of one face."""
        tracks = list(self.tracker.follow(frames))
        first = next((track for track in tracks if track is not None), None)
        if first is None:
            return Seen(tracks, np.zeros((0, CROP, CROP, 3), np.uint8))
        matrix = crop_matrix(first.landmarks[:468], CROP, ROOM)
        return Seen(tracks, np.stack([warp_crop(frame, matrix, CROP) for frame in frames]))

    def face(self, portrait: np.ndarray) -> np.ndarray:
        """Who a portrait shows, as the recogniser has it."""
        return self.recogniser.embed(portrait, self.tracker.portrait(portrait)[0])

    def measured(self, frames: list[np.ndarray], seen: Seen, face: np.ndarray, said: Spoken) -> dict[str, float]:
        """Figures of one clip of somebody (`face`), by name; only found_pct where no face is found."""
        figures = {"found_pct": 100 * len(seen.found) / len(frames)}
        if not seen.found:
            return figures
        looks = [(f, t) for f, t in list(zip(frames, seen.tracks, strict=True))[::EVERY] if t is not None]
        if looks:
            figures["identity"] = float(np.mean([self.recogniser.embed(f, t) @ face for f, t in looks]))
        opening, truth = mouth_opening(seen.moved.actions), true_opening(said.phones, said.speech)
        count = min(len(opening), len(truth))
        follows = lip_corr(opening[:count], truth[:count]) if opening[:count].std() > 1e-4 else 0.0
        figures["lip_corr"] = follows  # a mouth that does not move follows nothing
        if follows > FOLLOWS:
            figures["lip_lag_ms"] = lip_lag_ms(opening[:count], truth[:count])
        if count >= SHORTEST:
            sync = self.lips.score(said.speech, seen.moved.actions)
            middle = len(sync.distances) // 2
            figures["sync_confidence"] = float(np.median(sync.distances) - sync.distances[middle])
        figures |= {"pose_intensity": pose_intensity(seen.moved), "jitter": jitter(seen.moved)}
        figures["blinks"] = blinks(seen.moved)
        return figures

    @torch.inference_mode()
    def features(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crops (T, CROP, CROP, 3) -> what the backbone sees in each: (T, 40) at an eighth, (T, 112) at a sixteenth."""
        fine, coarse = [], []
        for first in range(0, len(crops), BATCH):
            maps = self.perceptual.net((_tensor(crops[first : first + BATCH]) - MEAN) / STD)
            fine.append(maps[FINE].mean((2, 3)).numpy())
            coarse.append(maps[COARSE].mean((2, 3)).numpy())
        return np.concatenate(fine), np.concatenate(coarse)

    @torch.inference_mode()
    def apart(self, crops: np.ndarray, truth: np.ndarray) -> float:
        """Perceptual distance of crops (T, CROP, CROP, 3) from truth's at the same moments, as far as both go."""
        count = min(len(crops), len(truth))
        found = [
            float(self.perceptual(_tensor(crops[k : k + 1]), _tensor(truth[k : k + 1]))) for k in range(0, count, EVERY)
        ]
        return float(np.mean(found))


def _tensor(crops: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float() / 255


def windows(fine: np.ndarray) -> np.ndarray:
    """Features of single frames (T, C) -> of windows of them (n, 2 C): how much each varies and how fast it changes."""
    parts = [fine[k : k + WINDOW] for k in range(0, len(fine) - WINDOW + 1, STRIDE)]
    rows = [np.concatenate([part.std(0), np.abs(np.diff(part, axis=0)).mean(0)]) for part in parts]
    return np.log(np.stack(rows) + 1e-4) if rows else np.zeros((0, 2 * fine.shape[1]))


class _As(nn.Module):
    """Features are what they are."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_features = count

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def frechet(made: np.ndarray, true: np.ndarray) -> float:
    """Frechet distance (Heusel et al. 2017, equation 6) of features (n, C) and (m, C), each channel in deviations of
    the truth's."""
    scale = true.std(0) + 1e-6
    distance = FrechetInceptionDistance(feature=_As(true.shape[1]))
    for rows, real in ((true, True), (made, False)):
        distance.update(torch.from_numpy((rows - true.mean(0)) / scale), real=real)
    return float(distance.compute())
