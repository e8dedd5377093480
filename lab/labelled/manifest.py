"""What a labelled set of clips says of itself: `manifest.jsonl`, one clip a line.

A set is a folder with this file in it; paths are relative to the folder. Anything that can write these lines can be
learned from: `vasari data fakes` does, and `lab.labelled.layouts` reads the layouts of public sets into the same items.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from media.atomic import replacing
from media.errors import UnreadableError, UsageError

SCHEMA_VERSION = 1
MANIFEST = "manifest.jsonl"
Label = Literal["real", "fake"]
Split = Literal["train", "validation", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "calibration", "test")
REAL = "real"  # the kind of everything that is not made
SOUND_KINDS = frozenset({"sound_shift"})
"""Fakes of which every picture is real: the sound is what does not belong."""


class Item(BaseModel):
    """One clip. `sitting`, `person`, `voice` and `seed` are what leaks: none of them may be in two splits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    file: str  # relative to the manifest's folder, or absolute
    label: Label
    kind: str  # "real", or how it was made: "talk", "flow", "mouth" ...
    split: Split
    person: str = ""  # whose face is seen; "" where it is not known
    voice: str = ""  # whose voice is heard; "" for silence
    seed: int | None = None  # of the generator or the person who does not exist
    sitting: str = ""  # clips of one person in one place before one camera
    source: str = ""  # where the pixels come from: "rendered", "photograph", "video", or the name of a public set
    codec: str = ""  # as it was saved: "h264 crf23"
    size: int = 0  # shorter side, pixels
    frames: int = 0
    sound: bool = False
    generator: str = ""  # which weights made it: name and the first digits of their SHA-256
    sex: str = ""  # as people said of themselves or as they were drawn; "" where it is not known
    age: str = ""  # "under 30", "30 or more"
    traits: dict[str, str] = Field(default_factory=dict)  # anything else by which results may be sliced

    @property
    def is_fake(self) -> bool:
        return self.label == "fake"


class ClipSet:
    """A folder of labelled clips.

    Raises:
        UnreadableError: the manifest is missing or a line of it is no item.
    """

    def __init__(self, folder: Path | str, items: Sequence[Item] | None = None) -> None:
        self.folder = Path(folder)
        self.items = list(items) if items is not None else read_manifest(self.folder)

    def of(self, *splits: Split) -> list[Item]:
        """The items of some splits, in the order of the manifest."""
        return [item for item in self.items if item.split in splits]

    def path(self, item: Item) -> Path:
        """Where the clip of an item lies."""
        return self.folder / item.file


def read_manifest(folder: Path | str) -> list[Item]:
    """The items of `folder`/manifest.jsonl.

    Raises:
        UnreadableError: it is missing or a line of it is no item.
    """
    path = Path(folder) / MANIFEST
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise UnreadableError(
            f"{path}: no labelled set here ({error.strerror}); make one with `vasari data fakes -o {folder}`"
        ) from error
    items = []
    for number, line in enumerate(lines, 1):
        try:
            items.append(Item.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "line"
            raise UnreadableError(f"{path}, line {number}: {where}: {first['msg'].lower()}") from error
    if not items:
        raise UnreadableError(f"{path}: no clip is listed")
    return items


def write_manifest(folder: Path | str, items: Iterable[Item]) -> Path:
    """Write `folder`/manifest.jsonl, sorted by file."""
    path = Path(folder) / MANIFEST
    rows = sorted(items, key=lambda item: item.file)
    with replacing(path) as temporary:
        temporary.write_text("".join(json.dumps(i.model_dump(exclude_defaults=True) | _always(i)) + "\n" for i in rows))
    return path


def _always(item: Item) -> dict[str, object]:
    return {"schema_version": item.schema_version}


def person_of(path: Path) -> str:
    """Whom a picture or video shows, by its name: all before the last "_" where a number or lower-case letters follow,
    as in s1_bbaf2n.mpg and ann_2.jpg; else the whole, as in A000014.jpg and c118_A000055.jpg."""
    found = re.fullmatch(r"(.+)_[0-9a-z]+", path.stem)
    return found[1] if found else path.stem


def place_of(name: str, places: int) -> int:
    """0 to `places` - 1, alike for everybody of this name: by a hash whose values are even however alike names are,
    which those of checksums are not."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % places


LEAKS = ("person", "voice", "seed", "sitting")


def check_splits(items: Iterable[Item]) -> None:
    """Refuse a set in which a person, a voice, a seed or a sitting is in two splits.

    Raises:
        UsageError: naming the first that leaks.
    """
    for field in LEAKS:
        seen: dict[object, str] = {}
        for item in items if isinstance(items, list) else (items := list(items)):
            value = getattr(item, field)
            if value in ("", None):
                continue
            if seen.setdefault(value, item.split) != item.split:
                raise UsageError(f"{field} {value} is in {seen[value]} and in {item.split}; splits must be disjoint")
