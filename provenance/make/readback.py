"""What was written is read before it is signed: credentials never promise a mark that `verify` cannot find.

    borne = proved(unsigned, message, key, again=...)      reads the encoded file with the readers of `verify`
    strengthened(unsigned, message, key, step, ...)        marks a video again, stronger, and codes it finer
    LiveWatch(message, key)                                does the same of fragments while they are sent

A mark counts when its whole message is read where it was laid: by chance that happens with a probability of 2^-32 for
each attempt at decoding, far below 1e-6. Where it cannot be read, the file is marked stronger and coded finer, twice at
most; where that does not help, it is refused with a line that says why.

Sound under 3 s may be too short for the message that its period of 2.05 s carries (of speech, 1 s was, 1.5 s was not):
the pictures bear it then, and the credentials promise no mark in the sound.
"""

import io
import queue
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np

from media.atomic import nameless
from media.encode import Encoder
from media.errors import OutputError, SigningError, SpeechError, UnmarkableError, UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo, probe
from media.sound import iter_sound
from media.units import FPS, SAMPLE_RATE
from media.video import VideoReader
from provenance.marks.fingerprint import LONGEST, STEP, Fingerprinter
from provenance.marks.identity import sound_message
from provenance.marks.picture import PictureMarker, PictureReader
from provenance.marks.sound import SoundMarker, SoundReader

STRIDE = 5  # every fifth frame is looked at, as `reading` does
TRIES = (1, 4, 12, 30, 60, 100)  # frames after which decoding is tried
LOOKED = 20.0  # seconds of a video that are looked at; `reading` looks at as many first
HEARD = 30.0  # seconds of sound
SHORTEST = 3.0  # seconds of sound from which a mark is demanded
STRONGER = ((1.8, 30), (3.0, 20))  # times the usual strength, and the coarsest CRF, of each further try
MOST = int(LONGEST * FPS)  # frames that a fingerprint knows
SPAN = 50  # frames from each of two places that are held against what was made
OFF = 11.0  # levels of luma by which coding may change them, four frames of five (at CRF 51 up to 9.3, usually 3)
NOTHING = np.zeros(0, np.float32)
PATIENCE = 2.0  # seconds of live video in which the mark must be read once


@dataclass(frozen=True)
class Borne:
    """Which marks a file bears, as they were read from it."""

    picture: bool | None  # None: it has no pictures
    sound: bool | None  # None: it has no sound, or silence
    seconds: float  # of sound
    stronger: str = ""  # what was done so that they can be read, in words

    @property
    def whole(self) -> bool:
        """Whether every mark is there that should be."""
        return self.picture is not False and (self.sound is not False or self.seconds < SHORTEST)


def read_back(path: Path, message: int, key: bytes) -> Borne:
    """The marks of a file that was just encoded.

    Raises:
        UnreadableError: it cannot be decoded.
    """
    info = probe(path)
    sound, seconds = _heard(path, info, message, key)
    return Borne(_seen(path, info, message, key), sound, seconds)


def shows(path: Path, printer: Fingerprinter, frames: int) -> bool:
    """Whether the pictures of a file are those that were made: its beginning, and a place drawn by chance, are held
    against what `printer` saw of its `frames`."""
    info = probe(path)
    if info.kind == "sound":
        return True
    if info.kind == "picture":
        return printer.off(read_picture(path), 0) <= OFF
    off = []
    for start in {0, secrets.randbelow(1 + max(0, min(frames - SPAN, MOST)) // STEP)}:
        for number, frame in enumerate(islice(VideoReader(path, start=start * STEP / FPS), SPAN)):
            if number % STEP == 0 and start * STEP + number < min(frames, MOST):
                off.append(printer.off(frame, start + number // STEP))
    return bool(off) and float(np.quantile(off, 0.8)) <= OFF


def same(found: Borne, expected: Borne) -> bool:
    """Whether a file bears at least what was read from it before."""
    return found.picture is expected.picture and (found.sound is True or not expected.sound)


def proved(
    path: Path, message: int, key: bytes, again: Callable[[int], str] | None = None, *, either: bool = False
) -> Borne:
    """The marks of a file that was just encoded, after it was marked again where they could not be read.

    Args:
        again: (number of the try, from 0) -> what was done, in words; replaces the file. None: it cannot be.
        either: of what others made: the mark in the sound alone is enough, for pictures that can bear none.

    Raises:
        UnmarkableError: the picture's mark cannot be read; nor, with `either`, the sound's; or there is sound of 3 s or
            more whose mark cannot be read.
    """
    borne, done = read_back(path, message, key), ""
    for number in range(len(STRONGER) if again is not None else 0):
        if borne.whole:
            break
        assert again is not None
        done = again(number)
        borne = read_back(path, message, key)
    enough = (borne.picture or borne.sound) if either or borne.picture is None else borne.whole
    if not enough:
        raise UnmarkableError(f"{_why(path, borne)}; nothing was written")
    return Borne(borne.picture, borne.sound, borne.seconds, done)


def strengthened(
    path: Path,
    message: int,
    key: bytes,
    number: int,
    *,
    room: Path,
    crf: int,
    preset: str,
    threads: int = 1,
) -> str:
    """Mark an mp4 that was encoded here again: the same mark over its own pictures, stronger, coded finer.

    Args:
        number: of the try, from 0.
        room: beside which there is room for a second file.
        crf, preset, threads: as it was encoded.

    Returns: what was done, in words.
    """
    times, coarsest = STRONGER[number]
    finer, info = min(crf, coarsest), probe(path)
    marker = None if _seen(path, info, message, key) else PictureMarker(message, key, strength=times)
    sound = _again(path, message, key, times) if info.has_sound else None
    size = (info.width, info.height)
    with nameless(room) as new:
        with Encoder(new, size, sound=sound is not None, crf=finer, preset=preset, threads=threads) as coder:
            for at, frame in enumerate(VideoReader(path)):
                coder.write(frame if marker is None else marker.mark(frame))
                if sound is not None and at % FPS == 0:
                    coder.write_sound(next(sound, NOTHING))
            for chunk in sound or ():
                coder.write_sound(chunk)
        shutil.copyfile(new, path)
    return f"marked {times:g} times as strongly and coded at CRF {finer}, so that the mark can be read"


def _again(path: Path, message: int, key: bytes, times: float) -> Iterator[np.ndarray]:
    """The sound in chunks of a second; marked stronger where its mark cannot be read."""
    chunks = iter_sound(path, seconds=1.0)
    if _heard(path, probe(path), message, key)[0] is False:
        return SoundMarker(message, key, strength=times).mark(chunks)
    return chunks


def _seen(path: Path, info: MediaInfo, message: int, key: bytes) -> bool | None:
    if info.kind == "sound":
        return None
    reader = PictureReader(key)
    if info.kind == "picture":
        reader.add(read_picture(path))
        return reader.read().message == message
    for number, frame in enumerate(VideoReader(path)):
        if number >= LOOKED * FPS:
            break
        if number % STRIDE == 0:
            reader.add(frame)
            if reader.frames in TRIES and reader.read().message == message:
                return True
    return bool(reader.frames) and reader.read().message == message


def _heard(path: Path, info: MediaInfo, message: int, key: bytes) -> tuple[bool | None, float]:
    if not info.has_sound:
        return None, 0.0
    reader, heard = SoundReader(key), 0
    try:
        for chunk in iter_sound(path, seconds=10.0):
            reader.add(chunk)
            heard += len(chunk)
            if heard >= HEARD * SAMPLE_RATE:
                break
    except (SpeechError, UnreadableError):
        return None, 0.0
    found = reader.read()
    seconds = heard / SAMPLE_RATE
    return (None if found.silent else found.message == sound_message(message)), seconds


def _why(path: Path, borne: Borne) -> str:
    """Why nobody can read the mark, in words."""
    info = probe(path)
    if borne.picture is not False:
        return "the sound cannot bear a readable mark (it is too short, too faint, or has no voice in it)"
    if min(info.width, info.height) < 192:
        return f"the mark cannot be read: {info.width}x{info.height} pixels are too small for it"
    if 0 < info.duration < 0.4:
        return f"the mark cannot be read: {info.duration:.2g} s are too short for such pictures"
    return "the mark cannot be read: the pictures are coded too coarsely, or are too even, too dark or too noisy for it"


def check_unexchanged(
    target: Path, final: Path, message: int, key: bytes, borne: Borne, printer: Fingerprinter, frames: int
) -> None:
    """Raise `SigningError` where what was signed is not what was encoded."""
    if not same(read_back(final, message, key), borne) or not shows(final, printer, frames):
        raise SigningError(f"{target}: what was encoded was exchanged before it was signed; nothing was written")


class LiveWatch:
    """Reads the mark back from what is sent, second by second, on a thread of its own.

    Args:
        message, key: of the marks.

    Attributes:
        read: the mark was read at least once.
        lost: since when the mark could not be read, in words; "" while it can.
    """

    def __init__(self, message: int, key: bytes) -> None:
        self.lost = ""
        self.read = False  # it was read at least once
        self._message, self._reader = message, PictureReader(key)
        self._head, self._open = b"", bytearray()
        self._frames = self._pending = 0  # since the mark was read last; in what is gathered
        self._work: queue.Queue[bytes | None] = queue.Queue(4)
        self._thread = threading.Thread(target=self._run, name="readback", daemon=True)
        self._thread.start()

    def give(self, data: bytes, kind: str) -> None:
        """What is sent, as `media.encode.LiveEncoder` gives it.

        Raises:
            OutputError: the mark could not be read for 2 s.
        """
        if self.lost:
            raise OutputError(self.lost)
        if kind == "head":
            self._head = data
            return
        if kind == "key" and self._pending:
            self._hand_over()
        self._open += data
        self._pending += kind != "sound"

    def wait(self) -> None:
        """Until what was handed over has been looked at."""
        self._work.join()

    def close(self) -> None:
        """No more comes; what is left is looked at."""
        if self._pending and not self.lost:
            self._hand_over()
        self._work.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        try:  # no second goes unread: what sends faster than it can be read waits
            self._work.put(self._head + bytes(self._open), timeout=10 * PATIENCE)
        except queue.Full:
            self.lost = "the mark could not be read back: the machine is too busy; the stream was stopped"
        self._open, self._pending = bytearray(), 0

    def _run(self) -> None:
        while (data := self._work.get()) is not None:
            if not self.lost:
                self._look(data)
            self._work.task_done()

    def _look(self, data: bytes) -> None:
        try:
            with av.open(io.BytesIO(data), "r", format="mp4") as container:
                for number, frame in enumerate(container.decode(video=0)):
                    self._frames += 1
                    if number % STRIDE == 0:
                        self._reader.add(frame.to_ndarray(format="rgb24"))
        except (av.error.FFmpegError, IndexError) as error:
            self.lost = f"what was sent cannot be decoded again ({error})"
            return
        if self._reader.frames and self._reader.read().message == self._message:
            self._reader.reset()
            self._frames, self.read = 0, True
        elif self._frames >= PATIENCE * FPS:
            self.lost = (
                f"the mark could not be read for {self._frames / FPS:.1f} s, so the stream was stopped: the pictures "
                "are too even, too dark, or coded too coarsely for it"
            )
