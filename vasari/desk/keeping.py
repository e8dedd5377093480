"""What the studio keeps while it runs: portraits with their permits, speeches, films. All of it lies in one folder
that goes with the process; of each kind only the last few stay."""

import datetime as dt
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from media.errors import ConsentError, UsageError
from media.hashing import bytes_sha256, file_sha256
from provenance import Generated, Keys, Permit, grant_consent
from provenance.permits import likeness
from vasari.desk.asking import Agreed
from vasari.studio import Sitter, seat

if TYPE_CHECKING:
    from generate import Motion

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CONSENTS = "consents"  # folder beside the keys: consents on file, each named by its portrait's hash
PORTRAITS, SPEECHES, FILMS = 6, 4, 4  # kept at most
Kept = TypeVar("Kept")


class Last(Generic[Kept]):
    """The last few of a kind, by names that nobody guesses.

    Args:
        most: that are kept.
        forget: called with what is dropped.
    """

    def __init__(self, most: int, forget: Callable[[Kept], object]) -> None:
        self._most, self._forget = most, forget
        self._items: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, item: Kept, name: str = "") -> str:
        """Keep it. Returns its name."""
        name = name or secrets.token_urlsafe(16)[:22]
        with self._lock:
            self._items[name] = item
            gone = self._items.popitem(last=False)[1] if len(self._items) > self._most else None
        if gone is not None:
            self._forget(gone)
        return name

    def get(self, name: str) -> Kept | None:
        """None where there is none, or none any more."""
        with self._lock:
            return self._items.get(name)

    def drop(self, name: str) -> None:
        """Forget it; nothing where there is none any more."""
        with self._lock:
            gone = self._items.pop(name, None)
        if gone is not None:
            self._forget(gone)


@dataclass
class Portrait:
    """A picture that was brought, and what may be done with it."""

    path: Path
    permit: Permit | None = None  # None: consent is needed
    sitters: dict[int, Sitter] = field(default_factory=dict)  # by size; one at most


@dataclass
class Film:
    """A signed file that can be fetched."""

    path: Path
    once: bool  # it is gone when it was fetched; `giving` is about such
    given: bool = False  # all of it went out
    giving: threading.Lock = field(default_factory=threading.Lock, repr=False)  # held while it goes out


class Studio:
    """The state of one process.

    Args:
        keys: the maker's. What is made is in the registry beside them.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.busy = threading.Lock()  # held while a face is drawn: one at a time
        self._folder = tempfile.TemporaryDirectory(prefix="vasari-desk-")
        self.portraits = Last[Portrait](PORTRAITS, lambda gone: _remove(gone.path))
        self.speeches = Last[Path](SPEECHES, _remove)
        self.films = Last[Film](FILMS, lambda gone: _remove(gone.path))
        self._seating = threading.Lock()

    @cached_property
    def motion(self) -> "Motion":
        """What moves faces."""
        from generate import Motion

        return Motion.load()

    def place(self, suffix: str) -> Path:
        """A new name in the folder; nothing that a client says is part of it."""
        return Path(self._folder.name) / f"{secrets.token_hex(8)}{suffix}"

    def bring(self, data: bytes) -> str:
        """Keep a picture's bytes; where it shows nobody, or consent is on file, with its permit. Returns its name.

        Raises:
            UnreadableError: it is no picture.
        """
        path = self.place("")
        path.write_bytes(data)
        try:
            portrait = Portrait(path, self._permitted(path, bytes_sha256(data)))
        except BaseException:
            _remove(path)
            raise
        return self.portraits.put(portrait)

    def example(self, number: int) -> Path | None:
        """A shipped portrait of a person who does not exist, counted from 1."""
        path = EXAMPLES / ("portrait.png" if number == 1 else f"portrait{number}.png")
        return path if path.is_file() else None

    def _permitted(self, path: Path, digest: str) -> Permit | None:
        consent = self.keys.folder / CONSENTS / f"{digest}.json"
        try:
            return Permit.of(path, keys=self.keys)
        except ConsentError:
            if not consent.is_file():
                return None
        try:
            return Permit.of(path, keys=self.keys, consent=consent)
        except ConsentError:  # it has expired, or was revoked: have it granted again
            return None

    def agree(self, portrait: Portrait, agreed: Agreed) -> None:
        """Put consent on file beside the keys, and open the permit with it.

        Raises:
            UsageError, ConsentError, OutputError: it cannot be granted so.
        """
        folder = self.keys.folder / CONSENTS
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            until = dt.date.fromisoformat(agreed.until)
        except ValueError as error:
            raise UsageError(f"{agreed.until}: there is no such day") from error
        file = folder / f"{file_sha256(portrait.path)}.json"
        grant_consent(
            file, portrait=portrait.path, subject=agreed.subject, purpose=agreed.purpose, until=until,
            granted_by=agreed.granted_by.strip() or agreed.subject, keys=self.keys,
        )  # fmt: skip
        portrait.permit = Permit.of(portrait.path, keys=self.keys, consent=file)

    def seated(self, portrait: Portrait, size: int) -> Sitter:
        """The portrait, ready to be animated.

        Raises:
            ConsentError: there is no permit.
            FaceError: there is no face in it.
        """
        from generate.stream import Stream

        with self._seating:
            if portrait.permit is None:
                raise ConsentError("a portrait of somebody needs consent on file")
            portrait.permit.check()
            if size not in portrait.sitters:
                sitter = seat(portrait.permit, size=size)
                Stream(sitter.talker, self.motion)  # what is made at first use is made now
                nothing = portrait.permit.perform(Generated, (), command="generate")
                likeness.Witness(nothing).look(sitter.talker.latent.appearance.picture)
                portrait.sitters = {size: sitter}
            return portrait.sitters[size]


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
