"""Which marks a file bears, under any of a maker's watermark keys. Networks and buffers are the same for all keys; what
is keyed is the decoding, and most of a search."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from media.errors import SpeechError, UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo
from media.sound import iter_sound
from media.units import FPS
from media.video import VideoReader
from provenance.verdict import Mark
from provenance.watermark.identity import key_id, mark_hex
from provenance.watermark.picture import MarkReading, PictureReader
from provenance.watermark.search import Place
from provenance.watermark.sound import SoundReader, SoundReading

STRIDE = 5  # every fifth frame is looked at: neighbours say the same
TRIES = (1, 4, 12, 30, 60)  # frames after which decoding is tried; most files need one
WINDOW = 20.0  # seconds at the start of each part of a long video that are searched
PARTS = 3
LONGEST_SOUND = 600.0  # seconds listened to
R = TypeVar("R", MarkReading, SoundReading)


def read_picture_mark(path: Path, info: MediaInfo, keys: Sequence[bytes], *, search: bool) -> tuple[Mark, Place | None]:
    """The mark in the pictures of a file, and where its grid lies if not over the whole picture.

    Args:
        keys: watermark keys, the likeliest first.
        search: look for a grid that was moved, too.

    Raises:
        UnreadableError: the file cannot be read.
    """
    if info.kind == "sound":
        return Mark(state="no_carrier"), None
    reader = PictureReader(keys[0])
    if info.kind == "picture":
        reader.add(read_picture(path))
        return _mark_of(reader, keys, search=search)
    starts = [0.0]
    if info.duration > 2 * PARTS * WINDOW:
        starts = [info.duration * part / PARTS for part in range(PARTS)]
    for start in starts:  # the message may be missing from the beginning, if something was put before it
        reader.reset(attempts=reader.attempts)
        try:
            mark, place = _watch(VideoReader(path, start=start), reader, keys, search=search)
        except UnreadableError:
            if start == 0.0:
                raise
            continue
        if mark.state != "absent":
            return mark, place
    return Mark(state="absent", p_value=mark.p_value, looked_at=mark.looked_at), None


def _watch(
    video: VideoReader, reader: PictureReader, keys: Sequence[bytes], *, search: bool
) -> tuple[Mark, Place | None]:
    """Look at ever more frames until the message is read; then for a grid that does not lie where it was laid."""
    for number, frame in enumerate(video):
        if number >= WINDOW * FPS:
            break
        if number % STRIDE:
            continue
        reader.add(frame)
        if reader.frames in TRIES:
            found = _mark_of(reader, keys)
            if found[0].state == "found":
                return found
    return _mark_of(reader, keys, search=search)


def _mark_of(reader: PictureReader, keys: Sequence[bytes], *, search: bool = False) -> tuple[Mark, Place | None]:
    """What the reader says under the first key that fits. Each decoding of each key counts in the chance."""
    best, under = _best((reader.read(key), key) for key in keys)
    if search and not best.noticed:
        best, under = _best((reader.read(key, search=True), key) for key in keys)
    state = "found" if best.message is not None else "noticed" if best.noticed else "absent"
    mark = Mark(
        state=state,
        message="" if best.message is None else mark_hex(best.message),
        key="" if state == "absent" else key_id(under),
        p_value=best.p_value,
        looked_at=best.frames,
        moved="" if best.place is None else str(best.place),
    )
    return mark, best.place


def read_sound_mark(path: Path, info: MediaInfo, keys: Sequence[bytes], *, search: bool) -> tuple[Mark, float]:
    """The mark in the sound of a file, and at which speed it is played.

    Args:
        keys: watermark keys, the likeliest first.
        search: look for other speeds, and under noise, too.
    """
    if not info.has_sound:
        return Mark(state="no_carrier"), 1.0
    reader = SoundReader(keys[0])
    heard = 0.0
    try:
        for chunk in iter_sound(path, seconds=10.0):
            reader.add(chunk)
            heard += 10.0
            if heard >= LONGEST_SOUND:
                break
    except (SpeechError, UnreadableError):
        return Mark(state="no_carrier"), 1.0
    best, under = _best((reader.read(key), key) for key in keys)
    if search and best.message is None and not best.silent:
        best, under = _best((reader.read(key, search=True), key) for key in keys)
    looked_at = round(best.seconds, 2)
    if best.silent:
        return Mark(state="no_carrier", looked_at=looked_at), 1.0
    state = "found" if best.message is not None else "noticed" if best.noticed else "absent"
    mark = Mark(
        state=state,
        message="" if best.message is None else f"{best.message:06x}",
        key="" if state == "absent" else key_id(under),
        p_value=min(1.0, best.p_value * len(keys)),
        looked_at=looked_at,
        moved="" if best.speed == 1.0 else f"played at {round(best.speed, 4):g} times the speed",
    )
    return mark, best.speed


def _best(readings: Iterator[tuple[R, bytes]]) -> tuple[R, bytes]:
    """The first with a message, else the first that noticed something, else the first, and its key."""
    rest = []
    for reading, key in readings:
        if reading.message is not None:
            return reading, key
        rest.append((reading, key))
    return next((pair for pair in rest if pair[0].noticed), rest[0])
