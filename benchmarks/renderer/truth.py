"""Exact truth: people who do not exist, photographed again as they do something else.

The renderer gets the exact head of the portrait and of what it is to show, so that it is measured, and not the tracker.
Everything else stays: shoulders, light, background, lens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.figures import Figure
from benchmarks.pictures import psnr, ssim
from benchmarks.renderer.judge import KINDS, UNITS, Judge, Tally, missing, row_of
from benchmarks.sheets import rendered, save_sheet
from benchmarks.suites import Given
from faces.actions import ACTION_INDEX
from faces.fit import CAMERA_DISTANCE, FaceParameters
from faces.head import lid_actions
from generate import FaceLatent, Pose
from lab.people import Person, Region, Wardrobe
from lab.people.behaviour import RESTING

FIRST = 920_000  # seed of the first person; none of these is trained on
PEOPLE, PEOPLE_QUICK = 8, 1
SIZE = 512
ROWS = 6  # of a sheet
NAMES = ("psnr_db", "head_psnr_db", "picture_psnr_db", "ssim", "perceptual")


@dataclass(frozen=True)
class Condition:
    """What the person does in the second photograph."""

    name: str
    turns: tuple[tuple[float, float, float], ...] = ((0, 0, 0),)  # yaw, pitch, roll added, degrees: one picture each
    actions: tuple[tuple[str, float], ...] = ()  # at least this strong


CONDITIONS = (
    *(Condition(f"turn{yaw}", ((yaw, 0, 0), (-yaw, 0, 0)) if yaw else ((0, 0, 0),)) for yaw in (0, 10, 20, 30)),
    Condition("nod20", ((0, 20, 0), (0, -20, 0))),
    Condition("mouth", actions=(("jawOpen", 0.7), ("mouthLowerDownLeft", 0.3), ("mouthLowerDownRight", 0.3))),
    Condition("shut", actions=(("eyeBlinkLeft", 1.0), ("eyeBlinkRight", 1.0))),
    Condition(
        "smile_wide",
        actions=(
            *(("mouthSmileLeft", 0.9), ("mouthSmileRight", 0.9), ("cheekSquintLeft", 0.6), ("cheekSquintRight", 0.6)),
            *(("mouthUpperUpLeft", 0.35), ("mouthUpperUpRight", 0.35), ("jawOpen", 0.15)),
        ),
    ),
)


def measure(given: Given, judge: Judge) -> list[Figure]:
    """For every condition: psnr_db and ssim in the face, head_psnr_db with hair and ears, picture_psnr_db, perceptual
    in the head; each of ours, flow and copy."""
    if given.assets is None:
        names = {
            f"{c.name}_{n}{suffix}": UNITS.get(n, "") for c in CONDITIONS for n in NAMES for suffix in KINDS.values()
        }
        return missing(names, "needs --assets (`vasari data assets`)")
    wardrobe, tally = Wardrobe(given.assets, given.skins), Tally()
    rows: dict[str, list[np.ndarray]] = {c.name: [] for c in CONDITIONS}
    people = list(sitters(wardrobe, PEOPLE_QUICK if given.quick else PEOPLE))
    for person in people:
        source = latent_of(person, wardrobe)
        for condition in CONDITIONS:
            for again in posed(person, condition):
                photograph = again.photograph(wardrobe, SIZE)
                truth, target = photograph.picture, parameters_of(again)
                shown, inside = judge.show(source, moved_to(source, target))
                region = photograph.segmentation
                head = (region != Region.BACKGROUND) & (region != Region.CLOTHES)
                everywhere = np.ones_like(head)
                for kind, picture in shown.items():
                    measured = {
                        "psnr_db": psnr(picture, truth, inside),
                        "head_psnr_db": psnr(picture, truth, head),
                        "picture_psnr_db": psnr(picture, truth, everywhere),
                        "ssim": ssim(picture, truth, inside),
                        "perceptual": judge.perceived(picture, truth, head),
                    }
                    tally.add(f"{condition.name}_", KINDS[kind], measured)
                rows[condition.name].append(row_of({"truth": truth, **shown}, inside))
    permits = rendered(given.folder, people, wardrobe)
    for name, row in rows.items():
        save_sheet(given.folder, f"truth_{name}", np.vstack(row[:ROWS]), permits)
    return tally.figures("rendered people photographed again, exact heads")


def sitters(wardrobe: Wardrobe, count: int) -> Iterator[Person]:
    """People at ease before the camera that the renderer knows."""
    for seed in range(FIRST, FIRST + count):
        person = Person.random(seed, wardrobe, calm=True)
        yield replace(person, camera=replace(person.camera, distance=CAMERA_DISTANCE))


def posed(person: Person, condition: Condition) -> Iterator[Person]:
    """The same person doing what the condition says, once for each of its turns."""
    actions = person.actions.copy()
    for name, amount in condition.actions:
        actions[ACTION_INDEX[name]] = max(actions[ACTION_INDEX[name]], amount)
    for turn in condition.turns:
        yield person.posed(actions=actions, rotation=person.camera.rotation + np.radians(turn))


def parameters_of(person: Person) -> FaceParameters:
    """The exact head, lids that follow the gaze included, as the renderer wants it."""
    exact = person.parameters(SIZE)
    lids = lid_actions(exact.gaze - RESTING)
    return replace(exact, actions=np.clip(exact.actions + lids, 0, 1).astype(np.float32))


def latent_of(person: Person, wardrobe: Wardrobe) -> FaceLatent:
    """The portrait, taken apart with the exact head."""
    return FaceLatent.from_parameters(person.photograph(wardrobe, SIZE).picture, parameters_of(person))


def moved_to(source: FaceLatent, target: FaceParameters) -> FaceLatent:
    """`source` with the pose and the dynamics of `target`."""
    pose = Pose(target.rotation, target.centre, target.scale, target.gaze)
    return source.with_pose(pose).with_actions(target.actions)
