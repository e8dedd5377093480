"""Everything behind the picture network, fitted to people who taught it nothing: odds, strangeness, and the reals that
scores are compared with.

Reals are sent through the world a few times each, every time another way, so that there are reals of every quality to
compare with: as pictures, and as clips, which stills become before a camera on a tripod. A fake of each is sent through
as well: odds are of made beside real, promises of reals alone. The odds of clips are those of people who were filmed
while they spoke, made to speak by our own generator, where enough of them are known: a still says little of how a mouth
looks that speaks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np

from detect.detector import Strangeness
from detect.odds import Odds
from detect.picture import PictureReader, opening_of, telling
from detect.promise import Promise, quality_of
from lab.fakes.camera import MARGIN, Camera
from lab.fakes.families import FAMILIES, Change
from lab.fakes.world import World
from lab.labelled.crops import KEPT, Crops, Shelf, cut_all, placed, placing
from lab.labelled.manifest import SOUND_KINDS, ClipSet
from lab.recipes.detector_pairs import CROPS, people_of
from media.errors import UsageError

WAYS = 2  # through the world, of each real, as a picture and as a clip
FILMED, STEP = 13, 4  # frames for which a still is filmed, and from one look at it to the next
TREMBLE = 0.12  # of where a filmed still is cut, as trackers do: share of `placing`'s strength
SPEAKERS = 5  # filmed people from which on the odds of clips are theirs alone


@dataclass(frozen=True)
class Row:
    """One way of somebody through the world."""

    score: float
    conditions: np.ndarray
    features: np.ndarray
    made: bool
    person: str
    clip: bool  # several looks, not one
    speaks: bool = False  # filmed at several moments, or made to speak of that


@dataclass(frozen=True)
class Calibrated:
    """What was fitted, and to how many."""

    odds: Odds
    clip_odds: Odds
    strangeness: Strangeness
    promise: Promise
    material: str


def calibrated(
    sets: Sequence[ClipSet],
    folders: Sequence[Path],
    reader: PictureReader,
    kept: Path,
    *,
    untaught: Sequence[Path] = (),
    seed: int,
    workers: int = 0,
) -> Calibrated:
    """From the calibration splits of labelled sets and of folders of people, and from all of `untaught`, folders that
    nobody learned from; crops are kept in `kept`.

    Raises:
        UsageError: they show no real people, or no fakes.
    """
    rng = np.random.default_rng((seed, 12))
    rows = [*_of_sets(sets, reader, kept, workers)]
    for folder, whole in (*((folder, False) for folder in folders), *((folder, True) for folder in untaught)):
        rows += _of_people(folder, whole, reader, kept, rng, workers)
    made = np.array([row.made for row in rows], bool)
    if len(np.unique(made)) < 2:
        raise UsageError("calibration needs reals and fakes with faces; give more people with --data")
    reals = [row for row in rows if not row.made]
    promise = Promise.of(
        np.array([row.score for row in reals]), np.stack([row.conditions for row in reals]),
        np.array([row.person for row in reals]), np.array([row.clip for row in reals]),
    )  # fmt: skip
    strangeness = Strangeness.fit(np.stack([row.features for row in rows]))
    named = ", ".join(dict.fromkeys([*(s.folder.name for s in sets), *(f.resolve().name for f in folders),
                                     *(f.resolve().name for f in untaught)]))  # fmt: skip
    clip, filmed = sum(row.clip for row in reals), sum(row.speaks for row in reals)
    material = (
        f"{clip} clips ({filmed} of people filmed while they spoke, the others of stills before an imitated camera) "
        f"and {len(reals) - clip} pictures of {len({row.person for row in reals})} real people who "
        f"taught it nothing ({named}), as they are spread: coded, scaled, filtered"
    )
    clips, pictures = [row for row in rows if row.clip], [row for row in rows if not row.clip]
    speakers = [row for row in clips if row.speaks]
    if len({row.person for row in speakers}) >= SPEAKERS:
        clips = speakers
    return Calibrated(_odds(pictures or clips), _odds(clips or pictures), strangeness, promise, material)


def _odds(rows: Sequence[Row]) -> Odds:
    scores, made = np.array([row.score for row in rows]), np.array([row.made for row in rows], bool)
    return Odds.fit(scores, made, [row.person for row in rows])


def _of_sets(sets: Sequence[ClipSet], reader: PictureReader, kept: Path, workers: int) -> Iterator[Row]:
    for clips in sets:
        items = [item for item in clips.of("calibration") if item.kind not in SOUND_KINDS]
        for item, shelf in zip(items, cut_all(clips, items, kept, CROPS, workers=workers), strict=True):
            if len(shelf):
                crops = shelf.crops()
                yield _row(crops, World(), reader, item.is_fake, item.person or item.file, len(crops.meshes) > 1)


def _of_people(
    folder: Path, whole: bool, reader: PictureReader, kept: Path, rng: np.random.Generator, workers: int
) -> Iterator[Row]:
    items = [item for item in people_of(folder) if whole or item.split == "calibration"]
    shelves = cut_all(ClipSet(folder, items), items, kept, CROPS, workers=workers)
    for item, shelf in zip(items, shelves, strict=True):
        if len(shelf) == 1:
            yield from _of_still(shelf, reader, item.person, rng)
        elif len(shelf):
            yield from _of_film(shelf, reader, item.person, rng)


def _of_still(shelf: Shelf, reader: PictureReader, person: str, rng: np.random.Generator) -> Iterator[Row]:
    """As a picture and as a clip, and a fake of it as both."""
    crops, every = shelf.crops(), slice(None, None, STEP)
    for way in range(WAYS + 1):
        made = way == WAYS
        seen = _changed(crops, [FAMILIES[str(rng.choice(list(FAMILIES)))](rng)]) if made else crops
        yield _row(seen, World.draw(rng), reader, made, person, False)
        yield _row(_filmed(seen, rng), World.draw(rng), reader, made, person, True, looked=every, tremble=rng)


def _of_film(shelf: Shelf, reader: PictureReader, person: str, rng: np.random.Generator) -> Iterator[Row]:
    """As it is and sent through the world, and made to speak otherwise: moment by moment, each by another draw."""
    crops, family = shelf.crops(), FAMILIES.get("talked") or next(iter(FAMILIES.values()))
    for way in range(WAYS + 1):
        for made in (False, True):
            world = World.draw(rng) if way else World()
            seen = _changed(crops, [family(rng) for _ in crops.meshes]) if made else crops
            yield _row(seen, world, reader, made, person, True, speaks=True)


def _changed(crops: Crops, changes: Sequence[Change]) -> Crops:
    """Each by its own change; where there is one, all by that."""
    rows = zip(crops.pictures, crops.meshes, changes if len(changes) > 1 else repeat(changes[0]), strict=False)
    return Crops(np.stack([change(picture, mesh) for picture, mesh, change in rows]), crops.meshes)


def _filmed(crops: Crops, rng: np.random.Generator) -> Crops:
    """A still before a camera on a tripod, which enlarges it by `MARGIN`."""
    camera = replace(Camera.draw(int(rng.integers(2**31))), shake=0.0, roll=0.0, breathing=0.0)
    mesh = (crops.meshes[0] - KEPT / 2) * MARGIN + KEPT / 2
    frames = camera.film([crops.pictures[0]] * FILMED)
    return Crops(np.stack(frames), np.repeat(mesh[None].astype(np.float32), FILMED, 0))


def _row(
    crops: Crops, world: World, reader: PictureReader, made: bool, person: str, clip: bool, *, speaks: bool = False,
    looked: slice = slice(None), tremble: np.random.Generator | None = None,
) -> Row:  # fmt: skip
    """What is said of crops after the world had them; `looked`: at which of them; `tremble`: of a filmed still."""
    cuts = [_cut(tremble) for _ in crops.pictures[looked]]
    if tremble is None:  # a tracker's crop is cut before it is sent through, all alike
        seen = world([placed(picture, cuts[0]) for picture in crops.pictures])[looked]
    else:
        frames = world(list(crops.pictures))[looked]
        seen = [placed(frame, cut) for frame, cut in zip(frames, cuts, strict=True)]
    looks = reader.look(np.stack(seen))
    meshes = [m @ cut[:, :2].T.astype(np.float32) + cut[:, 2].astype(np.float32)
              for m, cut in zip(crops.meshes[looked], cuts, strict=True)]  # fmt: skip
    conditions = np.mean([quality_of(crop, mesh) for crop, mesh in zip(seen, meshes, strict=True)], axis=0)
    score = float(telling(np.array([look.logit for look in looks]), np.array([*map(opening_of, meshes)])).mean())
    return Row(score, conditions, np.mean([look.features for look in looks], axis=0), made, person, clip, speaks)


def _cut(tremble: np.random.Generator | None) -> np.ndarray:
    """Where a crop is cut; of a filmed still about there, and smaller by what the camera enlarged it."""
    if tremble is None:
        return placing(np.random.default_rng(0), strength=0.0)
    cut, middle = placing(tremble, strength=TREMBLE), np.full(2, KEPT / 2)
    linear = cut[:, :2] / MARGIN
    return np.column_stack([linear, cut[:, 2] + cut[:, :2] @ middle - linear @ middle])
