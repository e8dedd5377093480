"""Public sets as labelled sets: FaceForensics++, Celeb-DF, DF40, and plain folders of reals and fakes.

FaceForensics++  original_sequences/*/CODEC/videos/NNN.mp4, manipulated_sequences/KIND/CODEC/videos/NNN_MMM.mp4, and
                 its train.json, val.json, test.json where they lie beside (Roessler et al. 2019, arXiv 1901.08971)
Celeb-DF         Celeb-real, YouTube-real, Celeb-synthesis (Li et al. 2020, arXiv 1909.12962), and its list of tests
DF40             KIND/... beside real/...; a folder of frames is as good as a video (Yan et al. 2024, arXiv 2406.13495)
folders          real/..., and fake/... or KIND/... beside it

Where a set names no splits, people are split by a hash of their name, so that the same person is always in the same.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from lab.labelled.manifest import REAL, Item, Split, place_of
from media.errors import UnreadableError

MEDIA = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".jpg", ".jpeg", ".png"})
REALS = frozenset({"real", "reals", "original", "originals", "genuine", "pristine"})
TEST_LIST = "List_of_testing_videos.txt"


def read_layout(folder: Path | str) -> list[Item]:
    """The clips of a public set in `folder`, recognised by its sub-folders.

    Raises:
        UnreadableError: it is none that is known.
    """
    root = Path(folder)
    if (root / "original_sequences").is_dir():
        items = list(_faceforensics(root))
    elif (root / "Celeb-synthesis").is_dir():
        items = list(_celeb(root))
    elif any(part.is_dir() and part.name.lower() in REALS for part in _entries(root)):
        items = list(_folders(root))
    else:
        items = []
    if not items:
        raise UnreadableError(
            f"{root}: no layout that is known; needs FaceForensics++, Celeb-DF, DF40, or folders real/ and fake/"
        )
    return items


def split_of(person: str) -> Split:
    """The split of a person whom a set puts in none: of twenty, twelve train, two validate, three calibrate, three
    test."""
    place = place_of(person, 20)
    return "train" if place < 12 else "validation" if place < 14 else "calibration" if place < 17 else "test"


def _faceforensics(root: Path) -> Iterator[Item]:
    """Fakes are named TARGET_SOURCE; both people of one have to be in one split, or it is left out."""
    known: dict[str, Split] = {}
    names: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}
    for name, split in names.items():
        path = root / f"{name}.json"
        if path.exists():
            for pair in json.loads(path.read_text()):
                known |= dict.fromkeys(map(str, pair), split)
    given = bool(known)

    def of(person: str) -> Split | None:
        split = known.get(person) if given else split_of(person)
        if given and split == "train" and place_of(person, 6) == 0:
            return "calibration"  # the set itself has no such split
        return split

    for path in _files(root):
        parts = path.relative_to(root).parts
        people = path.stem.split("_")
        splits = {of(person) for person in people}
        if parts[0] not in ("original_sequences", "manipulated_sequences") or len(splits) != 1 or None in splits:
            continue
        real = parts[0] == "original_sequences"
        (split,) = splits
        codec = parts[2] if len(parts) > 3 else ""
        yield _item(path, root, REAL if real else parts[1], split, f"ff-{people[0]}", "FaceForensics++", codec)


def _celeb(root: Path) -> Iterator[Item]:
    """Its list parts videos, not people: whoever is in a test video is never learned from."""
    listed = root / TEST_LIST
    lines = listed.read_text().splitlines() if listed.exists() else []
    test = {Path(line.split()[-1]).name for line in lines if line.strip()}
    tops = ("Celeb-real", "YouTube-real", "Celeb-synthesis")
    paths = [p for p in _files(root) if p.relative_to(root).parts[0] in tops]
    tested = {_celebrity(p, root) for p in paths if p.name in test}
    for path in paths:
        person = _celebrity(path, root)
        if person in tested and path.name not in test:
            continue
        split = "test" if person in tested else split_of(person)
        if test and split == "test" and person not in tested:
            split = "train"
        made = path.relative_to(root).parts[0] == "Celeb-synthesis"
        yield _item(path, root, "celeb-synthesis" if made else REAL, split, person, "Celeb-DF", "")


def _celebrity(path: Path, root: Path) -> str:
    top = path.relative_to(root).parts[0]
    return f"youtube-{path.stem}" if top == "YouTube-real" else f"celeb-{path.stem.split('_')[0]}"


def _folders(root: Path) -> Iterator[Item]:
    for path in _files(root):
        parts = path.relative_to(root).parts
        if len(parts) < 2:
            continue
        real = parts[0].lower() in REALS
        person = path.parent.name if path.suffix.lower() in (".jpg", ".jpeg", ".png") and len(parts) > 2 else path.stem
        person = f"{root.name}-{person.split('_')[0]}"
        yield _item(path, root, REAL if real else parts[0], split_of(person), person, root.name, "")


def _item(path: Path, root: Path, kind: str, split: Split, person: str, source: str, codec: str) -> Item:
    return Item(
        file=str(path.relative_to(root)),
        label="real" if kind == REAL else "fake",
        kind=kind,
        split=split,
        person=person,
        source=source,
        codec=codec,
    )


def _files(root: Path) -> Iterator[Path]:
    return (p for p in sorted(root.rglob("*")) if p.suffix.lower() in MEDIA and p.is_file())


def _entries(root: Path) -> list[Path]:
    try:
        return sorted(root.iterdir())
    except OSError as error:
        raise UnreadableError(f"{root}: cannot be read ({error.strerror})") from error
