"""An outlet for transports that take neither a file nor a stream of fragments: marked pictures and sound, uncoded.

    save_live("call.mp4", performance, Uncoded(take))       take(frame, sound), 25 times a second

Credentials cannot travel with pixels, so the marks alone tell whose they are. `save_live` hands out what it has
labelled, marked, coded and kept, in this order, and of nothing else; the file that it signs is the record of it.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from media.errors import UsageError
from media.units import FPS, SAMPLES_PER_FRAME
from provenance.faults import foreign
from provenance.make.outlets import Outlet


class Uncoded(Outlet):
    """Hands out frames with their sound, in the order in which they play.

    Args:
        take: called on a thread of `save_live` with a frame, uint8 RGB (H, W, 3), labelled and marked, and its sound,
            (640,) float32 mono 16 kHz, marked; of the last frame it may be shorter. It may wait: then all waits. What
            it raises ends the stream, which is signed up to there.
        name: for errors.
    """

    def __init__(self, take: Callable[[np.ndarray, np.ndarray], object], name: str = "live output") -> None:
        super().__init__(_Nowhere(), name)
        self._take, self._frames = take, deque[Any]()
        self._sound = np.zeros(0, np.float32)

    def marked(self, item: np.ndarray | None) -> None:
        """As `Outlet.marked`. Raises `UsageError` for frames that come without sound, and what `take` raises."""
        if item is not None and item.ndim == 3:
            self._frames.append(self._form(item))
        elif item is not None:
            self._sound = np.concatenate([self._sound, item])
        while self._frames and (item is None or len(self._sound) >= SAMPLES_PER_FRAME):
            frame = self._frames.popleft()
            sound, self._sound = self._sound[:SAMPLES_PER_FRAME].copy(), self._sound[SAMPLES_PER_FRAME:]
            with foreign():
                self._take(frame, sound)
        if len(self._frames) > FPS:
            raise UsageError(f"{self.name}: frames come without their sound, {SAMPLES_PER_FRAME} samples each")

    def _form(self, frame: np.ndarray) -> Any:
        """What of a frame is handed out."""
        return frame


class _Nowhere:
    """Where the coded stream goes; what is kept of it, `save_live` keeps."""

    def write(self, data: bytes) -> None: ...
