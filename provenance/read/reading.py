"""Which marks a file bears, under any of a maker's watermark keys, and where in time. Networks and buffers are the same
for all keys; what is keyed is the decoding, and most of a search.

A file that may have been changed is looked at all over, within a bounded time: closely in windows of 20 s at its
beginning, middle and end, elsewhere at frames at which a decoder can begin, `MOST` of them at most; its sound for ten
minutes. Of an intact file the first mark is enough.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from media.errors import SpeechError, UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo
from media.sound import iter_sound
from media.units import FPS
from media.video import VideoReader, keyframes
from provenance.marks.alignment import Place
from provenance.marks.identity import key_id, mark_hex
from provenance.marks.picture import Looked, MarkReading, PictureReader
from provenance.marks.sound import SoundReader, SoundReading
from provenance.read.verdict import Mark, MarkState, Piece, Track

RATE = FPS / 5  # frames a second that are looked at: neighbours say the same
TRIES = (1, 4, 12, 30, 60)  # frames after which decoding is tried; most files need one
WINDOW = 20.0  # seconds of a part of a long video that are looked at closely, and searched
PARTS = 3
STRETCH = 10  # frames, 2 s, that are read by themselves too
OTHER = 0.03  # of the range, mean change of brightness from which a frame shows something else
HOPE = 2.0  # standard deviations of the pilot from which all frames are read; a message needs more than 5
MOST = 120  # further frames of a long video, all over it
LONGEST_SOUND = 600.0  # seconds listened to
TRACKS = 4  # of a kind that are looked at
R = TypeVar("R", MarkReading, SoundReading)


def read_picture_mark(
    path: Path, info: MediaInfo, keys: Sequence[bytes], *, search: bool, whole: bool | None = None, track: int = 0
) -> tuple[Mark, Place | None]:
    """The mark in the pictures of a file, and where its grid lies if not over the whole picture.

    Args:
        keys: watermark keys, the likeliest first.
        search: look for a grid that was moved, too.
        whole: go on to the end of the file, whatever is found on the way; as `search` when left out.
        track: of several videos in the file, as `VideoReader` numbers them.

    Raises:
        UnreadableError: the file cannot be read.
    """
    if info.kind == "sound":
        return Mark(state="no_carrier"), None
    reader = PictureReader(keys[0])
    if info.kind == "picture":
        reader.add(read_picture(path))
        return _mark_of(reader, keys, search=search)
    return _Watching(path, info, reader, keys, track).look(search=search, whole=search if whole is None else whole)


@dataclass
class _Watching:
    """A video that is looked at part by part."""

    path: Path
    info: MediaInfo
    reader: PictureReader
    keys: Sequence[bytes]
    track: int
    windows: list[tuple[float, Looked]] = field(default_factory=list)  # when they begin, and what was seen
    pieces: list[Piece] = field(default_factory=list)
    best: Mark | None = None  # without a message, the likeliest
    frames: int = 0
    p_value: float = 1.0  # of the first message that was read

    def look(self, *, search: bool, whole: bool) -> tuple[Mark, Place | None]:
        starts = self._starts()
        for start in starts:
            try:
                self._closely(start, whole)
            except UnreadableError:
                if start == 0.0:
                    raise
                continue
            if self.pieces and not whole:
                break
        if whole:
            self._between(starts)
        if self.pieces or not search or (self.best is not None and self.best.state == "noticed"):
            return self._mark(), None
        return self._searched()

    def _starts(self) -> list[float]:
        """Of the windows, seconds."""
        length = self.info.duration
        parts = min(PARTS, max(1, int(np.ceil((length - 1.0) / WINDOW))))
        return [0.0] if parts == 1 else [(length - WINDOW) * part / (parts - 1) for part in range(parts)]

    def _closely(self, start: float, whole: bool) -> None:
        """Look at ever more frames of a window until a message is read; or at all of it, stretch by stretch."""
        self.reader.reset(attempts=self.reader.attempts)
        frames = itertools.islice(self._video(start), round(WINDOW * RATE))
        if whole:
            self._stretches(frames, start)
        elif self._soon(frames, start):
            return
        self.windows.append((start, self.reader.looked))
        end = start + self.reader.frames / RATE
        if not any(start <= piece.start < end for piece in self.pieces):
            self._take(self.reader.soft, start, end)

    def _soon(self, frames: Iterator[np.ndarray], start: float) -> bool:
        """Whether a message is read in ever more frames of a window."""
        for frame in frames:
            self.reader.add(frame)
            self.frames += 1
            number = self.reader.frames
            if number in TRIES and self._take(self.reader.soft, start, start + number / RATE):
                return True
        return False

    def _stretches(self, frames: Iterator[np.ndarray], start: float) -> None:
        """Read a window stretch by stretch. Every other frame that shows what the one before showed waits, and is read
        where those that were read, of its stretch or of the window, say that there may be a mark."""
        reader, waiting = self.reader, list[np.ndarray]()
        while True:
            before, began, late = reader.soft, reader.frames, list[np.ndarray]()
            shown: np.ndarray | None = None
            for frame in itertools.islice(frames, STRETCH):
                bright = reader.keep(frame)
                self.frames += 1
                if shown is None or float(np.abs(bright - shown).mean()) > OTHER:
                    reader.count(bright)
                    shown = bright
                else:
                    late.append(bright)
                    shown = None
            if reader.frames == began:
                break
            if self._hopeful(reader.soft - before):
                for bright in late:
                    reader.count(bright)
            else:
                waiting += late
            self._take(reader.soft - before, start + began / RATE, start + reader.frames / RATE)
        if self._hopeful(reader.soft):
            for bright in waiting:
                reader.count(bright)

    def _hopeful(self, soft: np.ndarray) -> bool:
        return any(self.reader.pilot(key, soft) >= HOPE for key in self.keys)

    def _video(self, start: float) -> Iterator[np.ndarray]:
        return iter(VideoReader(self.path, start=start, fps=RATE, track=self.track))

    def _between(self, starts: Sequence[float]) -> None:
        """Single frames all over what the windows leave out, each by itself and with its neighbours."""
        length = self.info.duration
        step = max(1.0, length / MOST)
        times = [at for at in np.arange(0.0, length, step) if all(not s <= at < s + WINDOW for s in starts)]
        if not times:
            return
        reader, sums = self.reader, []
        for at, frame in keyframes(self.path, times, track=self.track):
            reader.reset(attempts=reader.attempts)
            reader.add(frame)
            self.frames += 1
            sums.append((at, reader.soft))
        for width in (1, 4):
            for number in range(len(sums) - width + 1):
                group = sums[number : number + width]
                following = number + width
                end = sums[following][0] if following < len(sums) else min(length, group[-1][0] + step)
                if not any(piece.start <= group[0][0] < piece.end for piece in self.pieces):
                    self._take(np.sum([soft for _, soft in group], axis=0), group[0][0], end)

    def _take(self, soft: np.ndarray, start: float, end: float) -> bool:
        """Read sums of a stretch of time. Returns whether they hold a message."""
        found, under = _best((self.reader.read(key, soft=soft), key) for key in self.keys)
        if found.message is not None:
            piece = Piece(start=round(start, 2), end=round(end, 2), message=mark_hex(found.message), key=key_id(under))
            self.p_value = max(found.p_value, 0.0 if not self.pieces else self.p_value)
            self.pieces.append(piece)
            return True
        mark = _of(found, under)
        if self.best is None or (mark.state, -mark.p_value) > (self.best.state, -self.best.p_value):
            self.best = mark  # "noticed" comes after "absent"
        return False

    def _searched(self) -> tuple[Mark, Place | None]:
        """Search the windows for a grid that does not lie where it was laid."""
        for start, looked in self.windows:
            self.reader.recall(looked)
            mark, place = _mark_of(self.reader, self.keys, search=True)
            if mark.state != "absent":
                end = start + looked.frames / RATE
                pieces = [Piece(start=start, end=end, message=mark.message, key=mark.key)] if mark.message else []
                return mark.model_copy(update={"pieces": pieces}), place
        return self._mark(), None

    def _mark(self) -> Mark:
        """What was read, the message of the longest time first; else what was noticed."""
        if not self.pieces:
            best = self.best or Mark(state="absent")
            return best.model_copy(update={"looked_at": self.frames})
        pieces = joined(self.pieces)
        message, key = most(pieces)
        return Mark(state="found", message=message, key=key, p_value=self.p_value, looked_at=self.frames, pieces=pieces)


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """In order of time, neighbours of one message as one."""
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        last = found[-1] if found else None
        if last is not None and (last.message, last.key) == (piece.message, piece.key) and piece.start <= last.end + 1:
            found[-1] = last.model_copy(update={"end": max(last.end, piece.end)})
        else:
            found.append(piece)
    return found


def most(pieces: Sequence[Piece]) -> tuple[str, str]:
    """Message and key of the longest time, of equal ones the first."""
    times: dict[tuple[str, str], float] = {}
    for piece in pieces:
        name = piece.message, piece.key
        times[name] = times.get(name, 0.0) + piece.end - piece.start
    return max(times, key=lambda name: times[name])


def _mark_of(reader: PictureReader, keys: Sequence[bytes], *, search: bool = False) -> tuple[Mark, Place | None]:
    """What the reader says under the first key that fits. Each decoding of each key counts in the chance."""
    best, under = _best((reader.read(key), key) for key in keys)
    if search and not best.noticed:
        best, under = _best((reader.read(key, search=True), key) for key in keys)
    return _of(best, under), best.place


def _of(best: MarkReading, under: bytes) -> Mark:
    state: MarkState = "found" if best.message is not None else "noticed" if best.noticed else "absent"
    return Mark(
        state=state,
        message="" if best.message is None else mark_hex(best.message),
        key="" if state == "absent" else key_id(under),
        p_value=best.p_value,
        looked_at=best.frames,
        moved="" if best.place is None else str(best.place),
    )


def read_sound_mark(
    path: Path, info: MediaInfo, keys: Sequence[bytes], *, search: bool, whole: bool | None = None, track: int = 0
) -> tuple[Mark, float]:
    """The mark in the sound of a file, and at which speed it is played.

    Args:
        keys: watermark keys, the likeliest first.
        search: look for other speeds, and under noise, too.
        whole: read every stretch of it by itself too; as `search` when left out.
        track: of several sounds in the file, as `media.sound.iter_sound` numbers them.
    """
    if not info.has_sound:
        return Mark(state="no_carrier"), 1.0
    reader = SoundReader(keys[0])
    heard = 0.0
    try:
        for chunk in iter_sound(path, seconds=10.0, track=track):
            reader.add(chunk)
            heard += 10.0
            if heard >= LONGEST_SOUND:
                break
    except (SpeechError, UnreadableError):
        return Mark(state="no_carrier"), 1.0
    best, under = _best((reader.read(key), key) for key in keys)
    looked_at = round(best.seconds, 2)
    if best.silent:
        return Mark(state="no_carrier", looked_at=looked_at), 1.0
    state: MarkState
    pieces = _pieces(reader, keys) if (search if whole is None else whole) else []
    if search and best.message is None and not pieces:
        best, under = _best((reader.read(key, search=True), key) for key in keys)
    if best.message is not None and not pieces:
        pieces = [Piece(start=0.0, end=looked_at, message=f"{best.message:06x}", key=key_id(under))]
    if pieces:
        message, key = most(pieces)
        chance = best.p_value if best.message is not None else 6 * looked_at / 2.0**32  # of so many stretches
        state = "found"
    else:
        state = "noticed" if best.noticed else "absent"
        message, key, chance = "", "" if state == "absent" else key_id(under), best.p_value
    mark = Mark(
        state=state,
        message=message,
        key=key,
        p_value=min(1.0, chance * len(keys)),
        looked_at=looked_at,
        moved="" if best.speed == 1.0 else f"played at {round(best.speed, 4):g} times the speed",
        pieces=pieces,
    )
    return mark, best.speed


def _pieces(reader: SoundReader, keys: Sequence[bytes]) -> list[Piece]:
    found = [
        Piece(start=round(start, 2), end=round(end, 2), message=f"{message:06x}", key=key_id(key))
        for key in keys
        for start, end, message in reader.pieces(key)
    ]
    return joined(found)


def read_other_tracks(path: Path, info: MediaInfo, keys: Sequence[bytes]) -> Iterator[Track]:
    """The marks of all tracks that a player offers besides the one it chooses, `TRACKS` of a kind at most. What cannot
    be decoded bears none."""
    for track in range(1, min(TRACKS, info.video_tracks)):
        try:
            mark, _ = read_picture_mark(path, info, keys, search=False, whole=True, track=track)
        except UnreadableError:
            mark = Mark(state="no_carrier")
        yield Track(kind="video", number=track + 1, mark=mark)
    for track in range(1, min(TRACKS, info.sound_tracks)):
        mark, _ = read_sound_mark(path, info, keys, search=False, whole=True, track=track)
        yield Track(kind="sound", number=track + 1, mark=mark)


def _best(readings: Iterator[tuple[R, bytes]]) -> tuple[R, bytes]:
    """The first with a message, else the first that noticed something, else the first, and its key."""
    rest = []
    for reading, key in readings:
        if reading.message is not None:
            return reading, key
        rest.append((reading, key))
    return next((pair for pair in rest if pair[0].noticed), rest[0])
