"""The refiner: a small network that mends what the flow does where the head is not known, over the whole frame.

Geometry knows where skin goes. It does not know where hair ends, what the head uncovers, how a collar follows, or how
cheeks catch other light when they rise. The refiner looks at the flow's result on a grid of 128 x 128 cells and answers
for each cell: how the flow is to be corrected, which share of the pixel is the person, from where the rest shows what
is behind, and what is added to the colour. The photograph's pixels still travel at full size, once for the person and
once for what is behind (two layers with an occlusion map, after Siarohin et al. 2019, "First Order Motion Model",
eq. 12).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numba import njit
from torch import nn

from faces.flow import FlowField
from faces.head import Head, rotation_matrix
from faces.raster import Raster, vertex_normals
from generate.inference import compiled
from generate.latent import FaceLatent
from generate.sampling import sample
from generate.unet import UNet
from learning.weights import load_weights

WEIGHTS = Path(__file__).parent / "data" / "refiner.safetensors"
GRID = 128  # cells a side
CHANNELS = 21  # warped 3, source 3, shift 2, head 1, place 3, normals now 3, normals then 3, expression 3
ANSWERS = 8  # correction of the flow 2, where what is behind comes from 2, share of the person 1, colour 3
FAR = 8.0  # cells of shift that are 1 to the network
PERSON = 4.0  # added to the logit of the person's share, so that an untrained refiner changes hardly anything
WHOLE = np.float32(0.996)  # share of the person from which nothing behind shows


class RefinerNet(UNet):
    """(B, 21, 128, 128) what `Viewer.see` shows -> (B, 8, 128, 128): correction of the person's shift and shift of what
    is behind, x and y in cells; logit of the person's share; residual RGB."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 128)) -> None:
        super().__init__(CHANNELS, ANSWERS, widths, (*(1 for _ in widths[1:]), 3))


@dataclass(frozen=True)
class View:
    """One frame as the refiner meets it."""

    shift: np.ndarray  # (S / 2, S / 2, 2) float32 pixels: where each pixel of the flow comes from, relative to itself
    seen: np.ndarray  # (21, 128, 128) float32


class Viewer:
    """Shows the refiner frames of one appearance. Buffers are kept between frames."""

    def __init__(self, head: Head, latent: FaceLatent, flow: FlowField) -> None:
        self.head, self.appearance, self.flow = head, latent.appearance, flow
        self.cell = flow.size / GRID
        small = cv2.resize(latent.appearance.picture, (GRID, GRID), interpolation=cv2.INTER_AREA)
        self.source = small.astype(np.float32) / 255
        self.raster = Raster(GRID, GRID)
        self.normals = vertex_normals(latent.identity.neutral(head).astype(np.float32), head.triangles, head.weld)
        self.then = self.normals @ rotation_matrix(*latent.appearance.rest.rotation).T
        self.actions = latent.actions
        axis = np.arange(GRID, dtype=np.float32)
        self.cells = np.stack(np.meshgrid(axis, axis), -1)

    def see(self, latent: FaceLatent, points: np.ndarray, depth: np.ndarray) -> View:
        """The frame in which the vertices of `latent` land at points (V, 2) pixels with depth (V,)."""
        head, appearance = self.head, self.appearance
        shift = self.flow.shift(points, depth, appearance.points, appearance.unit)
        coarse = cv2.resize(shift, (GRID, GRID), interpolation=cv2.INTER_AREA) / np.float32(self.cell)
        field = self.cells + coarse
        warped = cv2.remap(self.source, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        now = self.normals @ rotation_matrix(*latent.pose.rotation).T
        change = latent.actions - self.actions
        used = np.flatnonzero(np.abs(change) > 1e-3)
        moved = np.tensordot(change[used], head.actions[used], 1) if len(used) else np.zeros_like(head.mean)
        values = np.hstack([head.mean / 1.5, now, self.then, 4 * moved]).astype(np.float32)
        triangles = self.flow.triangles
        self.raster.draw(points / np.float32(self.cell), depth, triangles, cull=True)
        facts = self.raster.interpolate(values, triangles)
        inside = (self.raster.triangle >= 0)[..., None]
        seen = np.concatenate([warped, self.source, coarse / FAR, inside, facts], -1)
        return View(shift, np.ascontiguousarray(seen.transpose(2, 0, 1), np.float32))


def compose(picture: np.ndarray, shift: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The frame that the refiner asks for.

    Args:
        picture: uint8 RGB (S, S, 3), the source.
        shift: (S / 2, S / 2, 2) float32 pixels, the flow's own.
        answers: (8, 128, 128) float32, see `RefinerNet`.

    Returns: uint8 RGB (S, S, 3).
    """
    size, half = picture.shape[0], shift.shape[0]
    cell = np.float32(size / GRID)
    correction = np.ascontiguousarray(answers[:2].transpose(1, 2, 0))
    correction = cv2.resize(correction, (half, half), interpolation=cv2.INTER_LINEAR)
    layers = np.empty((GRID, GRID, 6), np.float32)
    layers[..., 0] = 1 / (1 + np.exp(-(answers[4] + PERSON)))
    layers[..., 1:3] = answers[2:4].transpose(1, 2, 0) * cell
    layers[..., 3:] = answers[5:].transpose(1, 2, 0) * 255
    frame = np.empty_like(picture)
    _compose(picture, shift + correction * cell, layers, *_between(size, half), *_between(size, GRID), frame)
    return frame


@cache
def _between(size: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `size` pixels the cell before its middle and how far it lies towards the next."""
    at = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    before = np.minimum(at.astype(np.int32), cells - 2)
    return before, (at - before).astype(np.float32)


@njit(fastmath=True, cache=True, nogil=True)
def _compose(picture, shift, layers, half_at, half_by, grid_at, grid_by, frame):
    size, half, grid = frame.shape[0], shift.shape[0], layers.shape[0]
    near, slow = np.empty((half, 2), np.float32), np.empty((grid, 6), np.float32)
    for y in range(size):
        i, t = half_at[y], half_by[y]
        for x in range(half):
            for k in range(2):
                near[x, k] = shift[i, x, k] + t * (shift[i + 1, x, k] - shift[i, x, k])
        i, t = grid_at[y], grid_by[y]
        for x in range(grid):
            for k in range(6):
                slow[x, k] = layers[i, x, k] + t * (layers[i + 1, x, k] - layers[i, x, k])
        for x in range(size):
            i, u, j, v = half_at[x], half_by[x], grid_at[x], grid_by[x]
            dx, dy = near[i, 0] + u * (near[i + 1, 0] - near[i, 0]), near[i, 1] + u * (near[i + 1, 1] - near[i, 1])
            r, g, b = sample(picture, np.float32(x) + dx, np.float32(y) + dy)
            share = slow[j, 0] + v * (slow[j + 1, 0] - slow[j, 0])
            if share < WHOLE:
                dx = slow[j, 1] + v * (slow[j + 1, 1] - slow[j, 1])
                dy = slow[j, 2] + v * (slow[j + 1, 2] - slow[j, 2])
                r1, g1, b1 = sample(picture, np.float32(x) + dx, np.float32(y) + dy)
                r, g, b = r1 + share * (r - r1), g1 + share * (g - g1), b1 + share * (b - b1)
            frame[y, x, 0] = _byte(r + slow[j, 3] + v * (slow[j + 1, 3] - slow[j, 3]))
            frame[y, x, 1] = _byte(g + slow[j, 4] + v * (slow[j + 1, 4] - slow[j, 4]))
            frame[y, x, 2] = _byte(b + slow[j, 5] + v * (slow[j + 1, 5] - slow[j, 5]))


@njit(fastmath=True, nogil=True, inline="always")
def _byte(value):
    return np.uint8(min(max(value + np.float32(0.5), np.float32(0)), np.float32(255)))


def composed(picture: torch.Tensor, shift: torch.Tensor, answers: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """`compose` in torch, for training: picture (B, 3, S, S) in [0, 1], shift (B, 2, S', S') in cells, answers
    (B, 8, 128, 128) -> the frame (B, 3, S, S), not clipped, and the person's share (B, 1, S, S)."""
    size = picture.shape[-1]

    def full(field: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(field, size=(size, size), mode="bilinear", align_corners=False)

    def travel(cells: torch.Tensor) -> torch.Tensor:
        axis = (torch.arange(size, device=picture.device, dtype=picture.dtype) + 0.5) * (2 / size) - 1
        middle = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
        at = middle + cells.permute(0, 2, 3, 1) * (2 / GRID)
        return nn.functional.grid_sample(picture, at, mode="bilinear", padding_mode="border", align_corners=False)

    answers = full(answers)
    share = torch.sigmoid(answers[:, 4:5] + PERSON)
    person, behind = travel(full(shift) + answers[:, :2]), travel(answers[:, 2:4])
    return share * person + (1 - share) * behind + answers[:, 5:], share


class Refiner:
    """Answers what `Viewer` shows; loads weights and compiles the network once.

    Args:
        backend: "openvino" (fast on processors) or "torch" (the reference).
        threads: processor threads a call may use; 0 for half of what there are.
        device: where torch computes: "cpu", "cuda", "cuda:1" ...
    """

    def __init__(
        self, weights: Path | str = WEIGHTS, *, backend: str = "openvino", threads: int = 0, device: str = "cpu"
    ) -> None:
        tensors, self.card = load_weights(weights, "refiner")
        self.net = RefinerNet(tuple(self.card.config["widths"]))
        self.net.load_state_dict(tensors)
        self.net.eval().to(device)
        self.device, self.compiled = device, None
        if backend == "openvino":
            size, ranges = (1, CHANNELS, GRID, GRID), self.card.config.get("ranges")
            self.compiled = compiled(self.net.state_dict(), size, ranges=ranges, threads=threads)

    def answer(self, seen: np.ndarray) -> np.ndarray:
        """(21, 128, 128) float32 -> (8, 128, 128) float32."""
        if self.compiled is not None:
            return self.compiled(seen[None])[0][0]
        with torch.inference_mode():
            return self.net(torch.from_numpy(seen[None]).to(self.device))[0].cpu().numpy()
