"""Sound in: any file PyAV can decode becomes float32 mono 16 kHz, whole or in chunks."""

import functools
import logging
import os
from collections.abc import Iterator

import av
import numpy as np

from media.containers import opened
from media.errors import SpeechError, UnreadableError
from media.guard import each, guarded, reason
from media.probing import tracks
from media.units import SAMPLE_RATE

log = logging.getLogger(__name__)


def read_sound(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the first sound track: float32 (N,), mono, 16 kHz, in [-1, 1].

    Raises:
        UnreadableError: missing, not a media file, or nothing in it can be decoded.
        SpeechError: a media file without sound.
    """
    return np.concatenate([np.zeros(0, np.float32), *iter_sound(path, seconds=30.0)])


def sound_row(sound: np.ndarray) -> np.ndarray:
    """Sound that was handed over, (n,) of floats, as float32.

    Raises:
        SpeechError: not one channel of finite floating-point numbers.
    """
    sound = np.asarray(sound)
    if sound.ndim != 1 or sound.dtype.kind != "f":
        raise SpeechError(f"sound of {sound.dtype} {sound.shape}: one channel, a row of float32, was needed")
    if not np.isfinite(sound).all():
        raise SpeechError("sound holds values that are not numbers (NaN or infinite); export it again")
    return sound.astype(np.float32, copy=False)


def iter_sound(path: str | os.PathLike[str], seconds: float = 5.0, *, track: int = 0) -> Iterator[np.ndarray]:
    """Yield a sound track, the one that is played if there are several, in chunks of `seconds` (the last one shorter):
    float32 (n,), mono, 16 kHz.

    Memory stays bounded by the chunk. A file that breaks midway gives what came before the break.

    Raises: as `read_sound`, at the first chunk.
    """
    want = max(1, round(seconds * SAMPLE_RATE))
    parts: list[np.ndarray] = []
    have = 0
    for part in _decoded(path, track):
        parts.append(part)
        have += len(part)
        if have >= want:
            joined = np.concatenate(parts)
            whole = len(joined) // want * want
            yield from np.split(joined[:whole], range(want, whole, want))
            parts, have = [joined[whole:]], len(joined) - whole
    if have:
        yield np.concatenate(parts)


def _decoded(path: str | os.PathLike[str], track: int) -> Iterator[np.ndarray]:
    mixer: MonoMixer | None = None
    with opened(path) as container:
        _, sound = tracks(container, sound=track)
        if sound is None:
            raise SpeechError(f"{path}: holds no sound; give a recording of speech")
        try:
            for frame in each(container.decode(sound), path):
                with guarded(path):
                    mixer = mixer or MonoMixer(frame.layout.name)
                    mixed = list(mixer.push(frame))
                yield from mixed
            with guarded(path):
                mixed = list(mixer.finish()) if mixer else []
            yield from mixed
        except UnreadableError as error:
            said = reason(error.__cause__ or error)
            if mixer is None or not mixer.got:
                raise UnreadableError(f"{path}: the sound cannot be decoded ({said})") from error
            log.warning("%s: sound breaks off (%s); using what came before", path, said)
    if mixer is None or not mixer.got:
        raise UnreadableError(f"{path}: the sound track is empty or truncated")


class MonoMixer:
    """Frames of any rate and channels -> float32 (n,), mono, 16 kHz, finite and in [-1, 1].

    Args:
        layout: of the channels, as ffmpeg names it: "stereo", "5.1".
    """

    def __init__(self, layout: str) -> None:
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self._gain = float(mono_weights(layout).sum())
        self.got = False  # anything at all

    def push(self, frame: av.AudioFrame) -> Iterator[np.ndarray]:
        """The next frame; its time is forgotten."""
        frame.pts = None  # gaps and jumps in timestamps must not make the resampler invent silence
        yield from self._samples(frame)

    def finish(self) -> Iterator[np.ndarray]:
        """The rest."""
        if self.got:
            yield from self._samples(None)

    def _samples(self, frame: av.AudioFrame | None) -> Iterator[np.ndarray]:
        for out in self._resampler.resample(frame):
            self.got = True
            samples = out.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) / np.float32(self._gain)
            yield np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)


@functools.cache
def mono_weights(layout: str) -> np.ndarray:
    """With which weight ffmpeg mixes each channel of a layout into one: float32 (channels,); 0 for the low frequency
    effects. Of floats it does not make them sum to 1, so that loud stereo would be clipped.

    Raises:
        ValueError: a layout that it cannot mix.
    """
    channels, length = av.AudioLayout(layout).nb_channels, 64
    weights = []
    for channel in range(channels):
        impulse = np.zeros((length, channels), np.float32)
        impulse[:, channel] = 1.0
        frame = av.AudioFrame.from_ndarray(impulse.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = SAMPLE_RATE
        mixed = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE).resample(frame)
        weights.append(float(mixed[0].to_ndarray()[0, -1]))
    return np.array(weights, np.float32)
