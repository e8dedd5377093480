"""A piece of a file that a camera took, cut out by the gate itself: what is claimed as recorded is read here from the
very file that the permit is for, so that no frame of anybody else's comes in.

    allowed = Permit.of("film.mp4", keys=keys, consent="consent.json")
    save_video("piece.mp4", allowed.perform(Recorded, Cut(first=50, frames=75), command="cut"))

The file is opened once and read through that opening: renaming it, or putting another in its place, changes nothing,
and writing to it is noticed.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from media.errors import ConsentError, UnreadableError, UsageError
from media.hashing import file_sha256
from media.probing import probe
from media.sound import iter_sound
from media.units import FPS, SAMPLES_PER_FRAME
from media.video import VideoReader
from provenance.permits.subjects import Subject, stamp_of

OPENINGS = Path("/proc/self/fd"), Path("/dev/fd")  # where a descriptor can be opened again: Linux, macOS


@dataclass(frozen=True)
class Cut:
    """What to cut out of a picture or video.

    Raises:
        UsageError: numbers that no cut can have.
    """

    first: int = 0  # frame with which it begins, 25 a second; 0 of a picture
    frames: int | None = None  # how many; None for all to the end
    box: tuple[int, int, int, int] | None = None  # (left, top, width, height) in pixels; None for the whole picture
    size: tuple[int, int] | None = None  # (width, height) to which it is scaled; None leaves it as it is
    sound: bool = True  # whether the sound that was recorded with it goes along

    def __post_init__(self) -> None:
        numbers = (self.first, self.frames, *(self.box or ()), *(self.size or ()))
        if not all(number is None or type(number) is int for number in numbers) or type(self.sound) is not bool:
            raise UsageError(f"{self}: whole numbers of frames and pixels are needed")
        if self.first < 0 or (self.frames is not None and self.frames < 1):
            raise UsageError(f"{self}: a cut begins at frame 0 or later and has at least one frame")
        if (self.box is not None and len(self.box) != 4) or (self.size is not None and len(self.size) != 2):
            raise UsageError(f"{self}: a box is (left, top, width, height), a size (width, height)")
        if min((*(self.box or (0,)),)) < 0 or min(self.box[2:] if self.box else (1,)) < 1 or min(self.size or (1,)) < 1:
            raise UsageError(f"{self}: a box lies within the picture, and sides are one pixel or more")

    def settings(self) -> dict[str, Any]:
        """What the credentials say of it."""
        return {name: " ".join(map(str, v)) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v}

    def of_picture(self, picture: np.ndarray) -> np.ndarray:
        """The piece of one picture, uint8 RGB (H, W, 3). Raises `UsageError` where the box lies outside."""
        left, top, width, height = self.box or (0, 0, picture.shape[1], picture.shape[0])
        if left + width > picture.shape[1] or top + height > picture.shape[0]:
            raise UsageError(f"{self}: the picture has {picture.shape[1]}x{picture.shape[0]} pixels; cut inside it")
        piece = picture[top : top + height, left : left + width]
        if self.size is None or self.size == (width, height):
            return np.ascontiguousarray(piece)
        smaller = self.size[0] < width and self.size[1] < height
        return cv2.resize(piece, self.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)

    def taken(self, subject: Subject) -> tuple[Any, Iterator[np.ndarray] | None]:
        """Pictures and sound of the piece, as `gate.Permit.perform` is given others: one picture of a picture, frames
        of a video; they are read when they are asked for.

        Raises:
            UsageError: the box lies outside of a picture, or a piece in time is asked of one.
        """
        if subject.picture is not None:
            if self.first or self.frames not in (None, 1):
                raise UsageError(f"{self}: a picture has no frames to cut from")
            return self.of_picture(subject.picture), None
        assert subject.path is not None
        sound = self._sound(subject) if self.sound and probe(subject.path).has_sound else None
        return self._frames(subject), sound

    def _frames(self, subject: Subject) -> Iterator[np.ndarray]:
        with _Held(subject) as path:
            for frame in islice(VideoReader(path, start=self.first / FPS), self.frames):
                yield self.of_picture(frame)

    def _sound(self, subject: Subject) -> Iterator[np.ndarray]:
        """From the first frame on, as long as the frames last."""
        skip = self.first * SAMPLES_PER_FRAME
        left = None if self.frames is None else self.frames * SAMPLES_PER_FRAME
        with _Held(subject) as path:
            for chunk in iter_sound(path, seconds=1.0):
                dropped = min(skip, len(chunk))
                skip, piece = skip - dropped, chunk[dropped:][:left]
                left = None if left is None else left - len(piece)
                if len(piece):
                    yield piece
                if left == 0:
                    return


class _Held:
    """A subject's file, held open: the path that it gives leads to that file, whatever becomes of its name.

    Raises:
        ConsentError: on entering, it is not the file that the permit is for.
        UnreadableError: on leaving, it was written to meanwhile; inside, with the file's own name.
    """

    def __init__(self, subject: Subject) -> None:
        assert subject.path is not None
        self._path, self._sha256 = subject.path, subject.sha256

    def __enter__(self) -> Path:
        self._file = self._path.open("rb")
        found = (folder / str(self._file.fileno()) for folder in OPENINGS)
        self._same = next((path for path in found if path.exists()), self._path)
        self._stamp = stamp_of(self._same)
        if file_sha256(self._same) != self._sha256:
            self._file.close()
            raise ConsentError(f"{self._path}: is not the file that the permit is for; open it again")
        return self._same

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        try:
            changed = stamp_of(self._same) != self._stamp
        finally:
            self._file.close()
        if changed and kind is not GeneratorExit:
            raise UnreadableError(f"{self._path}: was exchanged or written to while it was read; nothing was written")
        if isinstance(error, UnreadableError):
            raise UnreadableError(str(error).replace(os.fspath(self._same), os.fspath(self._path))) from error
