"""What every video goes through, whole or live: labelled, marked, then encoded, in threads joined by bounded queues."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from media.errors import SpeechError, UsageError
from provenance.marks.fingerprint import Fingerprinter
from provenance.marks.label import Label, Labeller
from provenance.marks.picture import PictureMarker
from provenance.marks.sound import FRAMES, SoundMarker

DEPTH = 8  # items between two stages; bounds memory
SMALLEST = 128  # pixels of the shorter side; below, the mark does not outlive the encoder, so nothing is written
STOP = object()


class Stage:
    """A thread that turns items into items for the next stage.

    Args:
        work: (item) -> None; passes results on itself by calling `put` of the next stage.
        finish: called once after the last item.
        following: the next stage, None at the end.
        depth: items that may wait.

    Attributes:
        seconds: time spent in `work` and `finish`, waiting for the next stage left out.
        blocked: time others spent waiting to hand something over.
        error: what went wrong, if anything did.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Any], None],
        finish: Callable[[], None],
        following: "Stage | None",
        depth: int = DEPTH,
    ):
        self.seconds = 0.0
        self.blocked = 0.0
        self.error: BaseException | None = None
        self._work, self._finish, self._following = work, finish, following
        self._queue: queue.Queue[Any] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        """Hand over an item, waiting while the queue is full. Raises what the stage, or one behind it, raised."""
        started = time.perf_counter()
        while True:
            self.check()
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            self.blocked += time.perf_counter() - started
            return

    def check(self) -> None:
        """Raise what went wrong here or behind."""
        stage: Stage | None = self
        while stage is not None:
            if stage.error is not None:
                raise stage.error
            stage = stage._following

    def close(self) -> None:
        """Wait until everything put in has come out at the end."""
        self.put(STOP)
        self._thread.join()
        self.check()
        if self._following is not None:
            self._following.close()

    def abandon(self) -> None:
        """Stop as soon as the current item is done and forget the rest."""
        self.error = self.error or _Abandoned()
        if self._following is not None:
            self._following.abandon()
        self._thread.join()

    def _run(self) -> None:
        while self.error is None:
            try:
                item = self._queue.get(timeout=0.1)
            except queue.Empty:
                continue
            started, waited = time.perf_counter(), self._waited()
            try:
                if item is STOP:
                    self._finish()
                    return
                self._work(item)
            except BaseException as error:
                self.error = error
                return
            finally:
                self.seconds += time.perf_counter() - started - (self._waited() - waited)

    def _waited(self) -> float:
        return self._following.blocked if self._following else 0.0


class _Abandoned(Exception):
    """Set on a stage whose work is no longer wanted."""


class Coder(Protocol):
    """What encodes and writes; `media.encode` has them."""

    frames: int

    def write(self, frame: Any) -> None: ...
    def write_sound(self, samples: Any) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class Marks(Protocol):
    """What lays both marks, and looks at what passes by for the registry."""

    printer: Fingerprinter

    def check(self, kind: str, item: Any) -> None: ...
    def frame(self, frame: Any) -> Any: ...
    def push(self, sound: Any) -> Iterator[Any]: ...
    def finish(self) -> Iterator[Any]: ...


class OwnMarks:
    """Marks of what is made here.

    Args:
        message: of the marks, 64 bits.
        key: the secret watermark key.
        block: of the sound mark, as in `SoundMarker`.
        labeller: draws the visible label, under the mark; none is drawn when left out.
    """

    def __init__(self, message: int, key: bytes, *, block: int = FRAMES, labeller: Labeller | None = None):
        self._labeller = labeller or Labeller(Label())
        self._pictures = PictureMarker(message, key)
        self._sounds = SoundMarker(message, key, block=block)
        self.printer = Fingerprinter()
        self._size: tuple[int, int] | None = None

    def check(self, kind: str, item: np.ndarray) -> None:
        """Refuse what cannot be marked."""
        if kind == "frame":
            if item.dtype != np.uint8 or item.ndim != 3 or item.shape[2] != 3:
                raise UsageError(f"a frame of {item.dtype} {item.shape}; uint8 RGB (height, width, 3) is needed")
            check_size(item)
            self._size = self._size or size_of(item)
            if size_of(item) != self._size:
                now, first = ("x".join(map(str, size)) for size in (size_of(item), self._size))
                raise UsageError(f"a frame of {now} pixels after one of {first}; all frames of a video are of one size")
        elif item.ndim != 1 or not np.issubdtype(item.dtype, np.floating):
            raise SpeechError(f"sound of {item.dtype} {item.shape}; float mono (samples,) at 16 kHz is needed")
        elif not np.isfinite(item).all():
            raise SpeechError("sound holds values that are not numbers (NaN or infinite); it could not be marked")

    def frame(self, frame: np.ndarray) -> np.ndarray:
        """uint8 RGB (H, W, 3) -> the same, labelled where that is asked for, and marked."""
        labelled = self._labeller.draw(frame)
        self.printer.frame(labelled)
        return self._pictures.mark(labelled)

    def push(self, sound: np.ndarray) -> Iterator[np.ndarray]:
        """float32 mono 16 kHz -> what is marked by now."""
        self.printer.sound(sound)
        yield from self._sounds.push(sound)

    def finish(self) -> Iterator[np.ndarray]:
        """The marked rest."""
        rest = self._sounds.finish()
        if len(rest):
            yield rest


class Marking:
    """The stages of one video: the caller's thread -> mark -> encode. The encoder is given marked frames and marked
    sound by this class alone, and sees nothing else.

    Args:
        marks: what is laid.
        opening: the first marked frame (of sound alone, the first piece) -> the encoder.
        depth: frames and pieces of sound that may wait before each stage.
    """

    def __init__(self, marks: Marks, opening: Callable[[Any], Coder], *, depth: int = DEPTH):
        self._opening, self._marks = opening, marks
        self.printer = marks.printer
        self._sound_seconds = 0.0
        self._coder: Coder | None = None
        self._encode = Stage("encode", self._to_encode, self._close, None, depth)
        self._mark = Stage("mark", self._to_mark, self._rest, self._encode, depth)

    def frame(self, frame: Any) -> None:
        """The next frame, as the marks take it; waits while others do. Raises what went wrong in the stages."""
        self._put("frame", frame)

    def sound(self, sound: Any) -> None:
        """More sound, as the marks take it; of a video after the first frame. Raises as `frame`."""
        self._put("sound", sound)

    def close(self) -> None:
        """Wait until all is encoded."""
        self._mark.close()

    def abandon(self) -> None:
        """Stop, after an error."""
        self._mark.abandon()
        if self._coder is not None:
            self._coder.abandon()

    @property
    def frames(self) -> int:
        """Encoded so far."""
        return self._coder.frames if self._coder else 0

    def seconds(self) -> dict[str, float]:
        """Spent in each stage."""
        return {
            "mark": self._mark.seconds - self._sound_seconds,
            "sound": self._sound_seconds,
            "encode": self._encode.seconds,
        }

    def _put(self, kind: str, item: Any) -> None:
        self._marks.check(kind, item)
        self._mark.put((kind, item))

    def _to_mark(self, item: tuple[str, Any]) -> None:
        kind, data = item
        if kind == "frame":
            self._encode.put(("frame", self._marks.frame(data)))
            return
        for part in self._sound_timed(self._marks.push, data):
            self._encode.put(("sound", part))

    def _rest(self) -> None:
        for part in self._sound_timed(self._marks.finish):
            self._encode.put(("sound", part))

    def _sound_timed(self, work: Callable[..., Iterator[Any]], *arguments: Any) -> list[Any]:
        started = time.perf_counter()
        parts = list(work(*arguments))
        self._sound_seconds += time.perf_counter() - started
        return parts

    def _to_encode(self, item: tuple[str, Any]) -> None:
        kind, data = item
        if self._coder is None:
            self._coder = self._opening(data)
        if kind == "frame":
            self._coder.write(data)
        else:
            self._coder.write_sound(data)

    def _close(self) -> None:
        if self._coder is not None:
            self._coder.close()


def size_of(frame: np.ndarray) -> tuple[int, int]:
    """(width, height) of a picture (H, W) or (H, W, 3)."""
    return frame.shape[1], frame.shape[0]


def check_size(frame: np.ndarray) -> None:
    """Raise `UsageError` for a picture that is too small to bear a mark."""
    width, height = size_of(frame)
    if min(height, width) < SMALLEST:
        raise UsageError(f"{width}x{height} pixels are too few to bear a mark; make it {SMALLEST} or more on each side")
