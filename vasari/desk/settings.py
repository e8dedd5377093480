"""What the desk may be told when it starts."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Limits are for one process."""

    host: str = "127.0.0.1"  # that it is bound to
    names: tuple[str, ...] = ()  # further names of hosts by which it may be asked, of a server before it
    studio: bool = True  # whether faces can be made here, too
    keys: Path | None = None  # folder; without one marks are not looked for
    anchors: tuple[Path, ...] = ()  # PEM files of roots that are trusted besides
    profile: Path | None = None  # what real looks like where it is used (`vasari detect calibrate`)
    token: str = ""  # that has to be shown once before anything is answered; "" for none
    once: bool = False  # the token counts a single time
    sources: tuple[str, ...] = ()  # beginnings of addresses from which files may be fetched
    feedback: Path | None = None  # file to which what people say of answers is added; None keeps none
    spool: Path | None = None  # folder for uploads while they are looked at; the system's own when None
    largest_upload: int = 512 << 20  # bytes of a file
    upload_seconds: float = 600.0  # that an upload may take
    least_rate: float = 8192.0  # bytes a second that it has to come at
    arriving: int = 8  # uploads that may arrive at the same time
    look_seconds: float = 300.0  # that looking at one file may take
    longest: float = 60.0  # seconds of a video that the detector looks at
    waiting: int = 8  # files that may wait beside the one that is looked at
    largest_record: int = 8 << 20  # bytes of a record that comes back
    kept: int = 200  # answers behind links, at most
    kept_seconds: float = 3600.0  # that a link holds
    queries_a_minute: float = 600.0  # for each client
    uploads_a_minute: float = 60.0  # for each client
    writes_a_minute: float = 30.0  # for each client: links and feedback
