"""Pairs drawn while training: a real crop of somebody in a folder, and what one family of fakes makes of another.

    faces = gathered_faces([LONDON, OFFICIALS, GRID], folder, "train")
    pairs = Pairs(faces)
    real, fake = pairs.pair(rng)                  a fake that nothing saw before
    real, fake = pairs.drawn(number, rng)         the fake of that number, made once and looked at several times

Every look is of another draw: of where the crop is cut, and of what the world did to it (`World`). Half of the pairs
went the same way through the world, half each their own, and of most the sharper one is softened until both are as
sharp, so that quality says nothing. No labelled set is needed.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from lab.fakes.families import FAMILIES, Change
from lab.fakes.sittings import volunteers_of
from lab.fakes.world import World
from lab.labelled.crops import Shelf, cut_all, placed, placing
from lab.labelled.manifest import REAL, ClipSet, Item, Split, person_of, place_of
from lab.networks.detector import scores
from lab.pictures.london import London
from media.errors import UsageError

KINDS = (".jpg", ".jpeg", ".png", ".webp", ".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg")
CROPS = 6  # kept of a video
SIDES: tuple[Split, ...] = ("calibration", "train", "train", "train", "validation", "calibration", "train", "train")
"""By the hash of a person's name: whether they teach, choose weights, or are what scores are compared with."""
ALIKE = 0.5  # share of the pairs of which both went the same way through the world
LEVELLED = 0.7  # share of the pairs of which both are brought to one sharpness
SOFTER = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # sigmas that are tried for it, pixels
SHARES = {"talked": 2.5, "enhanced": 2.0, "self_blend": 2.0, "restored": 0.5, "upsampled": 0.5}
"""How often a family is drawn, others 1: most often what leaves a face as sharp as it was."""
SELF = 0.5  # share of the pairs in which the fake is made of the real's own crop
MOST = 3  # stages that a crop goes through at most
CHECKED = 48  # pairs of each family that validate
REMEMBERED = 320  # fakes that are kept to be looked at again


@dataclass(frozen=True)
class Faces:
    """Crops of people who are real, folder by folder; each clip is one shelf."""

    folders: tuple[tuple[Shelf, ...], ...]

    def __len__(self) -> int:
        return sum(map(len, self.folders))

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A crop, uint8 RGB (KEPT, KEPT, 3), and its mesh (478, 2). A large folder does not drown a small one."""
        share = np.sqrt([len(folder) for folder in self.folders])
        folder = self.folders[int(rng.choice(len(share), p=share / share.sum()))]
        crops = folder[int(rng.integers(len(folder)))].crops()
        k = int(rng.integers(len(crops.pictures)))
        return crops.pictures[k], crops.meshes[k]


def gathered_faces(folders: Sequence[Path], kept: Path, split: Split, *, workers: int = 0) -> Faces:
    """Crops of everybody under `folders` who is on one side; cut once, into `kept`.

    The London Set is split as everywhere, and its test people are never loaded. Elsewhere people are told apart by the
    files' names (`person_of`), and nobody is on two sides.

    Raises:
        UsageError: nobody is found on that side.
    """
    found = []
    for folder in folders:
        items = [item for item in people_of(folder) if item.split == split]
        shelves = cut_all(ClipSet(folder, items), items, kept, CROPS, workers=workers)
        found.append(tuple(shelf for shelf in shelves if len(shelf)))
    if not any(found):
        told = {"train": "learn from", "validation": "validate by"}.get(split, "calibrate on")
        raise UsageError(f"{', '.join(map(str, folders))}: shows nobody to {told}; give more folders with --data")
    return Faces(tuple(folder for folder in found if folder))


def people_of(folder: Path) -> list[Item]:
    """Pictures and videos of a folder as items that are real, split by person."""
    named: list[tuple[Path, str, Split]] = []
    if (folder / "people.csv").is_file() and (folder / "mesh478.npz").is_file():
        london = London(folder)
        for side in ("train", "validation", "calibration"):
            named += [(p.path(e), p.id, side) for p in volunteers_of(london, side) for e in ("neutral", "smile")]
    else:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS)
        named = [(path, who := person_of(path), side_of(who)) for path in paths]
    return [
        Item(file=str(path.relative_to(folder)), label=REAL, kind=REAL, split=split, person=f"{folder.name}/{who}")
        for path, who, split in named
    ]  # fmt: skip


def side_of(person: str) -> Split:
    """On which side somebody is, whose picture has this name."""
    return SIDES[place_of(person, len(SIDES))]


class Pairs:
    """Draws pairs; what is drawn depends on the generator that is given alone.

    Args:
        families: those that fakes are of; one that is left out shows what carries over to it.
    """

    def __init__(self, faces: Faces, families: Sequence[str] = tuple(FAMILIES)) -> None:
        unknown = set(families) - set(FAMILIES)
        if unknown or not families:
            raise UsageError(f"no family of fakes '{', '.join(sorted(unknown))}'; there are {', '.join(FAMILIES)}")
        self.faces, self.families = faces, tuple(families)

    def pair(self, rng: np.random.Generator, family: str = "") -> tuple[np.ndarray, np.ndarray]:
        """A real and a fake, uint8 RGB (SIDE, SIDE, 3) each; the fake is of `family` where one is named."""
        return _seen(*self._made(rng, family), rng)

    def drawn(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The same of the fake with a number, which depends on the number alone; `rng` draws how both are seen."""
        return _seen(*_remembered(self, number), rng)

    def _made(self, rng: np.random.Generator, family: str) -> tuple[np.ndarray, np.ndarray]:
        real, mesh = self.faces.draw(rng)
        source, points = (real, mesh) if rng.random() < SELF else self.faces.draw(rng)
        share = np.array([SHARES.get(name, 1.0) for name in self.families])
        change: Change = FAMILIES[family or str(rng.choice(self.families, p=share / share.sum()))](rng)
        return real, change(source, points)


@lru_cache(REMEMBERED)
def _remembered(pairs: Pairs, number: int) -> tuple[np.ndarray, np.ndarray]:
    return pairs._made(np.random.default_rng((number, 78)), "")


def _seen(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cut anew and sent through the world, both alike or each its own way."""
    cut, world = placing(rng), World.draw(rng, most=MOST)
    other = (cut, world) if rng.random() < ALIKE else (placing(rng), World.draw(rng, most=MOST))
    seen = world([placed(real, cut)])[0], other[1]([placed(fake, other[0])])[0]
    return levelled(*seen) if rng.random() < LEVELLED else seen


def levelled(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both, the sharper of them softened until their middles, where faces are, hold as much fine detail."""
    kept = np.array([detail(one), detail(other)])
    sharper = int(kept.argmax())
    softened = [cv2.GaussianBlur((one, other)[sharper], (0, 0), sigma) for sigma in SOFTER]
    tried = [(one, other)[sharper], *softened]
    best = tried[int(np.abs(np.log([detail(picture) / kept.min() for picture in tried])).argmin())]
    return (one, best) if sharper else (best, other)


def detail(picture: np.ndarray) -> float:
    """Fine detail of the middle of a picture, uint8 RGB: its Laplacian's mean size, at least one hundredth of a grey
    level, beside what is coarse in it."""
    height, width = picture.shape[:2]
    inside = picture[height // 5 : -(height // 5), width // 5 : -(width // 5)]
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(max(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean(), 0.01) / (1 + grey.std()))


def checked(pairs: Pairs, count: int | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By family: `count` reals and as many fakes, uint8 (count, SIDE, SIDE, 3); always the same ones."""
    count, found = CHECKED if count is None else count, {}
    for family in pairs.families:
        rng = np.random.default_rng((zlib.crc32(family.encode()), 10))
        reals, fakes = zip(*(pairs.pair(rng, family) for _ in range(count)), strict=True)
        found[family] = np.stack(reals), np.stack(fakes)
    return found


def validator(
    found: Mapping[str, tuple[np.ndarray, np.ndarray]], device: str
) -> Callable[[nn.Module], dict[str, float]]:
    """AUC of each family's pairs, and their mean as "auc"."""
    from sklearn.metrics import roc_auc_score

    def looked(net: nn.Module, crops: np.ndarray) -> np.ndarray:
        parts = np.array_split(crops, max(1, len(crops) // 16))
        seen = (torch.from_numpy(part).permute(0, 3, 1, 2).to(device).float() / 255 for part in parts)
        return np.concatenate([scores(net(part)[0]).float().cpu().numpy() for part in seen])

    def validate(net: nn.Module) -> dict[str, float]:
        figures = {}
        for family, (reals, fakes) in found.items():
            told = np.concatenate([looked(net, reals), looked(net, fakes)])
            figures[f"auc_{family}"] = float(roc_auc_score(np.arange(len(told)) >= len(reals), told))
        return {"auc": float(np.mean(list(figures.values()))), **figures}

    return validate
