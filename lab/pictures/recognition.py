"""Pictures to learn people from: each person several times, with another pose, expression, light, lens, camera, outfit
and background, cropped as `faces.recognition` crops. Made once, kept in shards that an interrupted run goes on from."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np

from faces.landmarks import warp_crop
from faces.recognition import aligned_matrix
from lab.people import Person, Region, Wardrobe
from lab.people.camera import Camera
from lab.people.lifting import Lifted, Shade, elsewhere
from lab.pictures.photographs import random_background
from lab.training.loop import batches_ahead
from media.atomic import replacing

KEPT = 128  # pixels a side of what is kept
ROOM = 1.15  # how much more than a crop it shows
SHOT = 320  # pixels a side of the pictures that are taken
SHARD = 40  # people of a file
FURTHEST = (0.6, 0.35)  # yaw and pitch, radians, by which lifted volunteers are turned: half of it and less mostly
MOST_YAW = 0.9  # radians, of people who do not exist
STRANGERS = 1 << 52  # seeds from here on are those of whom light, camera and clothes are borrowed

Shoot = Callable[[int, int], np.ndarray]
"""Number of a person, number of a shot -> crop (KEPT, KEPT, 3) uint8 RGB."""


def keep(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The crop of a picture whose mesh points (478, >=2) are known, with room to crop in."""
    return warp_crop(picture, aligned_matrix(points, KEPT, ROOM), KEPT)


class People:
    """Photographs people who do not exist, see `photographed`."""

    def __init__(self, assets: Path, skins: Path | None, first: int) -> None:
        self.wardrobe, self.first = Wardrobe(assets, skins), first

    def __call__(self, number: int, shot: int) -> np.ndarray:
        return keep(*photographed(self.wardrobe, self.first + number, shot))


def photographed(wardrobe: Wardrobe, seed: int, shot: int) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who does not exist, with nothing of the photograph but the head their own: a stranger lends them pose,
    expression, light, lens, camera and outfit, so that these tell nothing of who it is; now and then also the hair and
    the make-up. Even shots are portraits, odd ones anything.

    Returns: picture uint8 RGB (SHOT, SHOT, 3), mesh points (478, 3).
    """
    rng = np.random.default_rng((seed, shot, 128))
    calm = shot % 2 == 0
    sitter = Person.random(seed, wardrobe)
    stranger = Person.random(STRANGERS + int(rng.integers(1 << 40)), wardrobe, calm=calm)
    stranger = replace(stranger, camera=_less_turned(stranger.camera))
    look = replace(sitter.look, pupil=stranger.look.pupil, shine=stranger.look.shine)
    if rng.random() < 0.5:
        look = replace(look, **{n: getattr(stranger.look, n) for n in ("hair", "mirrored", "volume")})
    if rng.random() < 0.25:
        made_up = ("lips", "lipstick", "shadow", "liner", "blush", "tired")
        look = replace(look, **{n: getattr(stranger.look, n) for n in made_up})
    if rng.random() < 0.3:
        look = replace(look, beard=np.zeros_like(look.beard))
    photograph = replace(stranger, identity=sitter.identity, look=look).photograph(wardrobe, SHOT, supersample=1)
    behind = (photograph.segmentation == Region.BACKGROUND).astype(np.float32)
    behind = cv2.GaussianBlur(behind, (0, 0), 0.8)[..., None]
    picture = photograph.picture + behind * (random_background(rng, SHOT) - photograph.picture)
    return np.clip(picture, 0, 255).astype(np.uint8), photograph.mesh


def _less_turned(camera: Camera) -> Camera:
    """The same view of a head that turns aside by no more than `MOST_YAW`."""
    share = min(1.0, MOST_YAW / max(abs(float(camera.rotation[0])), 1e-6))
    return replace(camera, rotation=camera.rotation * (share, 1, 1), body=camera.body * (share, 1, 1))


class Volunteers:
    """Photographs lifted volunteers: first as they were, then turned, with other expressions, lights and backgrounds.

    Args:
        lift: called before the first photograph; gives two (neutral, smile) of each.
    """

    def __init__(self, lift: Callable[[], list[Lifted]], seed: int) -> None:
        self.lift, self.seed = lift, seed

    @cached_property
    def lifted(self) -> list[Lifted]:
        return self.lift()

    def __call__(self, number: int, shot: int) -> np.ndarray:
        lifted = self.lifted[2 * number + shot % 2]
        rng = np.random.default_rng((self.seed, number, shot, 129))
        if shot < 2:
            taken = lifted.shoot(lifted.parameters)
            return keep(lifted.picture, taken.mesh)
        return keep(*retaken(lifted, rng))


def retaken(lifted: Lifted, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A lifted volunteer turned, with another expression, mostly before another background and often in another light:
    picture uint8 RGB (S, S, 3), mesh points (478, 3)."""
    moved = elsewhere(lifted.parameters, rng, furthest=FURTHEST)
    background = random_background(rng, lifted.picture.shape[0]) if rng.random() < 0.8 else None
    shade = Shade.random(rng) if rng.random() < 0.6 else None
    shot = lifted.shoot(moved, background=background, shade=shade)
    return shot.picture, shot.mesh


def picture_set(
    folder: Path,
    shoot: Shoot,
    people: int,
    shots: int,
    *,
    workers: int = 0,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Crops (people, shots, KEPT, KEPT, 3) uint8; shards that lie in `folder` already are taken from there."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = [start for start in range(0, people, SHARD) if not _shard(folder, start).is_file()]
    made = batches_ahead(partial(_shoot_all, shoot, people, shots, starts), range(len(starts)), workers)
    for done, (start, crops) in enumerate(zip(starts, made, strict=True), 1):
        with replacing(_shard(folder, start)) as temporary, temporary.open("wb") as file:
            np.save(file, crops)
        if progress is not None:
            progress(SHARD * (people // SHARD - len(starts) + done))
    return np.concatenate([np.load(_shard(folder, start)) for start in range(0, people, SHARD)])[:people, :shots]


def _shard(folder: Path, start: int) -> Path:
    return folder / f"{start:06d}.npy"


def _shoot_all(shoot: Shoot, people: int, shots: int, starts: list[int], number: int) -> np.ndarray:
    """Crops (SHARD or fewer, shots, KEPT, KEPT, 3) of the shard that begins at `starts[number]`."""
    numbers = range(starts[number], min(people, starts[number] + SHARD))
    return np.stack([[shoot(person, shot) for shot in range(shots)] for person in numbers])
