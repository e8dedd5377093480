"""Permits for what the tests save: the portraits of `sitters`, whose faces `making.picture` and `making.clip` show."""

import datetime as dt
from pathlib import Path
from typing import Any

from sitters import PORTRAITS

from provenance import Generated, Keys, Performance, Permit, grant_consent
from provenance.credentials import manifest

HELPERS = Path(__file__).resolve().parent


_given: list[tuple[Keys, Permit]] = []  # the latest; to read the portraits takes a third of the time of a short save


def permit(keys: Keys) -> Permit:
    """For all three of them; the same for the same keys."""
    if not _given or _given[0][0] is not keys:
        _given[:] = [(keys, Permit.together([Permit.of(path, keys=keys) for path in PORTRAITS]))]
    return _given[0][1]


def shown(keys: Keys, what: Any, sound: Any = None, *, command: str = "generate", **more: Any) -> Performance:
    """What may be saved: a picture, frames or moments of people who do not exist."""
    return permit(keys).perform(Generated, what, sound, command=command, **more)


def granted(path: Path, folder: Path, keys: Keys, **more) -> Path:
    """A consent for a picture or film, until tomorrow unless `more` says otherwise."""
    tomorrow = dt.date.today() + dt.timedelta(days=1)
    words = {"subject": "A", "purpose": "a test", "until": tomorrow, "granted_by": "A"} | more
    grant_consent(folder / "consent.json", portrait=path, keys=keys, **words)
    return folder / "consent.json"


def told(path: Path) -> Any:
    """The assertions of a file's credentials."""
    store = manifest.read_store(path, "")
    assert store is not None
    return store["manifest"]["assertions"]


def left(folder: Path) -> list[str]:
    """Names of what lies in a folder, but for what was put there to begin with."""
    return sorted(path.name for path in folder.iterdir() if path.name != "in")
