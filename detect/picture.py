"""One look at one face: does it show what making a face leaves behind, and where?

A backbone cut off at a sixteenth of the crop, so that each place of its last map sees a part of the face only, and a
read-out of every place: local evidence carries further to fakes of other makers than the look of the whole face does
(Chai et al. 2020, "What makes fake images detectable?", arXiv 2008.10588, section 3). The places are pooled by a soft
maximum, since a fake may be one in a small part alone.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from faces.inference import compiled, patch_graph, plain
from faces.landmarks import crop_matrix, warp_crop
from learning.backbone import MEAN, STD, lite0

SIDE = 224  # pixels a side of the crop that is looked at
SCALE = 1.45  # side of the crop over the longer side of the box of the mesh points
STAGE = 4  # last stage of the backbone that is used, at a sixteenth of the crop
CHANNELS = 112  # of its map
FROZEN = 2  # stages that stay as ImageNet left them: edges and grain
CELLS = SIDE // 16  # places across
SHARPNESS = 1.0  # of the soft maximum over the places


class PictureNet(nn.Module):
    """(B, 3, 224, 224) float RGB in [0, 1] -> evidence (B, 14, 14) and what it was read from (B, width): logits of
    "made" at each place, and the mean over the places of the last features."""

    def __init__(self, width: int = 64, *, pretrained: bool = False) -> None:
        super().__init__()
        self.config = {"width": width}
        body: Any = lite0(pretrained=pretrained, num_classes=0, global_pool="")
        self.body = nn.ModuleDict({"conv_stem": body.conv_stem, "bn1": body.bn1, "blocks": body.blocks[: STAGE + 1]})
        self.squeeze = nn.Conv2d(CHANNELS, width, 1)
        self.drop = nn.Dropout2d(0.1)
        self.out = nn.Conv2d(width, 1, 1)

    def maps(self, crops: torch.Tensor) -> torch.Tensor:
        """What the backbone sees: (B, 112, 14, 14)."""
        x = ((crops - MEAN) / STD).to(self.body["conv_stem"].weight.dtype)
        x = self.body["bn1"](self.body["conv_stem"](x))
        for stage, block in enumerate(self.body["blocks"]):
            if stage == FROZEN:  # what is not trained may be of another type than what is
                x = x.to(self.out.weight.dtype)
            x = block(x)
        return x

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.maps(crops)
        features = nn.functional.relu6(self.squeeze(x))
        return self.out(self.drop(features))[:, 0].float(), features.float().mean((2, 3))


def pooled(evidence: torch.Tensor) -> torch.Tensor:
    """Evidence (B, H, W) -> logit (B,): the logarithm of the mean of the exponentials."""
    flat = SHARPNESS * evidence.flatten(1)
    return (flat.logsumexp(1) - math.log(flat.shape[1])) / SHARPNESS


def face_crop(picture: np.ndarray, landmarks: np.ndarray, side: int = SIDE, scale: float = SCALE) -> np.ndarray:
    """The crop that is looked at: uint8 RGB (side, side, 3), eyes level, for mesh points (478, 2) in pixels."""
    return warp_crop(picture, crop_matrix(landmarks[:468], side, scale), side)


@dataclass(frozen=True)
class Look:
    """What one crop says."""

    logit: float  # of "made"
    evidence: np.ndarray  # (14, 14) float32: the same at each place
    features: np.ndarray  # (width,) float32


class PictureReader:
    """Looks at crops with trained weights.

    Args:
        tensors: of `PictureNet`, by name.
        backend: "openvino" (fast) or "torch" (the reference).
        threads: processor threads; 0 lets OpenVINO choose.
    """

    def __init__(self, tensors: dict[str, torch.Tensor], *, backend: str = "openvino", threads: int = 0) -> None:
        if backend == "torch":
            net = PictureNet(len(tensors["squeeze.bias"]))
            net.load_state_dict(tensors)
            self._net = net.eval()
            self._run = self._torch
        else:
            graph = compiled(patch_graph(plain(tensors), SIDE, STAGE), threads=threads)
            self._run = lambda crops: tuple(np.asarray(part) for part in graph(crops).values())

    @torch.inference_mode()
    def _torch(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        evidence, features = self._net(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255)
        return evidence[:, None].numpy(), features.numpy()

    def look(self, crops: np.ndarray) -> list[Look]:
        """uint8 RGB (B, SIDE, SIDE, 3) -> what each says."""
        if not len(crops):
            return []
        evidence, features = self._run(crops)
        evidence = evidence[:, 0]
        logits = pooled(torch.from_numpy(np.ascontiguousarray(evidence, np.float32))).numpy()
        return [Look(float(z), e, f) for z, e, f in zip(logits, evidence, features, strict=True)]
