"""What the registry keeps of an output. Hashes, not people."""

import datetime as dt
from dataclasses import dataclass

FILE = "registry.sqlite"
ENVIRONMENT = "VASARI_REGISTRY"  # a database URL that is used instead of the file beside the keys


@dataclass(frozen=True)
class Entry:
    """One output."""

    mark: str  # the 64-bit message, 16 hexadecimal digits; its lowest 24 bits alone are in a sound file
    sound_mark: str  # the 24 bits that its sound carries, 6 hexadecimal digits, "" without sound
    manifest: str  # label of its C2PA manifest, urn:c2pa:...; "" for a live output that was never closed
    manifest_sha256: str  # of the manifest store's bytes; "" as above
    file_sha256: str  # of the finished file; "" as above
    made: str  # ISO 8601, UTC
    kind: str  # "video", "picture", "sound", or "live": a video that was also sent while it was made
    command: str  # what made it; "mark": others made it, and it was marked here
    portrait_sha256: str
    nobody: int  # 1: it shows a person who does not exist


def now() -> str:
    """The time as entries carry it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
