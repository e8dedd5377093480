"""Everything behind the picture network, fitted to people who taught it nothing: odds, strangeness, and the reals that
scores are compared with.

Reals are sent through the world a few times each, every time another way, so that there are reals of every quality to
compare with. A fake of each is sent through as well: odds are of made beside real, promises of reals alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detect.detector import Strangeness
from detect.odds import Odds
from detect.picture import PictureReader, opening_of, telling
from detect.promise import Promise, quality_of
from lab.fakes.families import FAMILIES
from lab.fakes.world import World
from lab.labelled.crops import Crops, cut_all, placed, placing
from lab.labelled.manifest import SOUND_KINDS, ClipSet
from lab.recipes.detector_pairs import CROPS, people_of
from media.errors import UsageError

WAYS = 3  # through the world, of each real


@dataclass(frozen=True)
class Row:
    """One clip, or one way of it through the world."""

    score: float
    conditions: np.ndarray
    features: np.ndarray
    made: bool
    person: str


@dataclass(frozen=True)
class Calibrated:
    """What was fitted, and to how many."""

    odds: Odds
    strangeness: Strangeness
    promise: Promise
    material: str


def calibrated(
    sets: Sequence[ClipSet], folders: Sequence[Path], reader: PictureReader, kept: Path, *, seed: int, workers: int = 0
) -> Calibrated:
    """From the calibration splits of labelled sets and of folders of people; crops are kept in `kept`.

    Raises:
        UsageError: they show no real people, or no fakes.
    """
    rows = [*_of_sets(sets, reader, kept, workers), *_of_people(folders, reader, kept, seed, workers)]
    made = np.array([row.made for row in rows], bool)
    if len(np.unique(made)) < 2:
        raise UsageError("calibration needs reals and fakes with faces; give more people with --data")
    scores = np.array([row.score for row in rows])
    who = np.array([row.person for row in rows])
    conditions = np.stack([row.conditions for row in rows])
    promise = Promise.of(scores[~made], conditions[~made], who[~made])
    named = ", ".join(dict.fromkeys([*(s.folder.resolve().name for s in sets), *(f.resolve().name for f in folders)]))
    material = (
        f"{int((~made).sum())} clips and pictures of {len(np.unique(who[~made]))} real people who taught it nothing "
        f"({named}), as they are spread: coded, scaled, filtered"
    )
    strangeness = Strangeness.fit(np.stack([row.features for row in rows]))
    return Calibrated(Odds.fit(scores, made, who.tolist()), strangeness, promise, material)


def _of_sets(sets: Sequence[ClipSet], reader: PictureReader, kept: Path, workers: int) -> Iterator[Row]:
    for clips in sets:
        items = [item for item in clips.of("calibration") if item.kind not in SOUND_KINDS]
        for item, shelf in zip(items, cut_all(clips, items, kept, CROPS, workers=workers), strict=True):
            if len(shelf):
                yield _row(shelf.crops(), World(), reader, made=item.is_fake, person=item.person or item.file)


def _of_people(folders: Sequence[Path], reader: PictureReader, kept: Path, seed: int, workers: int) -> Iterator[Row]:
    rng = np.random.default_rng((seed, 12))
    for folder in folders:
        items = [item for item in people_of(folder) if item.split == "calibration"]
        shelves = cut_all(ClipSet(folder, items), items, kept, CROPS, workers=workers)
        for item, shelf in zip(items, shelves, strict=True):
            if not len(shelf):
                continue
            crops = shelf.crops()
            for _ in range(WAYS):
                yield _row(crops, World.draw(rng), reader, made=False, person=item.person)
            change = FAMILIES[str(rng.choice(list(FAMILIES)))](rng)
            pairs = zip(crops.pictures, crops.meshes, strict=True)
            fakes = Crops(np.stack([change(picture, mesh) for picture, mesh in pairs]), crops.meshes)
            yield _row(fakes, World.draw(rng), reader, made=True, person=item.person)


def _row(crops: Crops, world: World, reader: PictureReader, *, made: bool, person: str) -> Row:
    cut = placing(np.random.default_rng(0), strength=0.0)
    seen = world([placed(picture, cut) for picture in crops.pictures])
    looks = reader.look(np.stack(seen))
    meshes = crops.meshes @ cut[:, :2].T.astype(np.float32) + cut[:, 2].astype(np.float32)
    conditions = np.mean([quality_of(crop, mesh) for crop, mesh in zip(seen, meshes, strict=True)], axis=0)
    score = float(telling(np.array([look.logit for look in looks]), np.array([*map(opening_of, meshes)])).mean())
    return Row(score, conditions, np.mean([look.features for look in looks], axis=0), made, person)
