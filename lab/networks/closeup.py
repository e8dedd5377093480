"""The network of the second look at eyes, mouth and face; `faces.closeup` cuts its crops."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from faces.actions import TOLD
from faces.closeup import EYE, FACE, MOUTH
from faces.landmarks import POINTS
from lab.networks.graph import EPSILON, Graph

DROPPED = 0.25  # share of features that are left out while it learns
Answer = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _halving(channels: Sequence[int]) -> nn.Sequential:
    """Convolutions 3 x 3, batch-normalised; a repeated number of channels keeps the size, another halves it."""
    layers: list[nn.Module] = []
    before = 3
    for width in channels:
        stride = 1 if width == before else 2
        layers += [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers)


def rotations(columns: torch.Tensor) -> torch.Tensor:
    """Two columns (B, 6) -> the rotation (B, 3, 3) nearest to them (Zhou et al. 2019, eq. 6)."""
    first = nn.functional.normalize(columns[:, :3], dim=-1)
    second = columns[:, 3:] - (first * columns[:, 3:]).sum(-1, keepdim=True) * first
    second = nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


class Part(nn.Module):
    """One crop (B, 3, H, W) in [-1, 1] -> features (B, out)."""

    def __init__(self, channels: Sequence[int], cells: int, squeeze: int, out: int) -> None:
        super().__init__()
        self.body = _halving(channels)
        self.squeeze = nn.Conv2d(channels[-1], squeeze, 1)
        self.out = nn.Linear(squeeze * cells, out)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(self.out(nn.functional.relu(self.squeeze(self.body(crops))).flatten(1)))


class CloseupNet(nn.Module):
    """Crops as uint8 or float in [0, 255] -> eyes (B, 2, 36), look (B, 13), acts (B, 2, 43).

    Of each eye: place of its iris (2), log error, how far the 16 points of the lids are from where they were first
    read (32), log error; of the face: yaw and pitch of both eyes (4), log errors (2), the first two columns of the
    head's rotation (6; Zhou et al. 2019, eq. 6) and log error about an axis; the facial actions
    and the logs of their errors. Places are in half widths of a crop from
    its middle, angles in radians, everything of the left eye as its mirror image has it."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        w = width
        self.eye = Part((w, 2 * w, 2 * w, 4 * w, 4 * w), 48, 24, 160)
        self.mouth = Part((w, 2 * w, 2 * w, 4 * w, 4 * w), 48, 24, 160)
        self.face = Part((w, 2 * w, 2 * w, 4 * w, 4 * w, 6 * w), 36, 32, 192)
        self.shape = nn.Linear(POINTS * 3, 160)
        self.mix = nn.Linear(2 * 160 + 192 + 160, 256)
        self.mix_acts = nn.Linear(3 * 160 + 192 + 160, 320)
        self.mix_eye = nn.Linear(160 + 160, 128)
        self.iris, self.lids = nn.Linear(128, 3), nn.Linear(128, 33)
        self.look = nn.Linear(256, 13)
        self.acts = nn.Linear(320, 2 * len(TOLD))
        self.drop = nn.Dropout(DROPPED)
        for layer in (self.iris, self.lids, self.look, self.acts):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.acts.bias[: len(TOLD)], 0.05)
        nn.init.constant_(self.acts.bias[len(TOLD) :], -2.5)

    def forward(self, eyes: torch.Tensor, mouth: torch.Tensor, face: torch.Tensor, shape: torch.Tensor) -> Answer:
        """eyes (B, 2, 3, 48, 64), mouth (B, 3, 48, 64), face (B, 3, 96, 96), shape (B, 2, 478, 3): as it is and as a
        mirror shows it."""
        return self.judge(eyes, mouth, face, self.drop(nn.functional.relu(self.shape(shape.flatten(2)))))

    def judge(self, eyes: torch.Tensor, mouth: torch.Tensor, face: torch.Tensor, placed: torch.Tensor) -> Answer:
        """The same, from what is made of the shape first: (B, 2, 160)."""
        count = len(eyes)
        seen = self.drop(self.eye(eyes.flatten(0, 1) / 127.5 - 1))
        own = nn.functional.relu(self.mix_eye(torch.cat([seen, placed.flatten(0, 1)], 1)))
        eye = torch.cat([self.iris(own), self.lids(own)], 1).view(count, 2, 36)
        whole = torch.cat([seen.view(count, -1), self.drop(self.face(face / 127.5 - 1)), placed[:, 0]], 1)
        acts = nn.functional.relu(self.mix_acts(torch.cat([whole, self.drop(self.mouth(mouth / 127.5 - 1))], 1)))
        return eye, self.look(nn.functional.relu(self.mix(whole))), self.acts(acts).view(count, 2, -1)


def export(tensors: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Graph:
    """`CloseupNet.judge` for one face: uint8 eyes (2, 48, 64, 3), mouth (1, 48, 64, 3), face (1, 96, 96, 3), what
    is made of the shape and its mirror image (2, 160) -> what the read-outs give before their bias: (2, 36), (1, 13),
    (1, 86)."""
    g, width = Graph(tensors), len(tensors["shape.bias"])
    seen, mouth = _part(g, "eye", "eyes", 2, EYE), _part(g, "mouth", "mouth", 1, MOUTH)
    whole = _part(g, "face", "face", 1, FACE)
    placed = g.input("placed", (2, width))
    own = g.sliced(placed, 0, 1, 0)
    eye = g.relu(g.linear(g.node("Concat", seen, placed, axis=1), "mix_eye"))
    both = g.node("Concat", g.reshaped(seen, (1, -1)), whole, own, axis=1)
    g.output(g.linear_all(eye, ("iris", "lids")), "eye", (2, 36))
    g.output(g.linear_all(g.relu(g.linear(both, "mix")), ("look",)), "look", (1, 13))
    acts = g.relu(g.linear(g.node("Concat", both, mouth, axis=1), "mix_acts"))
    g.output(g.linear_all(acts, ("acts",)), "acts", (1, 2 * len(TOLD)))
    return g


def _part(g: Graph, name: str, crops: str, count: int, shape: tuple[int, int]) -> str:
    x = g.pictures(crops, (count, *shape, 3))
    layer, before = 0, 3
    while g.has(f"{name}.body.{layer}.weight"):
        width = len(g.tensors[f"{name}.body.{layer}.weight"])
        x = g.convolution(x, f"{name}.body.{layer}", stride=1 if width == before else 2, pad=1)
        x = g.relu(g.normed(x, f"{name}.body.{layer + 1}", EPSILON))
        layer, before = layer + 3, width
    x = g.relu(g.convolution(x, f"{name}.squeeze", pad=0))
    return g.relu(g.linear(g.node("Flatten", x, axis=1), f"{name}.out"))


def answers(
    net: CloseupNet, part: str, eyes: torch.Tensor, mouth: torch.Tensor, face: torch.Tensor, placed: torch.Tensor
) -> list[torch.Tensor]:
    """What the graph answers, by torch."""
    crops = (pictures.movedim(-1, -3).float() for pictures in (eyes[None], mouth, face))
    eye, look, acts = net.judge(*crops, placed[None])
    biases = torch.cat([net.iris.bias, net.lids.bias]), net.look.bias, net.acts.bias
    return [eye[0] - biases[0], look - biases[1], acts.flatten(1) - biases[2]]
