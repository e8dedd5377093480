"""Who is seen in users' own videos, and that they agreed: a list beside the videos, a row a video.

As CSV, with a heading, or as JSON, a list of objects:

    file      of the video, relative to its folder
    person    whose face is seen, a name or a code; the same in all videos of one person
    consent   the signed consent for this very video, a file relative to the list's folder: `vasari consent grant VIDEO`
    until     optional: the last day that it holds, YYYY-MM-DD
    split     optional: train, validation, calibration or test; drawn from the person's name where it is missing
    sex, age  optional, by which results are sliced
"""

import csv
import datetime as dt
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lab.labelled.manifest import SPLITS, Split
from media.errors import ConsentError, UnreadableError, UsageError

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"})


class Shown(BaseModel):
    """One row: a video and who is seen in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str = Field(min_length=1)
    person: str = Field(min_length=1)
    consent: str = ""
    until: dt.date | None = None
    split: Split | None = None
    sex: str = ""
    age: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, row: Any) -> Any:
        """Cells are text without spaces around it; empty ones are missing."""
        if not isinstance(row, dict):
            return row
        cells = {key: str(value).strip() for key, value in row.items() if isinstance(key, str) and value is not None}
        return {key: cell for key, cell in cells.items() if cell}

    @property
    def name(self) -> str:
        """What the files of its clips begin with; says nothing about anybody."""
        return f"video-{zlib.crc32(self.file.encode()):08x}"


def read_people(listed: Path, folder: Path, shares: Mapping[Split, float]) -> list[Shown]:
    """The rows of all videos in a folder and below it, in order of file, each with its split.

    Args:
        shares: of the people, that each split is to have.

    Raises:
        UnreadableError: the list cannot be read, a row is none, or the folder holds no video.
        ConsentError: a video that has no row, or no consent that holds today.
        UsageError: one person in two splits, one video in two rows.
    """
    rows: dict[str, Shown] = {}
    for row in _rows(listed):
        name = Path(row.file).as_posix()
        if name in rows:
            raise UsageError(f"{listed}: {row.file} is listed twice; a video shows one person")
        rows[name] = row
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in VIDEOS)
    if not found:
        raise UnreadableError(f"{folder}: no video is there ({', '.join(sorted(VIDEOS))})")
    for file in found:
        _demand(listed, file, rows.get(file))
    splits = _splits([rows[file] for file in found], listed, shares)
    return [rows[file].model_copy(update={"file": file, "split": splits[rows[file].person]}) for file in found]


def _rows(listed: Path) -> list[Shown]:
    try:
        text = listed.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if listed.suffix.lower() == ".json" else list(csv.DictReader(text.splitlines()))
    except OSError as error:
        raise UnreadableError(f"{listed}: the list of people cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error) as error:
        raise UnreadableError(f"{listed}: neither CSV nor JSON ({error})") from error
    if not isinstance(rows, list):
        raise UnreadableError(f"{listed}: a list of objects with file, person and consent is needed")
    people = []
    for number, row in enumerate(rows, 1):
        try:
            people.append(Shown.model_validate(row))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "row"
            raise UnreadableError(
                f"{listed}, row {number}: {field}: {first['msg'].lower()}; columns are file, person, consent"
            ) from error
    return people


def _demand(listed: Path, file: str, row: Shown | None) -> None:
    """Raises ConsentError unless somebody agreed to be shown."""
    if row is None:
        raise ConsentError(f"{file}: not on the list {listed}; fakes are made only of people whose consent is recorded")
    if not row.consent or not (listed.parent / row.consent).is_file():
        raise ConsentError(
            f"{file}: no signed consent of {row.person} is named in {listed}; make it with `vasari consent grant "
            "VIDEO` and name its file in the column consent, or take the video out"
        )
    if row.until is not None and row.until < dt.datetime.now(dt.UTC).date():
        raise ConsentError(f"{file}: the consent of {row.person} expired on {row.until} ({listed}); have it renewed")


def _splits(rows: list[Shown], listed: Path, shares: Mapping[Split, float]) -> dict[str, Split]:
    """The split of each person: as listed, else as their name falls, so that it stays when people are added."""
    splits: dict[str, Split] = {}
    for row in rows:
        if row.split is not None and splits.setdefault(row.person, row.split) != row.split:
            raise UsageError(f"{listed}: {row.person} is in {splits[row.person]} and in {row.split}; choose one")
    for row in rows:
        splits.setdefault(row.person, _drawn(row.person, shares))
    return splits


def _drawn(person: str, shares: Mapping[Split, float]) -> Split:
    place, low = zlib.crc32(person.encode()) / 2**32 * sum(shares.values()), 0.0
    for split in SPLITS:
        low += shares[split]
        if place < low:
            return split
    return SPLITS[-1]
