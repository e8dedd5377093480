"""A process of its own that looks at uploads, so that the service lives whatever they are."""

import threading
from collections.abc import Callable
from pathlib import Path

from media.errors import UnreadableError
from vasari.scanning import Worker
from vasari.scanning.worker import Gone

GRACE = 3.0  # seconds after the time is up before the process is ended

Found = list[tuple[str, int | None]]  # (label, score) of manifests


class Looker:
    """Runs `provenance.read.identification.identify` elsewhere, one file at a time.

    Args:
        keys: folder of keys.
        registry: path or URL.
        largest, seconds: as of `identify`.
    """

    def __init__(self, keys: Path, registry: str, *, largest: int, seconds: float) -> None:
        self.worker = Worker(_opening, (keys, registry, largest, seconds))
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self, path: Path, algorithms: tuple[str, ...], limit: int) -> Found:
        """The manifests that a file belongs to.

        Raises:
            UnreadableError: the file cannot be read, or not in the time and memory that there is.
            VasariError: the registry or the keys cannot be used.
        """
        with self._lock:
            self.worker.start()
            self.worker.ready()
            try:
                self.worker.ask((path, algorithms, limit))
                if not self.worker.pipe.poll(self._seconds + GRACE):
                    self.worker.end()
                    raise UnreadableError(f"could not be looked at within {self._seconds:g} s; send a shorter clip")
                found: Found = self.worker.answer()
                return found
            except Gone as error:
                raise UnreadableError("could not be looked at: it takes more than there is here") from error
            except UnreadableError as error:
                raise UnreadableError(str(error).replace(str(path), "the clip")) from error

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self.worker.end()


def _opening(
    keys: Path, registry: str, largest: int, seconds: float
) -> Callable[[tuple[Path, tuple[str, ...], int]], Found]:
    """In the process."""
    from provenance import Keys, Registry
    from provenance.read.identification import identify

    opened, entries = Keys.open(keys, create=False), Registry(registry)

    def look(task: tuple[Path, tuple[str, ...], int]) -> Found:
        path, algorithms, limit = task
        found = identify(path, opened, entries, algorithms=algorithms, limit=limit, largest=largest, seconds=seconds)
        return [(item.label, item.score) for item in found]

    return look
