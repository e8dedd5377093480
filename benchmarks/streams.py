"""Live streams for suites and tests: taken down, taken apart, signed anew, judged."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.outputs import Maker
from media.units import FPS, SAMPLES_PER_FRAME
from provenance import Keys, Outlet, save_live
from provenance.make.session import Segmented, Session
from provenance.permits import claims
from provenance.read.verdict import Credentials
from provenance.read.verification import read_credentials, relied_on
from provenance.read.watching import Event, Judged, Watch
from provenance.segments.parsing import Segments, boxes
from provenance.trust.signers import Signer


class Captured(Outlet):
    """Keeps what is sent: the initialization segment, then media segments, and when each was whole."""

    def __init__(self) -> None:
        self.parts, self.times, self._open = list[bytes](), list[float](), True
        self._data, self.ended = bytearray(), False

    def write(self, data: bytes) -> None:
        self._data += data

    def cut(self, seconds: float) -> None:
        self.parts.append(bytes(self._data))
        self.times.append(time.perf_counter())
        self._data.clear()

    def close(self) -> None:
        self.ended = True


def sent(made: Maker, name: str, clip: int = 0, rounds: int = 2, pace: bool = False) -> tuple[Captured, float]:
    """A stream of a clip, `rounds` times over, and when its first moment was there; at the pace of a clock or not."""
    frames, sound = made.clips[clip]
    pieces = np.split(sound, range(SAMPLES_PER_FRAME, len(sound), SAMPLES_PER_FRAME))
    began: list[float] = []

    def moments() -> Iterator[Any]:
        for number, (frame, piece) in enumerate(list(zip(frames, pieces, strict=False)) * rounds):
            began.append(time.perf_counter())
            if pace:
                time.sleep(max(0.0, began[0] + number / FPS - time.perf_counter()))
            yield SimpleNamespace(frame=frame, sound=piece)

    caught = Captured()
    save_live(made.folder / name, made.shown(moments()), caught)
    return caught, began[0]


def definition() -> Mapping[str, Any]:
    """The least that a manifest says."""
    made = {"action": "c2pa.created", "when": "2026-11-29T12:00:00Z", "digitalSourceType": claims.IPTC + "x"}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [made]}}
    return {"title": "x", "claim_generator_info": [{"name": "x", "specVersion": "2.4.0"}], "assertions": [actions]}


def apart(parts: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The boxes of a stream without anything that says who sent it: the head, and the media of each segment."""
    head = b"".join(box.data for box in boxes(parts[0]) if box.kind in (b"ftyp", b"moov"))
    media = [b"".join(box.data for box in boxes(part) if box.kind in (b"moof", b"mdat")) for part in parts[1:]]
    return head, media


def signed(
    parts: Sequence[bytes],
    signer: Signer,
    *,
    clock: Callable[[], float] = time.time,
    valid: int = 3600,
    said: Mapping[str, Any] | None = None,
) -> list[bytes]:
    """The same media in another stream. The key signs on after it has expired, as who stole it would."""
    head, media = apart(parts)
    session, caught = Session(said or definition(), signer, valid=valid, clock=clock), Captured()
    segmented = Segmented(caught, lambda: session)
    segmented.give(head, "head")
    session._ends = 1 << 40
    for data in media:
        segmented.give(data, "key")
        segmented.close()
    return caught.parts


def judged(data: bytes, keys: Keys | None, size: int = 50_000) -> tuple[Judged, list[Event]]:
    """What a watcher who trusts this maker says of bytes that come through a pipe."""
    segments, events = Segments("stream"), list[Event]()

    def look(head: bytes) -> Credentials:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "head.mp4"
            path.write_bytes(head)
            return read_credentials(path, *relied_on(keys))

    watch = Watch(look)
    for first in range(0, len(data), size):
        for piece in segments.push(data[first : first + size]):
            events += watch.take(piece)
    for piece in segments.end():
        events += watch.take(piece)
    return watch.judged(), events
