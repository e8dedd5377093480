"""Recipe: the face finder, from volunteers pasted into made-up scenes: none to three faces, any size and tilt."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from faces.finder import STRIDE
from lab.networks.finder import FinderNet
from lab.pictures.london import London
from lab.pictures.photographs import SOURCE, Photograph, photographs, random_background
from lab.training import Plan
from lab.training.recipe import IMAGENET, Run, Trial, recipe

SIDE = 224  # pixels a side of the scenes
CELLS = SIDE // STRIDE
BATCH = 16


def _paste(scene: np.ndarray, photo: Photograph, rng: np.random.Generator, taken: list) -> np.ndarray:
    """Put one person into the scene (float32, changed copy) and note (x, y, size) of the face in `taken`."""
    points = photo.mesh[:, :2]
    low, high = points.min(0), points.max(0)
    size = float(np.exp(rng.uniform(np.log(14), np.log(190))))
    zoom = size / float((high - low).max())
    angle = float(rng.normal(0, 12) if rng.random() < 0.85 else rng.uniform(-60, 60))
    target = rng.uniform(0.35 * size, SIDE - 0.35 * size, 2) if size < SIDE * 1.3 else np.full(2, SIDE / 2)
    if any(np.hypot(x - target[0], y - target[1]) < 0.75 * (s + size) for x, y, s in taken):
        return scene
    centre = (low + high) / 2
    matrix = cv2.getRotationMatrix2D(centre.tolist(), angle, zoom)
    matrix[:, 2] += target - centre
    source, mask = photo.picture, photo.mask
    if zoom < 0.5:
        half = cv2.resize(source, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        half_mask = cv2.resize(mask, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        shrunk = matrix.copy()
        shrunk[:, :2] /= half.shape[0] / SOURCE
        source, mask, matrix = half, half_mask, shrunk
    if rng.random() < 0.5:  # mirror in place
        source, mask = source[:, ::-1], mask[:, ::-1]
        flip = np.array([[-1, 0, source.shape[1] - 1], [0, 1, 0], [0, 0, 1]], float)
        matrix = matrix @ flip
    picture = cv2.warpAffine(source, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR).astype(np.float32)
    cover = cv2.warpAffine(mask, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)[..., None]
    if rng.random() < 0.15:  # the studio with its backdrop
        inside = cv2.warpAffine(np.ones_like(mask), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)[..., None]
        cover = inside
    picture = np.clip(picture * rng.uniform(0.5, 1.25, 3) + rng.normal(0, 12), 0, 255)
    taken.append((float(target[0]), float(target[1]), size))
    return cover * picture + (1 - cover) * scene


def _scene(photos: list[Photograph], rng: np.random.Generator) -> tuple[np.ndarray, list]:
    scene = random_background(rng, SIDE)
    if rng.random() < 0.35:  # decoys: pieces of people without a face
        photo = photos[int(rng.integers(len(photos)))]
        x, y = int(rng.integers(0, SOURCE - 120)), int(SOURCE * 0.75)
        piece = cv2.resize(photo.picture[y : y + 90, x : x + 120], None, fx=rng.uniform(0.5, 2), fy=rng.uniform(0.5, 2))
        top, left = int(rng.integers(0, SIDE - 40)), int(rng.integers(0, SIDE - 40))
        piece = piece[: SIDE - top, : SIDE - left]
        scene[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
    taken: list = []
    for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
        scene = _paste(scene, photos[int(rng.integers(len(photos)))], rng, taken)
    if rng.random() < 0.3:
        scene = np.repeat(scene.mean(-1, keepdims=True), 3, -1) * rng.uniform(0.8, 1.1, 3)
    scene = 255 * np.clip(scene / 255, 0, 1) ** np.exp(rng.normal(0, 0.35))
    if rng.random() < 0.3:
        scene = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.3, 1.6)))
    scene = scene + rng.standard_normal(scene.shape) * rng.uniform(0, 12)
    return np.clip(scene, 0, 255).astype(np.uint8), taken


def targets(taken: list) -> np.ndarray:
    """Faces (x, y, size) -> (3, CELLS, CELLS): closeness to a middle, log size in cells, where size counts."""
    out = np.zeros((3, CELLS, CELLS), np.float32)
    ys, xs = np.mgrid[0:CELLS, 0:CELLS] + 0.5
    for x, y, size in taken:
        cells = size / STRIDE
        spread = max(0.6, cells / 9)
        near = np.exp(-((xs - x / STRIDE) ** 2 + (ys - y / STRIDE) ** 2) / (2 * spread**2)).astype(np.float32)
        near[min(CELLS - 1, int(y / STRIDE)), min(CELLS - 1, int(x / STRIDE))] = 1.0
        where = near > 0.3
        out[0] = np.maximum(out[0], near)
        out[1][where], out[2][where] = np.log(cells), 1.0
    return out


class Scenes:
    """step -> (pictures (B, 3, SIDE, SIDE), targets (B, 3, CELLS, CELLS)); depends on seed and step alone."""

    def __init__(self, photos: list[Photograph], seed: int, batch: int = BATCH) -> None:
        self.photos, self.seed, self.batch = photos, seed, batch

    def __call__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng((self.seed, step, 7))
        scenes = [_scene(self.photos, rng) for _ in range(self.batch)]
        pictures = torch.from_numpy(np.stack([s for s, _ in scenes])).permute(0, 3, 1, 2).float() / 255
        return pictures, torch.from_numpy(np.stack([targets(t) for _, t in scenes]))


def loss(net: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, Mapping[str, float]]:
    """Penalty-reduced focal loss (Zhou et al. 2019, eq. 1) and L1 on the log size."""
    pictures, truth = (t.to(next(net.parameters()).device) for t in batch)
    output = net(pictures.contiguous(memory_format=torch.channels_last)).float()
    log_p, log_q = nn.functional.logsigmoid(output[:, 0]), nn.functional.logsigmoid(-output[:, 0])
    p, near = log_p.exp(), truth[:, 0]
    middle = near >= 1.0
    focal = torch.where(middle, (1 - p) ** 2 * log_p, (1 - near) ** 4 * p**2 * log_q)
    found = -focal.sum() / middle.sum().clamp_min(1)
    size = ((output[:, 1] - truth[:, 1]).abs() * truth[:, 2]).sum() / truth[:, 2].sum().clamp_min(1)
    return found + 0.5 * size, {"found": float(found.detach()), "size": float(size.detach())}


def validator(scenes: Scenes, count: int) -> Callable[[nn.Module], dict[str, float]]:
    """The loss on `count` fixed batches of scenes with validation people."""
    kept = [scenes(step) for step in range(count)]

    def validate(net: nn.Module) -> dict[str, float]:
        results = [loss(net, batch) for batch in kept]
        return {
            "loss": float(np.mean([float(value) for value, _ in results])),
            "size_error": float(np.mean([figures["size"] for _, figures in results])),
        }

    return validate


@recipe("finder", steps=600)
def train(run: Run, data: Path, *, pretrained: bool = True, batch: int = BATCH) -> Trial:
    """`FinderNet` from the London folder `data`. About 1 s a step on one core."""
    london = London(data)
    torch.manual_seed(run.seed)
    net = FinderNet(pretrained=pretrained).to(memory_format=torch.channels_last)
    steps = run.steps
    return Trial(
        net,
        Plan(steps=steps, lr=1e-3, seed=run.seed, bf16=False, ema=0.995, validate_every=min(200, steps)),
        Scenes(photographs(london.training, london), run.seed, batch),
        loss,
        validator(Scenes(photographs(london.validation, london), seed=10_000, batch=batch), count=6),
        select="loss",
        config={"width": net.head.in_channels},
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people in made-up scenes; "
        f"backbone from {IMAGENET}",
    )
