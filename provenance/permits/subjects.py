"""Who is shown, and why they may be: what a permit stands on. Plain records; `gate` alone makes them.

NonExistent    the person does not exist: the picture is known by its bytes, or was rendered here
Consented      a signed consent for this very file (`trust.consent`)
Licensed       a picture of a data set, whose licence file is named, or a face mixed of several of them
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from media.errors import UnreadableError
from provenance.trust.consent import Consent


@dataclass(frozen=True, slots=True)
class NonExistent:
    """A person who does not exist."""

    how: Literal["shipped", "made", "rendered"]  # an example of ours; an output of this maker; drawn just now

    person: ClassVar[str] = "nobody"

    def said(self) -> dict[str, Any]:
        """What the credentials say of it, beside `person`."""
        return {}


@dataclass(frozen=True, slots=True)
class Consented:
    """Somebody who agreed."""

    consent: Consent

    person: ClassVar[str] = "consented"

    def said(self) -> dict[str, Any]:
        """The consent's hash and last day."""
        return {"consent": {"sha256": self.consent.sha256, "validUntil": self.consent.valid_until.isoformat()}}


@dataclass(frozen=True, slots=True)
class Licensed:
    """Somebody in a data set, shown under its licence."""

    dataset: str  # name of the set
    licence: str  # as the licence file names it, "CC-BY 4.0"
    licence_sha256: str  # of the licence file

    person: ClassVar[str] = "data set"

    def said(self) -> dict[str, Any]:
        """The set, its licence, and the hash of the file that states it."""
        return {"dataset": {"name": self.dataset, "licence": self.licence, "licenceSha256": self.licence_sha256}}


def stamp_of(path: Path) -> tuple[int, ...]:
    """What changes whenever a file is exchanged or written to, even if that is undone: nobody sets the time of the last
    change of an inode."""
    said = path.stat()
    return said.st_dev, said.st_ino, said.st_size, said.st_ctime_ns


def check_unchanged(path: Path, stamp: tuple[int, ...]) -> None:
    """Raise `UnreadableError` where a file is not what it was when it was looked at."""
    if not path.exists() or stamp_of(path) != stamp:
        raise UnreadableError(f"{path}: was exchanged or written to while it was read; nothing was written")


@dataclass(frozen=True, eq=False, slots=True)
class Subject:
    """One portrait, or one video, of somebody who may be shown."""

    grounds: NonExistent | Consented | Licensed
    sha256: str  # of the file's bytes; of somebody rendered, of the pixels
    path: Path | None = None  # the file; None for somebody rendered
    picture: np.ndarray | None = None  # uint8 RGB (H, W, 3), decoded from the bytes of `sha256`; None for a video
    points: np.ndarray | None = None  # mesh (478, 2) in pixels, where it is known exactly
    stamp: tuple[int, ...] = ()  # of the file, by which it is noticed that it was exchanged or written meanwhile

    @property
    def exists(self) -> bool:
        """Whether this is a person."""
        return not isinstance(self.grounds, NonExistent)
