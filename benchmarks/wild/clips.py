"""The list of a folder of clips from elsewhere.

`clips.csv` has a heading and a row a clip: `file` (relative to the folder), `label` (real or fake), `source` (whose
clips they are, or which generator made them), `person` (a code; clips of one person share it).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from media.errors import UnreadableError

LISTED = "clips.csv"
COLUMNS = ("file", "label", "source", "person")


@dataclass(frozen=True)
class WildClip:
    """One row."""

    path: Path
    made: bool
    source: str
    person: str


def read_clips(folder: Path) -> list[WildClip]:
    """All clips of a folder, in the order of its list.

    Raises:
        UnreadableError: there is no list, a row is not as it should be, or a file is missing.
    """
    listed = folder / LISTED
    try:
        with listed.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        wanted = ", ".join(COLUMNS)
        raise UnreadableError(f"{listed}: cannot be read ({error}); a row a clip is needed: {wanted}") from error
    clips = []
    for number, row in enumerate(rows, 2):
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if cells["label"] not in ("real", "fake") or not cells["file"]:
            raise UnreadableError(f"{listed}, line {number}: {cells}; file and label (real or fake) are needed")
        path = folder / cells["file"]
        if not path.is_file():
            raise UnreadableError(f"{listed}, line {number}: {path} is not there")
        clips.append(WildClip(path, cells["label"] == "fake", cells["source"], cells["person"] or cells["file"]))
    if not {clip.made for clip in clips} == {True, False}:
        raise UnreadableError(f"{listed}: lists {len(clips)} clips; reals and fakes are needed")
    return clips
