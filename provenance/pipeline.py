"""What every video goes through, whole or live: marked, then encoded, in threads joined by bounded queues."""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from media.errors import SpeechError, UsageError
from provenance.fingerprint import Fingerprinter
from provenance.watermark.picture import PictureMarker
from provenance.watermark.sound import FRAMES, SoundMarker

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

    def write(self, frame: np.ndarray) -> None: ...
    def write_sound(self, samples: np.ndarray) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class Marking:
    """The stages of one video: the caller's thread -> mark -> encode. The encoder is given marked frames and marked
    sound by this class alone, and sees nothing else.

    Args:
        message: of the marks, 64 bits.
        key: the secret watermark key.
        opening: (width, height) of the first frame -> the encoder.
        block: of the sound mark, as in `SoundMarker`.
        depth: frames and pieces of sound that may wait before each stage.
    """

    def __init__(
        self,
        message: int,
        key: bytes,
        opening: Callable[[tuple[int, int]], Coder],
        *,
        block: int = FRAMES,
        depth: int = DEPTH,
    ):
        self._opening = opening
        self._pictures = PictureMarker(message, key)
        self._sounds = SoundMarker(message, key, block=block)
        self.printer = Fingerprinter()  # looks at what passes by, for the registry
        self._sound_seconds = 0.0
        self._coder: Coder | None = None
        self._encode = Stage("encode", self._to_encode, self._close, None, depth)
        self._mark = Stage("mark", self._to_mark, self._rest, self._encode, depth)

    def frame(self, frame: np.ndarray) -> None:
        """The next frame, uint8 RGB (H, W, 3); waits while others do. Raises what went wrong in the stages."""
        check_size(frame)
        self._mark.put(("frame", frame))

    def sound(self, samples: np.ndarray) -> None:
        """More sound, float32 mono 16 kHz, after the first frame. Raises as `frame`."""
        if not np.isfinite(samples).all():
            raise SpeechError("sound holds values that are not numbers (NaN or infinite); it could not be marked")
        self._mark.put(("sound", samples))

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

    def _to_mark(self, item: tuple[str, np.ndarray]) -> None:
        kind, data = item
        if kind == "frame":
            self.printer.frame(data)
            self._encode.put(("frame", self._pictures.mark(data)))
            return
        self.printer.sound(data)
        for part in self._sound_timed(self._sounds.push, data):
            self._encode.put(("sound", part))

    def _rest(self) -> None:
        for part in self._sound_timed(lambda: [self._sounds.finish()]):
            self._encode.put(("sound", part))

    def _sound_timed(self, work: Callable[..., Iterable[np.ndarray]], *arguments: np.ndarray) -> list[np.ndarray]:
        started = time.perf_counter()
        parts = [part for part in work(*arguments) if len(part)]
        self._sound_seconds += time.perf_counter() - started
        return parts

    def _to_encode(self, item: tuple[str, np.ndarray]) -> None:
        kind, data = item
        if self._coder is None:  # the first item is a frame: it tells the size
            self._coder = self._opening((data.shape[1], data.shape[0]))
        if kind == "frame":
            self._coder.write(data)
        else:
            self._coder.write_sound(data)

    def _close(self) -> None:
        if self._coder is not None:
            self._coder.close()


def check_size(frame: np.ndarray) -> None:
    """Raise `UsageError` for a picture that is too small to bear a mark."""
    height, width = frame.shape[:2]
    if min(height, width) < SMALLEST:
        raise UsageError(f"{width}x{height} pixels are too few to bear a mark; make it {SMALLEST} or more on each side")
