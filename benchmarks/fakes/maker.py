"""Makes the set: sitting by sitting, in several processes, resumable, all clips through the one save path.

Every clip, real or made, is filmed by its sitting's camera and saved by `provenance.save_video` with the same codec, so
that both classes bear marks of the same kind, credentials, grain and compression, and none of these tells them apart.
"""

import datetime as dt
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.fakes.kinds import KINDS, Frames, shifted, swap
from benchmarks.fakes.sittings import STRIDE, Job, Sitting, Stage, jobs
from detect.data.manifest import REAL, Item, check_splits, write_manifest
from generate import FaceLatent
from media.atomic import replacing
from media.errors import FaceError
from provenance import Claim, Keys, grant_consent, load_consent, save_video

ALWAYS = ("talk", "flow", "mouth", "upsampled", "self_blend")  # kinds of every sitting, in all splits
PARTS = "parts"  # folder of what each sitting says of itself, so that a broken run goes on


@dataclass(frozen=True)
class Making:
    """What is to be made; goes to every process."""

    folder: Path
    n: int  # sittings
    london: Path | None = None  # folder of the London Set
    assets: Path | None = None  # folder of `vasari data assets`
    skins: Path | None = None
    speech: Path = field(default=Path("speech"))  # folder of `vasari data speech`
    seed: int = 0
    generators: tuple[Path, ...] = ()  # folders of other weights that fakes to train on are made with, too

    def jobs(self) -> list[Job]:
        """All sittings."""
        return jobs(self.n, self.seed, volunteers=self.london is not None, people=self.assets is not None)


def make_set(making: Making, *, workers: int = 1, progress: Callable[[int], None] = lambda _: None) -> list[Item]:
    """Make all sittings that are not there yet, then the manifest. Returns its items.

    Raises:
        UsageError: neither volunteers nor people who do not exist are given, or there is no speech for a split.
        UnreadableError: a source cannot be read.
    """
    parts = making.folder / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    (making.folder / "clips").mkdir(exist_ok=True)
    if making.london is not None:
        _consent(making)
    Keys.open(making.folder / "keys")
    todo = [job for job in making.jobs() if not (parts / f"{job.number:06d}.jsonl").exists()]
    for done, _ in enumerate(_each(making, todo, workers), 1 + making.n - len(todo)):
        progress(done)
    return gather(making.folder)


def gather(folder: Path) -> list[Item]:
    """The manifest of all sittings that are whole; checked for leaks."""
    lines = (line for part in sorted((folder / PARTS).glob("*.jsonl")) for line in part.read_text().splitlines())
    items = [Item.model_validate_json(line) for line in lines]
    check_splits(items)
    write_manifest(folder, items)
    return items


def _each(making: Making, todo: list[Job], workers: int) -> Iterator[int]:
    if workers <= 1:
        yield from map(partial(_sit, making), todo)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(partial(_sit, making), todo)


def _one_thread() -> None:
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


@cache
def _stage(making: Making) -> Stage:
    return Stage(making.london, making.assets, making.skins, making.speech, making.generators)


def _consent(making: Making) -> None:
    """Volunteers are shown under the consent that they gave to the London Set, as in the benchmarks."""
    assert making.london is not None
    keys = Keys.open(making.folder / "keys")
    grant_consent(
        making.folder / "consent.json",
        portrait=making.london / "people.csv",  # the list of all who are shown stands for their pictures
        subject="volunteers of the Face Research Lab London Set",
        purpose="studies in their original or altered forms",
        until=dt.date.today() + dt.timedelta(days=30),
        granted_by="signed consent of each, doi 10.6084/m9.figshare.5047666",
        keys=keys,
    )


def _sit(making: Making, job: Job) -> int:
    """Film one sitting with all its fakes; what it says of itself is written last."""
    stage, rng = _stage(making), np.random.default_rng((job.seed, 2))
    part = making.folder / PARTS / f"{job.number:06d}.jsonl"
    items: list[Item] = []
    try:
        sitting = stage.sit(job)
    except FaceError:
        part.write_text("")
        return job.number
    for kind, frames, sound in _clips(stage, sitting, rng):
        items.append(_save(making, sitting, kind, frames, sound))
    with replacing(part) as temporary:
        temporary.write_text("".join(item.model_dump_json() + "\n" for item in items))
    return job.number


def _clips(stage: Stage, sitting: Sitting, rng: np.random.Generator) -> Iterator[tuple[str, Frames, np.ndarray | None]]:
    """Kind, frames before the camera, and sound of every clip of a sitting."""
    yield REAL, sitting.real, sitting.sound
    for kind in ALWAYS:
        yield kind, KINDS[kind](sitting, rng), sitting.sound
    if sitting.sound is not None:
        yield "sound_shift", sitting.real, shifted(sitting.sound, rng)
    if sitting.job.split == "test":
        if sitting.still:
            yield "lifted", KINDS["lifted"](sitting, rng), sitting.sound
        other = _somebody_else(stage, sitting)
        if other is not None:
            yield "swap", swap(sitting, rng, other), sitting.sound


def _somebody_else(stage: Stage, sitting: Sitting) -> FaceLatent | None:
    """Another person of the same split and kind, as a latent."""
    for step in range(1, 4):
        job = Job(-1, sitting.job.split, sitting.job.volunteer, sitting.job.seed + (step << 48))
        try:
            who, latent = stage.portrait(job, sitting.portrait.shape[0])
        except FaceError:
            continue
        if who != sitting.person:
            return latent
    return None


def _save(making: Making, sitting: Sitting, kind: str, frames: Frames, sound: np.ndarray | None) -> Item:
    job = sitting.job
    name = f"clips/{job.number:06d}_{kind}.mp4"
    keys = Keys.open(making.folder / "keys")
    claim = Claim(command="data fakes", portrait=None, nobody=True, settings={"kind": kind})
    if job.volunteer:
        assert making.london is not None
        listed = making.london / "people.csv"
        consent = load_consent(making.folder / "consent.json", portrait=listed, keys=keys)
        claim = Claim(command="data fakes", portrait=listed, consent=consent, settings={"kind": kind})
    path = making.folder / name
    save_video(
        path, sitting.camera.film(frames), sound, claim=claim, keys=keys,
        crf=int(sitting.codec["crf"]), preset=str(sitting.codec["preset"]),
    )  # fmt: skip
    made_by = kind in ("talk", "mouth")
    return Item(
        file=name,
        label="real" if kind == REAL else "fake",
        kind=kind,
        split=job.split,
        person=sitting.person,
        voice=sitting.voice,
        seed=job.seed,
        sitting=f"{making.seed}-{job.number}",
        source="photograph" if job.volunteer else "rendered",
        codec=f"h264 crf{sitting.codec['crf']} {sitting.codec['preset']}",
        size=frames[0].shape[0],
        frames=len(frames),
        sound=sound is not None,
        generator=sitting.generator if made_by else "",
        sex=sitting.traits["sex"],
        age=sitting.traits["age"],
        traits=_traits(sitting, made_by=made_by),
    )


def _traits(sitting: Sitting, *, made_by: bool) -> dict[str, str]:
    traits = {"lapse": str(STRIDE)} if sitting.job.lapse else {}
    if made_by and sitting.strength < 1:
        traits["strength"] = f"{sitting.strength:.2f}"
    return traits
