"""Which outputs of the registry a file belongs to: by its marks, then by what is to be seen and heard.

look(path) -> Clip                          pictures and sound of a file, for comparison
identify(path, keys, registry) -> [Found]   manifests, the surest first
by_content(clip, registry), by_print(...)   by a perceptual hash alone
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from media.errors import SpeechError, UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo, probe
from media.sound import iter_sound
from media.units import FPS
from media.video import VideoReader
from provenance.marks.alignment import Place
from provenance.marks.fingerprint import (
    ALGORITHM,
    MOST,
    PHASES,
    STEP,
    Clip,
    Fingerprint,
    Fingerprinter,
    compare,
    still_alike,
)
from provenance.marks.geometry import aligned
from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM, mark_hex, sound_mark_hex
from provenance.marks.picture import PictureReader
from provenance.marks.sound import SoundReader
from provenance.marks.speed import played_back
from provenance.read.recovery import ALONE, STILL, judged, read_manifest, score
from provenance.trust.keys import Keys

if TYPE_CHECKING:
    from provenance.registry import Registry

LOOKED_AT = 20.0  # seconds of a file that are compared where nothing says where to look
RANKED = 100  # manifests of one soft binding that are weighed against each other
OWN, TRUSTED, STRANGER = range(3)
STRIDE = 5  # every fifth frame is searched for a mark
SEARCHED = 0.4  # of the time that `identify` has, after which no further key is searched with: content has to follow


@dataclass(frozen=True)
class Found:
    """A manifest that a file belongs to."""

    label: str
    alg: str  # what found it
    score: int | None = None  # 0 to 100, of fingerprints


def look(
    path: Path,
    info: MediaInfo | None = None,
    place: Place | None = None,
    *,
    speed: float = 1.0,
    start: float = 0.0,
    seconds: float = LOOKED_AT,
) -> Clip | None:
    """Pictures and sound of a stretch of a file; None where nothing can be compared.

    Args:
        place: pictures are laid back to where they were when they were marked.
        speed: sound that is played at it is read back.
        start, seconds: of the stretch; it starts at a whole second.

    Raises:
        UnreadableError: the file cannot be read.
    """
    until = start + seconds
    clip, _, _ = _watch(path, info or probe(path), None, lambda: None, place, speed, start=start, until=until)
    return clip


def identify(
    path: Path,
    keys: Keys,
    registry: "Registry",
    *,
    algorithms: tuple[str, ...] = (PICTURE_ALGORITHM, SOUND_ALGORITHM, ALGORITHM),
    limit: int = 10,
    largest: int = 4096 * 4096,
    seconds: float = 20.0,
) -> list[Found]:
    """Which manifests of the registry a file belongs to, the surest first: by its picture mark, by its sound mark,
    then by what is to be seen and heard.

    Args:
        algorithms: names of soft bindings to look for.
        limit: at most so many.
        largest: pixels of a frame; more is refused.
        seconds: that it may take.

    Raises:
        UnreadableError: the file cannot be read, is too large, or took too long.
    """
    started = time.monotonic()
    until, enough = started + seconds, started + SEARCHED * seconds

    def check() -> None:
        if time.monotonic() > until:
            raise UnreadableError(f"{path}: could not be looked at within {seconds:g} s; send a shorter clip")

    info = probe(path)
    if info.width * info.height > largest:
        raise UnreadableError(f"{path}: {info.width}x{info.height} pixels; {largest} are the most that is looked at")
    clip, mark, sound_mark = _watch(path, info, keys, check, enough=enough)
    found: dict[str, Found] = {}
    anchors = keys.anchor_pem.decode()
    for alg, value in ((PICTURE_ALGORITHM, mark), (SOUND_ALGORITHM, sound_mark)):
        if value and alg in algorithms:
            for label in registry.by_binding(alg, value, RANKED):
                if _rank(label, registry, anchors) < STRANGER:  # the mark was read under this maker's key
                    found.setdefault(label, Found(label, alg))
    if ALGORITHM in algorithms and clip is not None:
        for item in by_content(clip, registry, limit, check):
            found.setdefault(item.label, item)
    return list(found.values())[:limit]


def ranked(labels: Iterable[str], registry: "Registry", anchors_pem: str) -> list[str]:
    """Manifests that bring the same soft binding, the one to be believed first: of outputs registered here, then of
    signers below a root that is trusted, then of others."""
    return sorted(labels, key=lambda label: _rank(label, registry, anchors_pem))


def _rank(label: str, registry: "Registry", anchors_pem: str) -> int:
    if registry.by_manifest(label) is not None:
        return OWN
    store = registry.manifest_store(label)
    try:
        says = read_manifest(store, anchors_pem) if store is not None else None
    except UnreadableError:
        return STRANGER
    return TRUSTED if says is not None and says.intact and says.trusted else STRANGER


def by_content(clip: Clip, registry: "Registry", limit: int, check: Callable[[], None] = lambda: None) -> list[Found]:
    """Outputs that look, move and sound as `clip` does, the most alike first."""
    found = []
    for mark in still_alike(clip, registry.stills(), STILL[1]):
        check()
        kept, entry = registry.prints(mark), registry.by_mark(mark)
        if kept is None or entry is None or not entry.manifest:
            continue
        likeness = compare(Fingerprint.from_bytes(kept), clip)
        alone = likeness.motion is None and likeness.sound is None
        if alone and (likeness.still or 0.0) < ALONE:
            continue
        if not {"other", "unsure"} & set(judged(likeness)):
            found.append(Found(entry.manifest, ALGORITHM, score(likeness)))
    return sorted(found, key=lambda item: -(item.score or 0))[:limit]


def by_print(kept: Fingerprint, registry: "Registry", limit: int) -> list[Found]:
    """As `by_content` for a hash that somebody else took: its signs count the same, sure or not."""
    signed = [np.where(part, np.float32(MOST), np.float32(-MOST)) for part in (kept.still, kept.motion, kept.sound)]
    return by_content(Clip(signed[0], signed[1], STEP, signed[2], 1), registry, limit)


def _watch(
    path: Path,
    info: MediaInfo,
    keys: Keys | None,
    check: Callable[[], None],
    place: Place | None = None,
    speed: float = 1.0,
    enough: float = 0.0,
    start: float = 0.0,
    until: float = LOOKED_AT,
) -> tuple[Clip | None, str, str]:
    """One pass over a stretch of a file, seconds: content, and with `keys` the messages of both marks; from `enough` on
    (`time.monotonic`) marks that were moved are not searched for under further keys."""
    printer = Fingerprinter(every=1, phases=PHASES)
    ring = keys.mark_keys if keys else ()
    reader, listener = (PictureReader(ring[0]), SoundReader(ring[0])) if ring else (None, None)
    for number, frame in enumerate(_frames(path, info, start, until)):
        check()
        printer.frame(frame if place is None else aligned(frame, place.map(*frame.shape[:2]))[0])
        if reader is not None and number % STRIDE == 0:
            reader.add(frame)
    heard = 0.0
    try:
        for chunk in iter_sound(path, seconds=1.0) if info.has_sound else ():
            check()
            heard += 1.0
            if heard <= start:
                continue
            printer.sound(chunk if speed == 1.0 else played_back(chunk, speed))
            if listener is not None:
                listener.add(chunk)
            if heard >= until:
                break
    except (SpeechError, UnreadableError):
        pass  # a broken track is no sound
    message = _message(reader, ring, check, enough) if reader is not None and reader.frames else None
    sound = _message(listener, ring, check, enough) if listener is not None and heard else None
    try:
        clip = printer.clip()
    except ValueError:
        clip = None
    return clip, "" if message is None else mark_hex(message), "" if sound is None else sound_mark_hex(sound)


def _message(
    reader: PictureReader | SoundReader, ring: tuple[bytes, ...], check: Callable[[], None], enough: float
) -> int | None:
    """The message under the first key that fits: where the mark was laid, then moved."""
    for search in (False, True):
        for number, key in enumerate(ring):
            check()
            if search and number and time.monotonic() > enough:
                return None
            message = reader.read(key, search=search).message
            if message is not None:
                return message
    return None


def _frames(path: Path, info: MediaInfo, start: float, until: float) -> Iterator[np.ndarray]:
    if info.kind == "picture":
        yield read_picture(path)
    elif info.kind == "video":
        for number, frame in enumerate(VideoReader(path, threads=1, start=start)):
            if number >= (until - start) * FPS:
                return
            yield np.asarray(frame)
