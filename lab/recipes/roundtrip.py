"""Recipe: autoencoders that faces are sent through, so that the detector learns what decoders leave behind.

They learn from any pictures and videos under some folders: to bring back a crop, near in pixels and in the features of
a backbone, some of them against an adversary as well. Nobody on whom one was chosen was learned from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from lab.labelled.manifest import person_of, place_of
from lab.networks.autoencoder import Autoencoder
from lab.pictures.london import London
from lab.training import Plan
from lab.training.adversary import Adversary
from lab.training.backbone import Perceptual
from lab.training.recipe import IMAGENET, Run, Trial, recipe
from media import VideoReader, read_picture
from media.errors import UsageError

STORED = 448  # pixels of the shorter side at which pictures are kept
SIDE = 128  # of the crops
BATCH = 8
STEPS = 2000
PICTURES, VIDEOS = (".jpg", ".jpeg", ".png", ".webp"), (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg")
FRAMES = 8  # of a video, at most, one a second
HELD = 9  # of 10: people whose name's hash ends so choose checkpoints
PERCEPTUAL, DIVERGENCE = 0.35, 1e-4  # weights beside the distance in pixels
ADVERSARY = 0.2  # gradient of the adversary, as a share of that of the rest
VALIDATION = 64  # crops


@dataclass(frozen=True)
class Variant:
    """One of the autoencoders that ship."""

    config: Mapping[str, Any]  # of `Autoencoder`
    adversary: float = ADVERSARY  # its gradient, as a share of that of the rest; 0: it learns without one

    @property
    def enlarges(self) -> bool:
        """Latents are a smaller picture: what is drawn from them is sharp, as an enhancer's faces are."""
        return bool(self.config.get("pixels"))


VARIANTS: dict[str, Variant] = {
    "kl8": Variant({"latent": 4, "widths": [16, 48, 96, 112], "upsampling": "nearest"}),
    "fsq8": Variant({"levels": [8, 8, 8, 5, 5, 5], "widths": [16, 48, 96, 112], "upsampling": "transposed"}),
    "kl16": Variant({"latent": 32, "widths": [16, 32, 48, 64, 88], "upsampling": "transposed"}),
    "kl4": Variant({"latent": 3, "widths": [16, 64, 112], "upsampling": "nearest"}, adversary=0.0),
    "kl8wide": Variant({"latent": 16, "widths": [16, 32, 56, 88], "upsampling": "shuffle"}),
    "sr4": Variant({"widths": [16, 32, 64], "upsampling": "shuffle", "pixels": True, "depth": 3}, adversary=0.8),
}
"""By name: how latents are kept from saying anything (`kl`, `fsq`; `sr`: super-resolution, they are a smaller picture)
and how many pixels a side one stands for."""


class Pictures:
    """All pictures and frames of videos under `folders`, of those people who choose (`held`) or of all others.

    The London Set is split as everywhere (`lab.pictures.london`), others by the files' names (`person_of`).
    """

    def __init__(self, folders: Sequence[Path], *, held: bool) -> None:
        self.groups = [[_stored(p) for p in _of(Path(folder), held)] for folder in folders]
        self.groups = [[p for p in group if min(p.shape[:2]) >= SIDE] for group in self.groups]
        if not any(self.groups):
            raise UsageError(
                f"{', '.join(map(str, folders))}: no pictures or videos of {SIDE} pixels a side "
                f"of {'people to choose by' if held else 'people to learn from'}; give more with --data FOLDER"
            )
        share = np.sqrt([len(group) for group in self.groups])  # a large folder does not drown a small one
        self.share = share / share.sum()

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A crop at some scale, mirrored or not, in another light: uint8 RGB (SIDE, SIDE, 3)."""
        group = self.groups[int(rng.choice(len(self.groups), p=self.share))]
        picture = group[int(rng.integers(len(group)))]
        height, width = picture.shape[:2]
        size = int(np.exp(rng.uniform(np.log(SIDE), np.log(min(height, width)))))
        top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
        crop = picture[top : top + size, left : left + size]
        crop = cv2.resize(crop[:, ::-1] if rng.random() < 0.5 else crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        light = (np.arange(256)[:, None] / 255) ** rng.uniform(0.75, 1.35) * rng.uniform(0.75, 1.1, 3)
        table = np.clip(255 * light + 0.5, 0, 255).astype(np.uint8)
        return cv2.LUT(crop, table[None]) if rng.random() < 0.5 else crop


def _of(folder: Path, held: bool) -> Iterable[np.ndarray]:
    if (folder / "people.csv").is_file() and (folder / "mesh478.npz").is_file():
        london = London(folder)
        for person in london.validation if held else london.training:
            yield from (person.picture(expression) for expression in ("neutral", "smile"))
        return
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if suffix not in PICTURES + VIDEOS or (place_of(person_of(path), 10) == HELD) != held:
            continue
        yield from [read_picture(path)] if suffix in PICTURES else islice(VideoReader(path, fps=1, threads=1), FRAMES)


def _stored(picture: np.ndarray) -> np.ndarray:
    scale = STORED / min(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


class Batches:
    """step -> crops (B, 3, SIDE, SIDE) uint8; depends on seed and step alone."""

    def __init__(self, pictures: Pictures, seed: int, batch: int = BATCH) -> None:
        self.pictures, self.seed, self.batch = pictures, seed, batch

    def __call__(self, step: int) -> torch.Tensor:
        rng = np.random.default_rng((self.seed, step, 31))
        crops = np.stack([self.pictures.draw(rng) for _ in range(self.batch)])
        return torch.from_numpy(crops).permute(0, 3, 1, 2)


class Loss:
    """Distance in pixels and in features, divergence of the latents and, from half of the way on, an adversary."""

    def __init__(
        self, perceptual: Perceptual, *, adversary: float = 0.0, adversary_from: int = 0, device: str = "cpu"
    ) -> None:
        self.perceptual, self.adversary_from, self.step = perceptual, adversary_from, 0
        self.adversary = Adversary(device=device, share=adversary, width=24) if adversary else None

    def __call__(self, net: nn.Module, crops: torch.Tensor) -> tuple[torch.Tensor, Mapping[str, float]]:
        pictures = crops.to(net.leave.weight.device).float() / 255
        made, nats = net(pictures.contiguous(memory_format=torch.channels_last))
        near = (made - pictures).abs().mean()
        far = self.perceptual(made.clamp(0, 1), pictures)
        value = near + PERCEPTUAL * far + DIVERGENCE * nats
        figures = {"l1": near, "perceptual": far, "nats": nats}
        if self.adversary is not None and self.step >= self.adversary_from:
            figures["adversary"] = torch.as_tensor(self.adversary.learn(pictures, made))
            value = value + self.adversary.fool(made, value, net.leave.weight)
        self.step += 1
        return value, {name: float(figure.detach()) for name, figure in figures.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step} | ({} if self.adversary is None else {"adversary": self.adversary.state_dict()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        if self.adversary is not None:
            self.adversary.load_state_dict(state["adversary"])


def validator(pictures: Pictures, count: int, perceptual: Perceptual) -> Callable[[nn.Module], dict[str, float]]:
    """Peak signal to noise (dB) and distance in features on `count` fixed crops."""
    kept = [Batches(pictures, 10_000)(step) for step in range(max(1, count // BATCH))]

    def validate(net: nn.Module) -> dict[str, float]:
        rows = []
        for crops in kept:
            truth = crops.to(net.leave.weight.device).float() / 255
            made = net(truth)[0].clamp(0, 1)
            decibels = -10 * (made - truth).square().mean((1, 2, 3)).clamp_min(1e-8).log10()
            rows.append((float(decibels.mean()), float(perceptual(made, truth))))
        return {name: float(v) for name, v in zip(("psnr_db", "perceptual"), np.mean(rows, 0), strict=True)}

    return validate


@recipe("roundtrip", steps=STEPS)
def train(
    run: Run,
    data: Sequence[Path] | Path,
    *,
    variant: str = "kl8",
    batch: int = BATCH,
    lr: float = 1e-3,
    pretrained: bool = True,
) -> Trial:
    """One of `VARIANTS` from the pictures and videos under the folders `data`.

    Raises:
        UsageError: there is no such variant, or nobody to learn from or to choose by.
    """
    if variant not in VARIANTS:
        raise UsageError(f"train roundtrip: no variant '{variant}'; there are {', '.join(VARIANTS)}")
    folders = [data] if isinstance(data, Path) else list(data)
    chosen, steps = VARIANTS[variant], run.steps
    torch.manual_seed(run.seed)
    net = Autoencoder(**chosen.config).to(memory_format=torch.channels_last)
    perceptual = Perceptual(pretrained=pretrained).to(run.device)
    learned = Pictures(folders, held=False)
    plan = Plan(
        steps=steps, lr=lr, warmup=min(100, steps), seed=run.seed, ema=0.998, validate_every=min(250, steps),
        checkpoint_every=100, weight_decay=1e-4,
    )  # fmt: skip
    return Trial(
        net,
        plan,
        Batches(learned, run.seed, batch),
        Loss(
            perceptual,
            adversary=chosen.adversary,
            adversary_from=steps // (4 if chosen.enlarges else 2),
            device=run.device,
        ),
        validator(Pictures(folders, held=True), VALIDATION, perceptual),
        select="perceptual" if chosen.enlarges else "psnr_db",
        higher_is_better=not chosen.enlarges,
        ahead=True,
        config=dict(chosen.config),
        data=f"{len(learned)} pictures and frames of the folders {', '.join(f.resolve().name for f in folders)} "
        "(DATASHEET.md says where they are from; london: Face Research Lab London Set, DeBruine and Jones 2017, doi "
        f"10.6084/m9.figshare.5047666, CC-BY 4.0, training people); distances in features of {IMAGENET}. "
        "For training and testing the detector alone",
    )
