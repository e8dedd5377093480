"""Under which licence the pictures of a data set are, and permits to show who is in them."""

from pathlib import Path

from provenance import Keys, Permit

LICENCE_NAMES = ("LICENSE", "LICENCE", "SOURCE", "README", "COPYING")
DATASET = "Face Research Lab London Set"


def licensed(keys: Keys, picture: Path, licence: Path) -> Permit:
    """A permit to show a volunteer of the London Set."""
    return Permit.licensed(picture, keys=keys, dataset=DATASET, licence=licence)


def licence_of(dataset: Path) -> Path | None:
    """The file that states under which licence the pictures of a data set are: in its folder, or in the one above."""
    for folder in (dataset, dataset.resolve().parent):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.stem.upper().startswith(LICENCE_NAMES):
                return path
    return None
