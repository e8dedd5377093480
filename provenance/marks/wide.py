"""The sound mark in sound of any rate and any channels: the mark alone is brought to them, not the sound to the mark.

`SoundMarker` works on mono at 16 kHz. What it adds there is brought up to the sound's own rate and added to every
channel that is heard in the mix, so that music at 48 kHz in stereo stays full band. All weights of the mix sum to one,
so the mix of the marked channels is the mix with the mark.
"""

from collections.abc import Iterator

import av
import numpy as np

from media.sound import MonoMixer, mono_weights
from media.units import SAMPLE_RATE
from provenance.marks.fingerprint import Fingerprinter
from provenance.marks.sound import SoundMarker


class WideSoundMarker:
    """Marks a stream of sound with part of a clip's message; holds back 2.1 s.

    Args:
        marker: lays the mark on the mix.
        rate: of the sound, Hz.
        layout: of its channels, as ffmpeg names it.
        printer: hears the unmarked mix.
    """

    def __init__(self, marker: SoundMarker, rate: int, layout: str, printer: Fingerprinter) -> None:
        self._marker, self._rate, self._layout, self._printer = marker, rate, layout, printer
        self._mixer = MonoMixer(layout)
        self._up = av.AudioResampler("flt", "mono", rate)
        self._heard = (mono_weights(layout) > 0).astype(np.float32)
        self._mixed = np.zeros(0, np.float32)  # the mix, not yet given back by the marker
        self._pending = np.zeros((0, len(self._heard)), np.float32)  # sound that waits for its mark
        self._mark = np.zeros(0, np.float32)  # mark that waits for its sound

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        """float32 (n, channels) -> what is marked by now, in pieces of other lengths."""
        self._pending = np.concatenate([self._pending, samples])
        for mixed in self._mixer.push(_frame(samples, self._rate, self._layout)):
            self._hear(mixed)
        yield from self._ready()

    def finish(self) -> Iterator[np.ndarray]:
        """The marked rest: as many samples in all as were given."""
        for mixed in self._mixer.finish():
            self._hear(mixed)
        self._add_mark(self._marker.finish())
        for out in self._up.resample(None) if self._mixer.got else ():
            self._mark = np.concatenate([self._mark, out.to_ndarray().reshape(-1)])
        self._mark = np.pad(self._mark, (0, max(0, len(self._pending) - len(self._mark))))
        yield from self._ready()

    def _hear(self, mixed: np.ndarray) -> None:
        self._printer.sound(mixed)
        self._mixed = np.concatenate([self._mixed, mixed])
        for marked in self._marker.push(mixed):
            self._add_mark(marked)

    def _add_mark(self, marked: np.ndarray) -> None:
        """What was added to the mix, brought to the sound's rate."""
        residual, self._mixed = marked - self._mixed[: len(marked)], self._mixed[len(marked) :]
        if len(residual):
            parts = [out.to_ndarray().reshape(-1) for out in self._up.resample(_frame(residual, SAMPLE_RATE, "mono"))]
            self._mark = np.concatenate([self._mark, *parts])

    def _ready(self) -> Iterator[np.ndarray]:
        length = min(len(self._pending), len(self._mark))
        if length:
            yield self._pending[:length] + self._mark[:length, None] * self._heard
            self._pending, self._mark = self._pending[length:], self._mark[length:]


def _frame(samples: np.ndarray, rate: int, layout: str) -> av.AudioFrame:
    packed = np.ascontiguousarray(samples, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate = rate
    return frame
