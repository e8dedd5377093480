"""Makes the set: sitting by sitting, in several processes, resumable, all clips through the one save path.

Every clip, real or made, is filmed by its sitting's camera and saved by `provenance.save_video` with the same codec, so
that both classes bear marks of the same kind, credentials, grain and compression, and none of these tells them apart.
"""

import contextlib
import logging
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from generate import FaceLatent
from lab.fakes.kinds import DRIVEN, KINDS, Frames, shifted, swap
from lab.fakes.licences import LICENCE_NAMES, licence_of, licensed
from lab.fakes.people import Shown, read_people
from lab.fakes.sittings import SHARES, STRIDE, Job, Picked, Sitting, Stage, Subject, jobs
from lab.fakes.videos import Footage
from lab.fakes.world import World
from lab.labelled.manifest import REAL, Item, check_splits, write_manifest
from lab.people import Person
from media.atomic import replacing
from media.errors import ConsentError, FaceError, UnmarkableError, UnreadableError, UsageError
from media.processes import each
from provenance import Composite, Edited, Generated, Keys, Permit, Rendered, save_video
from provenance.permits.claims import Claim

log = logging.getLogger(__name__)
ALWAYS = ("talk", "flow", "mouth", "self_blend")  # kinds of every sitting, in all splits
DRAWN = ("roundtrip", "redrawn", "reenacted", "restored", "upsampled")  # of these, some to train on; else all
SOME = 2
KINDS_OF_CLAIM: dict[str, type[Claim]] = {
    "talk": Generated,
    "flow": Generated,
    "mouth": Composite,
    "swap": Composite,
    "lifted": Composite,
    "roundtrip": Composite,
    "redrawn": Composite,
    "reenacted": Composite,
    "restored": Composite,
    "upsampled": Edited,
    "self_blend": Edited,
    "sound_shift": Edited,
}
"""What the credentials of a fake of each kind say it is. Of a real, see `_real`."""
SEEN = 256  # pixels of the photograph that is a rendered person's permit
PARTS = "parts"  # folder of what each sitting says of itself, so that a broken run goes on


@dataclass(frozen=True)
class Making:
    """What is to be made; goes to every process."""

    folder: Path
    n: int = 0  # sittings of volunteers and of people who do not exist
    london: Path | None = None  # folder of the London Set
    assets: Path | None = None  # folder of `vasari data assets`
    skins: Path | None = None
    speech: Path = field(default=Path("speech"))  # folder of `vasari data speech`
    seed: int = 0
    generators: tuple[Path, ...] = ()  # folders of other weights that fakes to train on are made with, too
    videos: Path | None = None  # folder of videos of people who agreed
    people: Path | None = None  # the list of who is seen in them (`lab.fakes.people`)
    licence: Path | None = None  # that states under which licence the pictures of `london` are; looked for there
    keys: Path | None = None  # that sign the clips, and the consents; `folder`/keys without videos, else the usual ones

    def maker(self) -> Keys:
        """The keys, opened."""
        own = self.videos is None and self.keys is None
        return Keys.open(self.folder / "keys" if own else self.keys)

    def stated(self) -> Path:
        """The licence of the volunteers' pictures.

        Raises:
            ConsentError: no file states it.
        """
        assert self.london is not None
        found = self.licence or licence_of(self.london)
        if found is None:
            raise ConsentError(
                f"{self.london}: no file there states the licence of its pictures ({', '.join(LICENCE_NAMES)}); "
                "give it with --licence"
            )
        return found

    def tasks(self) -> list[Job | Shown]:
        """All sittings of volunteers and of people who do not exist, and all videos.

        Raises:
            UsageError: there is nobody to be shown.
            ConsentError, UnreadableError: as `read_people`.
        """
        anybody = self.london is not None or self.assets is not None
        if not anybody and self.videos is None:
            raise UsageError(
                "give volunteers (--data LONDON), people who do not exist (--assets ASSETS) or videos (--videos FOLDER "
                "--people LIST)"
            )
        n = self.n if anybody else 0
        drawn = jobs(n, self.seed, volunteers=self.london is not None, people=self.assets is not None)
        return [*drawn, *self.shown()]

    def shown(self) -> list[Shown]:
        """All videos, of people who agreed. Raises as `read_people`."""
        if self.videos is None:
            if self.people is not None:
                raise UsageError(f"{self.people}: a list of people goes with a folder of videos (--videos FOLDER)")
            return []
        if self.people is None:
            raise UsageError(
                f"{self.videos}: who is seen there, and that they agreed, is told by a list (--people LIST)"
            )
        return read_people(self.people, self.videos, SHARES)


def make_set(making: Making, *, workers: int = 1, progress: Callable[[int], None] = lambda _: None) -> list[Item]:
    """Make all sittings that are not there yet, then the manifest. Returns its items.

    Args:
        progress: called with how many of `Making.tasks` are done.

    Raises:
        UsageError: nobody to be shown is given, or there is no speech for a split.
        UnreadableError: a source cannot be read.
        ConsentError: no consent of somebody in a video is recorded.
    """
    whole = making.tasks()
    parts = making.folder / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    (making.folder / "clips").mkdir(exist_ok=True)
    _check_permits(making)
    todo = [task for task in whole if not _part(making, task).exists()]
    for done, _ in enumerate(each(partial(_sit, making), todo, workers), 1 + len(whole) - len(todo)):
        progress(done)
    return gather(making.folder)


def gather(folder: Path) -> list[Item]:
    """The manifest of all sittings that are whole; checked for leaks."""
    lines = (line for part in sorted((folder / PARTS).glob("*.jsonl")) for line in part.read_text().splitlines())
    items = [Item.model_validate_json(line) for line in lines]
    check_splits(items)
    write_manifest(folder, items)
    return items


def _part(making: Making, task: Job | Shown) -> Path:
    """Where a sitting, or all those of a video, say of themselves what the manifest needs."""
    return making.folder / PARTS / f"{task.name}.jsonl"


@cache
def _stage(making: Making) -> Stage:
    return Stage(making.london, making.assets, making.skins, making.speech, making.generators)


@cache
def _footage(making: Making) -> Footage:
    assert making.videos is not None
    return Footage(making.videos, making.shown(), making.seed, making.generators)


def _check_permits(making: Making) -> None:
    """Whether all who will be shown may be, before any work."""
    making.maker()
    if making.london is not None:
        stated = making.stated()
        first = next(iter(sorted(making.london.glob("*_neutral.jpg"))), None)
        if first is not None:
            licensed(making.maker(), first, stated)
    for shown in making.shown():
        assert making.videos is not None
        with contextlib.suppress(UnreadableError):  # told, and left out, when its turn comes
            _permit(making, making.videos / shown.file)


def _permit(making: Making, subject: Subject) -> Permit:
    """To show a volunteer under the licence of the set, somebody who does not exist, or somebody under consent."""
    keys = making.maker()
    if isinstance(subject, Person):
        return Permit.rendered(subject, _stage(making).wardrobe, SEEN, keys=keys, supersample=1.0)
    if isinstance(subject, Picked):
        return licensed(keys, subject.path, making.stated())
    assert making.videos is not None
    assert making.people is not None
    row = next(row for row in making.shown() if making.videos / row.file == subject)
    return Permit.of(subject, keys=keys, consent=making.people.parent / row.consent)


def _real(sitting: Sitting) -> type[Claim]:
    """What a real is: drawn, or what a camera took and the sitting's camera filmed again."""
    return Rendered if sitting.source == "rendered" else Edited


def _sit(making: Making, task: Job | Shown) -> None:
    """Film one sitting, or all those of a video, with all fakes; what they say of themselves is written last."""
    try:
        items = [item for sitting in _sittings(making, task) for item in _film(making, sitting)]
    except UnreadableError as error:
        if isinstance(task, Job):
            raise
        log.warning("%s; left out", error)
        return
    if isinstance(task, Shown) and not items:
        log.warning("%s: nobody is seen talking into the camera for long enough; left out", task.file)
    with replacing(_part(making, task)) as temporary:
        temporary.write_text("".join(item.model_dump_json() + "\n" for item in items))


def _sittings(making: Making, task: Job | Shown) -> Iterator[Sitting]:
    if isinstance(task, Shown):
        yield from _footage(making).sittings(task)
        return
    with contextlib.suppress(FaceError):
        yield _stage(making).sit(task)


def _film(making: Making, sitting: Sitting) -> Iterator[Item]:
    rng, permit = np.random.default_rng((sitting.job.seed, 2)), _permit(making, sitting.subject)
    for kind, frames, sound, others in _clips(making, sitting, rng):
        shown = Permit.together([permit, *(_permit(making, other) for other in others)])
        try:
            yield _save(making, sitting, kind, frames, sound, shown)
        except (ConsentError, UnmarkableError) as error:  # disguised so far that it is somebody else; or too dark
            log.warning("%s, %s: %s; left out", sitting.name, kind, error)
            if kind == REAL:
                return


def _clips(
    making: Making, sitting: Sitting, rng: np.random.Generator
) -> Iterator[tuple[str, Frames, np.ndarray | None, list[Subject]]]:
    """Kind, frames before the camera, sound, and who is shown besides, of every clip of a sitting."""
    yield REAL, sitting.real, sitting.sound, []
    some = rng.choice(DRAWN, SOME, replace=False) if sitting.job.split == "train" else DRAWN
    for kind in (*ALWAYS, *map(str, some)):
        yield kind, KINDS[kind](sitting, rng), sitting.said if kind in DRIVEN else sitting.sound, []
    if sitting.sound is not None:
        yield "sound_shift", sitting.real, shifted(sitting.sound, rng), []
    if sitting.job.split == "test":
        if sitting.source != "rendered":
            yield "lifted", KINDS["lifted"](sitting, rng), sitting.sound, []
        other = _somebody_else(making, sitting)
        if other is not None:
            latent, subject = other
            yield "swap", swap(sitting, rng, latent), sitting.sound, [subject]


def _somebody_else(making: Making, sitting: Sitting) -> tuple[FaceLatent, Subject] | None:
    """Another person of the same split and kind, as a latent and as a subject."""
    if sitting.source == "video":
        return _footage(making).somebody_else(sitting)
    for step in range(1, 4):
        job = Job(-1, sitting.job.split, sitting.job.volunteer, sitting.job.seed + (step << 48))
        try:
            who, latent, subject = _stage(making).portrait(job, sitting.portrait.shape[0])
        except FaceError:
            continue
        if who != sitting.person:
            return latent, subject
    return None


def _save(
    making: Making, sitting: Sitting, kind: str, frames: Frames, sound: np.ndarray | None, permit: Permit
) -> Item:
    job = sitting.job
    name = f"clips/{sitting.name}_{kind}.mp4"
    claim = _real(sitting) if kind == REAL else KINDS_OF_CLAIM[kind]
    settings = {"kind": kind, "seed": job.seed} | ({"first": sitting.first} if sitting.source == "video" else {})
    coding = {"crf": int(sitting.codec["crf"]), "preset": str(sitting.codec["preset"])}
    world = _world(sitting, kind)
    filmed = world(sitting.camera.film(frames))
    save_video(
        making.folder / name, permit.perform(claim, filmed, sound, command="data fakes", settings=settings), **coding
    )
    made_by = kind in ("talk", "mouth")
    return Item(
        file=name,
        label="real" if kind == REAL else "fake",
        kind=kind,
        split=job.split,
        person=sitting.person,
        voice=sitting.said_by if kind in DRIVEN else sitting.voice,
        seed=job.seed,
        sitting=f"{making.seed}-{sitting.name}",
        source=sitting.source,
        codec=f"h264 crf{sitting.codec['crf']} {sitting.codec['preset']}",
        size=frames[0].shape[0],
        frames=len(frames),
        sound=sound is not None,
        generator=sitting.generator if made_by else "",
        sex=sitting.traits["sex"],
        age=sitting.traits["age"],
        traits=_traits(sitting, kind, made_by=made_by) | ({"world": ", ".join(world.names)} if world.stages else {}),
    )


def _world(sitting: Sitting, kind: str) -> World:
    """What becomes of a clip before it is saved: every clip has a chain of its own, whether it is real or made. What is
    to train on has none, as training draws one anew at each step."""
    if sitting.job.split == "train":
        return World()
    return World.draw(np.random.default_rng((sitting.job.seed, 5, zlib.crc32(kind.encode()))))


def _traits(sitting: Sitting, kind: str, *, made_by: bool) -> dict[str, str]:
    traits = {"lapse": str(STRIDE)} if sitting.job.lapse else {}
    if made_by and sitting.strength < 1:
        traits["strength"] = f"{sitting.strength:.2f}"
    if kind in DRIVEN and sitting.asked is not sitting.movement:
        traits["movement"] = "drawn"
    return traits
