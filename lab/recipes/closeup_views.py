"""What the second look learns from: pictures of people who do not exist and of volunteers lifted, as crops.

They are photographed, degraded, read with the landmark network that ships, and cut as its readings ask for: the network
is to learn from the very errors that it is to mend. What was cut is kept on disk, in shards.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch

from faces.actions import ACTION_INDEX, TOLD
from faces.closeup import (
    EYE,
    LIDS,
    Frames,
    crops_of,
    frames_of,
)
from faces.head import rotation_matrix
from faces.landmarks import PUPILS, LandmarkReader, crop_matrix
from lab.people.lifting import Lifted, Shade, elsewhere
from lab.pictures.degrade import degrade
from lab.pictures.photographs import random_background
from media.atomic import replacing

SHOT = 448  # pixels a side of the pictures that are taken
BASE = 320  # pixels a side of what is degraded of them
ROOM = 1.7  # side of that over the longer side of the box of the points
SCENES = 64  # a shard
VIEWS = 2  # of each scene, each degraded and read anew
ACTIONS = [ACTION_INDEX[name] for name in TOLD]
OTHERS = 1 << 40  # from the seed of a person to that of how they sit a second time
SHUT = 0.6  # eyeBlink from which an eye shows no gaze
SPARED = 0.45  # of the views that nothing is done to
FURTHEST = (0.9, 0.5)  # yaw and pitch, radians, by which lifted volunteers are turned: half of it and less mostly
RESTING = np.radians(-12.8)  # pitch of eyes in the head that look at a camera straight before it; see `behaviour`
APART = np.radians((-0.8, 1.0))  # yaw of the right and the left eye away from the camera, of eyes that look at it
USUAL_PITCH = np.radians(6.1)  # mean pitch of volunteers' fits
DOUBTED = 0.85  # share of a fit's own pitch that is doubted


@dataclass(frozen=True)
class Scene:
    """A picture of a face and what is known of it."""

    picture: np.ndarray  # (S, S, 3) uint8 RGB
    points: np.ndarray  # (478, 2) float32 mesh points, pixels
    visible: np.ndarray  # (478,) bool
    rotation: np.ndarray  # (3,) yaw, pitch, roll of the head, radians
    gaze: np.ndarray  # (2, 2) yaw, pitch of the right and the left eye relative to the head, radians
    open: np.ndarray  # (2,) bool: of the right and the left eye
    actions: np.ndarray  # (52,) in [0, 1]
    who: int  # the same of two pictures of the same person
    real: bool  # a photograph's pixels; its pose is that of a fit


class Source(Protocol):
    """Takes pictures."""

    def __call__(self, number: int) -> Scene: ...


class People:
    """Takes pictures of people who do not exist, two of each: elsewhere, otherwise turned, with another expression."""

    def __init__(self, assets: Path, skins: Path | None, first: int) -> None:
        from lab.people import Wardrobe

        self.wardrobe, self.first = Wardrobe(assets, skins), first

    def __call__(self, number: int) -> Scene:
        from lab.people import Person

        who, second = divmod(number, 2)
        person = Person.random(self.first + who, self.wardrobe)
        if second:
            other = Person.random(self.first + OTHERS + who, self.wardrobe)
            person = replace(other, identity=person.identity, look=person.look, outfit=person.outfit)
        shot = person.photograph(self.wardrobe, SHOT, supersample=1)
        found = shot.parameters
        points = shot.mesh[:, :2]
        return Scene(
            shot.picture, points, shot.visible, found.rotation, found.gaze, _open(found.actions), found.actions,
            who=self.first + who, real=False,
        )  # fmt: skip


class Volunteers:
    """Takes pictures of lifted volunteers, with other gazes, lights and turns.

    One photograph cannot tell a head that is bowed from one of another shape: fits of those who look straight into the
    camera differ in pitch by 4 degrees while their eyes, which would have to make up for it, do not. So the pitch that
    is learned of each is drawn towards that of all.
    """

    def __init__(self, lifted: list[Lifted], first: int) -> None:
        self.lifted, self.first = lifted, first

    def __call__(self, number: int) -> Scene:
        rng = np.random.default_rng((self.first, number, 5))
        which = int(rng.integers(len(self.lifted)))
        lifted = self.lifted[which]
        own = lifted.parameters
        moved = elsewhere(own, rng, furthest=FURTHEST, reshape=rng.uniform(0, 0.4))
        if rng.random() < 0.25:  # nearly as the photograph was taken
            moved = replace(own, rotation=(own.rotation + rng.normal(0, 0.05, 3)).astype(np.float32))
        background = random_background(rng, SHOT) if rng.random() < 0.8 else None
        shot = lifted.shoot(moved, background=background, shade=Shade.random(rng) if rng.random() < 0.6 else None)
        found, points = shot.parameters, shot.mesh[:, :2]
        rotation = found.rotation - np.array([0, DOUBTED * (own.rotation[1] - USUAL_PITCH), 0], np.float32)
        across = -float(own.rotation[0])
        looking = np.array([[across + APART[0], RESTING], [across + APART[1], RESTING]])
        gaze = found.gaze - own.gaze + looking
        return Scene(
            shot.picture,
            points,
            shot.visible,
            rotation,
            gaze,
            _open(found.actions),
            found.actions,
            who=which,
            real=True,
        )


def _open(actions: np.ndarray) -> np.ndarray:
    return np.array([actions[ACTION_INDEX[name]] <= SHUT for name in ("eyeBlinkRight", "eyeBlinkLeft")])


Views = dict[str, np.ndarray]  # columns of equal length


def views_of(scenes: list[Scene], reader: LandmarkReader, seed: tuple[int, ...]) -> Views:
    """Each scene degraded and read: inputs and targets of the network as columns; scenes of which nothing was read are
    left out."""
    rng = np.random.default_rng(seed)
    near = [_near(scene) for scene in scenes]
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(1 << 62)))
        shown = torch.from_numpy(np.stack([picture for picture, _ in near])).permute(0, 3, 1, 2).contiguous()
        worse = torch.randperm(len(shown))[: round((1 - SPARED) * len(shown))]
        shown[worse] = (degrade(shown[worse].float() / 255, spare=0.0) * 255).round().to(torch.uint8)
    seen = shown.permute(0, 2, 3, 1).contiguous().numpy()
    rows = []
    for scene, picture, (_, points) in zip(scenes, seen, near, strict=True):
        span = float(np.ptp(points, axis=0).max())
        first = crop_matrix(points + rng.normal(0, 0.02 * span, (1, 2)), reader.side, rng.uniform(1.3, 1.75))
        reading = reader.read(picture, first, mirror=bool(rng.random() < 0.5))
        if np.linalg.norm(reading.points - points, axis=1)[scene.visible].mean() < 0.12 * span:
            rows.append(_view(picture, scene, points, reading))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _near(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """The square around a face, BASE pixels a side, and the mesh points in it."""
    low, high = scene.points.min(0), scene.points.max(0)
    zoom = BASE / (ROOM * float((high - low).max()))
    matrix = np.hstack([np.eye(2) * zoom, (BASE / 2 - zoom * (low + high) / 2)[:, None]])
    picture = scene.picture if zoom > 0.6 else cv2.GaussianBlur(scene.picture, (0, 0), 0.4 / zoom)
    crop = cv2.warpAffine(picture, matrix, (BASE, BASE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return crop, (scene.points * zoom + matrix[:, 2]).astype(np.float32)


def _inside(points: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Points (..., 2) of a picture in half widths of a crop from its middle."""
    placed = points @ matrix[:, :2].T + matrix[:, 2]
    return (placed - (np.array(shape[::-1]) - 1) / 2) * (2 / shape[1])


def turned_by(frames: Frames) -> np.ndarray:
    """Rotation (3, 3) from the picture to the crops."""
    return rotation_matrix(0.0, 0.0, -frames.angle)


def _view(picture: np.ndarray, scene: Scene, points: np.ndarray, reading) -> Views:
    frames = frames_of(reading.points)
    crops = crops_of(picture, reading, frames)
    iris, lids, seen_lids = [], [], []
    for eye, matrix in enumerate(frames.eyes):
        own = list(LIDS[eye])
        iris.append(_inside(points[PUPILS[eye]], matrix, EYE))
        lids.append(_inside(points[own], matrix, EYE) - _inside(reading.points[own], matrix, EYE))
        seen_lids.append(scene.visible[own])
    gaze = scene.gaze * np.array([[1, 1], [-1, 1]])
    return {
        "eyes": crops.eyes,
        "mouth": crops.mouth,
        "face": crops.face,
        "shape": crops.shape,
        "iris": np.array(iris, np.float32),
        "lids": np.array(lids, np.float32),
        "lids_seen": np.array(seen_lids),
        "gaze": gaze.astype(np.float32),
        "gaze_seen": scene.open & scene.visible[list(PUPILS)],
        "rotation": (turned_by(frames) @ rotation_matrix(*scene.rotation)).astype(np.float32),
        "actions": scene.actions[ACTIONS],
        "who": np.int64(scene.who),
        "real": np.bool_(scene.real),
    }


class Shards:
    """number -> a file of views in `folder`, made when it is missing; depends on the seed and the number alone."""

    def __init__(self, source: Source, reader: LandmarkReader | None, folder: Path, name: str, seed: int) -> None:
        self.source, self.reader, self.folder, self.name, self.seed = source, reader, folder, name, seed

    def __call__(self, number: int) -> Path:
        path = self.folder / f"{self.name}{number:04d}.npz"
        if not path.exists():
            self.reader = self.reader or LandmarkReader(threads=1)
            scenes = [self.source(number * SCENES + k) for k in range(SCENES)]
            views = [views_of(scenes, self.reader, (self.seed, number, k)) for k in range(VIEWS)]
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, **joined(views))
        return path


def joined(parts: list[Views]) -> Views:
    """Several sets of views as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def read_shards(paths: list[Path]) -> Views:
    """Files of views as one set."""
    parts = []
    for path in paths:
        with np.load(path) as file:
            parts.append(dict(file))
    return joined(parts)


Batch = dict[str, torch.Tensor]
