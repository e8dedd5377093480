"""Evidence of labelled clips, gathered once and kept: everything but the looks, which change with every network."""

import zlib
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from detect.evidence import Gatherer, Person
from detect.picture import SIDE, Look, PictureReader
from detect.sound import Hearing
from lab.labelled.crops import fresh
from lab.labelled.manifest import ClipSet, Item
from media import replacing
from media.errors import UnreadableError
from media.processes import each

LOOKED = 16  # crops kept of a clip, at most


class _Blind:
    """Looks at nothing: crops are kept and looked at later."""

    def look(self, crops: np.ndarray) -> list[Look]:
        empty = np.zeros(0, np.float32)
        return [Look(0.0, empty, empty) for _ in crops]


def gathered(
    clips: ClipSet,
    items: Sequence[Item],
    folder: Path,
    *,
    workers: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Person | None]:
    """The person of whom most was seen in each clip, with crops and without looks; None where nobody was."""
    folder.mkdir(parents=True, exist_ok=True)
    work, paths = partial(_kept, folder=folder), [clips.path(item) for item in items]
    kept = []
    for path in each(work, paths, workers):
        kept.append(path)
        progress(len(kept))
    return [_read(path) for path in kept]


def looked(person: Person, reader: PictureReader) -> Person:
    """The same person, looked at."""
    person.looks = reader.look(np.stack(person.crops))
    return person


def _kept(path: Path, folder: Path) -> Path:
    target = folder / f"{path.stem}_{zlib.crc32(f'{path}|{SIDE}|{LOOKED}'.encode()):08x}.npz"
    if fresh(target, path):
        return target
    try:
        people = [p for p in _gatherer().gather(path, keep=True).people if p.crops]
    except UnreadableError:
        people = []
    with replacing(target) as temporary, temporary.open("wb") as stream:
        if not people:
            np.savez(stream)
        else:
            _write(stream, max(people, key=lambda p: len(p.crops)))
    return target


def _write(stream, person: Person) -> None:
    at = np.unique(np.linspace(0, len(person.crops) - 1, min(LOOKED, len(person.crops))).round().astype(int))
    heard = person.hearing
    np.savez(
        stream,
        times=np.array(person.times)[at],
        boxes=np.array(person.boxes)[at],
        frequencies=np.stack(person.frequencies)[at],
        qualities=np.array(person.qualities)[at],
        crops=np.stack(person.crops)[at],
        starts=np.array([start for start, _ in person.motions]),
        motions=np.array([features for _, features in person.motions]),
        sizes=np.array(person.sizes),
        hearing=np.array([] if heard is None else [heard.offset, heard.confidence, heard.score]),
    )


def _read(path: Path) -> Person | None:
    with np.load(path) as file:
        if "crops" not in file.files:
            return None
        v = {name: file[name] for name in file.files}
    heard = v["hearing"]
    return Person(
        number=1,
        times=v["times"].tolist(),
        boxes=[tuple(box) for box in v["boxes"]],
        frequencies=list(v["frequencies"]),
        qualities=v["qualities"].tolist(),
        reasons=[""] * len(v["times"]),
        motions=list(zip(v["starts"].tolist(), v["motions"], strict=True)),
        hearing=Hearing(int(heard[0]), float(heard[1]), float(heard[2])) if len(heard) else None,
        sizes=v["sizes"].tolist(),
        crops=list(v["crops"].reshape(-1, SIDE, SIDE, 3)),
    )


@cache
def _gatherer() -> Gatherer:
    return Gatherer(_Blind(), threads=1)  # type: ignore[arg-type]
