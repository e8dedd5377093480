"""What a service may be told when it starts."""

from dataclasses import dataclass
from pathlib import Path

from provenance.registry import Registry
from provenance.trust.keys import Keys


@dataclass(frozen=True)
class Settings:
    """Limits are for one process."""

    registry: Registry
    keys: Keys | None = None  # reads marks and anchors trust; without it there is no /matches/byContent
    spool: Path | None = None  # folder for uploads while they are looked at; the system's own when None
    largest_upload: int = 64 << 20  # bytes of a clip
    largest_manifest: int = 4 << 20  # bytes of a manifest store
    largest_body: int = 64 << 10  # bytes of a JSON query
    largest_picture: int = 4096 * 4096  # pixels of a frame
    upload_seconds: float = 60.0  # that an upload may take
    least_rate: float = 8192.0  # bytes a second that a body has to come at, on average after its first seconds
    arriving: int = 32  # bodies of clips that may arrive at the same time
    arriving_each: int = 4  # of these, from one client
    content_seconds: float = 20.0  # that looking at one upload may take
    at_once: int = 1  # uploads that are looked at at the same time
    waiting: int = 8  # uploads that may wait beside them
    queries_a_minute: float = 120.0  # for each client
    uploads_a_minute: float = 12.0  # for each client, of clips
    writes_a_minute: float = 60.0  # for each token
    proxies: tuple[str, ...] = ()  # addresses or networks of servers before this one, whose word on clients is believed
